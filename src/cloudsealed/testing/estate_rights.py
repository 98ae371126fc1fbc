"""Rights in the sample estate that somebody should have looked at, with the whole truth of each."""

from __future__ import annotations

from typing import Any

from cloudsealed.testing.estate_foundation import policy, trust
from cloudsealed.testing.estate_site import Site, tags

_PARTNER = "444455556666"
_OLD = 400


def _allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


_WIDE = {
    "stops-trails": _allow("cloudtrail:StopLogging", "cloudtrail:DeleteTrail"),
    "decrypts-all": _allow("kms:Decrypt"),
    "buys-software": _allow("aws-marketplace:Subscribe"),
}
_NARROW = _allow(
    "cloudtrail:DescribeTrails", "kms:DescribeKey", "aws-marketplace:ViewSubscriptions"
)


def roles_of_partners(site: Site) -> None:
    """Make roles of another account: one that reads, one that administers, one that does little."""
    iam = site.client("iam")
    partner = {"AWS": site.arn("iam", "root", account=_PARTNER)}
    for name, managed, fails in (
        ("larkspur-partner-read", "ReadOnlyAccess", ("aws-iam-role-cross-account-read",)),
        (
            "larkspur-partner-admin",
            "AdministratorAccess",
            ("aws-iam-role-cross-account-admin", "aws-iam-role-admin"),
        ),
        ("larkspur-partner-audit", "SecurityAudit", ()),
    ):
        document = trust(partner, {"StringEquals": {"sts:ExternalId": "larkspur"}})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=tags(name))
        iam.attach_role_policy(RoleName=name, PolicyArn=site.managed(managed))
        site.truth("aws.iam.role", site.arn("iam", f"role/{name}", account=site.account), fails)


def roles_with_wide_rights(site: Site) -> None:
    """Make roles that may do one thing to everything, by a policy and inline; and an old one."""
    iam = site.client("iam")
    for name, statement in {**_WIDE, "looks-on": _NARROW}.items():
        made = iam.create_policy(PolicyName=f"larkspur-{name}", PolicyDocument=policy(statement))
        role = f"larkspur-{name}"
        service = trust(site.principal("ec2"))
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=service, Tags=tags(role))
        iam.attach_role_policy(RoleName=role, PolicyArn=made["Policy"]["Arn"])
        iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=policy(statement))
        wide = name in _WIDE
        ident = site.arn("iam", f"role/{role}", account=site.account)
        site.truth("aws.iam.role", ident, (f"aws-iam-inline-policy-{name}",) if wide else ())
        fails = (f"aws-iam-policy-{name}",) if wide else ()
        site.truth("aws.iam.policy", made["Policy"]["Arn"], fails)
    service = trust(site.principal("ec2"))
    iam.create_role(
        RoleName="larkspur-forgotten",
        AssumeRolePolicyDocument=service,
        Tags=tags("larkspur-forgotten"),
    )
    site.age("iam.role", "larkspur-forgotten", _OLD)
    ident = site.arn("iam", "role/larkspur-forgotten", account=site.account)
    site.truth("aws.iam.role", ident, ("aws-iam-role-unused",))


def policies_of_nobody(site: Site) -> None:
    """Make policies that nobody has: one that allows everything, one old, one new; and a group."""
    iam = site.client("iam")
    for name, action, old, fails in (
        ("larkspur-waiting", "*", False, ("aws-iam-policy-admin-unattached",)),
        ("larkspur-left-over", "s3:ListBucket", True, ("aws-iam-policy-unattached",)),
        ("larkspur-new", "s3:ListBucket", False, ()),
    ):
        document = policy(_allow(action))
        made = iam.create_policy(PolicyName=name, PolicyDocument=document, Tags=tags(name))
        if old:
            site.age("iam.policy", name, _OLD)
        site.truth("aws.iam.policy", made["Policy"]["Arn"], fails)
    iam.create_group(GroupName="larkspur-nobody")
    ident = site.arn("iam", "group/larkspur-nobody", account=site.account)
    site.truth("aws.iam.group", ident, ("aws-iam-group-empty",))


def second_factors(site: Site) -> None:
    """Make users with a second factor: one of an app, one of a device of its own."""
    iam = site.client("iam")
    group = "larkspur-signs-in"
    iam.create_group(GroupName=group)
    site.truth("aws.iam.group", site.arn("iam", f"group/{group}", account=site.account), ())
    for name in ("ravi.app", "hana.device"):
        iam.create_user(UserName=name, Tags=tags(name))
        iam.add_user_to_group(GroupName=group, UserName=name)
        iam.create_login_profile(UserName=name, Password="Not-a-real-password-2")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="ravi.app")["VirtualMFADevice"]
    for name, serial in (("ravi.app", device["SerialNumber"]), ("hana.device", "GAHT12345678")):
        iam.enable_mfa_device(
            UserName=name,
            SerialNumber=serial,
            AuthenticationCode1="123456",
            AuthenticationCode2="654321",
        )
    iam.create_access_key(UserName="ravi.app")
    for name, fails in (
        ("ravi.app", ("aws-iam-user-virtual-mfa-only", "aws-iam-user-initial-access-key")),
        ("hana.device", ()),
    ):
        site.truth("aws.iam.user", site.arn("iam", f"user/{name}", account=site.account), fails)
