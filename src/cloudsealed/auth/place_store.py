"""Places where accounts have logged in, as digests: what a restart must not forget.

They stand among the facts of the installation, since who logs in has no tenant yet.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import installation

_PREFIX, _BEHIND = "login-place/", "login-place0"  # the character after the slash
_UNTIL = select(installation.c.value).where(  # tenantless: user by e-mail
    installation.c.name == bindparam("place")
)
_ADDED = insert(installation).values(name=bindparam("place"), value=bindparam("until"))
_REMEMBER = _ADDED.on_conflict_do_update(  # SQLite reads the same words
    index_elements=["name"], set_={"value": _ADDED.excluded.value}
)
_PURGE = installation.delete().where(  # tenantless: housekeeping
    installation.c.name > _PREFIX,
    installation.c.name < _BEHIND,
    installation.c.value <= bindparam("now"),
)


class PlaceStore:
    """Reads and writes known places; moments are RFC 3339 in UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_known(self, place: str, *, now: str) -> bool:
        """Say whether a place is known at a moment."""
        with self._database.read() as connection:
            row = connection.first(_UNTIL, {"place": _PREFIX + place})
        return row is not None and row[0] > now

    def remember(self, place: str, *, until: str) -> None:
        """Know a place until a moment."""
        with self._database.write() as connection:
            connection.run(_REMEMBER, {"place": _PREFIX + place, "until": until})

    def purge(self, *, now: str) -> None:
        """Forget the places that are known no more."""
        with self._database.write() as connection:
            connection.run(_PURGE, {"now": now})
