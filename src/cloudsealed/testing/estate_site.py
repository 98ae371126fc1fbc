"""What the sample estate is written with: accounts and regions, the manifest, planted secrets.

The secrets are canaries: worthless strings that look real, so that a test can prove that none of
them reaches a disk, a log or an answer. It refuses to be used against AWS itself: the endpoint must
be on a loopback address.
"""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.testing.emulator import HOME_REGIONS, control

MAIN_ACCOUNT = "123456789012"  # moto's account for credentials that it did not issue
SECOND_ACCOUNT = "210987654321"
REGIONS: Mapping[str, tuple[str, str]] = {
    partition: (HOME_REGIONS[partition], far)
    for partition, far in (
        ("aws", "us-east-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-cn", "cn-north-1"),
    )
}
"""The estate's home, and far from it the region of the partition's global services."""
HOME_REGION, FAR_REGION = REGIONS["aws"]
ALIAS = "larkspur-main"
"""What the main account is called; the second one has no alias."""
AUDIT_ROLE = "CloudSealedAudit"
EXTERNAL_ID = "larkspur-audit"

CANARY_LAMBDA = "AKIALARKSPURCANARY2A"
CANARY_LAMBDA_PASSWORD = "Larkspur-canary-lambda-7Xq2Zt9B"
CANARY_USER_DATA = "AKIALARKSPURCANARY3B"
CANARY_TASK = "ghp_LarkspurCanaryTask4c8Wm3Kd6Xq2Zt9Bv4"
CANARY_STACK = "Larkspur-canary-stack-9Bv4Nc8Wm3"
USER_DATA = f"#!/bin/sh\nexport AWS_ACCESS_KEY_ID={CANARY_USER_DATA}\n/opt/legacy/start\n"
CANARIES: tuple[str, ...] = (
    CANARY_LAMBDA,
    CANARY_LAMBDA_PASSWORD,
    CANARY_USER_DATA,
    CANARY_TASK,
    CANARY_STACK,
    base64.b64encode(USER_DATA.encode()).decode(),
)

Dimension = Literal["security", "cost", "architecture", "compliance"]
Expectation = Literal["bad", "good"]


class EstateError(CloudSealedError):
    """The estate could not be built: not a loopback endpoint, or a step was refused."""

    code: ClassVar[str] = "estate_not_deployed"
    status: ClassVar[int] = 503


@dataclass(frozen=True, slots=True)
class Fact:
    """What an audit should find about one resource of the estate."""

    type: str
    name: str
    account: str
    region: str
    expectation: Expectation
    dimension: Dimension
    why: str


@dataclass(frozen=True, slots=True)
class Truth:
    """A resource by its native id, and the keys of the policies that it fails, every one."""

    type: str
    native_id: str
    account: str
    region: str
    fails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EstateManifest:
    """What was deployed: resources by type (AWS's own defaults are not counted), and the facts;
    of resources that the emulator holds as answers the whole truth."""

    endpoint: str
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    counts: dict[str, int]
    facts: tuple[Fact, ...]
    truths: tuple[Truth, ...] = ()
    canaries: tuple[str, ...] = CANARIES

    @property
    def total(self) -> int:
        """How many resources were deployed."""
        return sum(self.counts.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON types, without the canaries."""
        document = asdict(self) | {"total": self.total}
        del document["canaries"]
        return document


@dataclass(slots=True)
class Book:
    """Collects what the steps make; used by several threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: set[tuple[str, str, str, str]] = field(default_factory=set)
    _facts: list[Fact] = field(default_factory=list)
    _truths: list[Truth] = field(default_factory=list)

    def write(self, fact: Fact | Truth | tuple[str, str, str, str]) -> None:
        """Note a fact, the truth, or a bare (account, region, type, name)."""
        with self._lock:
            if isinstance(fact, Fact):
                self._facts.append(fact)
                fact = (fact.account, fact.region, fact.type, fact.name)
            elif isinstance(fact, Truth):
                self._truths.append(fact)
                fact = (fact.account, fact.region, fact.type, fact.native_id)
            self._made.add(fact)

    def manifest(self, endpoint: str, partition: str) -> EstateManifest:
        """Return what was noted, in an order that does not depend on the threads."""
        facts = sorted(self._facts, key=lambda each: tuple(asdict(each).values()))
        counts = Counter(kind for _, _, kind, _ in self._made)
        return EstateManifest(
            endpoint,
            (MAIN_ACCOUNT, SECOND_ACCOUNT),
            REGIONS[partition],
            dict(sorted(counts.items())),
            tuple(facts),
            tuple(sorted(self._truths, key=lambda each: tuple(asdict(each).values()))),
        )


class Site:
    """One account in one region of the estate: its clients, and the ids that later steps need."""

    def __init__(self, session: boto3.Session, endpoint: str, account: str, book: Book) -> None:
        self.account = account
        self.region = str(session.region_name)
        self.partition = str(session.get_partition_for_region(self.region))
        self.endpoint = endpoint
        self.ids: dict[str, Any] = {}
        self._session = session
        self._book = book
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """Return the boto3 client of `service`, made once."""
        with self._lock:
            if service not in self._clients:
                client = self._session.client(
                    service, endpoint_url=self.endpoint, config=Config(retries={"max_attempts": 1})
                )
                client.meta.events.register("before-sign.s3-control", self._to_endpoint)
                self._clients[service] = client
            return self._clients[service]

    def arn(self, service: str, resource: str, *, region: str = "", account: str = "") -> str:
        """Return the ARN of a resource, in the site's partition."""
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"

    def here(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return self.arn(service, resource, region=self.region, account=self.account)

    def managed(self, name: str) -> str:
        """Return the ARN of a policy that AWS manages."""
        return self.arn("iam", f"policy/{name}", account="aws")

    def principal(self, service: str) -> dict[str, str]:
        """Return a service as a role's trust names it; in China some, as EC2, have the suffix of
        China's hosts, and here all do."""
        suffix = ".cn" if self.partition == "aws-cn" else ""
        return {"Service": f"{service}.amazonaws.com{suffix}"}

    def made(self, kind: str, *names: str) -> None:
        """Note resources of which nothing is expected."""
        for name in names:
            self._book.write((self.account, self.region, f"aws.{kind}", name))

    def bad(self, kind: str, name: str, dimension: Dimension, *reasons: str) -> None:
        """Note that an audit should find `reasons` wrong with a resource."""
        self._fact(kind, name, "bad", dimension, reasons)

    def good(self, kind: str, name: str, dimension: Dimension, *reasons: str) -> None:
        """Note that an audit should find nothing wrong with a resource in these respects."""
        self._fact(kind, name, "good", dimension, reasons)

    def truth(self, kind: str, native_id: str, fails: Sequence[str]) -> None:
        """Note which policies a resource fails: these, and no other."""
        self._book.write(Truth(kind, native_id, self.account, self.region, tuple(fails)))

    def age(self, kind: str, ident: str, days: int) -> None:
        """Let a resource look `days` older than it is."""
        place = {"account": self.account, "region": self.region}
        value = {**place, "kind": f"aws.{kind}", "ident": ident, "days": days}
        control(self.endpoint, "POST", "age", value)

    def _fact(
        self,
        kind: str,
        name: str,
        expectation: Expectation,
        dimension: Dimension,
        reasons: tuple[str, ...],
    ) -> None:
        for why in reasons:
            place = (self.account, self.region)
            self._book.write(Fact(f"aws.{kind}", name, *place, expectation, dimension, why))

    def _to_endpoint(self, request: AWSRequest, **_: object) -> None:
        # botocore puts the account before an S3 Control host, also before an IP address.
        address = urlsplit(self.endpoint)
        request.url = urlsplit(request.url)._replace(netloc=address.netloc).geturl()


Step = Callable[[Site], None]


def tags(name: str, **more: str) -> list[dict[str, str]]:
    """Return the tags of a well-kept resource, as {Key, Value}."""
    values = {"Name": name, "owner": "platform", "env": "prod", "cost-center": "larkspur", **more}
    return [{"Key": key, "Value": value} for key, value in values.items()]


def tag_map(name: str) -> dict[str, str]:
    """Return the tags of a well-kept resource, as a map."""
    return {tag["Key"]: tag["Value"] for tag in tags(name)}


def open_sites(endpoint: str, book: Book, partition: str = "aws") -> dict[tuple[str, str], Site]:
    """Return the sites by (account, region); raises EstateError unless `endpoint` is loopback."""
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise EstateError(f"The sample estate is for an emulator on this machine, not {endpoint}")
    home, far = REGIONS[partition]
    main = boto3.Session("LARKSPURMAIN", "emulated", region_name=home)
    sts = main.client("sts", endpoint_url=endpoint)
    lent = sts.assume_role(
        RoleArn=f"arn:{partition}:iam::{SECOND_ACCOUNT}:role/{AUDIT_ROLE}",
        RoleSessionName="estate",
        ExternalId=EXTERNAL_ID,
    )["Credentials"]
    keys = {
        MAIN_ACCOUNT: ("LARKSPURMAIN", "emulated", None),
        SECOND_ACCOUNT: (lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"]),
    }
    for account in keys:
        control(endpoint, "POST", "regions", {"account": account, "regions": [home, far]})
    return {
        (account, region): Site(boto3.Session(*key, region_name=region), endpoint, account, book)
        for account, key in keys.items()
        for region in (home, far)
    }


@contextmanager
def step_errors(name: str) -> Iterator[None]:
    """Turn what goes wrong in a step into an EstateError that names it."""
    try:
        yield
    except CloudSealedError:
        raise
    except Exception as error:
        raise EstateError(f"The sample estate stopped at {name}: {error}") from error
