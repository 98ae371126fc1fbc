from __future__ import annotations

import base64
import gzip
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.collectors.redaction import redact
from cloudsealed.collectors.registry import RESOURCE_TYPES

KEY = b"key of one tenant"
VARIABLES = ("Environment.Variables",)
PATHS = sorted(
    {
        path
        for row in RESOURCE_TYPES.values()
        for paths in (row.secret_paths, *(call.secret_paths for call in row.enrich))
        for path in paths
    }
)


def mark(value, name="SETTING", key=KEY):
    document = {"Environment": {"Variables": {name: value}}}
    return redact(document, VARIABLES, key)["Environment"]["Variables"][name]


def planted(path, leaf):
    """A document that has `leaf` at `path`."""
    head, _, rest = re.sub(r"\[\?.*?\](?=\.|$)", "[]", path).partition(".")
    below = planted(rest, leaf) if rest else leaf
    return {head.removesuffix("[]"): [below, below] if head.endswith("[]") else below}


canaries = st.text(min_size=4).map(lambda text: f"canary\u2603{text}")
leaves = st.one_of(
    canaries,
    st.lists(canaries, min_size=1),
    st.dictionaries(st.text(st.characters(codec="ascii")), canaries, min_size=1),
    canaries.map(lambda text: [{"name": "x", "value": {"deep": [text, 7, True, None]}}]),
)


@given(leaf=leaves, first=st.integers(min_value=0))
def test_no_canary_survives_at_any_secret_path_of_any_row(leaf, first):
    for path in (PATHS[(first + step) % len(PATHS)] for step in range(0, len(PATHS), 7)):
        kept = json.dumps(redact(planted(path, leaf), [path], KEY), ensure_ascii=False)
        assert "\u2603" not in kept
        assert '"redacted": true' in kept


def test_the_rows_name_the_places_where_secrets_are_kept():
    assert {
        "Functions[].Environment.Variables",
        "UserData.Value",
        "Stacks[].Parameters[].ParameterValue",
        "taskDefinition.containerDefinitions[].environment[].value",
    } <= set(PATHS)


def test_a_redacted_value_says_its_length_a_digest_and_what_it_looks_like():
    found = mark("hunter2")
    assert set(found) == {"redacted", "length", "digest", "looks_like", "detector"}
    assert found["redacted"] is True
    assert found["length"] == 7
    assert found["looks_like"] == []
    assert len(found["digest"]) == 64


def test_equal_secrets_have_one_digest_in_a_tenant_and_another_elsewhere():
    assert mark("hunter2")["digest"] == mark("hunter2", "OTHER")["digest"]
    assert mark("hunter2")["digest"] != mark("hunter3")["digest"]
    assert mark("hunter2")["digest"] != mark("hunter2", key=b"another")["digest"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("AKIA" + "Q7" * 8, "aws_access_key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII", "private_key"),
        ("-----BEGIN PRIVATE KEY-----\nMII", "private_key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2lnbmF0dXJl", "jwt"),
        ("ghp_" + "a1" * 18, "github_token"),
        ("xoxb-123456789012-abc", "slack_token"),
        ("AIza" + "b2" * 17 + "c", "google_api_key"),
        ("sk_test_" + "c3" * 10, "stripe_key"),
        ("postgresql://app:s3cret@db.internal/app", "url_with_credentials"),
        ("export DB_PASSWORD=hunter22", "password_assignment"),
    ],
)
def test_known_forms_are_recognised_also_in_base64_and_gzip(value, kind):
    assert kind in mark(value)["looks_like"]
    script = f"#!/bin/sh\n{value}\n".encode()
    assert kind in mark(base64.b64encode(script).decode())["looks_like"]
    assert kind in mark(base64.b64encode(gzip.compress(script)).decode())["looks_like"]


@pytest.mark.parametrize(
    "value",
    ["eu-west-1", "https://api.example.com/v1", "production", "", "1234567890" * 3, "a" * 40],
)
def test_ordinary_settings_look_like_no_secret(value):
    assert mark(value)["looks_like"] == []


def test_harmless_user_data_is_no_secret_for_being_base64():
    script = base64.b64encode(b"#!/bin/bash\nyum update -y\nyum install -y httpd\n").decode()
    assert mark(script)["looks_like"] == []


def test_a_name_that_speaks_of_a_secret_is_seen_in_maps_and_in_lists_of_pairs():
    assert mark("hunter2", "DB_PASSWORD")["looks_like"] == ["secret_name"]
    document = {
        "environment": [
            {"name": "API_KEY", "value": "q7R2xT9vLm4K"},
            {"name": "MODE", "value": "y"},
        ]
    }
    first, second = redact(document, ("environment[].value",), KEY)["environment"]
    assert (first["name"], first["value"]["looks_like"]) == ("API_KEY", ["secret_name"])
    assert second["value"]["looks_like"] == []


def test_values_beside_a_secret_path_stay_as_they_are():
    document = {"Functions": [{"Name": "f", "Environment": {"Variables": {"A": "b"}}}]}
    kept = redact(document, ("Functions[].Environment.Variables",), KEY)
    assert kept["Functions"][0]["Name"] == "f"
    assert document["Functions"][0]["Environment"]["Variables"] == {"A": "b"}


def test_a_bomb_of_compressed_user_data_is_looked_at_only_in_part():
    bomb = base64.b64encode(gzip.compress(b"0" * 50_000_000)).decode()
    assert mark(bomb)["looks_like"] == []


def test_what_is_called_a_secret_is_hidden_wherever_it_stands_and_nothing_else_is() -> None:
    token = "ghp_" + "a1" * 18
    document = {
        "Tags": [{"Key": "db_password", "Value": "tulip-19-x"}, {"Key": "owner", "Value": "ann"}],
        "Description": f"deploys with {token}",
        "Id": "i-0a1b2c3d4e5f60718",
        "ClientSecretName": "tulip-19-x",
        "NextToken": f"at {token}",
    }
    found = redact(document, [], KEY, kept={"NextToken"})
    assert found == document | {
        "Tags": [
            {"Key": "db_password", "Value": "[redacted: secret_name]"},
            {"Key": "owner", "Value": "ann"},
        ],
        "Description": "[redacted: github_token]",
    }
