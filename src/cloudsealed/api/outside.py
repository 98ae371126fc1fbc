"""What is served beside `/v1` and its document, and why each of it is not described there.

The document must pass rules that refuse HTTP Basic and operations without security, which these
have by their standards or their nature (decision 9); so it lists them.
"""

from __future__ import annotations

from collections.abc import Mapping

_OAUTH = "described by `/.well-known/oauth-authorization-server`; RFC 6749 has forms and HTTP Basic"
_METADATA = "a document of its own standard, without a credential"

OUTSIDE: Mapping[str, tuple[str, str]] = {
    "/oauth/authorize": ("Asks a user to let an app act for them (RFC 6749)", _OAUTH),
    "/oauth/token": ("Gives an app its tokens (RFC 6749)", _OAUTH),
    "/oauth/device_authorization": ("Begins to ask a user by a code (RFC 8628)", _OAUTH),
    "/oauth/revoke": ("Takes a token back (RFC 7009)", _OAUTH),
    "/oauth/introspect": ("Says whether a token holds (RFC 7662)", _OAUTH),
    "/.well-known/oauth-authorization-server": ("Describes these (RFC 8414)", _METADATA),
    "/.well-known/oauth-protected-resource": (
        "Says where tokens for this API come from (RFC 9728)",
        _METADATA,
    ),
    "/.well-known/oauth-protected-resource/v1": ("The same, of the resource `/v1`", _METADATA),
    "/.well-known/cloudsealed-keys": (
        "The public keys of seals",
        "read by auditors who have no credential",
    ),
    "/tokens/report-leak": (
        "Revokes the token in the body",
        "the token is the proof: it takes no credential",
    ),
    "/": ("Leads people to the pages and programs to an index", "it says where all else is"),
    "/healthz": ("Whether the process runs", "for probes, without a credential"),
    "/readyz": ("Whether requests can be answered", "for probes, without a credential"),
    "/metrics": ("Figures for Prometheus", "in its text format"),
    "/openapi.json": ("The document", "it does not describe itself"),
    "/docs": ("The document to read and try", "a page"),
}
"""Path to what it is, and why the document does not describe it; pages of the console are left
out."""


def listed() -> str:
    """Return the list as Markdown."""
    return "\n".join(f"- `{path}`: {what} ({why})" for path, (what, why) in OUTSIDE.items())
