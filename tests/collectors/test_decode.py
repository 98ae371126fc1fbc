from __future__ import annotations

import base64

import pytest

from cloudsealed.collectors.decode import credential_report, json_text

REPORT = (
    "user,arn,password_enabled,password_last_used,mfa_active,access_key_1_active\n"
    "<root_account>,arn:aws:iam::1:root,not_supported,no_information,true,false\n"
    "true,arn:aws:iam::1:user/true,false,2026-01-02T03:04:05+00:00,false,N/A\n"
)


def test_a_policy_is_parsed_also_when_it_is_percent_encoded():
    assert json_text('{"Version": "2012-10-17"}') == {"Version": "2012-10-17"}
    assert json_text("%7B%22a%22%3A%20%22%2B%22%7D") == {"a": "+"}


@pytest.mark.parametrize("text", ["", "{", "%7B", "[" * 100_000, None, {"a": 1}])
def test_what_is_no_json_text_stays_as_it_is(text):
    assert json_text(text) == text


def test_a_credential_report_has_truth_values_and_nulls():
    root, user = credential_report(base64.b64encode(REPORT.encode()).decode())
    assert root["user"] == "<root_account>"
    assert root["password_enabled"] is None
    assert root["password_last_used"] is None
    assert root["mfa_active"] is True
    assert user["user"] == "true"
    assert user["access_key_1_active"] is None
    assert user["password_last_used"] == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize("value", ["not base64!", "/w==", None])
def test_a_report_that_cannot_be_read_stays_as_it_is(value):
    assert credential_report(value) == value


def test_json_text_as_it_stands_in_a_string_of_json_becomes_data():
    policy = r"{\"Statement\":[{\"Effect\":\"Allow\",\"Resource\":\"execute-api:\/*\"}]}"
    assert json_text(policy) == {"Statement": [{"Effect": "Allow", "Resource": "execute-api:/*"}]}
    assert json_text(r"{\"a\"") == r"{\"a\""
