"""What people call the accounts of an audit."""

from __future__ import annotations

from typing import Any

from tests.audits.kept import Kept, listing

from cloudsealed.audits.model import Target
from cloudsealed.audits.steps.aliases import with_aliases

OWN, MEMBER, OTHER = "111111111111", "222222222222", "333333333333"


def said(kind: str, account: str, **document: Any) -> Any:
    snapshot = {"native_id": f"arn:{account}", "document": {"AccountId": account, **document}}
    return listing(kind, account, "global", [snapshot])


def called(*lists: Any) -> dict[str | None, str | None]:
    targets = [Target("con_a", each, "aws", ()) for each in (OWN, MEMBER, OTHER)]
    return {each.account: each.alias for each in with_aliases(targets, Kept(lists))}


def test_the_organisation_names_its_accounts_and_an_alias_counts_more() -> None:
    names = [{"Id": OWN, "Name": "Root"}, {"Id": MEMBER, "Name": "Payments"}]
    lists = (
        said("aws.iam.account", OWN, Aliases=["acme"]),
        said("aws.iam.account", MEMBER, Aliases=[]),
        said("aws.account", OWN, OrganizationAccounts=names),
        said("aws.account", MEMBER),
    )
    assert called(*lists) == {OWN: "acme", MEMBER: "Payments", OTHER: None}
    assert called(*reversed(lists)) == called(*lists)


def test_where_nothing_was_read_an_account_has_no_name() -> None:
    lists = (said("aws.account", OWN), said("aws.iam.account", OWN))
    assert called(*lists) == dict.fromkeys((OWN, MEMBER, OTHER))
