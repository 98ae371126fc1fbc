"""What people call a resource, and that titles of findings say it."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.resources.naming import called, owner_of, titled


def resource(native_id: str, name: str | None = None) -> dict[str, Any]:
    return {"native_id": native_id, "name": name, "account": "123456789012", "region": "eu-west-1"}


TOPIC = "arn:aws:sns:eu-west-1:123456789012:news"


@pytest.mark.parametrize(
    ("native_id", "name", "said"),
    [
        ("arn:aws:s3:::logs", "logs", "logs"),
        (TOPIC, None, "news"),
        (TOPIC, TOPIC, "news"),
        (TOPIC, "Daily news", "Daily news"),
        ("arn:aws:iam::123456789012:root", None, "123456789012"),
        ("arn:aws:iam::123456789012:account", "acme", "acme"),
        ("arn:aws:s3:::account/123456789012", None, "123456789012"),
        ("arn:aws:ec2:eu-west-1:123456789012:region-settings", None, "eu-west-1"),
        ("arn:aws:iam::123456789012:user/team/ada", None, "ada"),
        ("arn:aws:rds:eu-west-1:123456789012:snapshot:rds:db-2026", None, "rds:db-2026"),
        ("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3", "", "web:3"),
        ("//storage.googleapis.com/logs", None, "//storage.googleapis.com/logs"),
        ("arn:odd", None, "arn:odd"),
    ],
)
def test_a_resource_is_called_by_its_name_or_the_least_of_its_id(
    native_id: str, name: str | None, said: str
) -> None:
    assert called(resource(native_id, name)) == said


def test_a_title_says_what_a_resource_is_called() -> None:
    assert titled(f"Topic is open: {TOPIC}", resource(TOPIC)) == "Topic is open: news"
    assert titled("Topic news is open", resource(TOPIC)) == "Topic news is open"
    named = resource(TOPIC, r"a\1b")
    assert titled(f"{TOPIC} is open", named) == r"a\1b is open"


def test_a_title_keeps_a_longer_id_that_begins_alike() -> None:
    assert titled(f"Topic {TOPIC}-old is open", resource(TOPIC)) == f"Topic {TOPIC}-old is open"


def test_a_name_that_is_no_arn_is_left_in_a_title() -> None:
    assert titled("Bucket logs", resource("logs", "other")) == "Bucket logs"


KEYS = ("owner", "team", "service-owner")


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        ({"owner": "web"}, "web"),
        ({"Owner": " web "}, "web"),
        ({"TEAM": "data", "service-owner": "ann"}, "data"),
        ({"team": "data", "owner": "web"}, "web"),
        ({"owner": "  ", "team": "data"}, "data"),
        ({"OWNER": "first", "owner": "second"}, "first"),
        ({"OWNER": "", "owner": "second"}, "second"),
        ({"owner": ""}, None),
        ({"ownership": "web"}, None),
        ({}, None),
    ],
)
def test_an_owner_is_the_first_tag_of_the_list_that_names_one(tags: Any, owner: str | None) -> None:
    assert owner_of(tags, KEYS) == owner
