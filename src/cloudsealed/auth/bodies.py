"""What bodies about tokens, users and service accounts may say."""

from __future__ import annotations

from cloudsealed.auth.model import Scope
from cloudsealed.kit.shapes import (
    ITEM,
    NAME,
    Component,
    Moment,
    Number,
    Part,
    Record,
    Text,
    Texts,
    ident,
    words,
)
from cloudsealed.vocabulary import Role, UserStatus

MOST_NETWORKS = 100
LONGEST_OVERLAP = 86_400  # seconds
USER_ID = ident("UserId", "usr", "a user")
USER_NAME = Component("UserName", Text(longest=200), "A person's name.", ("Ann",))
SCOPES = Texts(words(Scope), most=len(Scope))
RANGES = "Networks that it may be used from, as CIDR; none: from everywhere."

TOKEN = Component(
    "TokenBody",
    Record(
        {
            "user_id": Part(
                USER_ID,
                "Service account that the token acts as, which only an admin can name; left out or"
                " null: the caller.",
                example=USER_ID.examples[0],
            ),
            "name": Part(NAME, "What it is for.", needed=True, example="ci"),
            "scopes": Part(
                SCOPES,
                "What it may do; a write scope implies its read scope.",
                needed=True,
                example=["findings:read"],
            ),
            "expires_at": Part(
                Moment(),
                "When it ends, in the future; left out or null: after 90 days.",
                example="2027-01-31T09:30:00.000Z",
            ),
            "allowed_cidrs": Part(
                Texts(ITEM, most=MOST_NETWORKS), RANGES, example=["192.0.2.0/24"]
            ),
        }
    ),
    "A new token, with no more power than the credential that asks for it.",
)


def rotation(name: str, what: str, said: str) -> Component:
    """Return the body that says how long what is old is good beside what is new."""
    seconds = Part(Number(0, LONGEST_OVERLAP, "int32"), said, default=0, example=3600, told=True)
    return Component(
        name,
        Record({"overlap_seconds": seconds}),
        f"How long the old {what} still works beside the new one.",
        ({"overlap_seconds": 3600},),
    )


TOKEN_ROTATION = rotation("TokenRotation", "token", "Seconds until the old token ends; 0: at once.")
LEAK = Record({"token": Part(Text(), needed=True)})
"""A token that was found where it should not be."""

USER = Component(
    "UserBody",
    Record(
        {
            "email": Part(
                Text(
                    longest=254,
                    told=r"^\s*[^@\s\u0000-\u001f]{1,64}@[^@\s\u0000-\u001f]{1,189}\s*$",
                    least=3,
                ),
                "The address to log in with, unique in the installation.",
                needed=True,
                example="ann@example.com",
            ),
            "role": Part(words(Role), "What they may do at most.", needed=True, example="editor"),
            "name": Part(USER_NAME, "Their name; left out or null: their address.", example="Ann"),
        }
    ),
    "A new user, with no more power than the credential that asks for them.",
)

SERVICE_ACCOUNT = Component(
    "ServiceAccountBody",
    Record(
        {
            "name": Part(USER_NAME, "What it is for.", needed=True, example="nightly export"),
            "role": Part(words(Role), "What it may do at most.", needed=True, example="viewer"),
        }
    ),
    "A new service account, with no more power than the credential that asks for it.",
)

USER_CHANGE = Component(
    "UserChange",
    Record(
        {
            "name": Part(USER_NAME, "Their name.", example="Ann"),
            "role": Part(words(Role), "What they may do at most.", example="auditor"),
            "status": Part(
                words((UserStatus.ACTIVE, UserStatus.DISABLED)),
                "Whether they can log in.",
                example="disabled",
            ),
        }
    ),
    "What can change of a user; what is left out or null stays.",
    ({"role": "auditor"},),
)
