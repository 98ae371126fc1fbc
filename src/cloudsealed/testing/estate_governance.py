"""People, permissions and watch-keeping in the sample estate: IAM, CloudTrail, Config, alarms."""

from __future__ import annotations

from typing import Any

from cloudsealed.testing.estate_data import sandbox_name
from cloudsealed.testing.estate_foundation import policy, trust
from cloudsealed.testing.estate_site import Site, tags

WEBSITE = "www.shop.larkspur.example"
_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _one_bucket(site: Site) -> dict[str, Any]:
    bucket = site.arn("s3", "larkspur-records")
    actions = ["s3:GetObject", "s3:ListBucket"]
    return {"Effect": "Allow", "Action": actions, "Resource": [bucket, f"{bucket}/*"]}


def users(site: Site) -> None:
    """Make an administrator without MFA, a careful colleague and a machine user."""
    iam = site.client("iam")
    for name in ("alice.admin", "priya.ops", "build.bot"):
        iam.create_user(UserName=name, Tags=tags(name))
    for name in ("alice.admin", "priya.ops"):
        iam.create_login_profile(UserName=name, Password="Not-a-real-password-1")
    iam.attach_user_policy(UserName="alice.admin", PolicyArn=site.managed("AdministratorAccess"))
    iam.create_access_key(UserName="alice.admin")
    iam.create_access_key(UserName="alice.admin")
    iam.create_access_key(UserName="build.bot")
    iam.put_user_policy(
        UserName="build.bot", PolicyName="everything", PolicyDocument=policy(_EVERYTHING)
    )
    iam.create_group(GroupName="larkspur-operators")
    iam.attach_group_policy(
        GroupName="larkspur-operators", PolicyArn=site.managed("ReadOnlyAccess")
    )
    iam.add_user_to_group(GroupName="larkspur-operators", UserName="priya.ops")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="priya.ops")["VirtualMFADevice"]
    iam.enable_mfa_device(
        UserName="priya.ops",
        SerialNumber=device["SerialNumber"],
        AuthenticationCode1="123456",
        AuthenticationCode2="654321",
    )
    site.bad("iam.user", "alice.admin", "security", "signs in without MFA", "is administrator")
    site.age("iam.user", "alice.admin", 400)
    site.bad("iam.user", "alice.admin", "security", "has two active keys", "keys are old")
    site.bad("iam.user", "alice.admin", "compliance", "has policies attached directly")
    site.good("iam.user", "priya.ops", "security", "signs in with MFA")
    site.good("iam.user", "priya.ops", "compliance", "has permissions by group only")
    site.bad("iam.user", "build.bot", "security", "an inline policy allows everything")
    site.good("iam.group", "larkspur-operators", "security", "may only read")


def roles_and_policies(site: Site) -> None:
    """Make roles and policies that give too much, and ones that do not."""
    iam = site.client("iam")
    for name, document in (
        ("larkspur-partner", trust({"AWS": "*"})),
        ("larkspur-deploy", trust(site.principal("codebuild"))),
        ("larkspur-support", trust({"AWS": site.arn("iam", "root", account=site.account)})),
    ):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=tags(name))
    iam.attach_role_policy(
        RoleName="larkspur-deploy", PolicyArn=site.managed("AdministratorAccess")
    )
    iam.attach_role_policy(RoleName="larkspur-support", PolicyArn=site.managed("AWSSupportAccess"))
    wide = iam.create_policy(PolicyName="larkspur-all", PolicyDocument=policy(_EVERYTHING))
    iam.attach_role_policy(RoleName="larkspur-deploy", PolicyArn=wide["Policy"]["Arn"])
    iam.create_policy(PolicyName="larkspur-read-records", PolicyDocument=policy(_one_bucket(site)))
    site.bad("iam.role", "larkspur-partner", "security", "trusts any AWS account")
    site.bad("iam.role", "larkspur-deploy", "security", "is administrator")
    site.good("iam.role", "larkspur-support", "compliance", "someone may open support cases")
    site.bad("iam.policy", "larkspur-all", "security", "allows everything")
    site.good("iam.policy", "larkspur-read-records", "security", "allows reading one bucket")


def weak_passwords(site: Site) -> None:
    """Set a password policy that asks little."""
    site.client("iam").update_account_password_policy(MinimumPasswordLength=8)
    site.bad("iam.account", site.account, "compliance", "passwords may be short and used again")


def strong_passwords(site: Site) -> None:
    """Set a password policy as CIS AWS Foundations asks: 14 characters, 24 remembered."""
    site.client("iam").update_account_password_policy(
        MinimumPasswordLength=14,
        PasswordReusePrevention=24,
        RequireSymbols=True,
        RequireNumbers=True,
        RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True,
        MaxPasswordAge=90,
    )
    site.good("iam.account", site.account, "compliance", "passwords are long and not used again")


def good_trail(site: Site) -> None:
    """Record every region's calls, validated, encrypted, and sent to a log group."""
    trail = site.client("cloudtrail")
    group = site.here("logs", "log-group:/larkspur/trail:*")
    trail.create_trail(
        Name="larkspur-all-regions",
        S3BucketName="larkspur-logs",
        IsMultiRegionTrail=True,
        IncludeGlobalServiceEvents=True,
        EnableLogFileValidation=True,
        KmsKeyId=site.ids["larkspur-data"],
        CloudWatchLogsLogGroupArn=group,
        CloudWatchLogsRoleArn=site.ids["larkspur-logging"],
        TagsList=tags("larkspur-all-regions"),
    )
    trail.start_logging(Name="larkspur-all-regions")
    _select_events(trail, "larkspur-all-regions", f"arn:{site.partition}:s3")
    site.good("cloudtrail.trail", "larkspur-all-regions", "compliance", "is validated")
    site.good("cloudtrail.trail", "larkspur-all-regions", "security", "records every region")


def poor_trail(site: Site) -> None:
    """Record one region's calls, neither validated nor encrypted; needs the sandbox bucket."""
    trail = site.client("cloudtrail")
    bucket = sandbox_name(site)
    trail.create_trail(Name="larkspur-partial", S3BucketName=bucket, EnableLogFileValidation=False)
    trail.start_logging(Name="larkspur-partial")
    _select_events(trail, "larkspur-partial")
    site.bad("cloudtrail.trail", "larkspur-partial", "compliance", "is not validated")
    site.bad("cloudtrail.trail", "larkspur-partial", "security", "records one region")


def _select_events(trail: Any, name: str, *objects_of: str) -> None:
    objects = [{"Type": "AWS::S3::Object", "Values": [each]} for each in objects_of]
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": objects}
    trail.put_event_selectors(TrailName=name, EventSelectors=[selector])


def recorder(site: Site) -> None:
    """Record configuration changes and look for threats in this region."""
    config = site.client("config")
    config.put_configuration_recorder(
        ConfigurationRecorder={
            "name": "default",
            "roleARN": site.ids["larkspur-logging"],
            "recordingGroup": {"allSupported": True, "includeGlobalResourceTypes": True},
        }
    )
    config.put_delivery_channel(
        DeliveryChannel={"name": "default", "s3BucketName": "larkspur-logs"}
    )
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    site.client("guardduty").create_detector(Enable=True)
    site.good("config.recorder", "default", "compliance", "records every type")
    site.good("guardduty.detector", "detector", "security", "is on")


def alarms(site: Site) -> None:
    """Raise an alarm when the root user is used; only count denied calls."""
    logs, watch = site.client("logs"), site.client("cloudwatch")
    root = '{ $.userIdentity.type = "Root" && $.eventType != "AwsServiceEvent" }'
    denied = '{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }'
    for name, pattern in (("RootUse", root), ("DeniedCalls", denied)):
        value = {"metricName": name, "metricNamespace": "Larkspur", "metricValue": "1"}
        logs.put_metric_filter(
            logGroupName="/larkspur/trail",
            filterName=name,
            filterPattern=pattern,
            metricTransformations=[value],
        )
        site.made("logs.metric_filter", name)
    topic = site.here("sns", "larkspur-alerts")
    people = {"Protocol": "email", "Endpoint": "alerts@larkspur.example"}
    site.client("sns").subscribe(TopicArn=topic, **people)
    watch.put_metric_alarm(
        AlarmName="larkspur-root-use",
        MetricName="RootUse",
        Namespace="Larkspur",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1,
        Statistic="Sum",
        AlarmActions=[topic],
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    site.good("cloudwatch.alarm", "larkspur-root-use", "compliance", "tells when root is used")


def website(site: Site) -> None:
    """Make the bucket that a record of the zones, which the emulator holds, points to."""
    site.client("s3").create_bucket(
        Bucket=WEBSITE, CreateBucketConfiguration={"LocationConstraint": site.region}
    )
    site.made("s3.bucket", WEBSITE)
