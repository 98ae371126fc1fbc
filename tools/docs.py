"""Writes what the documents derive from the code: between their markers, or whole.

    python tools/docs.py [--check]

A document holds `<!-- derived: NAME -->` and `<!-- end -->`; what stands between them belongs to
this program, and so do the policies' schema, every page below docs/policies/builtin and
docs/frameworks, the tables of a new database and the operations that the command line knows. With
`--check` it writes nothing and exits 1 when a document is stale. It refuses to touch another line.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from cloudsealed.api.app import TABLES as NOUNS
from cloudsealed.api.errors import catalogue
from cloudsealed.api.gate.limits import Limits
from cloudsealed.api.gate.metrics import Metrics
from cloudsealed.api.gauges import COUNTED, Gauges
from cloudsealed.api.outside import OUTSIDE
from cloudsealed.api.parts import Parts
from cloudsealed.api.process import Process
from cloudsealed.auth.model import ROLE_SCOPES, Scope
from cloudsealed.auth.oauth.errors import OAuthError
from cloudsealed.cli.client import derive
from cloudsealed.collectors.asked import asked
from cloudsealed.collectors.model import Enrich, Together
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import FUNCTIONS, Function
from cloudsealed.events.chain import MEMBERS
from cloudsealed.jobs import PulseStore
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.markdown import code, table
from cloudsealed.kit.shapes import Record, Use
from cloudsealed.packs import CLASSIFICATION, PolicySpec, check_form, load_frameworks, load_policies
from cloudsealed.packs.names import OWN
from cloudsealed.policies.files import schema
from cloudsealed.policies.framework_page import coverage, framework_page
from cloudsealed.policies.frameworks import builtin_controls
from cloudsealed.policies.page import page
from cloudsealed.reports.kinds.remediation import COLUMNS
from cloudsealed.settings import Settings
from cloudsealed.storage.fresh import script_of
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.vocabulary import Dimension, Role
from cloudsealed.wiring import build_services

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = DOCS / "policies" / "builtin"
FRAMEWORKS = DOCS / "frameworks"
SCHEMA = DOCS / "policies" / "policy.schema.json"
OPERATIONS = ROOT / "src/cloudsealed/cli/client/operations.json"
TABLES = ROOT / "src/cloudsealed/storage/migrations/new.sql"
REGION = re.compile(r"(<!-- derived: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def events() -> str:
    """Return each operation that an event tells of, with the event."""
    told = [op for noun in NOUNS for op in noun.operations if op.event]
    return table(
        ("request", "event"),
        ((code(f"{op.method} {op.path}"), code(op.event or "")) for op in told),
    )


def functions() -> str:
    """Return every function of the language: how it is called, what it gives and does."""
    by_name = ((name, list(found)) for name, found in groupby(FUNCTIONS, lambda f: f.name))
    return table(
        ("call", "gives", "what it does"),
        (
            (
                "<br>".join(code(text) for f in found for text in _signatures(f)),
                ", ".join(dict.fromkeys(f.result for f in found)),
                " ".join(dict.fromkeys(f.doc for f in found)),
            )
            for _name, found in by_name
        ),
    )


def _signatures(function: Function) -> Iterator[str]:
    kinds = [" or ".join(sorted(kind)) or "any" for kind in function.parameters]
    if function.style != "method":
        yield f"{function.name}({', '.join(kinds)})"
    if function.style != "call":
        target = f"({kinds[0]})" if " " in kinds[0] else kinds[0]
        yield f"{target}.{function.name}({', '.join(kinds[1:])})"


def settings() -> str:
    """Return every setting of the environment."""
    found = [item.metadata for item in fields(Settings)]
    return table(
        ("variable", "default", "what it is"),
        ((code(m["name"]), code(str(m["default"])), m["doc"]) for m in found),
    )


def scopes() -> str:
    """Return every scope, the roles that reach as far, and what of the API asks for it."""
    asked: dict[Scope, list[str]] = {}
    for each in NOUNS:
        for operation in each.operations:
            if operation.scope is not None:
                asked.setdefault(operation.scope, []).append(operation.path)
    rows = (
        (
            code(scope),
            ", ".join(role for role in Role if scope in ROLE_SCOPES[role]),
            ", ".join(map(code, dict.fromkeys(asked.get(scope, ())))) or "–",
        )
        for scope in Scope
    )
    return table(("scope", "roles", "asked for at"), rows)


def errors() -> str:
    """Return the catalogue of codes that a response can carry."""
    return table(
        ("status", "code", "when", "what to do"),
        ((str(e["status"]), code(e["code"]), e["when"], e["remedy"]) for e in catalogue().values()),
    )


def policies() -> str:
    """Return the built-in policies, a table a dimension."""
    found = load_policies()
    parts = []
    for dimension in Dimension:
        own = [policy for policy in found if policy.dimension is dimension]
        rows = (_policy(policy) for policy in sorted(own, key=lambda p: (-p.severity.rank, p.key)))
        head = ("policy", "severity", "what it finds", "resource types", "frameworks")
        parts.append(f"## {dimension.capitalize()} ({len(own)})\n\n{table(head, rows)}")
    return "\n" + "\n".join(parts) + "\n"


def _policy(policy: PolicySpec) -> tuple[str, ...]:
    served = {c["framework"] for c in builtin_controls().get(policy.key, ())}
    types = ", ".join(map(code, policy.resource_types))
    link = f"[{code(policy.key)}](builtin/{policy.key}.md)"
    return link, policy.severity, policy.title, types, str(len(served))


def policy_fields() -> str:
    """Return the fields of checks and of classifications: where each stands, and what it is."""
    check, classification = _fields(check_form(), *Use), _fields(CLASSIFICATION, Use.API)
    return (
        f"\nA check:\n\n{check}\nA classification, which only the API takes:\n\n{classification}\n"
    )


def _fields(form: Record, *uses: Use) -> str:
    rows = []
    for name, part in form.parts.items():
        needed = "must" if part.needed else "may"
        rows.append((code(name), *(needed if part.serves(use) else "–" for use in uses), part.doc))
    return table(("field", *uses, "what it is"), rows)


def frameworks() -> str:
    """Return the frameworks and how much of each is covered."""
    return coverage(
        list(load_frameworks()),
        lambda each: f"[{code(each.key)}](../frameworks/{each.key}.md) {each.title} {each.version}",
    )


def resource_types() -> str:
    """Return what is collected, with the calls that fill it."""
    return table(
        ("type", "list call", "calls a resource", "lists for all", "in their place", "relations"),
        (
            (
                code(row.type),
                code(f"{row.service}:{row.operation}" if row.operation else ""),
                _operations(asked(row).calls),
                _operations(row.together),
                _operations(each for each in row.enrich if each not in asked(row).calls),
                ", ".join(f"{r.name} → {code(r.type)}" for r in row.relations) or "–",
            )
            for row in RESOURCE_TYPES.values()
        ),
    )


def _operations(calls: Iterable[Enrich | Together]) -> str:
    return ", ".join(dict.fromkeys(code(call.operation) for call in calls)) or "–"


def plan_columns() -> str:
    """Return the columns of a remediation plan's CSV."""
    return table(("column", "what it holds"), ((code(c.name), c.doc) for c in COLUMNS))


def placeholders() -> str:
    """Return which placeholders of a command are filled, by type."""
    rows = ((code(kind), ", ".join(code(f"<{name}>") for name in own)) for kind, own in OWN.items())
    return table(("type", "placeholders that are its own"), rows)


def metrics() -> str:
    """Return every family of figures that `/metrics` can show."""
    with TemporaryDirectory() as folder:
        found = Settings(data_dir=Path(folder))
        ensure_keys(found.key_path)
        migrate(found)
        services = build_services(found)
        counted = {(name, ()): 1 for name in COUNTED}
        now = utc_now()
        PulseStore(services.database).beat(
            name="x", started_at=now, now=now, state={}, counted=counted
        )
        collectors = (Metrics(), Limits(found), Parts(services), Gauges(services), Process())
        families = [family for each in collectors for family in each.collect()]
        services.database.close()
    rows = ((code(f.name), f.kind, f.help) for f in families)
    return table(("name", "type", "what it is"), sorted(rows))


def oauth_errors() -> str:
    """Return the codes with which `/oauth/*` refuses, in RFC 6749's words."""
    rows = sorted(
        (str(cls.status), code(cls.code), " ".join((cls.__doc__ or "").split()))
        for cls in OAuthError.__subclasses__()
    )
    return table(("status", "code", "when"), rows)


def outside() -> str:
    """Return what is served beside `/v1`, and why the document does not describe it."""
    rows = ((code(path), what, why) for path, (what, why) in OUTSIDE.items())
    return table(("path", "what it is", "why it is outside of the document"), rows)


def commands() -> str:
    """Return every command that is an operation of the API, a noun a row."""
    found = sorted(derive.derived(), key=lambda noun: noun.name)
    rows = ((code(noun.name), ", ".join(code(op.verb) for op in noun.operations)) for noun in found)
    return table(("noun", "what can be done"), rows)


DERIVED: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "chain": lambda: ", ".join(map(code, MEMBERS)) + ".",
    "errors": errors,
    "events": events,
    "frameworks": frameworks,
    "functions": functions,
    "metrics": metrics,
    "oauth-errors": oauth_errors,
    "outside": outside,
    "placeholders": placeholders,
    "plan-columns": plan_columns,
    "policies": policies,
    "policy-fields": policy_fields,
    "resource-types": resource_types,
    "scopes": scopes,
    "settings": settings,
}


def renewed(text: str) -> str:
    """Return a document with every derived part as it should be; raises KeyError for a name."""
    return REGION.sub(lambda found: found[1] + DERIVED[found[2]]() + found[3], text)


def whole() -> dict[Path, str]:
    """Return the files that are derived as a whole."""
    pages = {PAGES / f"{p.key}.md": page(p) for p in load_policies()}
    pages |= {
        FRAMEWORKS / f"{f.key}.md": framework_page(f, "../policies/builtin/{}.md".format)
        for f in load_frameworks()
    }
    own = {SCHEMA: json.dumps(schema(), indent=2) + "\n", TABLES: tables()}
    return {**own, OPERATIONS: derive.text(), **pages}


def tables() -> str:
    """Return the script that makes the tables of a new embedded database."""
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        migrate(settings)
        return script_of(settings.sqlite_path)


def documents() -> dict[Path, str | None]:
    """Return every document as it should be; None for a page of what is no more."""
    folders = (PAGES, FRAMEWORKS)
    written = [file for file in DOCS.rglob("*.md") if file.parent not in folders]
    filled = {file: renewed(file.read_text()) for file in written}
    own = dict.fromkeys(file for folder in folders for file in folder.glob("*"))
    return {**own, **filled, **whole()}


def write(file: Path, text: str | None) -> None:
    """Write a document, or remove it."""
    if text is None:
        file.unlink()
    else:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def main(arguments: list[str]) -> int:
    """Write or check every document; return the exit code."""
    check = "--check" in arguments
    stale = 0
    for file, new in sorted(documents().items()):
        if new != (file.read_text() if file.exists() else None):
            stale += 1
            print(f"{file.relative_to(ROOT)}: {'stale' if check else 'written'}")
            if not check:
                write(file, new)
    print(f"derived documents: {stale} {'stale' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
