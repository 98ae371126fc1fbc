"""IAM: the account's own settings, users, roles, groups, its policies and those of AWS in use.

No secret of IAM is ever part of an answer: access keys are named by their ids alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import credential_report, json_text
from cloudsealed.collectors.model import Enrich, Relation, Row, Together

_NONE = frozenset({"NoSuchEntity", "NoSuchEntityException"})
_OUTSIDE = frozenset({"AWSOrganizationsNotInUseException"})
_MANAGES = "Organization.MasterAccountId == AccountId"
"""Whether the account is the one that manages its organisation: AWS answers it alone, and those to
whom it gave that away."""


def _of(
    key: str,
    operation: str,
    fills: Mapping[str, str],
    each: str | None = None,
    decided_by: str | None = None,
) -> Enrich:
    """A call about one of IAM's entities. Its one code says that the entity is gone, or, where
    `decided_by` is asked whether it is, that it has no such thing."""
    params = {key: key} | ({"PolicyName": "each"} if each else {})
    absent, gone = (_NONE, frozenset[str]()) if decided_by else (frozenset[str](), _NONE)
    return Enrich(
        operation=operation,
        params=params,
        fills=fills,
        each=each,
        absent=absent,
        gone=gone,
        decided_by=decided_by,
    )


# At most 200 a page: five versions of a policy have up to 30,720 characters, percent-encoded up to
# three times as many bytes (IAM quotas), and an answer has at most 16 MiB.
_DETAILS = {"Filter": ["User", "Role", "Group", "LocalManagedPolicy"], "MaxItems": 200}


def _details(
    items: str, fills: Mapping[str, str], joins: Mapping[str, tuple[str, str, str]] | None = None
) -> Together:
    """What one list says of users, roles, groups and policies; a page has some of each.

    It has neither access keys, MFA devices and login profiles of users, nor the tags of policies.
    """
    return Together(
        service="iam",
        operation="GetAccountAuthorizationDetails",
        constants=_DETAILS,
        items=items,
        key="Arn",
        of="Arn",
        fills=fills,
        joins=joins or {},
    )


def _policies(entity: str) -> dict[str, str]:
    return {
        "AttachedPolicies": "AttachedManagedPolicies || `[]`",
        "InlinePolicyNames": f"({entity}PolicyList || `[]`)[].PolicyName",
        "InlinePolicies": f"{entity}PolicyList || `[]`",
    }


_INLINE = {"InlinePolicies": "{PolicyName: PolicyName, PolicyDocument: PolicyDocument}"}
_INLINE_TEXT = {"InlinePolicies[].PolicyDocument": json_text}
_GROUP = "{Path: Path, GroupName: GroupName, GroupId: GroupId, Arn: Arn, CreateDate: CreateDate}"
_BOUNDARY = {"PermissionsBoundary": "PermissionsBoundary"}
_ATTACHED = Relation("policies", "AttachedPolicies[].PolicyArn", "aws.iam.policy", "Arn")

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.account",
        service="organizations",
        operation=None,
        scope="global",
        native_id="arn:{partition}:iam::{account}:root",
        tags=None,
        names_accounts="OrganizationAccounts",
        enrich=(  # answered to the management account and to delegated administrators alone
            Enrich(
                operation="ListAccounts",
                fills={"OrganizationAccounts": "Accounts[].{Id: Id, Name: Name}"},
                absent=frozenset({"AWSOrganizationsNotInUseException"}),
                secret_paths=("Accounts[].Email",),
            ),
            Enrich(
                operation="DescribeOrganization",
                fills={"Organization": "Organization"},
                absent=_OUTSIDE,
                secret_paths=("Organization.MasterAccountEmail",),
            ),
            Enrich(operation="ListRoots", when=_MANAGES, fills={"Roots": "Roots"}, absent=_OUTSIDE),
            *(
                Enrich(
                    operation="ListPolicies",
                    constants={"Filter": kind},
                    when=_MANAGES,
                    fills={name: "Policies[?!AwsManaged]"},
                    absent=_OUTSIDE,
                )
                for kind, name in (
                    ("SERVICE_CONTROL_POLICY", "ServiceControlPolicies"),
                    ("AISERVICES_OPT_OUT_POLICY", "AiOptOutPolicies"),
                    ("TAG_POLICY", "TagPolicies"),
                )
            ),
            *(
                Enrich(
                    operation="ListTargetsForPolicy",
                    params={"PolicyId": "each"},
                    each=f"{kind}Policies[].Id",
                    fills={f"{kind}Targets": "Targets"},
                    absent=_OUTSIDE | frozenset({"PolicyNotFoundException"}),
                )
                for kind in ("ServiceControl", "AiOptOut", "Tag")
            ),
        ),
    ),
    Row(
        type="aws.iam.account",
        service="iam",
        operation=None,
        scope="global",
        native_id="arn:{partition}:iam::{account}:account",
        name="Aliases[0]",
        names_accounts="[{Id: AccountId, Name: Aliases[0]}]",
        tags=None,
        enrich=(
            Enrich(operation="GetAccountSummary", fills={"Summary": "SummaryMap"}),
            Enrich(
                operation="GetAccountPasswordPolicy",
                fills={"PasswordPolicy": "PasswordPolicy"},
                absent=_NONE,
            ),
            Enrich(operation="GenerateCredentialReport", fills={"CredentialReportState": "State"}),
            Enrich(
                operation="GetCredentialReport",
                when="CredentialReportState",
                fills={"CredentialReport": "Content", "CredentialReportTime": "GeneratedTime"},
                awaits=frozenset({"ReportNotPresent", "ReportInProgress", "ReportExpired"}),
            ),
            Enrich(
                operation="ListVirtualMFADevices",
                fills={"VirtualMFADevices": "VirtualMFADevices"},
                secret_paths=(
                    "VirtualMFADevices[].Base32StringSeed",
                    "VirtualMFADevices[].QRCodePNG",
                ),
            ),
            Enrich(operation="ListAccountAliases", fills={"Aliases": "AccountAliases"}),
            Enrich(
                operation="ListOrganizationsFeatures",
                fills={"OrganizationFeatures": "EnabledFeatures"},
                absent=frozenset(
                    {
                        "AccountNotManagementOrDelegatedAdministratorException",
                        "OrganizationNotFoundException",
                        "OrganizationNotInAllFeaturesModeException",
                        "ServiceAccessNotEnabledException",
                    }
                ),
            ),
        ),
        decode={"CredentialReport": credential_report},
    ),
    Row(
        type="aws.iam.user",
        service="iam",
        operation="ListUsers",
        scope="global",
        constants={"MaxItems": 1000},
        items="Users",
        native_id="{Arn}",
        name="UserName",
        created="CreateDate",
        enrich=(
            _of(
                "UserName",
                "ListAccessKeys",
                {
                    "AccessKeys": "AccessKeyMetadata[].{AccessKeyId: AccessKeyId, Status: Status,"
                    " CreateDate: CreateDate}"
                },
            ),
            _of("UserName", "ListMFADevices", {"MFADevices": "MFADevices"}),
            _of("UserName", "ListAttachedUserPolicies", {"AttachedPolicies": "AttachedPolicies"}),
            _of("UserName", "ListUserPolicies", {"InlinePolicyNames": "PolicyNames"}),
            _of("UserName", "GetUserPolicy", _INLINE, "InlinePolicyNames", "ListUserTags"),
            _of(
                "UserName",
                "GetLoginProfile",
                {"LoginProfile": "LoginProfile"},
                decided_by="ListMFADevices",
            ),
            _of("UserName", "ListGroupsForUser", {"Groups": "Groups"}),
            Enrich(
                operation="ListAttachedGroupPolicies",
                params={"GroupName": "each"},
                fills={"GroupPolicies": "AttachedPolicies"},
                each="Groups[].GroupName",
                absent=_NONE,
                decided_by="ListUserTags",
            ),
            _of("UserName", "ListUserTags", {"Tags": "Tags"}),
            _of("UserName", "GetUser", {"PermissionsBoundary": "User.PermissionsBoundary"}),
        ),
        together=(
            _details(
                "UserDetailList",
                {
                    **(_policies("User") | _BOUNDARY),
                    "Groups": "GroupList || `[]`",
                    "GroupPolicies": "GroupList || `[]`",
                    "Tags": "Tags || `[]`",
                },
                {
                    "Groups": ("GroupDetailList", "GroupName", _GROUP),
                    "GroupPolicies": (
                        "GroupDetailList",
                        "GroupName",
                        "AttachedManagedPolicies || `[]`",
                    ),
                },
            ),
        ),
        decode=_INLINE_TEXT,
        relations=(_ATTACHED, Relation("groups", "Groups[].Arn", "aws.iam.group", "Arn")),
    ),
    Row(
        type="aws.iam.role",
        service="iam",
        operation="ListRoles",
        scope="global",
        constants={"MaxItems": 1000},
        items="Roles",
        native_id="{Arn}",
        name="RoleName",
        created="CreateDate",
        enrich=(
            _of("RoleName", "ListAttachedRolePolicies", {"AttachedPolicies": "AttachedPolicies"}),
            _of("RoleName", "ListRolePolicies", {"InlinePolicyNames": "PolicyNames"}),
            _of("RoleName", "GetRolePolicy", _INLINE, "InlinePolicyNames", "GetRole"),
            _of(
                "RoleName",
                "GetRole",
                {
                    "RoleLastUsed": "Role.RoleLastUsed",
                    "Tags": "Role.Tags",
                    "PermissionsBoundary": "Role.PermissionsBoundary",
                },
            ),
        ),
        together=(
            _details(
                "RoleDetailList",
                {
                    **(_policies("Role") | _BOUNDARY),
                    "RoleLastUsed": "RoleLastUsed",
                    "Tags": "Tags || `[]`",
                },
            ),
        ),
        decode={"AssumeRolePolicyDocument": json_text, **_INLINE_TEXT},
        relations=(_ATTACHED,),
    ),
    Row(
        type="aws.iam.group",
        service="iam",
        operation="ListGroups",
        scope="global",
        constants={"MaxItems": 1000},
        items="Groups",
        native_id="{Arn}",
        name="GroupName",
        tags=None,
        created="CreateDate",
        enrich=(
            _of("GroupName", "ListAttachedGroupPolicies", {"AttachedPolicies": "AttachedPolicies"}),
            _of("GroupName", "ListGroupPolicies", {"InlinePolicyNames": "PolicyNames"}),
            _of(
                "GroupName",
                "GetGroupPolicy",
                _INLINE,
                "InlinePolicyNames",
                "ListAttachedGroupPolicies",
            ),
        ),
        together=(_details("GroupDetailList", _policies("Group")),),
        decode=_INLINE_TEXT,
        relations=(_ATTACHED,),
    ),
    Row(
        type="aws.iam.policy",
        service="iam",
        operation="ListPolicies",
        scope="global",
        constants={"Scope": "Local", "MaxItems": 1000},
        items="Policies",
        native_id="{Arn}",
        name="PolicyName",
        created="CreateDate",
        enrich=(
            Enrich(
                operation="GetPolicyVersion",
                params={"PolicyArn": "Arn", "VersionId": "DefaultVersionId"},
                fills={"PolicyDocument": "PolicyVersion.Document"},
            ),
            Enrich(
                operation="ListPolicyTags",
                params={"PolicyArn": "Arn"},
                fills={"Tags": "Tags"},
                gone=_NONE,
            ),
        ),
        together=(
            _details(
                "Policies",
                {"PolicyDocument": "PolicyVersionList[?IsDefaultVersion].Document | [0]"},
            ),
            tags("iam:policy", "Arn"),
        ),
        decode={"PolicyDocument": json_text},
    ),
    Row(
        type="aws.iam.managed_policy",
        service="iam",
        operation="ListPolicies",
        scope="global",
        constants={"Scope": "AWS", "OnlyAttached": True, "MaxItems": 1000},
        items="Policies",
        native_id="{Arn}",
        name="PolicyName",
        tags=None,
        created="CreateDate",
        enrich=(
            Enrich(
                operation="GetPolicyVersion",
                params={"PolicyArn": "Arn", "VersionId": "DefaultVersionId"},
                fills={"PolicyDocument": "PolicyVersion.Document"},
            ),
        ),
        decode={"PolicyDocument": json_text},
    ),
    Row(
        type="aws.iam.server_certificate",
        service="iam",
        operation="ListServerCertificates",
        scope="global",
        constants={"MaxItems": 1000},
        items="ServerCertificateMetadataList",
        native_id="{Arn}",
        name="ServerCertificateName",
        tags=None,
        created="UploadDate",
    ),
    Row(
        type="aws.iam.saml_provider",
        service="iam",
        operation="ListSAMLProviders",
        scope="global",
        items="SAMLProviderList",
        native_id="{Arn}",
        name="last_segment(Arn)",
        tags=None,
        created="CreateDate",
    ),
)
