"""The words are those of AWS's own examples of access denied error messages."""

from __future__ import annotations

import pytest

from cloudsealed.collectors.aws.denials import Denier, denier_of

WHO = (
    "User: arn:aws:iam::777788889999:user/JohnDoe is not authorized to perform:"
    " codecommit:ListRepositories"
)


@pytest.mark.parametrize(
    ("words", "denier"),
    [
        ("with an explicit deny in a service control policy", Denier.SERVICE_CONTROL),
        (
            (
                "with an explicit deny in a service control policy: "
                "arn:aws:organizations::9:policy/o-1/p"
            ),
            Denier.SERVICE_CONTROL,
        ),
        (
            "because no service control policy allows the codecommit:ListRepositories action",
            Denier.SERVICE_CONTROL,
        ),
        ("with an explicit deny in a resource control policy", Denier.RESOURCE_CONTROL),
        (
            "because no VPC endpoint policy allows the codecommit:ListRepositories action",
            Denier.ENDPOINT,
        ),
        ("with an explicit deny in a VPC endpoint policy", Denier.ENDPOINT),
        (
            "because no permissions boundary allows the codecommit:ListRepositories action",
            Denier.BOUNDARY,
        ),
        ("with an explicit deny in a permissions boundary", Denier.BOUNDARY),
        ("because no session policy allows the codecommit:ListRepositories action", Denier.SESSION),
        ("with an explicit deny in a session policy.", Denier.SESSION),
        (
            "because no resource-based policy allows the secretsmanager:DescribeSecret action",
            Denier.RESOURCE,
        ),
        ("with an explicit deny in a resource-based policy", Denier.RESOURCE),
        ("with an explicit deny in an identity-based policy", Denier.IDENTITY),
        ("with an explicit deny in a policy of a new kind", Denier.OTHER),
        ("with an explicit deny", Denier.OTHER),
        ("because no identity-based policy allows the codecommit:ListRepositories action", None),
        ("on resource: role/with-an-explicit-deny-in-a-service-control-policy", None),
        (
            (
                "on resource: a queue with an explicit deny in a service control policy because no"
                " identity-based policy allows the sqs:ListQueues action"
            ),
            None,
        ),
        ("", None),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "{who} {words}",
        "You are not authorized to perform this operation. {who} {words}",
        "{who} {words}\nEncoded authorization failure message: abc",
    ],
)
def test_the_policy_that_denies_is_read_from_the_words(text, words, denier):
    assert denier_of(text.format(who=WHO, words=words)) is denier


def test_only_some_accounts_may_ask_about_their_organisation_whatever_they_are_permitted() -> None:
    assert denier_of("You don't have permissions to access this resource.") is Denier.OWNER
    assert denier_of(WHO + " organizations:ListAccounts on resource: *") is None


@pytest.mark.parametrize("message", [None, 7, ["with an explicit deny"], "x" * 100_000])
def test_what_is_no_text_of_a_refusal_names_nothing(message):
    assert denier_of(message) is None
