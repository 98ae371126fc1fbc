"""How people get in: by a password, and by an invitation to their first or next one."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from cloudsealed.auth import credential, passwords
from cloudsealed.auth.access import Access
from cloudsealed.auth.attempts import Attempts
from cloudsealed.auth.errors import InvitationNotFoundError
from cloudsealed.auth.model import Caller
from cloudsealed.auth.security import record
from cloudsealed.auth.user_store import User, UserStore
from cloudsealed.auth.users import INVITATION
from cloudsealed.events.deed import Actor
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.logs import say
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.vocabulary import EventType, UserStatus

_log = logging.getLogger(__name__)


class LoginService:
    """The use cases of logging in."""

    def __init__(
        self, *, database: Database, keys: KeyRing, clock: Clock, access: Access, attempts: Attempts
    ) -> None:
        self._database = database
        self._store = UserStore(database)
        self._keys = keys.live("tokens")
        self._clock = clock
        self._access = access
        self._attempts = attempts

    def device(self, user: User) -> str:
        """Return the text of a cookie by which the user's account knows a device from now on."""
        return self._attempts.device(user.email)

    def knows(self, *, email: str, ip: str, device: str) -> bool:
        """Say whether the account with an e-mail address has logged in from there before, or on
        the device of a cookie."""
        return self._attempts.knows(_account(email), ip, device)

    def knows_device(self, device: str, *, email: str) -> bool:
        """Say whether a device's cookie is of the account with an e-mail address."""
        return self._attempts.is_known_device(device, _account(email))

    def purge(self) -> None:
        """Forget the places where nobody has logged in for long."""
        self._attempts.forget()

    def log_in(self, *, email: str, password: str, ip: str = "", device: str = "") -> User | None:
        """Return the user with this address and password; a stranger takes as long to refuse.

        So nothing of a refusal is written here: `record_failure` is for when it was answered.
        Raises TooManyLoginAttemptsError when the account's budget for such devices is spent.
        """
        began = time.monotonic()
        user = self._checked(email, password, ip, device)
        outcome = "refused" if user is None else "accepted"
        seconds = round(time.monotonic() - began, 3)
        say(_log, "login", outcome=outcome, user=user.id if user else "-", seconds=seconds)
        return user

    def _checked(self, email: str, password: str, ip: str, device: str) -> User | None:
        account = _account(email)
        whose, known = self._attempts.whose(account, ip, device)
        user = self._store.by_email(account)
        stored = user.password_hash if user is not None and user.disabled_at is None else None
        if not self._try(whose, stored, password, known=known) or user is None or stored is None:
            return None
        self._attempts.remember(account, ip)
        if passwords.is_outdated(stored):
            fresh = passwords.hashed(password, known=True)
            with self._database.write() as connection:
                self._store.set_password(connection, user, fresh)
        return user

    def record_failure(self, *, email: str, ip: str) -> None:
        """Write that a login was refused: an event of the user's tenant, if there is the user."""
        user = self._store.by_email(_account(email))
        _log.warning("a login from %s was refused", ip)
        if user is None:
            return
        with self._database.write() as connection:
            record(
                connection,
                EventType.LOGIN_FAILED,
                tenant=user.tenant_id,
                subject=user.id,
                actor=Actor(ip=ip),
            )

    def check_password(self, *, user: User, session: str, password: str) -> bool:
        """Say whether a password is that of the user whose session this is.

        Raises TooManyLoginAttemptsError when the session's budget is spent.
        """
        return self._try(f"session/{session}", user.password_hash, password, known=True)

    def _try(self, whose: str, stored: str | None, password: str, *, known: bool) -> bool:
        """Hold a password against a stored one; only what is wrong spends of a budget."""
        self._attempts.spend(whose)
        try:
            is_right = passwords.verifies(stored, password, known=known)
        except passwords.TooManyLoginAttemptsError:
            self._attempts.give_back(whose)
            raise
        if is_right:
            self._attempts.give_back(whose)
        return is_right

    def change_password(
        self, *, caller: Caller, current: str, new: str, end_tokens: bool = False
    ) -> None:
        """Replace the caller's password; all of their sessions end, with the tokens if wanted.

        Raises InvalidFieldError for `current` or `password`.
        """
        user = self._store.get(tenant=caller.tenant_id, ident=caller.user_id)
        if not self.check_password(user=user, session=caller.token_id, password=current):
            raise InvalidFieldError("current", "current must be the password of now")
        self._set(user, passwords.hashed(new, known=True), caller.actor, everything=end_tokens)

    def log_out_everywhere(self, *, caller: Caller) -> None:
        """End every session of the caller."""
        user = self._store.get(tenant=caller.tenant_id, ident=caller.user_id)
        with self._database.write() as connection:
            self._access.end_sessions(connection, user)
            record(
                connection,
                EventType.LOGGED_OUT,
                tenant=user.tenant_id,
                subject=user.id,
                actor=caller.actor,
                everywhere=True,
            )

    def _set(self, user: User, password_hash: str, actor: Actor, *, everything: bool) -> None:
        end = self._access.end if everything else self._access.end_sessions
        with self._database.write() as connection:
            self._store.set_password(connection, user, password_hash)
            end(connection, user)
            record(
                connection,
                EventType.PASSWORD_CHANGED,
                tenant=user.tenant_id,
                subject=user.id,
                actor=actor,
                everything_ended=everything,
            )
        self._access.forget()

    def invited(self, text: str) -> User:
        """Return whom an invitation is for; raises InvitationNotFoundError."""
        return self._found(text)[0]

    def accept(self, *, text: str, name: str, password: str, ip: str) -> User:
        """Give an invited user their name and password; whatever they had of access ends.

        Raises InvitationNotFoundError, also for a second use, and InvalidFieldError.
        """
        user, digest = self._found(text)
        if not 1 <= len(name.strip()) <= 200:
            raise InvalidFieldError("name", "name must be a text of 1 to 200 characters")
        hashed = passwords.hashed(password, known=True)
        joined = user.status is UserStatus.INVITED
        kind = EventType.USER_JOINED if joined else EventType.PASSWORD_CHANGED
        accepted = replace(
            user, name=name.strip(), password_hash=hashed, invitation_expires_at=None
        )
        with self._database.write() as connection:
            if not self._store.accept(connection, accepted, digest=digest, password_hash=hashed):
                raise InvitationNotFoundError("The invitation was used before")
            self._access.end(connection, user)
            record(
                connection,
                kind,
                tenant=user.tenant_id,
                subject=user.id,
                actor=Actor(user.id, None, ip),
                email=user.email,
            )
        self._access.forget()
        return accepted

    def _found(self, text: str) -> tuple[User, str]:
        now = rfc3339(self._clock())
        if credential.is_well_formed(text, INVITATION):
            for key in self._keys:
                digest = credential.digest(text, key)
                user = self._store.by_invitation(digest)
                if user is not None and now < (user.invitation_expires_at or ""):
                    return user, digest
        raise InvitationNotFoundError("The invitation is unknown, was used before or is too old")


def _account(email: str) -> str:
    return email.strip().lower()
