"""An account of AWS, reached in one way, as the port has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession, identify
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.aws.regions import enabled_regions
from cloudsealed.collectors.model import Caller, Place
from cloudsealed.collectors.provider import Identity, Regions, Way
from cloudsealed.kit.clock import Clock

if TYPE_CHECKING:
    from cloudsealed.collectors.calling.places import Places  # which imports the storage


class Session(AwsSession):
    """An account of AWS, reached in one way."""

    def identify(self) -> Identity:
        """Ask AWS who we are; raises CloudAccessError."""
        return identify(self)

    def regions(self, account: str, caller: Caller) -> Regions:
        """Ask for the regions that an account has enabled."""
        return enabled_regions(Place(account, self.region), caller)

    def caller(
        self, redaction_key: bytes, *, clock: Clock, places: Places | None = None
    ) -> AwsCaller:
        """Return what asks AWS for units."""
        return AwsCaller(self, redaction_key, clock=clock, places=places)


def opened(way: Way, clock: Clock) -> Session:
    """Return a session, which asks nobody yet; raises CloudAccessError for what is not here."""
    access = AwsAccess(
        profile=way.choice.option,
        role_arn=way.fields.get("role_arn"),
        external_id=way.fields.get("external_id"),
        workers=way.workers,
    )
    if way.brief is not None:
        access = replace(access, deadline=way.brief, max_attempts=1)
    return Session(access, clock=clock)
