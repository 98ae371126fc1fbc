"""The device authorization grant (RFC 8628): a program without a browser asks, and a user answers
on the page `/device`.

The user's code is short, so wrong ones have a budget, and everything that makes a code useless (it
never was, is another tenant's app's, has expired, was used) is refused in the same words.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cloudsealed.auth import credential
from cloudsealed.auth.model import Caller, Scope
from cloudsealed.auth.oauth.app_store import AppStore
from cloudsealed.auth.oauth.device_store import Decision, Device, DeviceStore
from cloudsealed.auth.oauth.errors import (
    AccessDeniedError,
    AuthorizationPendingError,
    ExpiredTokenError,
    InvalidGrantError,
    SlowDownError,
    TooManyUserCodesError,
    UnauthorizedClientError,
    UserCodeError,
)
from cloudsealed.auth.oauth.model import CODE_SECONDS, App, Asked, Audience
from cloudsealed.auth.oauth.parameters import Parameters
from cloudsealed.auth.oauth.rules import within
from cloudsealed.auth.oauth.server import AuthorizationServer
from cloudsealed.auth.security import record
from cloudsealed.kit.addresses import budget_key
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.kit.ids import derived_id, new_id
from cloudsealed.settings import Budget
from cloudsealed.storage.counters import Counters
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.vocabulary import EventType

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
PAGE_PATH: Final = "/device"
COMMAND_LINE: Final = "cloudsealed-cli"
"""The client id of this product's own command line, on every installation."""
_NOBODY = ""  # the tenant of what belongs to the installation
DEVICE = "csdc_"
_SECONDS = 600
_PAUSE = 5  # seconds between two polls, and how much longer it is for who asks too often
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628, section 6.1: no vowels, so no words
_LENGTH = 8  # 34 bits
_DRAWS = 10
_KEPT_DAYS = 1


@dataclass(frozen=True, slots=True)
class Question:
    """What a device asks a user, found by its code; `offered` are the scopes that they can give."""

    device: Device
    app: App
    asked: Asked
    offered: tuple[str, ...]
    user_code: str

    @property
    def is_own(self) -> bool:
        """Whether this product's own command line asks."""
        return self.app.client_id == COMMAND_LINE


class DeviceFlow:
    """The flow, over the server that gives its tokens. `ticks` are epoch seconds."""

    def __init__(
        self,
        *,
        database: Database,
        keys: KeyRing,
        clock: Clock,
        server: AuthorizationServer,
        counters: Counters,
        budget: Budget,
        ticks: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._store = DeviceStore(database)
        self._apps = AppStore(database)
        self._keys = keys.live("tokens")
        self._clock = clock
        self._server = server
        self._counters = counters
        self._budget = budget
        self._ticks = ticks

    def command_line(self) -> App:
        """Return the app of our own command line, registered when it first asks."""
        found = self._apps.by_client(COMMAND_LINE)
        if found is not None:
            return found
        now = rfc3339(self._clock())
        app = App(
            tenant_id=_NOBODY,
            id=derived_id("app", COMMAND_LINE),
            client_id=COMMAND_LINE,
            name="CloudSealed command line",
            secret_digest=None,
            previous_digest=None,
            previous_until=None,
            redirect_uris=(),
            scopes=(Scope.ADMIN.value,),
            audience=Audience.INSTALLATION,
            created_at=now,
            updated_at=now,
            device_flow=True,
        )
        self._apps.ensure(app)
        return app

    # What the device does

    def begin(self, app: App, given: Parameters, ip: str = "") -> Mapping[str, Any]:
        """Ask for a user (section 3.2); raises OAuthError."""
        if not app.device_flow:
            raise UnauthorizedClientError("The app is not registered for devices")
        scopes, text = within(app.scopes, given.get("scope")), credential.mint(DEVICE)
        code = self._drawn(app, scopes, text, ip)
        page = self._server.issuer + PAGE_PATH
        return {
            "device_code": text,
            "user_code": code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={code}",
            "expires_in": _SECONDS,
            "interval": _PAUSE,
        }

    def _drawn(self, app: App, scopes: tuple[str, ...], text: str, ip: str) -> str:
        """Keep a question under a code that no other has now; return that code."""
        now = self._clock()
        for _ in range(_DRAWS):
            code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
            device = Device(
                tenant_id=app.tenant_id,
                id=new_id("dev"),
                client_id=app.client_id,
                device_digest=self._digests(text)[0],
                user_digest=self._user_digests(code)[0],
                scopes=scopes,
                asked_ip=ip,
                created_at=rfc3339(now),
                expires_at=rfc3339(now + timedelta(seconds=_SECONDS)),
                pause=_PAUSE,
            )
            if self._store.insert(device):
                return f"{code[:4]}-{code[4:]}"
        raise RuntimeError("No code is free: housekeeping does not run")

    def poll(self, app: App, given: Parameters, ip: str | None = None) -> Mapping[str, Any]:
        """Give what the user allowed (section 3.4); raises OAuthError while that is nothing."""
        text, now = given.need("device_code"), self._clock()
        known = credential.is_well_formed(text, DEVICE)
        device = self._store.by_device(self._digests(text)) if known else None
        if device is None or device.client_id != app.client_id:
            raise InvalidGrantError("The device code is unknown, or another client's")
        if device.decision is Decision.DENIED:
            raise AccessDeniedError("The user did not allow it")
        if device.decision is Decision.ALLOWED:
            return self._server.redeem_device(app, device.device_digest, ip)
        if device.expires_at <= rfc3339(now):
            raise ExpiredTokenError("Nobody answered in time: begin anew")
        before = rfc3339(now - timedelta(seconds=device.pause))
        if not self._store.poll(device, now=rfc3339(now), before=before, more=_PAUSE):
            raise SlowDownError(f"Ask again in {device.pause + _PAUSE} seconds, not before")
        raise AuthorizationPendingError("The user has not answered yet")

    # What the user does

    def question(self, caller: Caller, text: str) -> Question:
        """Return what a device asks, by the code that it shows.

        Raises UserCodeError, and TooManyUserCodesError when the user or their address tried too
        many wrong ones.
        """
        code = "".join(letter for letter in text.upper() if letter.isalnum())
        budgets = (f"user-code/{caller.user_id}", f"user-code/{budget_key(caller.ip)}")
        self._spend(budgets)
        found = self._open(caller, code)
        if found is None:
            raise UserCodeError
        self._give_back(budgets)
        return found

    def _open(self, caller: Caller, code: str) -> Question | None:
        digests = self._user_digests(code)
        device = self._store.by_user(digests)
        if device is None or not any(
            hmac.compare_digest(device.user_digest, digest) for digest in digests
        ):
            return None
        app = self._apps.by_client(device.client_id)
        if app is None or not app.device_flow or not app.may_be_granted_in(caller.tenant_id):
            return None
        if device.decision is not None or device.expires_at <= rfc3339(self._clock()):
            return None
        asked = Asked(app, "", False, device.scopes, None, None)
        shown = f"{code[:4]}-{code[4:]}"
        return Question(device, app, asked, self._server.offered(asked, caller), shown)

    def allow(self, caller: Caller, text: str) -> Question:
        """Let a device act for the user; raises UserCodeError and TooManyUserCodesError."""
        question = self.question(caller, text)
        if not question.offered:
            return self._deny(caller, question)
        now, device = self._clock(), question.device
        until = max(
            now + timedelta(seconds=CODE_SECONDS), parse_rfc3339(device.expires_at)
        )  # however late it was allowed, the device has time to ask once more
        with self._database.write() as connection:
            if not self._store.decide(connection, device, Decision.ALLOWED, now=rfc3339(now)):
                raise UserCodeError  # somebody else answered it meanwhile
            self._server.allow_device(
                connection,
                question.asked,
                caller,
                digest=device.device_digest,
                until=rfc3339(until),
                ip=device.asked_ip,
            )
        return question

    def deny(self, caller: Caller, text: str) -> Question:
        """Refuse a device; raises UserCodeError and TooManyUserCodesError."""
        return self._deny(caller, self.question(caller, text))

    def _deny(self, caller: Caller, question: Question) -> Question:
        now, device = rfc3339(self._clock()), question.device
        with self._database.write() as connection:
            if not self._store.decide(connection, device, Decision.DENIED, now=now):
                raise UserCodeError  # somebody else answered it meanwhile
            record(
                connection,
                EventType.DEVICE_DENIED,
                tenant=caller.tenant_id,
                subject=device.id,
                actor=caller.actor,
                client_id=question.app.client_id,
                app_name=question.app.name,
                device_ip=device.asked_ip,
            )
        return question

    def purge(self) -> None:
        """Forget what ended a day ago."""
        self._store.purge(rfc3339(self._clock() - timedelta(days=_KEPT_DAYS)))

    def _spend(self, budgets: tuple[str, ...]) -> None:
        """Count a try before it is looked at, so that many at once are no more than many."""
        over = [
            count.reset
            for budget in budgets
            for window in self._budget
            if (count := self._counters.add(f"{budget}/{window.seconds}", 1, window.seconds)).used
            > window.amount
        ]
        if over:
            wait = max(1, math.ceil(max(over) - self._ticks()))
            raise TooManyUserCodesError(
                f"Too many codes were wrong: try again in {wait} seconds",
                headers={"Retry-After": str(wait)},
            )

    def _give_back(self, budgets: tuple[str, ...]) -> None:
        for budget in budgets:
            for window in self._budget:
                self._counters.add(f"{budget}/{window.seconds}", -1, window.seconds)

    def _digests(self, text: str) -> list[str]:
        return [credential.digest(text, key) for key in self._keys]

    def _user_digests(self, code: str) -> list[str]:
        return self._digests(f"user code {code}")
