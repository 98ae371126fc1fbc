"""The shapes of findings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Count,
    EventId,
    Few,
    FindingId,
    Key,
    Many,
    Money,
    PolicyId,
    ResourceId,
    Shape,
    Text,
    Time,
    UserId,
    Word,
    optional,
)
from cloudsealed.packs.model import Effort
from cloudsealed.vocabulary import (
    FIRST_PROVIDER,
    Dimension,
    FindingStatus,
    Outcome,
    Provider,
    Resolution,
    Severity,
    TriageState,
)


class PolicyReference(Shape):
    """The version of a policy that a finding fails."""

    id: PolicyId = Field(description="The policy's id.")
    key: Key = Field(
        description="The policy's key, the same in every installation if it is built in.",
        examples=["aws-ec2-sg-ssh-open"],
    )
    version: Count = Field(
        description="The version that judged; it grows when the policy's meaning changes.",
        examples=[3],
    )


class ClassifiedBy(Shape):
    """The classification that changed a finding's severity or suppressed it."""

    key: Key = Field(description="The classification's key.", examples=["prod-is-critical"])
    version: Count = Field(description="Its version that classified.", examples=[2])


class ResourceReference(Shape):
    """The resource that a finding is about."""

    id: ResourceId = Field(description="Its id: `GET /v1/resources/{id}` has all of it.")
    type: Word = Field(
        description="Its type: provider, service and kind.", examples=["aws.ec2.security_group"]
    )
    native_id: Word = Field(
        description="The provider's own id, at AWS the ARN.",
        examples=["arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0ab1"],
    )
    name: Word | None = Field(description="Its name, null if it has none.", examples=["web"])
    provider: Provider = Field(description="The cloud that it is in.")
    account: Word = Field(description="The account that has it.", examples=["123456789012"])
    region: Word = Field(
        description="The region that it was listed in; `global` of a service without regions.",
        examples=["eu-west-1"],
    )


class PricedQuantity(Shape):
    """A price, and how much of what it is of counts."""

    name: Word = Field(description="What has the price.", examples=["ebs.storage.gp2"])
    quantity: Word = Field(
        description="How many units a month, as decimal text; below zero what the cure costs.",
        examples=["100"],
    )
    unit: Word = Field(description="What is counted.", examples=["GiB-month"])
    unit_price: Word = Field(
        description="The price of one unit, as decimal text.", examples=["0.1"]
    )
    region: Word = Field(description="The region that has this price.", examples=["us-east-1"])
    sku: Word | None = Field(
        description="The vendor's id of the price; null where it is of a table of many.",
        examples=["HY3BZPP2B6K8MSJF"],
    )
    source: Word = Field(
        description="Where the price stands.", examples=["AWS price list, AmazonEC2 20261012193925"]
    )
    as_of: Word = Field(description="The day on which it stood there.", examples=["2026-10-13"])


class Savings(Money):
    """What a cure saves a month, with every number that it comes from."""

    formula: Text = Field(
        description="How the amount is reckoned.",
        examples=["100 GiB-month x 0.1 USD - 100 GiB-month x 0.08 USD"],
    )
    price_basis: Literal["billed", "live_list", "bundled_list", "provider"] = Field(
        description="Whose prices they are: the customer's bill, the vendor's list at the time of"
        " the audit, the list that ships with the product, or the provider's own reckoning.",
        examples=["bundled_list"],
    )
    confidence: Literal["high", "medium", "low"] = Field(
        description="How sure the amount is: list prices leave out discounts.", examples=["medium"]
    )
    prices: Few[PricedQuantity] = Field(description="The prices, and how much of each counts.")


class EvidenceItem(Shape):
    """One value of the resource that the verdict rests on."""

    path: Text = Field(
        description="Where the value stands in the resource's document.",
        examples=["IpPermissions[0].IpRanges[0].CidrIp"],
    )
    value: Any = Field(
        description="The value as the provider told it, any JSON; secrets are redacted.",
        examples=["0.0.0.0/0"],
    )


class Remediation(Shape):
    """How to cure a finding: in commands and Terraform of one finding stand its resource's own
    names, in a list of findings and in a policy `<PLACEHOLDER>`s."""

    summary: Text = Field(
        description="What to do, in a sentence or two.",
        examples=["Let only known addresses reach port 22"],
    )
    caution: Text | None = Field(
        description="What it deletes, cuts off or writes over; null where nothing is said.",
        examples=["Whoever comes in by this rule is cut off at once."],
    )
    first: Text | None = Field(
        description="Commands to run before: they look, or keep what would be lost.",
        examples=["aws ec2 describe-security-group-rules --filters Name=group-id,Values=<GROUP>"],
    )
    cli: Text | None = Field(
        description="Commands that do it, one a line; what nobody but you knows is a"
        " `<PLACEHOLDER>`.",
        examples=["aws ec2 revoke-security-group-ingress --group-id <GROUP> --ip-permissions …"],
    )
    terraform: Text | None = Field(
        description="The same as HCL.", examples=['cidr_blocks = ["10.0.0.0/8"]']
    )
    effort: Effort | None = Field(
        description="How much work it is; null where the policy does not say.", examples=["low"]
    )


class ConsoleLinks(Shape):
    """Where the provider's own console shows a resource, to who is logged in to its account."""

    resource: Text | None = Field(
        description="The resource's page; null where it is not known for certain.",
        examples=[
            "https://console.aws.amazon.com/ec2/home?region=eu-west-1#SecurityGroup:groupId=sg-0ab1"
        ],
    )
    shell: Text | None = Field(
        description="The shell in its region that runs the commands of the remediation; null where"
        " there is none.",
        examples=["https://eu-west-1.console.aws.amazon.com/cloudshell/home?region=eu-west-1"],
    )


class ControlReference(Shape):
    """A control of a framework."""

    framework: Word = Field(description="The framework's key.", examples=["cis-aws-5.0"])
    control: Word = Field(description="The control's id in it.", examples=["5.3"])


class Triage(Shape):
    """What people decided; it never changes the status."""

    state: TriageState = Field(description="What was decided.", examples=["accepted_risk"])
    assignee: Word | None = Field(
        description="Who looks after it, as free text.", examples=["ann@example.com"]
    )
    note: Word | None = Field(description="Why it was decided so.", examples=["Bastion host"])
    expires_at: Time | None = Field(
        description="When the decision ends; null: it stays.", examples=["2026-06-30T00:00:00.000Z"]
    )
    updated_at: Time = Field(description="When it was decided.")
    updated_by: UserId = Field(description="The user who decided, or whose token did.")


class Finding(Shape):
    """One policy failing on one resource, followed over time."""

    id: FindingId = Field(description="The finding's id; it stays the same over all audits.")
    object: Literal["finding"] = Field(description="Always `finding`.")
    status: FindingStatus = Field(
        description="Where it stands: `open` counts, `resolved` is over, `suppressed` counts no"
        " more by a classification or since another finding says it.",
        examples=["open"],
    )
    severity: Severity = Field(
        description="How much it matters, after classifications.", examples=["critical"]
    )
    base_severity: Severity = Field(
        description="How much it mattered before classifications.", examples=["high"]
    )
    classified_by: ClassifiedBy | None = Field(
        description="The classification that counts; null where none matches."
    )
    dimension: Dimension = Field(
        description="Which of the four ways of looking found it.", examples=["security"]
    )
    title: Text = Field(
        description="What is wrong, with the resource's name.",
        examples=["Security group sg-0ab1 lets the internet reach SSH"],
    )
    description: Text | None = Field(
        description="Why it matters, in the policy's words.",
        examples=["Whoever finds a password or a key can log in from anywhere."],
    )
    policy: PolicyReference = Field(description="The policy that it fails.")
    resource: ResourceReference = Field(description="The resource that fails.")
    evidence: Many[EvidenceItem] = Field(description="The values that the verdict rests on.")
    remediation: Remediation | None = Field(
        description="How it is cured; null where the policy does not say."
    )
    controls: Few[ControlReference] = Field(
        description="The controls of frameworks that it counts against."
    )
    console: ConsoleLinks | None = Field(
        description="The resource in the provider's own console; null in lists, or if not known."
    )
    monthly_savings: Savings | None = Field(
        description="What a cure saves a month; null where that is nothing or not known."
    )
    monthly_savings_unknown: Text = optional(
        "No list price of elb.application in eu-west-1 is known",
        "Why it is not known what a cure saves; left out where it is, and where nobody says.",
    )
    triage: Triage | None = Field(
        description="What people decided about it; null while nobody did."
    )
    resolution: Resolution | None = Field(
        description="Why it is resolved; null while it is not.", examples=["fixed"]
    )
    last_observation: Outcome = Field(
        description="What the newest audit said; `unknown` if it could not read what it needed.",
        examples=["fail"],
    )
    audit_id: AuditId = Field(description="The audit that decided its state last.")
    first_seen_at: Time = Field(description="When an audit first found it.")
    last_seen_at: Time = Field(description="When an audit last saw it fail.")
    resolved_at: Time | None = Field(
        description="When it was resolved; null while it is not.",
        examples=["2026-02-07T09:30:00.000Z"],
    )
    yields_to: FindingId | None = Field(
        description="The finding of a more general policy that fails on the same resource and asks"
        " for attention in the place of this one, which is suppressed meanwhile."
    )


class BulkResult(Shape):
    """What became of one id."""

    id: Word = Field(description="The id.", examples=["fnd_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    result: Literal["updated", "not_found"] = Field(
        description="Whether there is such a finding.", examples=["updated"]
    )


class FindingBulk(Shape):
    """What became of the ids of a bulk, in its order."""

    object: Literal["finding_bulk"] = Field(description="Always `finding_bulk`.")
    updated: Count = Field(description="How many were changed.", examples=[1])
    not_found: Count = Field(description="How many there are not.", examples=[0])
    results: Many[BulkResult] = Field(description="What became of each.")


class Episode(Shape):
    """A span of audits in which a finding had one outcome and severity."""

    object: Literal["episode"] = Field(description="Always `episode`.")
    sequence: Count = Field(
        description="Its place among the finding's episodes, from 1.", examples=[1]
    )
    outcome: Outcome = Field(description="What the audits of the span said.", examples=["fail"])
    severity: Severity = Field(description="The severity in that span.", examples=["high"])
    first_audit_id: AuditId = Field(description="The span's first audit.")
    last_audit_id: AuditId = Field(description="The span's last audit so far.")
    first_at: Time = Field(description="When the span began.")
    last_at: Time = Field(description="When it was last so.", examples=["2026-02-07T09:30:00.000Z"])


class Decision(Shape):
    """One decision of people about a finding."""

    object: Literal["decision"] = Field(description="Always `decision`.")
    finding_id: FindingId = Field(description="The finding.")
    event_id: EventId | None = Field(
        description="The event that told of it; null of one from before events told of decisions."
    )
    triage: Triage | None = Field(
        description="What was decided, why and until when; null: the decision before was withdrawn."
    )
    previous: Triage | None = Field(description="What had been decided before; null: nothing.")
    decided_at: Time = Field(description="When.")
    decided_by: UserId | None = Field(description="The user who decided, or whose token did.")
    decided_by_name: Word | None = Field(
        description="What they were called then; null where that was not kept yet.",
        examples=["Ann"],
    )
    credential_id: Word | None = Field(
        description="The token, grant or client by which it was done.",
        examples=["tok_01J8ZQ4X7M2N5P8R1T4V6W9YAC"],
    )


class FindingGroup(Shape):
    """How many findings have the same values; it has the keys that were counted by."""

    dimension: Dimension = Field(
        default=Dimension.SECURITY, description="Their dimension.", examples=["security"]
    )
    severity: Severity = Field(
        default=Severity.HIGH, description="Their severity.", examples=["high"]
    )
    status: FindingStatus = Field(
        default=FindingStatus.OPEN, description="Where they stand.", examples=["open"]
    )
    provider: Provider = Field(default=FIRST_PROVIDER, description="Their cloud.", examples=["aws"])
    connection: Word = Field(
        default="",
        description="Id of the connection that they were found through.",
        examples=["con_01J8ZQ4X7M2N5P8R1T4V6W9YAC"],
    )
    service: Word = Field(default="", description="Their service.", examples=["s3"])
    policy: Word = Field(
        default="", description="Key of their policy.", examples=["aws-ec2-sg-ssh-open"]
    )
    resource: Word = Field(
        default="", description="Id of their resource.", examples=["res_01J8ZQ4X7M2N5P8R1T4V6W9YAC"]
    )
    framework: Word | None = Field(
        default=None,
        description="A framework that their policy serves; null: none.",
        examples=["cis-aws-5.0"],
    )
    control: Word | None = Field(
        default=None,
        description="A control that their policy serves; null: none.",
        examples=["5.3"],
    )
    owner: Word | None = Field(
        default=None,
        description="Owner of their resources, by tags; null: nobody.",
        examples=["ann"],
    )
    triage: TriageState | None = Field(
        default=None, description="What people decided; null: nothing.", examples=["acknowledged"]
    )
    age: Word = Field(default="", description="Their age, in days.", examples=["7d_to_30d"])
    savings: Word | None = Field(
        default=None,
        description="What a cure saves a month, in its currency; null: nothing known.",
        examples=["10_to_100"],
    )
    account: Word = Field(default="", description="Their account.", examples=["123456789012"])
    region: Word = Field(default="", description="Their region.", examples=["eu-west-1"])
    resource_type: Word = Field(
        default="", description="The type of their resources.", examples=["aws.s3.bucket"]
    )
    count: Count = Field(description="How many findings there are.", examples=[17])


_GROUPS = [{"dimension": "security", "severity": "high", "count": 17}]


class AuditCount(Shape):
    """What failed in one audit, counted by group."""

    audit_id: AuditId = Field(description="The audit.")
    finished_at: Time = Field(description="When it ended.")
    total: Count = Field(description="How many findings failed in it.", examples=[42])
    complete: bool = Field(description="Whether every one was looked at.", examples=[True])
    values: Count = Field(description="How many values the first of `group_by` has.", examples=[2])
    groups: Many[FindingGroup] = Field(
        description="The groups that have any, in the order of their values.", examples=[_GROUPS]
    )


class ComparedAudits(Shape):
    """The two audits between which `delta` says what became of findings."""

    audit_id: AuditId = Field(description="The audit.")
    before_id: AuditId | None = Field(
        description="The one before it that was asked for the same; null where there is none."
    )


class FindingSummary(Shape):
    """Findings, counted by group. Over audits, the counts are those of the last one."""

    object: Literal["finding_summary"] = Field(description="Always `finding_summary`.")
    group_by: Few[Word] = Field(
        description="What was counted by, in this order.", examples=[["dimension", "severity"]]
    )
    over: Literal["audits"] | None = Field(
        description="`audits` where they are counted over audits, else null.", examples=["audits"]
    )
    total: Count = Field(description="How many findings there are in all groups.", examples=[42])
    complete: bool = Field(
        description="Whether every finding was looked at; false where the bound of a read ended"
        " the count.",
        examples=[True],
    )
    values: Count = Field(
        description="How many values the first of `group_by` has; with `top` not all have groups"
        " here.",
        examples=[2],
    )
    groups: Many[FindingGroup] = Field(
        description="The groups that have any, in the order of their values; with `top` the worst"
        " first.",
        examples=[_GROUPS],
    )
    resources: Many[ResourceReference] | None = Field(
        description="Of groups by resource with `top`: the resources, as far as they are known;"
        " else null."
    )
    audits: Few[AuditCount] | None = Field(
        description="A row for each audit, oldest first; null where it is not over audits."
    )
    compared: ComparedAudits | None = Field(
        description="Of a `delta`: what was compared; null without one, or where no audit is."
    )
