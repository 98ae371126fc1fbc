"""What an authorization server judges by parameters alone: scopes, PKCE, redirect URIs. Pure."""

from __future__ import annotations

from cloudsealed.auth.model import Scope, implied
from cloudsealed.auth.oauth.errors import (
    InvalidOAuthRequestError,
    InvalidOAuthScopeError,
    OAuthError,
)
from cloudsealed.auth.oauth.model import App, Code, is_challenge, ordered, verifies
from cloudsealed.auth.oauth.parameters import Parameters


def within(allowed: tuple[str, ...], asked: str | None) -> tuple[str, ...]:
    """Return the scopes asked for, all that are allowed when none is."""
    if asked is None:
        return allowed
    names = {name for name in asked.split(" ") if name}
    if not names or not names <= implied(Scope(name) for name in allowed):
        raise InvalidOAuthScopeError("A scope is unknown, or more than was registered or granted")
    return ordered(Scope(name) for name in names)


def challenge_of(app: App, given: Parameters) -> str | None:
    """Return the PKCE challenge (RFC 7636; RFC 9700, section 2.1.1)."""
    challenge, method = given.get("code_challenge"), given.get("code_challenge_method")
    if challenge is None:
        if method is not None or not app.is_confidential:
            raise InvalidOAuthRequestError("code_challenge is missing: use PKCE with S256")
        return None
    if method != "S256":
        raise InvalidOAuthRequestError("code_challenge_method must be S256")
    if not is_challenge(challenge):
        raise InvalidOAuthRequestError("code_challenge must be 43 characters of base64url")
    return challenge


def code_fault(app: App, code: Code, given: Parameters) -> str | None:
    """Return why a code cannot be redeemed by this request, None when it can.

    The redirect URI may be left out where something else binds the code to the client: PKCE, or
    a secret and only one URI to send the code to (RFC 6749, 4.1.3, as OAuth 2.1 relaxes it).
    """
    try:
        uri, verifier = given.get("redirect_uri"), given.get("code_verifier")
    except OAuthError as error:
        return error.description
    if uri is not None and uri != code.redirect_uri:
        return "The redirect_uri is not the one of the authorization request"
    if (code.challenge is None) != (verifier is None):
        return "code_verifier must be given exactly when there was a code_challenge"
    if code.challenge is not None and not verifies(verifier or "", code.challenge):
        return "code_verifier does not fit the code_challenge"
    bound = code.challenge is not None or (app.is_confidential and len(app.redirect_uris) == 1)
    if uri is None and code.redirect_sent and not bound:
        return "redirect_uri is missing"
    return None
