"""Reaching an AWS account: a session for each, who it is, and clear words when it is not.

Credentials come from botocore's chain (environment, profile, machine role) and may assume a role.
This module never stores, logs or returns them.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
    RefreshableCredentials,
)
from botocore.exceptions import ProfileNotFound
from botocore.session import Session

from cloudsealed.collectors.aws.answers import (
    MISNAMED,
    NO_AUTHORITIES,
    NO_TLS,
    OUT_OF_DATE,
    TLS,
    UNTRUSTED,
    AwsFailure,
    failure_of,
    is_expired,
    is_refused,
    is_silence,
    outcome_of,
)
from cloudsealed.collectors.aws.endpoints import ONE_ENDPOINT
from cloudsealed.collectors.aws.models import models
from cloudsealed.collectors.aws.regions import known_regions
from cloudsealed.collectors.aws.shape import check_body
from cloudsealed.collectors.aws.wire import Wire
from cloudsealed.collectors.calling.wire import LARGEST_ANSWER, Call
from cloudsealed.collectors.errors import (
    CloudAccessError,
    CredentialsRefusedError,
    EndpointUnreachableError,
    NoCredentialsError,
    ProfileNotFoundError,
    RoleRefusedError,
    SessionExpiredError,
    TlsRefusedError,
    UnexpectedAnswerError,
)
from cloudsealed.collectors.model import GLOBAL
from cloudsealed.collectors.provider import Identity
from cloudsealed.collectors.skew import HeardClock
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.kit.nearest import did_you_mean

_SAME_EVERYWHERE = frozenset({"cloudtrail"})
_HOME = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}

# Below WARNING these write endpoints, and at DEBUG whole answers, secrets with them, to the log.
for _name in ("boto3", "botocore"):
    logging.getLogger(_name).setLevel(logging.WARNING)
logging.getLogger("urllib3").setLevel(logging.ERROR)  # it warns of what an answer's outcome says


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """How an account is reached. Times are seconds; `deadline` covers all attempts of a call, and
    `brief` the one attempt where a service has fallen silent. `largest` is in bytes of a body.

    A custom endpoint comes from `AWS_ENDPOINT_URL` or the profile, as botocore reads them.
    """

    profile: str | None = None
    region: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    workers: int = 16
    connect_timeout: float = 5.0
    read_timeout: float = 20.0
    deadline: float = 60.0
    brief: float = 3.0
    max_attempts: int = 5
    largest: int = LARGEST_ANSWER


@dataclass(slots=True)
class AwsSession:
    """One account's session and its clients, made when first needed; safe for threads."""

    access: AwsAccess
    clock: Clock = utc_now
    _session: Session = field(init=False)
    _heard: HeardClock = field(init=False)
    _clients: dict[tuple[str, str], Any] = field(init=False, default_factory=dict)
    _generation: int = field(init=False, default=0)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._heard = HeardClock(self.clock)
        self._session = _session(self.access)

    @property
    def region(self) -> str:
        """The session's own region, the home of the partition when nothing names one."""
        return _region_of(self._session, self.access)

    @property
    def generation(self) -> int:
        """How often the credentials were renewed."""
        return self._generation

    def partition(self) -> str:
        """Return the partition of the session's region."""
        return str(self._session.get_partition_for_region(self.region))

    def clock_skew(self) -> timedelta | None:
        """Return AWS's clock minus ours in whole seconds; None until something answered."""
        return self._heard.skew()

    def client(self, service: str, region: str) -> Any:
        """Return the client of `service` in `region`; `global` is the partition's home region, of a
        service that says the same in all regions the session's."""
        with self._lock:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = self._made(service, self._real(service, region))
            return self._clients[key]

    def offers(self, service: str, region: str) -> bool:
        """Say whether botocore's own data list an endpoint of `service` in `region`; they list none
        of a service that has but one for all regions."""
        listed = {
            name
            for partition in self._session.get_available_partitions()
            for name in self._session.get_available_regions(service, partition_name=partition)
        }
        return not listed or self._real(service, region) in listed

    def renew(self, generation: int) -> bool:
        """Run the SDK's chain again if the credentials are still of `generation`; False when it
        has no others. Raises CloudAccessError when those that it knows of cannot be had."""
        with self._lock:
            if generation != self._generation:
                return True
            try:
                session = _session(self.access)
                if not _differ(self._session.get_credentials(), session.get_credentials()):
                    return False
            except CloudAccessError:
                raise
            except Exception as error:
                raise access_error(failure_of(error), self) from None
            self._session, self._clients = session, {}
            self._generation += 1
            return True

    def close(self) -> None:
        """Close the clients and their connections; a later call opens them anew."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _real(self, service: str, region: str) -> str:
        if region != GLOBAL:
            return region
        partition = self.partition()
        home = ONE_ENDPOINT.get(partition, {}).get(service) or _HOME.get(partition, self.region)
        return self.region if service in _SAME_EVERYWHERE else home

    def _made(self, service: str, region: str) -> Any:
        client = self._session.create_client(service, region, config=_config(self.access))
        client.meta.events.register("before-parse", self._heard.hear)
        return _guarded(client, self.access)


def _region_of(session: Session, access: AwsAccess) -> str:
    """Return what botocore reads, else what the other SDKs do (it knows no AWS_REGION), else the
    home of the role's partition."""
    read = session.get_config_variable("region")
    return str(read or os.environ.get("AWS_REGION") or _home(access))


def _differ(old: Any, new: Any) -> bool:
    """Say whether there are credentials that may be others than `old`; asks for those that are
    renewed, which raises what botocore does."""
    if new is None:
        return False
    found = new.get_frozen_credentials()
    if isinstance(new, RefreshableCredentials) or old is None:
        return True
    return isinstance(old, RefreshableCredentials) or old.get_frozen_credentials() != found


def _guarded(client: Any, access: AwsAccess) -> Any:
    """Return `client`, bounding and checking its answers and, with a custom endpoint, keeping it to
    that host.

    botocore puts the account's number before the host of some services (S3 Control), whatever
    `inject_host_prefix` says; no emulator or proxy has such a name.
    """
    url = urlsplit(client.meta.endpoint_url)
    client._endpoint.http_session = Wire(client._endpoint.http_session, access.largest)
    client.meta.events.register("before-parse", check_body)
    if not (url.hostname or "").endswith(aws_hosts()):
        client.meta.events.register(
            "before-sign",
            lambda request, **_: setattr(
                request, "url", urlsplit(request.url)._replace(netloc=url.netloc).geturl()
            ),
        )
    return client


@cache
def aws_hosts() -> tuple[str, ...]:
    """Return how the names of AWS's hosts end, in every partition that the SDK knows."""
    known = [each["outputs"] for each in models().load_data("partitions")["partitions"]]
    ends = {each[name] for each in known for name in ("dnsSuffix", "dualStackDnsSuffix")}
    return tuple(f".{end}" for end in sorted(ends))


def _home(access: AwsAccess) -> str:
    partition = (access.role_arn or "arn:aws").split(":")[1]
    return _HOME.get(partition, _HOME["aws"])


def _config(access: AwsAccess) -> Config:
    """Return the settings of every client; retrying is our own, so botocore tries once."""
    return Config(
        connect_timeout=access.connect_timeout,
        read_timeout=access.read_timeout,
        max_pool_connections=access.workers,
        retries={"total_max_attempts": 1, "mode": "standard"},
        s3={"addressing_style": "path"},
        user_agent_extra="cloudsealed",
    )


def _session(access: AwsAccess) -> Session:
    try:
        base = _core(access.profile, access.region)
    except ProfileNotFound:
        raise ProfileNotFoundError(
            f"There is no AWS profile {access.profile!r}. `aws configure list-profiles` shows them."
        ) from None
    return _assumed(base, access) if access.role_arn else base


def _core(profile: str | None, region: str | None) -> Session:
    """Return a new session of the SDK over the process's models; raises ProfileNotFound."""
    core = Session(profile=profile)
    core.get_scoped_config()
    core.register_component("data_loader", models())
    if region:
        core.set_config_variable("region", region)
    return core


def _assumed(base: Session, access: AwsAccess) -> Session:
    """Return a session under the role, whose credentials renew themselves before they expire."""
    credentials = base.get_credentials()
    if credentials is None:
        raise _no_credentials()
    extra = {"RoleSessionName": "cloudsealed"}
    if access.external_id:
        extra["ExternalId"] = access.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=_sts_of(base, access),
        source_credentials=credentials,
        role_arn=access.role_arn,
        extra_args=extra,
    )
    core = _core(access.profile, base.get_config_variable("region"))
    # botocore has no public way to set credentials that refresh; this is what its own chain does.
    core._credentials = DeferredRefreshableCredentials(
        refresh_using=fetcher.fetch_credentials, method="assume-role"
    )
    return core


def _sts_of(base: Session, access: AwsAccess) -> Callable[..., Any]:
    def client(service: str, **credentials: Any) -> Any:
        region, config = _region_of(base, access), _config(access)
        return _guarded(base.create_client(service, region, config=config, **credentials), access)

    return client


def identify(session: AwsSession) -> Identity:
    """Ask AWS who we are (sts:GetCallerIdentity needs no permission); raises CloudAccessError, also
    when that takes longer than the deadline of a call."""

    def ask() -> Any:
        return session.client("sts", session.region).get_caller_identity()

    try:
        answer = Call().within(session.access.deadline, ask)
        arn = str(answer["Arn"])
        return Identity(account=str(answer["Account"]), name=arn, partition=arn.split(":")[1])
    except CloudAccessError:
        raise
    except Exception as error:
        raise access_error(failure_of(error), session) from None


def _no_credentials() -> CloudAccessError:
    return NoCredentialsError(
        "There are no AWS credentials. Name a profile, set AWS_ACCESS_KEY_ID and"
        " AWS_SECRET_ACCESS_KEY, or run where a role is attached."
    )


def access_error(failure: AwsFailure, session: AwsSession) -> CloudAccessError:
    """Return why AWS could not be reached, by how a call failed that needs no permission."""
    if failure.code == "NoCredentials":
        return _no_credentials()
    if is_refused(failure) or outcome_of(failure).denied:
        return _refused(failure.code, session)
    if is_expired(failure):
        return SessionExpiredError(
            "The AWS session has expired. Sign in again, or get new temporary credentials, and"
            " run the same again; if the session is new, check this machine's clock."
        )
    if failure.code in TLS:
        return TlsRefusedError(_TLS_REFUSED[failure.code])
    if is_silence(failure):
        if session.region not in known_regions():
            near = did_you_mean(session.region, known_regions())
            return EndpointUnreachableError(
                f"There is no region {session.region!r}{near} It comes from AWS_REGION,"
                " AWS_DEFAULT_REGION or the profile."
            )
        return EndpointUnreachableError(
            "AWS cannot be reached. Check the network, the proxy and AWS_ENDPOINT_URL."
        )
    return UnexpectedAnswerError(
        f"What answered is not AWS ({failure.code}). Check the proxy and AWS_ENDPOINT_URL."
    )


_TLS_REFUSED = {
    UNTRUSTED: "The certificate of what answers for AWS is by nobody whom this machine trusts. A"
    " proxy that opens TLS has an authority of its own: name the file of its certificate in"
    " AWS_CA_BUNDLE, or in ca_bundle of the profile.",
    OUT_OF_DATE: "The certificate of what answers for AWS is not valid today. Check this machine's"
    " clock, then the certificate of the proxy or of AWS_ENDPOINT_URL.",
    MISNAMED: "The certificate of what answers for AWS names another host. Check AWS_ENDPOINT_URL"
    " and the proxy.",
    NO_AUTHORITIES: "The file of trusted certificates that AWS_CA_BUNDLE (or ca_bundle of the"
    " profile) names cannot be read, or holds none.",
    NO_TLS: "What answers for AWS does not speak TLS as it should. Check AWS_ENDPOINT_URL (is it"
    " http://, or another port?) and the proxy.",
}


def _refused(code: str, session: AwsSession) -> CloudAccessError:
    role = session.access.role_arn
    if role and code.startswith("AccessDenied"):
        return RoleRefusedError(
            f"The role {role} may not be assumed. Check its trust policy, the external id, and"
            " that these credentials may call sts:AssumeRole on it."
        )
    return CredentialsRefusedError(
        f"AWS refused the credentials in the region {session.region} ({code}). Credentials of"
        " another partition need a region of theirs in AWS_REGION or the profile; else check the"
        " access key, its secret and that it is active."
    )
