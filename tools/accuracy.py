"""Measures how often verdicts are right, from data in the repository, and writes docs/accuracy.md.

    python -m tools.accuracy [--check]

Labelled sets: the documents beside each policy, the values of `tests/collectors/secrets`, the
sample estate, which says of its resources whether something is wrong with them, and of those that
the emulator holds what, and the sample cluster, which says so of each object. With
`--check` it writes nothing, and exits 1 when a figure is another than the document says. It refuses
to leave out what is judged wrongly: each is listed.
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from tests.collectors.secrets.corpus import samples
from tests.e2e.installation import Installation

from cloudsealed import __version__
from cloudsealed.audits.records.blocks import OBSERVATIONS, Blocks
from cloudsealed.collectors.secrets import kinds_of
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.markdown import table
from cloudsealed.packs import PolicySpec, load_policies
from cloudsealed.policies.files import rule_of
from cloudsealed.policies.trial import judged
from cloudsealed.settings import Settings
from cloudsealed.storage.migrate import migrate
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import EstateManifest, Fact, deploy
from cloudsealed.testing.estate_site import MAIN_ACCOUNT
from cloudsealed.testing.kubernetes.audited import audited, ident_of
from cloudsealed.testing.kubernetes.estate import facts

ROOT = Path(__file__).parent.parent
_VALUES = (
    "Where",
    "Values",
    "Secrets",
    "Missed",
    "Harmless",
    "Called secrets",
    "Precision",
    "Recall",
)
_OTHER: Final = {"bad": "good", "good": "bad"}
DOCUMENT = ROOT / "docs" / "accuracy.md"
ATTACKS = ROOT / "tests" / "packs" / "attacks.csv"


class Count(NamedTuple):
    """Right and wrong of one side: `bad` is what a policy should call bad."""

    true_bad: int
    missed: int
    true_good: int
    called_bad: int

    @property
    def precision(self) -> float:
        """The share of what is called bad that is bad."""
        said = self.true_bad + self.called_bad
        return self.true_bad / said if said else 1.0

    @property
    def recall(self) -> float:
        """The share of what is bad that is called so."""
        bad = self.true_bad + self.missed
        return self.true_bad / bad if bad else 1.0


def counted(pairs: Iterator[tuple[bool, bool]]) -> Count:
    """Count (is bad, is called bad)."""
    found = Counter(pairs)
    return Count(found[True, True], found[True, False], found[False, False], found[False, True])


def documents(spec: PolicySpec) -> tuple[Counter[str], list[str]]:
    """Return how many documents of each outcome a policy judges rightly, and what it does not."""
    rule, right, wrong = rule_of(spec), Counter[str](), []
    for number, example in enumerate(spec.examples, start=1):
        said = judged(rule, example).outcome
        outcome = "unknown" if said == "error" else said
        if outcome == example.outcome.value:
            right[outcome] += 1
        else:
            wrong.append(f"{spec.key}, example {number}: {example.outcome.value}, said {outcome}")
    return right, wrong


def secrets() -> dict[str, Count]:
    """Return what is called a secret, by the place of the value."""
    given = samples()
    return {
        place: counted(
            (each.secret, bool(kinds_of(each.value, each.name)))
            for each in given
            if each.place == place
        )
        for place in sorted({each.place for each in given})
    }


class Breadth(NamedTuple):
    """What is held of services: how many resources, how verdicts agree, and where they do not."""

    resources: int
    count: Count
    wrong: list[str]


def estate() -> tuple[Count, list[str], int, Breadth]:
    """Audit the sample estate; return how its facts and the findings agree, where they do not, how
    many facts no policy judges, and how the verdicts on what is held agree with the whole truth.

    `tests/testing/facts.csv` says which policies a fact is about: bad is right where one of them
    has a finding that is not resolved, good where none has. Where it names none, no policy judges
    the resource, or another fact undoes this one: the account blocks what a bucket would let in.
    """
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        manifest: EstateManifest = deploy(emulator.endpoint)
        migrate(Settings(data_dir=Path(folder)))
        installation = Installation(Path(folder), emulator.environment())
        ended = installation.audit()
        found = {
            (each["policy"]["key"], each["resource"]["native_id"])
            for status in ("open", "suppressed")
            for each in installation.findings(status=status).values()
        }
        named = _named(installation)
        breadth = _breadth(installation, ended["id"], manifest)
        installation.close()
    assert ended["coverage"] == 1.0, ended
    with (ROOT / "tests" / "testing" / "facts.csv").open(newline="") as rows:
        about = {(row["type"], row["why"]): row["policies"].split() for row in csv.DictReader(rows)}
    facts = [each for each in manifest.facts if each.account == MAIN_ACCOUNT]
    judged = [fact for fact in facts if about[fact.type, fact.why]]

    def called_bad(fact: Fact) -> bool:
        idents = named[fact.type, fact.name.rstrip(".")]
        assert idents, fact
        return any((key, one) in found for key in about[fact.type, fact.why] for one in idents)

    said = [(fact, called_bad(fact)) for fact in judged]
    wrong = [_words(fact) for fact, called in said if called is not (fact.expectation == "bad")]
    count = counted((fact.expectation == "bad", called) for fact, called in said)
    return count, wrong, len(facts) - len(judged), breadth


def _breadth(installation: Installation, ident: str, manifest: EstateManifest) -> Breadth:
    truths = {t.native_id: set(t.fails) for t in manifest.truths if t.account == MAIN_ACCOUNT}
    place = {"tenant": installation.tenant, "audit_id": ident}
    blocks = Blocks(installation.services.database, **place)
    verdicts = {
        (block.key, line["native_id"]): line["outcome"]
        for block in blocks.all(OBSERVATIONS)
        for line in blocks.lines(block)
        if line["native_id"] in truths and line["outcome"] != "not_applicable"
    }
    wanted = {(key, one) for one, keys in truths.items() for key in keys}
    pairs = wanted | verdicts.keys()
    called = {pair for pair, outcome in verdicts.items() if outcome == "fail"}
    wrong = [
        f"`{key}` on {one} is called {'good, and is not' if (key, one) in wanted else 'bad'}"
        for key, one in sorted(wanted ^ called)
    ]
    return Breadth(len(truths), counted((p in wanted, p in called) for p in pairs), wrong)


def cluster() -> tuple[Count, list[str]]:
    """Audit the sample cluster; return how what its objects say is wrong with them and the findings
    agree, by object and policy that judges it, and where they do not."""
    known = facts()
    with tempfile.TemporaryDirectory() as folder:
        judged = audited(Path(folder), [fact.item for fact in known])
    assert judged.audit["coverage"] == 1.0, judged.audit
    wrong = {(key, ident_of(fact.item)) for fact in known for key in fact.fails}
    pairs = {
        *wrong,
        *judged.found,
        *(pair for pair, outcome in judged.verdicts.items() if outcome in ("pass", "unknown")),
    }
    differ = [
        f"`{key}` on {ident} is called {'good, and is not' if (key, ident) in wrong else 'bad'}"
        for key, ident in sorted(wrong ^ judged.found)
    ]
    return counted((pair in wrong, pair in judged.found) for pair in pairs), differ


def _named(installation: Installation) -> dict[tuple[str, str], set[str]]:
    """Return the native ids of resources by type and by every name that they have of themselves."""
    found = defaultdict(set)
    services, tenant = installation.services, installation.tenant
    page = services.resources.list(tenant=tenant, filters={}, limit=10_000)
    for each in map(orjson.loads, page.items):
        resource = orjson.loads(services.resources.get(tenant=tenant, ident=each["id"]))
        for text in _texts([resource["name"], resource["native_id"], resource["document"]]):
            for part in (text, *re.split("[/:]", text)):
                found[each["type"], part.rstrip(".")].add(each["native_id"])
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _words(fact: Fact) -> str:
    return f"`{fact.type}` {fact.name} is called {_OTHER[fact.expectation]}, and is not: {fact.why}"


def written() -> str:
    """Return the whole document."""
    specs = sorted(load_policies(), key=lambda spec: spec.key)
    judged = {spec.key: documents(spec) for spec in specs}
    return f"""# How often verdicts are right

Measured with CloudSealed {__version__} on {utc_now():%Y-%m-%d}, by `python -m tools.accuracy`, from
data in this repository. Nobody should trust a scanner's own figures alone: the sets are text files,
judge them yourself, and send what is wrong.

{_of_documents(judged)}
{_of_secrets()}
{_of_attacks()}
{_of_estate()}
{_of_cluster()}
## Documents of each policy

{_of_each(judged)}"""


Judged = dict[str, tuple[Counter[str], list[str]]]


def _of_documents(judged: Judged) -> str:
    wrong = [text for _, texts in judged.values() for text in texts]
    total = sum(sum(right.values()) for right, _ in judged.values()) + len(wrong)
    return f"""## Documents

{total} documents of {len(judged)} policies, each with the outcome that a careful engineer would
give; {len(wrong)} are judged otherwise.
{_listed(wrong)}"""


def _of_secrets() -> str:
    by_place = secrets()
    every = Count(*map(sum, zip(*by_place.values(), strict=True)))
    rows = [*(_row(place, count) for place, count in by_place.items()), _row("all", every)]
    return f"""## Secrets

{table(_VALUES, rows)}
The values are in `tests/collectors/secrets`. `python -m benchmarks.detectors VENV` measures other
detectors on the same ones.
"""


def _of_estate() -> str:
    count, wrong, unjudged, breadth = estate()
    return f"""## The sample estate

An audit of the first account of the estate that `cloudsealed demo` shows. The estate says of its
resources what is bad and what is good; {sum(count)} of these facts are about something that a
policy judges, {unjudged} are not.

{table(_AGREED, [_agreed(count)])}{_listed(wrong)}
Of {breadth.resources} more, which the emulator holds as answers of services that it has no backend
for, the estate says which policies they fail, every one. Good are a resource and a policy that
judges it and that it does not fail.

{table(_AGREED, [_agreed(breadth.count)])}{_listed(breadth.wrong)}"""


def _of_attacks() -> str:
    with ATTACKS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    erred = [row for row in rows if row["mended"]]
    left = [f"`{row['policy']}`: {row['tried']}" for row in erred if row["mended"] != "yes"]
    return f"""## Attacks

Policies of AWS were attacked by readers who had not written them, with the vendor's documentation
open: documents on which a policy may err, such as absent and null attributes, policy documents as
text and as objects, other partitions, managed and shared resources, states between. Of
{len(rows)} documents and readings on {len({row["policy"] for row in rows})} policies
{len(erred)} erred; {len(erred) - len(left)} of these are mended. Each is in
`tests/packs/attacks.csv`. Left as they are:
{_listed(left)}"""


def _of_cluster() -> str:
    count, wrong = cluster()
    return f"""## The sample cluster

An audit of the cluster that `cloudsealed demo` shows: of each of its {len(facts())} objects it is
said which policies it fails, every one. Good are an object and a policy that judges it and that it
does not fail.

{table(_AGREED, [_agreed(count)])}{_listed(wrong)}"""


_AGREED: Final = ("Bad", "Found", "Good", "With a finding", "Precision", "Recall")


def _agreed(count: Count) -> list[str]:
    return [
        str(count.true_bad + count.missed),
        str(count.true_bad),
        str(count.true_good + count.called_bad),
        str(count.called_bad),
        f"{count.precision:.1%}",
        f"{count.recall:.1%}",
    ]


def _of_each(judged: Judged) -> str:
    outcomes = ("fail", "pass", "not_applicable", "unknown")
    rows = [
        [f"`{key}`", *(str(right[name]) for name in outcomes), str(len(texts))]
        for key, (right, texts) in judged.items()
    ]
    return table(("Policy", "Fail", "Pass", "Not applicable", "Unknown", "Wrong"), rows)


def _row(place: str, count: Count) -> list[str]:
    secret, harmless = count.true_bad + count.missed, count.true_good + count.called_bad
    return [
        place.replace("_", " "),
        str(secret + harmless),
        str(secret),
        str(count.missed),
        str(harmless),
        str(count.called_bad),
        f"{count.precision:.1%}",
        f"{count.recall:.1%}",
    ]


def _listed(wrong: list[str]) -> str:
    return "\n" + "".join(f"- {text}\n" for text in wrong) if wrong else ""


def _figures(text: str) -> list[str]:
    """Return what of the document does not depend on the day."""
    return re.sub(r"Measured with .*", "", text).splitlines()


def main() -> int:
    """Write the document, or compare it."""
    text = written()
    if "--check" in sys.argv[1:]:
        return 0 if _figures(text) == _figures(DOCUMENT.read_text()) else 1
    DOCUMENT.write_text(text)
    print(f"{DOCUMENT.relative_to(ROOT)}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
