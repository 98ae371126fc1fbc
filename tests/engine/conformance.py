"""Runs CEL's official conformance files through the engine, as far as they concern JSON documents.

The files are google/cel-spec's tests/simple/testdata, read as data from the folder `cel` of
`CLOUDSEALED_TEST_DATA`. `python -m tests.engine.conformance` writes the table of the documents.
Refuses to judge protobuf messages: `skipped` says why a test is left out.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.engine.textproto import Message, read

from cloudsealed.engine.errors import EvaluationError, ExpressionError
from cloudsealed.engine.language.program import Program
from cloudsealed.engine.values import TYPES, Duration, Timestamp, UInt, Value, kind_of, map_key

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "policies" / "conformance.md"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

MESSAGE = "protobuf messages, which no JSON document holds"
ENUM = "protobuf enums, which no JSON document holds"
BLOCK = "`cel.block` is what an optimizer writes, not people"
UNCHECKED = "judges names or kinds that are wrong and not checked; here they always are"
CHECKER = "judges a static type that only protobuf declarations could give"


def folder() -> Path:
    """Where the files are, if they are anywhere."""
    given = os.environ.get("CLOUDSEALED_TEST_DATA")
    return (Path(given) if given else ROOT.parent / "shared" / "data") / "cel"


@dataclass(frozen=True)
class Case:
    """One test of a file."""

    file: str
    section: str
    name: str
    message: Message

    @property
    def source(self) -> str:
        return text(self.message["expr"][0])

    @property
    def container(self) -> str:
        return text(self.message.get("container", [b""])[0])

    @property
    def unchecked(self) -> bool:
        return self.message.get("disable_check") == ["true"]

    @property
    def id(self) -> str:
        return f"{self.section}/{self.name}"

    def bindings(self) -> dict[str, Value]:
        return {
            text(each["key"][0]): value_of(each["value"][0]["value"][0])
            for each in self.message.get("bindings", [])
        }

    def variables(self) -> list[str]:
        declared = (
            text(each["name"][0]) for each in self.message.get("type_env", []) if "ident" in each
        )
        return list(dict.fromkeys([*declared, *self.bindings()]))


class UnrepresentableError(Exception):
    """A value that has no form in JSON."""


def text(raw: bytes) -> str:
    return raw.decode()


def cases(path: Path) -> Iterator[Case]:
    """Every test of a file."""
    for section in read(path.read_text()).get("section", []):
        for message in section.get("test", []):
            yield Case(path.stem, text(section["name"][0]), text(message["name"][0]), message)


_SCALARS: dict[str, Callable[[Any], Value]] = {
    "null_value": lambda raw: None,
    "bool_value": lambda raw: raw == "true",
    "int64_value": lambda raw: int(raw, 0),
    "uint64_value": lambda raw: UInt(int(raw, 0)),
    "double_value": float,
    "string_value": text,
    "bytes_value": bytes,
}


def value_of(message: Message) -> Value:
    """A value of the language; raises `UnrepresentableError`."""
    ((field, (raw,)),) = message.items()
    if field in _SCALARS:
        return _SCALARS[field](raw)
    if field == "list_value":
        return [value_of(each) for each in raw.get("values", [])]
    if field == "map_value":
        entries = raw.get("entries", [])
        keys = (map_key(value_of(each["key"][0])) for each in entries)
        return dict(zip(keys, (value_of(each["value"][0]) for each in entries), strict=True))
    if field == "object_value":
        return _object(raw)
    if field == "type_value" and text(raw) in TYPES:
        return TYPES[text(raw)]
    raise UnrepresentableError(field)


def _object(message: Message) -> Value:
    ((name, (raw,)),) = message.items()
    if name.endswith((".Timestamp]", ".Duration]")):
        seconds, nanos = (int(raw.get(part, ["0"])[0]) for part in ("seconds", "nanos"))
        return (Timestamp if "Timestamp" in name else Duration)(seconds * 10**9 + nanos)
    raise UnrepresentableError(name)


_MESSAGES = re.compile(
    r"TestAll|proto[23]|google\.protobuf\.(?!Timestamp|Duration)|Nested|GlobalEnum|\w\{\w"
)
_WRONG = re.compile(r"short_circuit_type|unbound_is_runtime_error|parse/receiver_function_names")


def skipped(case: Case) -> str | None:
    """Why a test is left out, if it is."""
    if case.file == "block_ext":
        return BLOCK
    parts = ("value", "type_env", "bindings", "typed_result")
    whole = f"{case.source} {[case.message.get(part) for part in parts]}"
    if case.file == "enums" or "enum_value" in whole:
        return ENUM
    if _MESSAGES.search(whole):
        return MESSAGE
    try:
        case.bindings()
        for each in case.message.get("value", []):
            value_of(each)
    except UnrepresentableError:
        return MESSAGE
    if case.unchecked and _WRONG.search(f"{case.file}/{case.id}"):
        return UNCHECKED
    if "check_only" in case.message:
        return CHECKER
    return None


def form(value: Value) -> object:
    """A value with its kinds, so that 1 is neither true nor 1.0."""
    if isinstance(value, list):
        return [form(item) for item in value]
    if isinstance(value, dict):
        return sorted((repr(form(key)), repr(form(item))) for key, item in value.items())
    if isinstance(value, float):
        return "nan" if math.isnan(value) else ("double", str(value))
    return (kind_of(value), value)


def judge(case: Case) -> str | None:
    """What is wrong with the engine's answer, if anything."""
    wanted = case.message.get("value") or [
        each["result"][0] for each in case.message.get("typed_result", []) if "result" in each
    ]
    failure = "eval_error" in case.message or "any_eval_errors" in case.message
    try:
        variables = case.variables()
        program = Program(case.source, variables, {}, "any", container=case.container)
        bindings = case.bindings()
        found = program.run([bindings.get(name) for name in variables], NOW)
    except (ExpressionError, EvaluationError) as error:
        return None if failure else f"{error.__class__.__name__}: {error}"
    if failure:
        return f"gave {found!r} and should be an error"
    expected = value_of(wanted[0]) if wanted else True
    same = form(found) == form(expected)
    return None if same else f"gave {found!r}, not {expected!r}"


def results() -> dict[str, Counter[str]]:
    """For each file how many tests passed, failed and were skipped for what reason."""
    found: dict[str, Counter[str]] = {}
    for path in sorted(folder().glob("*.textproto")):
        counts = found[path.stem] = Counter()
        for case in cases(path):
            reason = skipped(case)
            trouble = None if reason else judge(case)
            if trouble and "-v" in sys.argv:
                print(f"{case.file}/{case.id}: {case.source[:150]!r}: {trouble[:160]}")
            counts[reason or ("failed" if trouble else "passed")] += 1
    return found


def table(found: dict[str, Counter[str]]) -> str:
    """The table of the documents."""
    lines = ["| file | passed | failed | skipped | why |", "| --- | --- | --- | --- | --- |"]
    total: Counter[str] = Counter()
    for name, counts in found.items():
        total += counts
        lines.append(_line(f"`{name}`", counts))
    return "\n".join([*lines, _line("all", total, why=False)]) + "\n"


def _line(name: str, counts: Counter[str], *, why: bool = True) -> str:
    reasons = {key: n for key, n in counts.items() if key not in ("passed", "failed")}
    text = "; ".join(f"{n}: {reason}" for reason, n in sorted(reasons.items())) if why else ""
    skipped_count = sum(reasons.values())
    return f"| {name} | {counts['passed']} | {counts['failed']} | {skipped_count} | {text} |"


def main() -> int:
    """Write the table into the documents; return 1 when a test fails."""
    found = results()
    head, mark, rest = TABLE.read_text().partition("<!-- conformance -->\n")
    tail = rest[rest.index("<!-- end -->") :]
    TABLE.write_text(f"{head}{mark}{table(found)}{tail}")
    return int(any(counts["failed"] for counts in found.values()))


if __name__ == "__main__":
    sys.exit(main())
