"""What AWS answers of services that the emulator has no backend for, and the truth of it.

The YAML files beside this are data, one a service, named as botocore names it (a second one of a
service has a suffix: `ec2.launches.yaml`):

    places: [main.home]     # main, second; home, far, or global: in whatever region it is asked
    missing: NotFoundException   # how the service says that there is no such thing
    answers:
      ListClustersV2:
        - answer: {ClusterInfoList: [{ClusterArn: "arn:{partition}:kafka:{region}:{account}:…"}]}
      GetClusterPolicy:
        - when: {ClusterArn: "arn:…"}     # parameters of the call that have these values
          answer: {Policy: '{"Version": "2012-10-17", …}'}
        - when: {ClusterArn: "arn:…/old"}
          error: NotFoundException
    resources:
      - {type: aws.kafka.cluster, native_id: "arn:…", fails: [aws-kafka-cluster-public]}
      - {type: aws.kafka.cluster, native_id: "arn:…/old", tags: {}, fails: [aws-tags-missing]}

An answer has the members of the operation's output shape, and the emulator refuses another; it
stands for all pages. `{account}`, `{region}` and `{partition}` are those of the place, in any text,
and `{far}` is the second region that is looked at; `{days_ago: 30}` in place of a value is that
moment. `fails` are the keys of the policies that the resource fails, every one: it passes all
others that apply to it. `tags` are those that the tagging API tells of an ARN, in place of those of
a well-kept resource; of what has no type nothing else is told. Where no answer has the parameters
of a call, moto is asked; what it lacks, too, is empty for an operation that has an answer without
`when` somewhere, else `missing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_AGO = "days_ago"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Service:
    """What a file says of a service; `places` are (main or second, home, far or global)."""

    name: str
    places: tuple[tuple[str, str], ...]
    missing: str
    answers: Mapping[str, tuple[Mapping[str, Any], ...]]
    resources: tuple[Mapping[str, Any], ...]

    @property
    def lists(self) -> frozenset[str]:
        """The operations that are answered whatever they ask."""
        return frozenset(
            name for name, each in self.answers.items() if any("when" not in one for one in each)
        )

    def at(self, names: Mapping[str, str], now: datetime) -> Iterator[dict[str, Any]]:
        """Yield each answer in a place: operation, when, and answer or error."""
        for operation, each in self.answers.items():
            for one in each:
                yield {"when": {}, **_placed(one, names, now), "operation": operation}

    def made(self, names: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Yield each resource in a place."""
        for each in self.resources:
            yield _placed(each, names, None)


@cache
def services() -> tuple[Service, ...]:
    """Return what every file says, by the file's name."""
    found = sorted(files(__package__).iterdir(), key=lambda each: each.name)
    return tuple(
        _service(each.name, yaml.load(each.read_text("utf-8"), _LOADER))  # noqa: S506 - a safe one
        for each in found
        if each.name.endswith(".yaml")
    )


def _service(file: str, said: Mapping[str, Any]) -> Service:
    places = said.get("places", ["main.home"])
    return Service(
        name=file.split(".", maxsplit=1)[0],
        places=tuple((account, region) for account, region in (each.split(".") for each in places)),
        missing=said.get("missing", "ResourceNotFoundException"),
        answers={name: tuple(each) for name, each in said["answers"].items()},
        resources=tuple(said.get("resources", ())),
    )


def _placed(value: Any, names: Mapping[str, str], now: datetime | None) -> Any:
    if isinstance(value, str):
        for name, said in names.items():
            value = value.replace(f"{{{name}}}", said)
        return value
    if isinstance(value, list):
        return [_placed(each, names, now) for each in value]
    if not isinstance(value, dict):
        return value
    if now is not None and value.keys() == {_AGO}:
        return (now - timedelta(days=value[_AGO])).isoformat(timespec="seconds")
    return {_placed(name, names, now): _placed(each, names, now) for name, each in value.items()}
