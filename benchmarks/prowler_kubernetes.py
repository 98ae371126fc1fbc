"""Compares verdicts on Kubernetes with Prowler's: `python -m benchmarks.prowler_kubernetes [VENV]`.

VENV is a virtual environment that holds Prowler (`prowler==5.46.*`); nothing is installed here. It
runs with the client of its own vendor against the API server of the tests, which serves the sample
cluster and then, where the test data has them, the recorded objects of a real API server. Ours is
an audit of the same objects. Prowler judges pods and we what makes them, so each workload gets the
pod that its controller would make, and the verdict on a pod is compared with ours on its owner.

Each kind of difference is in `_prowler.py` with who is right, by what Kubernetes documents. A
difference that no kind explains is printed, and the command then ends with 1: but kinds are by
check and side, so a second reason for the same two is not seen. Refuses to say who is better.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks._prowler import CHECKS, EXPLAINED, WHY
from tests.clusters import shared_data

from cloudsealed.collectors.kubernetes.defaults import pod_specs
from cloudsealed.collectors.kubernetes.manifests import KINDS as LISTED
from cloudsealed.testing.kubernetes.audited import audited, ident_of, served
from cloudsealed.testing.kubernetes.estate import Object, facts
from cloudsealed.testing.kubernetes.store import BY_NAME, KINDS, Store

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
BOTH = ("fail", "fail"), ("pass", "pass")
ALONE = {"they": ("fail", "pass"), "we": ("pass", "fail")}
"""Verdicts of which there are two, theirs first."""


@dataclass(slots=True)
class Tally:
    """What was said of the resources of one check, by pair of verdicts, theirs first."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, pair: tuple[str, str], what: str) -> None:
        """Count a resource."""
        self.pairs[pair] += 1
        self.examples[pair].append(what)


def cluster(items: Iterable[Object]) -> list[Object]:
    """Return objects as an API server keeps them, with a pod of each workload that has none, as its
    controller makes it, and one of each part of the control plane where kubeadm would have it."""
    store = Store(items)
    kept = _all(store)
    made = {owner_of(item) for item in kept}
    for item in kept:
        if ident_of(item) not in made:
            for each in _pods_of(item):
                store.add(each)
    for number, (program, spec) in enumerate(list(_elsewhere(store))):
        name = f"{program}-moved-{number}"
        metadata = {"name": name, "namespace": "kube-system"}
        store.add({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return _all(store)


def _all(store: Store) -> list[Object]:
    return [item for kind in KINDS for _, item in store.all(kind)]


def _elsewhere(store: Store) -> Iterator[tuple[str, Object]]:
    """Yield the specifications of pods of the control plane that are not where Prowler looks, which
    is in kube-system by name, each with its program. It reads no arguments, so they are part of the
    command here, and a check ends at a container without one, so pods with such are left out."""
    for (namespace, name), item in store.all(BY_NAME["v1", "Pod"]):
        commands = [each.get("command") for each in item["spec"]["containers"]]
        program = commands[0][0].rpartition("/")[2] if all(commands) else ""
        if program in PROGRAMS and not (namespace == "kube-system" and name.startswith(program)):
            spec = deepcopy(item["spec"])
            for each in spec["containers"]:
                each["command"] += each.pop("args", [])
            yield program, spec


def _pods_of(item: Object) -> Iterator[Object]:
    metadata, says = item["metadata"], item.get("spec", {})
    if item["kind"] == "Pod" or owner_of(item) or says.get("replicas") == 0:
        return
    inner = says.get("jobTemplate", {}).get("spec") or says
    for spec in pod_specs(item["kind"], item):
        owner = {name: metadata[name] for name in ("name", "uid")}
        owner |= {"apiVersion": item["apiVersion"], "kind": item["kind"], "controller": True}
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **inner["template"].get("metadata", {}),
                "name": f"{metadata['name']}-{item['kind'].lower()}-made",
                "namespace": metadata["namespace"],
                "ownerReferences": [owner],
            },
            "spec": spec,
        }


def owner_of(item: Object) -> str | None:
    """Return the native id of the workload that made an object."""
    for each in item["metadata"].get("ownerReferences", ()):
        if each.get("controller") and (each["apiVersion"], each["kind"]) in BY_NAME:
            namespace = item["metadata"].get("namespace")
            made_by = {"name": each["name"], "namespace": namespace}
            if BY_NAME[each["apiVersion"], each["kind"]].namespaced:
                return ident_of({"kind": each["kind"], "metadata": made_by})
    return None


def places(objects: Sequence[Object]) -> dict[str, list[str]]:
    """Return by what Prowler calls a resource, a UID or for a subject its kind and name, the native
    ids at which we judge the same: the outermost owner of a pod, and of a subject its bindings of
    cluster roles and their roles."""
    owners = {ident_of(item): owner_of(item) for item in objects}
    found: dict[str, list[str]] = defaultdict(list)
    for item in objects:
        ident: str = ident_of(item)
        while (owner := owners.get(ident)) in owners and owner is not None:
            ident = owner
        found[item["metadata"]["uid"]].append(ident)
        if item["kind"] == "ClusterRoleBinding":
            role = {"kind": "ClusterRole", "metadata": {"name": item["roleRef"]["name"]}}
            for subject in item.get("subjects", ()):
                name = f"{subject['kind']}/{subject['name']}"
                found[name] += [ident_of(item), ident_of(role)]
    return found


def theirs(program: Path, objects: Sequence[Object]) -> list[Object]:
    """Return what Prowler finds in a cluster, each as the OCSF record that it writes."""
    with tempfile.TemporaryDirectory() as name, served(Path(name), objects):
        command = [program, "kubernetes", "--kubeconfig-file", f"{name}/kubeconfig"]
        command += ["--output-formats", "json-ocsf", "--output-directory", name]
        ran = subprocess.run(
            [*command, "--output-filename", "found", "--no-banner", "--log-level", "ERROR"],
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
            env={**os.environ, "HOME": name},
        )
        assert ran.returncode in (0, 3), ran.stderr  # 3 where something fails
        found: list[Object] = json.loads(Path(name, "found.ocsf.json").read_bytes())
    return found


def ours(objects: Sequence[Object]) -> Mapping[tuple[str, str], str]:
    """Return our outcome by policy's key and native id, from an audit of the same cluster."""
    with tempfile.TemporaryDirectory() as name:
        return audited(Path(name), objects).verdicts


def compared(
    found: Iterable[Object], said: Mapping[tuple[str, str], str], where: Mapping[str, list[str]]
) -> dict[str, Tally]:
    """Return the verdicts of each check in pairs; `-` is that one of the two has none."""
    tallies = {check: Tally() for check in CHECKS}
    judged = set()
    for each in found:
        check, [resource] = each["metadata"]["event_code"], each["resources"]
        if check not in CHECKS:
            continue
        cells = [(key, ident) for key in CHECKS[check] for ident in where[resource["uid"]]]
        judged.update((check, cell) for cell in cells)
        outcome = _worst(said[cell] for cell in cells if cell in said)
        pair = each["status_code"].lower(), outcome
        tallies[check].add(pair, f"{resource.get('namespace')}/{resource['name']}")
    for check, keys in CHECKS.items():
        for (key, ident), outcome in said.items():
            if key in keys and outcome in ("fail", "pass") and (check, (key, ident)) not in judged:
                tallies[check].add(("-", outcome), ident)
    return tallies


def _worst(outcomes: Iterable[str]) -> str:
    given = set(outcomes)
    return next((each for each in ("fail", "unknown", "pass") if each in given), "-")


def recorded() -> list[Object]:
    """Return the objects of a real API server, where the test data has its answers."""
    path = shared_data("kubernetes", "answers.ndjson.gz")
    if path is None:
        return []
    found = []
    with gzip.open(path, "rt") as lines:
        answers = [json.loads(line) for line in lines]
    for answer in answers:
        body, asked = answer["body"], answer["request"]
        if asked["as"] == "administrator" and "?" not in asked["path"] and "items" in body:
            named = body["apiVersion"], body["kind"].removesuffix("List")
            kind = dict(zip(("apiVersion", "kind"), named, strict=True))
            listed = named in BY_NAME and kind["kind"] in LISTED
            found += [{**kind, **item} for item in body["items"] if listed]
    return found


def shown(tallies: Mapping[str, Tally]) -> int:
    """Print a line for each check, then the differences by kind; return how many have none.

    `fail` and `pass` are what both say, `they` and `we` what one alone fails, `-they` and `-we`
    what one does not judge or leaves to a person, which the other judges or not.
    """
    print(f"{'check':<56}{'fail':>6}{'pass':>6}{'they':>6}{'we':>6}{'-they':>7}{'-we':>6}")
    kinds: dict[str, list[str]] = defaultdict(list)
    every: Counter[tuple[str, str]] = Counter()
    for check, tally in tallies.items():
        every += tally.pairs
        _print_line(check, tally.pairs)
        for who, pair in ALONE.items():
            if tally.pairs[pair]:
                kind = EXPLAINED.get((check, who), "")
                example = ", ".join(tally.examples[pair][:2])
                kinds[kind].append(f"{check}: only {who} fail {tally.pairs[pair]} ({example})")
    _print_line("all", every)
    for kind, lines in sorted(kinds.items()):
        print(f"\n{kind or 'UNEXPLAINED'}: {WHY.get(kind, 'nobody has looked')}")
        print(*(f"  {line}" for line in lines), sep="\n")
    return len(kinds.get("", ()))


def _print_line(name: str, pairs: Mapping[tuple[str, str], int]) -> None:
    unsaid = sum(n for (they, _), n in pairs.items() if they in ("-", "manual"))
    unjudged = sum(n for (_, we), n in pairs.items() if we in ("-", "unknown"))
    shown = [pairs.get(pair, 0) for pair in (*BOTH, *ALONE.values())]
    print(f"{name:<56}{''.join(f'{n:>6}' for n in shown)}{unsaid:>7}{unjudged:>6}")


def main(folder: str | None = None) -> int:
    """Compare on both clusters."""
    if folder is None:
        print("nothing to compare with: name a virtual environment that holds Prowler")
        return 0
    unexplained = 0
    for name, items in (
        ("the sample cluster", [fact.item for fact in facts()]),
        ("the recorded objects", recorded()),
    ):
        if not items:
            print(f"\n{name}: not in the test data")
            continue
        objects = cluster(items)
        print(f"\n{name}: {len(objects)} objects")
        found = theirs(Path(folder) / "bin" / "prowler", objects)
        unexplained += shown(compared(found, ours(objects), places(objects)))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
