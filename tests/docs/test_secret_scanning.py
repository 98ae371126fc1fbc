"""The published rules of secret scanners match every secret of ours, and nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudsealed.auth import credential, sessions, users
from cloudsealed.auth.oauth import device, model

DOCS = Path(__file__).parents[2] / "docs"
SECRETS = (
    credential.PREFIX,
    model.ACCESS,
    model.REFRESH,
    model.CODE,
    model.SECRET,
    sessions.PREFIX,
    users.INVITATION,
    device.DEVICE,
)


def gitleaks() -> dict[str, Any]:
    (rule,) = tomllib.loads((DOCS / "secret-scanning/gitleaks.toml").read_text())["rules"]
    return {"regex": rule["regex"], "keywords": rule["keywords"]}


def trufflehog() -> dict[str, Any]:
    text = (DOCS / "secret-scanning/trufflehog.yaml").read_text()
    (detector,) = yaml.safe_load(text)["detectors"]
    return {"regex": detector["regex"]["secret"], "keywords": detector["keywords"]}


@pytest.fixture(params=[gitleaks, trufflehog])
def rule(request: Any) -> dict[str, Any]:
    found: dict[str, Any] = request.param()
    return found


def test_every_kind_of_secret_is_found_in_a_text(rule: dict[str, Any]) -> None:
    for prefix in SECRETS:
        secret = credential.mint(prefix)
        found = re.findall(rule["regex"], f'TOKEN="{secret}" # and more')
        assert found == [secret]
    assert set(rule["keywords"]) == set(SECRETS)


def test_what_is_no_secret_is_not_found(rule: dict[str, Any]) -> None:
    secret = credential.mint()
    for text in (secret[:-1], f"{secret}x", f"x{secret}", credential.mint(model.CLIENT)):
        assert re.findall(rule["regex"], text) == []


def test_every_prefix_in_the_code_is_published() -> None:
    source = Path(credential.__file__).parents[1]
    named = {
        found
        for file in source.rglob("*.py")
        for found in re.findall(r"\"(cs[a-z]{2,3}_)\"", file.read_text())
    }
    assert named == {*SECRETS, model.CLIENT}
    published = re.findall(r"^\| `(\w+)`", (DOCS / "secret-scanning.md").read_text(), re.MULTILINE)
    assert set(published) == set(SECRETS)
