"""The words of the product as types, on one screen. It knows no behaviour."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

SECRET_DETECTOR: Final = 2
"""The version of what tells secrets from harmless values: raised when it says otherwise of one."""


class Dimension(StrEnum):
    """The four ways in which an audit looks at a resource."""

    SECURITY = "security"
    COST = "cost"
    ARCHITECTURE = "architecture"
    COMPLIANCE = "compliance"


class Severity(StrEnum):
    """How much a finding matters, from least to most."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info to 4 for critical: the order of sorts and thresholds."""
        return _RANKS[self]

    @property
    def weight(self) -> int:
        """The weight in a dimension's score."""
        return (0, 1, 2, 5, 10)[self.rank]


_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity)}


class Provider(StrEnum):
    """A cloud."""

    AWS = "aws"
    KUBERNETES = "kubernetes"

    @classmethod
    def of_type(cls, resource_type: str) -> Provider:
        """Return the provider of a type of resources, by what its name begins with."""
        return TYPE_PREFIXES[resource_type.partition(".")[0]]


TYPE_PREFIXES: Final = {"aws": Provider.AWS, "k8s": Provider.KUBERNETES}
"""The provider by what the names of its types of resources begin with."""
FIRST_PROVIDER: Final = Provider.AWS
"""The provider of whatever was stored before it was said of which one it is."""


class CallOutcome(StrEnum):
    """How a provider call ended.

    `empty`: a list without items; `absent`: not configured on this resource; `gone`: the resource
    itself is no longer there; `unsupported`: there is no such thing in this region, partition or
    edition. `denied` may be cured by a permission; `denied_by_organization` may not, a policy of
    the organisation says so; `region_denied`: as is all else in a region, although other regions
    allow it. `throttled` and `failed` may be answered another time.
    """

    OK = "ok"
    EMPTY = "empty"
    ABSENT = "absent"
    GONE = "gone"
    UNSUPPORTED = "unsupported"
    DENIED = "denied"
    DENIED_BY_ORGANIZATION = "denied_by_organization"
    REGION_DENIED = "region_denied"
    THROTTLED = "throttled"
    FAILED = "failed"

    @property
    def answered(self) -> bool:
        """Whether the provider said what is there (or that nothing is)."""
        return self in (CallOutcome.OK, CallOutcome.EMPTY, CallOutcome.ABSENT)

    @property
    def denied(self) -> bool:
        """Whether somebody's policy refused it."""
        return self is CallOutcome.DENIED or self.forbidden

    @property
    def unread(self) -> bool:
        """Whether what may be there stayed unread: a gap of the audit."""
        return not self.answered and self not in (CallOutcome.GONE, CallOutcome.UNSUPPORTED)

    @property
    def forbidden(self) -> bool:
        """Whether it stays unread by the organisation's will: no gap that a permission cures, and
        no shortcoming of what was read beside it."""
        return self in (CallOutcome.DENIED_BY_ORGANIZATION, CallOutcome.REGION_DENIED)


class Outcome(StrEnum):
    """What one policy says of one resource in one audit."""

    FAIL = "fail"
    PASS = "pass"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Responsibility(StrEnum):
    """Who answers for a control: who uses the cloud, who runs it, or both (AWS, "Shared
    Responsibility Model")."""

    CUSTOMER = "customer"
    SHARED = "shared"
    PROVIDER = "provider"


class FindingStatus(StrEnum):
    """Where a finding stands; people's triage never changes it."""

    OPEN = "open"
    RESOLVED = "resolved"
    SUPPRESSED = "suppressed"


class Resolution(StrEnum):
    """Why a finding is resolved."""

    FIXED = "fixed"
    RESOURCE_DELETED = "resource_deleted"
    POLICY_CHANGED = "policy_changed"
    CONNECTION_REMOVED = "connection_removed"


class TriageState(StrEnum):
    """What people decided about a finding."""

    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    ACCEPTED_RISK = "accepted_risk"
    FALSE_POSITIVE = "false_positive"


class DeltaKind(StrEnum):
    """What became of a finding in an audit, against the audit before."""

    NEW = "new"
    CHANGED = "changed"
    FIXED = "fixed"
    REOPENED = "reopened"


class AuditKind(StrEnum):
    """Where an audit's ledger comes from: a cloud, a file, or an earlier audit."""

    LIVE = "live"
    IMPORT = "import"
    REANALYSIS = "reanalysis"


class AuditStatus(StrEnum):
    """How far an audit is."""

    QUEUED = "queued"
    COLLECTING = "collecting"
    EVALUATING = "evaluating"
    SEALING = "sealing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether it will never change again."""
        return self in (AuditStatus.COMPLETED, AuditStatus.FAILED, AuditStatus.CANCELED)


class PolicyKind(StrEnum):
    """A check raises findings; a classification says what counts."""

    CHECK = "check"
    CLASSIFICATION = "classification"


class PolicySource(StrEnum):
    """Whether a policy ships with the product or is the tenant's own."""

    BUILTIN = "builtin"
    CUSTOM = "custom"


class ResourceState(StrEnum):
    """Whether the last audit that could tell still saw a resource."""

    PRESENT = "present"
    DELETED = "deleted"


class ReportKind(StrEnum):
    """A generated deliverable."""

    EXECUTIVE_SUMMARY = "executive_summary"
    REMEDIATION_PLAN = "remediation_plan"
    COMPLIANCE_EVIDENCE = "compliance_evidence"


class ReportStatus(StrEnum):
    """How far a report is."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


class ScheduleKind(StrEnum):
    """What a schedule starts."""

    AUDIT = "audit"
    REPORT = "report"


class ViewOf(StrEnum):
    """A list of which views are saved."""

    FINDINGS = "findings"
    RESOURCES = "resources"


class ReportStage(StrEnum):
    """What is done for a report while it is running, in this order."""

    GATHERING = "gathering"
    RENDERING = "rendering"
    WRITING = "writing"


class SimulationStatus(StrEnum):
    """How far a simulation is."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Effect(StrEnum):
    """What a policy would do to a finding: open or reopen, resolve, or count it otherwise."""

    OPEN = "open"
    CLOSE = "close"
    CHANGE = "change"


class Role(StrEnum):
    """What a user may do at most."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    EDITOR = "editor"
    ADMIN = "admin"


class ConnectionMethod(StrEnum):
    """How a connection gets its credentials."""

    AMBIENT = "ambient"
    ASSUME_ROLE = "assume_role"
    IMPORT = "import"


class UserStatus(StrEnum):
    """Whether a user can log in: `invited` has no password yet."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


class UserKind(StrEnum):
    """Who a user is: a person, who logs in, or a service account, which is a program's."""

    PERSON = "person"
    SERVICE = "service"


class EventType(StrEnum):
    """What can have happened; the part before the dot is the event's category."""

    FINDING_OPENED = "finding.opened"
    FINDING_RESOLVED = "finding.resolved"
    FINDING_REOPENED = "finding.reopened"
    FINDING_TRIAGED = "finding.triaged"
    FINDINGS_EXPORTED = "finding.exported"
    AUDIT_CREATED = "audit.created"
    AUDIT_RESUMED = "audit.resumed"
    AUDIT_COMPLETED = "audit.completed"
    AUDIT_FAILED = "audit.failed"
    AUDIT_CANCELED = "audit.canceled"
    AUDIT_DELETED = "audit.deleted"
    EVIDENCE_READ = "evidence.read"
    EVIDENCE_DOWNLOADED = "evidence.downloaded"
    POLICY_CREATED = "policy.created"
    POLICY_CHANGED = "policy.changed"
    POLICY_DELETED = "policy.deleted"
    SIMULATION_CREATED = "simulation.created"
    REPORT_CREATED = "report.created"
    REPORT_READY = "report.ready"
    REPORT_DOWNLOADED = "report.downloaded"
    REPORT_DELETED = "report.deleted"
    CONNECTION_CREATED = "connection.created"
    CONNECTION_CHANGED = "connection.changed"
    CONNECTION_TESTED = "connection.tested"
    CONNECTION_DELETED = "connection.deleted"
    SCHEDULE_CREATED = "schedule.created"
    SCHEDULE_CHANGED = "schedule.changed"
    SCHEDULE_RUN = "schedule.run"
    SCHEDULE_DELETED = "schedule.deleted"
    VIEW_CREATED = "view.created"
    VIEW_CHANGED = "view.changed"
    VIEW_DELETED = "view.deleted"
    EVENTS_EXPORTED = "event.exported"
    READS_LOST = "event.reads_lost"
    LOGGED_IN = "security.logged_in"
    LOGIN_FAILED = "security.login_failed"
    LOGGED_OUT = "security.logged_out"
    PASSWORD_CHANGED = "security.password_changed"
    USER_CREATED = "security.user_created"
    USER_INVITED = "security.user_invited"
    USER_JOINED = "security.user_joined"
    USER_CHANGED = "security.user_changed"
    USER_REMOVED = "security.user_removed"
    TOKEN_CREATED = "security.token_created"
    TOKEN_ROTATED = "security.token_rotated"
    TOKEN_REVOKED = "security.token_revoked"
    TOKEN_LEAKED = "security.token_leaked"
    APP_CREATED = "security.app_created"
    APP_CHANGED = "security.app_changed"
    APP_SECRET_ROTATED = "security.app_secret_rotated"
    APP_DELETED = "security.app_deleted"
    GRANT_CREATED = "security.grant_created"
    GRANT_REVOKED = "security.grant_revoked"
    GRANT_REPLAYED = "security.grant_replayed"
    CLIENT_CREATED = "security.client_created"
    CLIENT_CHANGED = "security.client_changed"
    CLIENT_SECRET_ROTATED = "security.client_secret_rotated"
    CLIENT_DELETED = "security.client_deleted"
    CLIENT_REPLAYED = "security.client_replayed"
    DEVICE_DENIED = "security.device_denied"
    KEY_REPLACED = "security.key_replaced"

    @property
    def category(self) -> EventCategory:
        """What it is about."""
        return EventCategory(self.partition(".")[0])


class EventCategory(StrEnum):
    """What events are about."""

    FINDING = "finding"
    AUDIT = "audit"
    EVIDENCE = "evidence"
    POLICY = "policy"
    SIMULATION = "simulation"
    REPORT = "report"
    CONNECTION = "connection"
    SCHEDULE = "schedule"
    VIEW = "view"
    EVENT = "event"
    SECURITY = "security"


class ActorKind(StrEnum):
    """Who did something: a user by a token of theirs or in the pages, a program by OAuth, the
    operator at the command line, or somebody who has not said who they are."""

    USER = "user"
    APP = "app"
    OPERATOR = "operator"
    ANONYMOUS = "anonymous"
