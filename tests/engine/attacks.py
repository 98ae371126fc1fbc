"""Expressions and documents that try to spend the machine, and a process that runs each confined.

`python -m tests.engine.attacks` forks a child for each attack, which may take 1 second of the
processor and 64 MiB more than it has, and prints what came of it as one line of JSON. Refuses to
count the making of a document: it is there before the limits are.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloudsealed.engine import BudgetExceeded, compile_rule

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECONDS = 1
MEMORY = 64 * 2**20

HUNDRED = list(range(100))
MANY = list(range(20_000))
LONG = "a" * 1_000_000
NESTED = "resource.l.{0}(a, resource.l.{0}(b, resource.l.{0}(c, resource.l.{0}(d, {1}))))"
STATEMENTS = [{"Effect": "Allow", "Action": ["s3:Get*Foo*"] * 50, "Resource": "*"}] * 50
KEYS = ("aws:SourceVpc", "aws:SourceVpce", "aws:SourceArn", "aws:SourceAccount", "aws:userid")
OPEN = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"StringEqualsIfExists": dict.fromkeys(KEYS, "x")},
}
DENIED = {**OPEN, "Effect": "Deny", "Condition": {}}
TANGLED = {**DENIED, "Action": ["*a?" * 30, "s3:*b" * 20], "Resource": ["*c?" * 40, "*d" * 40]}


LONG_MANY: dict[str, Any] = {"l": MANY, "s": LONG}
NINES = {"s": "9" * 98}


def chain(count: int, body: str, start: str) -> str:
    """`start.map(y0, body).map(y1, body)...`, with y in the body for the variable."""
    loops = (f".map(y{n}, {body.replace('y', f'y{n}')})" for n in range(count))
    return start + "".join(loops)


def binding(count: int, body: str, start: str) -> str:
    """`cel.bind(v0, start, cel.bind(v1, body, ...))`, with v in the body for the one before."""
    names = [f"v{number}" for number in range(count)]
    opening = f"cel.bind(v0, {start}, "
    opening += "".join(
        f"cel.bind({after}, {body.replace('v', before)}, "
        for before, after in itertools.pairwise(names)
    )
    return f"{opening}size({names[-1]}) > 0" + ")" * count


ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "four loops over a hundred": (NESTED.format("all", "a + b + c + d >= 0"), {"l": HUNDRED}),
    "four loops that only count": (NESTED.format("all", "d != 5000"), {"l": HUNDRED}),
    "an error in each of 10^8 rounds": (NESTED.format("exists", "a.x"), {"l": HUNDRED}),
    "in within a loop": ("resource.l.all(a, a in resource.l)", {"l": MANY}),
    "text in within a loop": ("resource.l.all(a, !('x' in resource.l))", {"l": MANY}),
    "doubling text": (chain(16, "y + y", f"['{'x' * 64}']") + ".size() > 0", {}),
    "doubling lists": (chain(16, "y + y", "[[1, 2]]") + ".size() > 0", {}),
    "equal shared lists": (
        f"{chain(8, '[y, y, y, y]', '[[1]]')} == {chain(8, '[y, y, y, y]', '[[1]]')}",
        {},
    ),
    "contains in long text": (
        "resource.l.all(a, !resource.s.contains('aab'))",
        {"l": MANY, "s": LONG},
    ),
    "a pattern over long text": (
        "resource.l.all(a, !resource.s.matches('(a|aa)+$b'))",
        {"l": MANY, "s": LONG},
    ),
    "a glob over long text": (
        "resource.l.all(a, !glob_match('*a*a?a*b', resource.s))",
        {"l": MANY, "s": LONG},
    ),
    "long text compared": (
        "resource.l.all(a, resource.s == resource.t || resource.s < resource.t)",
        {"l": MANY, "s": LONG + "a", "t": LONG + "b"},
    ),
    "long text in a list": (
        "resource.l.all(a, !(resource.s in resource.m))",
        {"l": MANY, "s": LONG + "a", "m": [LONG + "b"]},
    ),
    "tags in a loop": (
        "resource.l.all(a, tag(resource, 'q') == null)",
        {"l": MANY, "Tags": [{"Key": "a", "Value": "b"}] * 5_000},
    ),
    "a long policy in a loop": (
        "resource.l.all(a, !policy_allows(resource.P, 'iam:PassRole'))",
        {"l": MANY, "P": {"Statement": STATEMENTS}},
    ),
    "long principals in a loop": (
        "resource.l.all(a, !policy_allows_public(resource.P))",
        {"l": MANY, "P": {"Statement": [{"Effect": "Allow", "Principal": ["x"] * 9_000}]}},
    ),
    "conditions of many keys in a loop": (
        "resource.l.all(a, !policy_allows_public(resource.P))",
        {"l": MANY, "P": {"Statement": [DENIED, *[OPEN] * 30]}},
    ),
    "patterns against patterns": (
        "resource.l.all(a, policy_lets_anyone(resource.P, ['s3:Get*']))",
        {"l": MANY, "P": {"Statement": [OPEN, *[TANGLED] * 30]}},
    ),
    "versions in a loop": (
        "resource.l.all(a, version_compare(resource.s, resource.s) == 0)",
        {"l": MANY, "s": "1." * 49},
    ),
    "case of long text": (
        "resource.l.all(a, resource.s.lowerAscii() != 'b')",
        {"l": MANY, "s": "É" * 500_000},
    ),
    "a body of a hundred relations": (
        "resource.l.all(a, resource.l.all(b, "
        + " && ".join(f"a + b + {n} >= 0" for n in range(150))
        + "))",
        {"l": list(range(1_000))},
    ),
    "doubling text by binding": (binding(14, "v + v", "resource.s"), {"s": LONG}),
    "doubling lists by binding": (binding(14, "v + v", "[1, 2, 3, 4, 5, 6, 7, 8]"), {}),
    "equal shared lists by binding": (
        f"cel.bind(z, {chain(6, '[y, y, y, y, y, y]', '[[1]]')}, z == z)",
        {},
    ),
    "long text in place of each letter": ("resource.s.replace('a', resource.s) == ''", {"s": LONG}),
    "long text between all letters": ("resource.s.replace('', resource.s) == ''", {"s": LONG}),
    "splitting into letters": ("resource.l.all(a, resource.s.split('').size() > 0)", LONG_MANY),
    "splitting at each letter": ("resource.l.all(a, resource.s.split('a').size() > 0)", LONG_MANY),
    "joining with long text": ("resource.l.map(a, 'x').join(resource.s) == ''", LONG_MANY),
    "a million numbers": ("lists.range(1000000000).size() > 0", {}),
    "a range in a range": ("lists.range(90000).all(a, lists.range(90000).all(b, a + b >= 0))", {}),
    "flattening shared lists": (chain(12, "[y, y, y, y]", "[[1]]") + ".flatten(30).size() > 0", {}),
    "distinct maps": ("resource.l.map(a, {'a': a}).distinct().size() > 0", {"l": MANY}),
    "sets of maps": (
        "sets.intersects(resource.l.map(a, {'a': a}), resource.l.map(a, {'b': a}))",
        {"l": MANY},
    ),
    "sorting in a loop": ("resource.l.all(a, resource.l.sort().size() > 0)", {"l": MANY}),
    "sorting by long texts": (
        "resource.l.all(a, resource.m.sortBy(x, resource.s + string(x)).size() > 0)",
        {"l": MANY, "m": HUNDRED, "s": "a" * 900_000},
    ),
    "formatting shared lists": (f"'%s'.format({chain(12, '[y, y, y, y]', '[[1]]')}) == ''", {}),
    "formatting long numbers": (
        "resource.l.all(a, '%.100f %.100f %.100f'.format([1e308, 1e308, 1e308]) != '')",
        {"l": MANY * 4},
    ),
    "formatting a long template": (
        "resource.l.all(a, resource.s.format([]) != '')",
        {"l": MANY, "s": "%%" * 400_000},
    ),
    "quoting long text": (
        "resource.l.all(a, strings.quote(resource.s) != '')",
        {"l": MANY, "s": '"' * 500_000},
    ),
    "base64 of base64": (
        binding(12, "base64.encode(bytes(v + v))", "resource.s"),
        {"s": "a" * 200_000},
    ),
    "long prefixes": (
        "resource.l.all(a, resource.s.startsWith(resource.s) && resource.s.endsWith(resource.s))",
        LONG_MANY,
    ),
    "the worst needle": (
        (
            "resource.l.all(a, resource.s.indexOf(resource.n) < 0 && "
            "!resource.s.contains(resource.n) && resource.s.replace(resource.n, '') != '' && "
            "resource.s.split(resource.n) != [])"
        ),
        LONG_MANY | {"n": "a" * 49 + "b" + "a" * 49},
    ),
    "reversing in a loop": ("resource.l.all(a, resource.s.reverse() != '')", LONG_MANY),
    "trimming in a loop": (
        "resource.l.all(a, resource.s.trim() == '')",
        {"l": MANY, "s": " " * 1_000_000},
    ),
    "greatest in a loop": ("resource.l.all(a, math.greatest(resource.l) > 0)", {"l": MANY}),
    "pairs of a long list": ("resource.l.all(i, x, i >= x)", {"l": [0] * 1_000_000}),
    "a map of maps": (
        "resource.l.transformMap(i, x, resource.l.transformMap(j, y, x + y)).size() > 0",
        {"l": MANY},
    ),
    "merging maps": (
        (
            "resource.l.transformMapEntry(i, x, {i: resource.l}).size() > 0 && "
            "resource.l.all(a, resource.l.transformMapEntry(i, x, {i: x}).size() > 0)"
        ),
        {"l": list(range(2_000))},
    ),
    "optional values in a loop": (
        "resource.l.all(a, resource.l.all(b, resource.?x[?b].optMap(y, y + a).hasValue() || true))",
        {"l": list(range(2_000))},
    ),
    "equal optional values": (
        f"cel.bind(z, optional.of({chain(6, '[y, y, y, y, y, y]', '[[1]]')}), z == z)",
        {},
    ),
    "a loop over a long map": (
        "resource.l.all(a, resource.d.all(k, resource.d[k] == 1))",
        {"l": MANY, "d": {str(number): 1 for number in MANY}},
    ),
}

ENDED: dict[str, tuple[str, dict[str, Any]]] = {
    "a pattern that backtracks elsewhere": ("resource.s.matches('^(a+)+$')", {"s": "a" * 28 + "b"}),
    "numbers of a million digits": (
        "resource.l.exists(a, double(resource.s) > 0.0 || int(resource.s) > 0)",
        {"l": MANY, "s": "1" * 1_000_000},
    ),
    "times of a million digits": (
        (
            "resource.l.exists(a, duration(resource.s) == duration('1s') || "
            "timestamp(resource.s) == timestamp(0) || days_since(resource.s) > 0)"
        ),
        {"l": MANY, "s": "1" * 1_000_000},
    ),
    "durations of a hundred digits": ("duration('9' + resource.s + 'h') > duration('1s')", NINES),
    "addresses of a million digits": (
        "resource.l.exists(a, isIP(resource.s) || isCIDR(resource.s) || cidr_is_any(resource.s))",
        {"l": MANY, "s": "1" * 1_000_000},
    ),
    "shifting by all there is": (
        (
            "resource.l.exists(a, math.bitShiftLeft(1, 9223372036854775807) == "
            "math.bitShiftRight(-1, 9223372036854775807) + 1)"
        ),
        {"l": MANY},
    ),
    "an int that overflows": ("resource.l.exists(a, 9223372036854775807 + a < 0)", {"l": MANY}),
    "a zone that is a path": ("timestamp(0).getHours('../../../../etc/passwd') == 0", {}),
    "a negative range": ("lists.range(-9223372036854775807).size() > 0", {}),
    "a zone that is long": ("timestamp(0).getHours(resource.s) == 0", {"s": LONG}),
}
"""What ends with a verdict or an error of its own, without spending the budget."""


def yard() -> float:
    """The seconds of the processor that some plain work takes on this machine, just now."""
    started, kept = time.process_time(), {}
    for number in range(200_000):
        kept[number & 1023] = str(number)
    return time.process_time() - started


def judge(name: str) -> dict[str, Any]:
    """What came of an attack: its outcome, whether a budget was spent, and how long it took: in
    times of some plain work, as machines and their neighbours differ."""
    source, document = (ATTACKS | ENDED)[name]
    before, started = yard(), time.process_time()
    judgement = compile_rule(fail_when=source).judge(document, {}, NOW)
    seconds = time.process_time() - started
    return {
        "name": name,
        "outcome": judgement.outcome,
        "spent": isinstance(judgement.error, BudgetExceeded),
        "error": str(judgement.error or ""),
        "yards": seconds / max(before, yard()),
    }


def confine() -> None:
    """Limit this process to a second of the processor and 64 MiB more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def main(names: Sequence[str]) -> int:
    """Run the attacks of these names, each in a child of its own."""
    compile_rule(fail_when="resource.a.matches('a')").judge({"a": "b"}, {}, NOW)
    for name in names:
        child = os.fork()
        if child == 0:
            confine()
            try:
                print(json.dumps(judge(name)), flush=True)
            except MemoryError:
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            print(json.dumps({"name": name, "outcome": f"died with {status}"}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or (*ATTACKS, *ENDED)))
