"""What is deployed by files asks for commands, options, settings and probes that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudsealed.api import probes
from cloudsealed.cli.commands import COMMANDS, command
from cloudsealed.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KUBERNETES: list[dict[str, Any]] = [*yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())]
DEPLOYMENTS = [each for each in KUBERNETES if each["kind"] == "Deployment"]
PODS = [(each["metadata"]["name"], each["spec"]["template"]) for each in DEPLOYMENTS]


def commands() -> Iterator[list[str]]:
    yield from (s["command"] for s in COMPOSE["services"].values() if s["image"] == "cloudsealed")
    yield from (c["args"] for _, pod in PODS for c in containers(pod) if "args" in c)
    started = re.search(r"^CMD (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert started
    yield yaml.safe_load(started[1])


def containers(pod: Any) -> list[Any]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


@pytest.mark.parametrize("words", [*commands()], ids=" ".join)
def test_a_command_and_its_options_are_there(words: list[str]) -> None:
    name, *options = words
    assert name in COMMANDS
    command(name).make_context(name, options)  # which refuses what it does not know


def environments() -> Iterator[dict[str, str]]:
    yield COMPOSE["services"]["api"]["environment"]
    settings = next(each["data"] for each in KUBERNETES if each["kind"] == "ConfigMap")
    yield {**settings, "CLOUDSEALED_DATABASE_URL": "postgresql://cloudsealed:x@db/cloudsealed"}


@pytest.mark.parametrize("environment", [*environments()], ids=["compose", "kubernetes"])
def test_every_variable_is_a_setting_of_a_cluster(environment: dict[str, str]) -> None:
    given = {
        name: re.sub(r"\$\{\w+(?::[-?]([^}]*))?\}", r"\1", text)
        for name, text in environment.items()
    }
    found = Settings.from_environment(given)
    assert found.database_url.startswith("postgresql://")
    assert found.valkey_url
    assert found.public_url
    assert set(given) <= {each.metadata["name"] for each in fields(Settings)}


@pytest.mark.parametrize(("name", "pod"), PODS, ids=[name for name, _ in PODS])
def test_a_pod_is_confined_and_has_what_it_mounts(name: str, pod: Any) -> None:
    deployment = next(each for each in DEPLOYMENTS if each["metadata"]["name"] == name)
    assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    for each in containers(pod):
        assert {mount["name"] for mount in each["volumeMounts"]} <= volumes
        confined = each["securityContext"]
        assert confined["readOnlyRootFilesystem"]
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert not confined["allowPrivilegeEscalation"]


def test_services_lead_to_pods_and_probes_to_what_answers() -> None:
    for each in KUBERNETES:
        if each["kind"] == "Service":
            labels = each["spec"]["selector"].items()
            assert any(labels <= pod["metadata"]["labels"].items() for _, pod in PODS)
    asked = {
        each[kind]["httpGet"]["path"]
        for _, pod in PODS
        for each in containers(pod)
        for kind in ("startupProbe", "livenessProbe", "readinessProbe")
        if kind in each
    }
    assert asked == {"/healthz", "/readyz"}
    assert asked <= set(re.findall(r'"(/\w+)"', Path(probes.__file__).read_text()))
