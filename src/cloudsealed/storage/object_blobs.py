"""Blobs in an object store: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

Retries, signatures and uploads in parts are obstore's. Of what a store says no more is told than
what kind of fault it is: its words may hold addresses and keys.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import obstore
from obstore import exceptions as faults
from obstore.store import from_url

from cloudsealed.settings import InvalidSettingError
from cloudsealed.storage.blobs import BlobNotFoundError, checked
from cloudsealed.storage.database import ServiceUnavailableError

log = logging.getLogger(__name__)

_CLIENT: Final = {"timeout": timedelta(seconds=15), "connect_timeout": timedelta(seconds=3)}
_PIECE = 2**20
_RETRIES: Final = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
_from_url: Any = from_url  # its types are a union over all stores that there are
_REFUSED = (faults.PermissionDeniedError, faults.UnauthenticatedError)


class ObjectBlobs:
    """Blobs as objects below one address."""

    def __init__(self, url: str, options: Iterable[tuple[str, str]]) -> None:
        """`options` are those that obstore has for the kind of store that `url` names; what is not
        among them comes from the environment, as the provider's own tools read it. Raises
        InvalidSettingError."""
        config = dict(options)
        plain = config.get("endpoint", "").startswith("http://")
        try:
            self._store: Any = _from_url(
                url,
                config=config or None,
                client_options={**_CLIENT, "allow_http": plain},
                retry_config=_RETRIES,
            )
        except (faults.BaseError, ValueError) as error:
            said = str(error).partition("\n")[0]
            for value in filter(None, config.values()):
                said = said.replace(value, "…")
            raise InvalidSettingError(
                f"CLOUDSEALED_BLOB_URL and CLOUDSEALED_BLOB_OPTIONS name no store: {said}"
            ) from None

    def put(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Store `content`; one that breaks off leaves what was there."""
        source = _Source(() if isinstance(content, bytes) else content)
        given = content if isinstance(content, bytes) else iter(source)  # that goes in parts
        try:
            with _answering():
                obstore.put(self._store, checked(name), given)
        except ServiceUnavailableError:
            if source.error is None:
                raise
            raise source.error from None

    def open(self, name: str, start: int = 0) -> Iterator[bytes]:
        """Return the pieces of a blob. Each is a request of its own, so that a reader may be as
        slow as it likes; all are of the object that there was at first."""
        with _answering(name):
            found = obstore.head(self._store, checked(name))
        return self._pieces(name, start, int(found["size"]), found["e_tag"])

    def _pieces(self, name: str, start: int, size: int, tag: str | None) -> Iterator[bytes]:
        for at in range(start, size, _PIECE):
            wanted: Any = {"range": (at, min(at + _PIECE, size)), "if_match": tag}
            with _answering(name):
                piece = bytes(obstore.get(self._store, name, options=wanted).bytes())
            yield piece

    def size(self, name: str) -> int:
        """Return how many bytes a blob has."""
        with _answering(name):
            return int(obstore.head(self._store, checked(name))["size"])

    def delete(self, name: str) -> None:
        """Remove the object."""
        with suppress(BlobNotFoundError), _answering(name):
            obstore.delete(self._store, checked(name))

    def names(self) -> Iterator[str]:
        """Yield the names of all blobs."""
        with _answering():
            for some in obstore.list(self._store):
                yield from (str(each["path"]) for each in some)

    def fault(self) -> str | None:
        """Ask for what need not be there."""
        try:
            with suppress(BlobNotFoundError):
                self.size("ready")
        except ServiceUnavailableError as error:
            return error.message
        return None


class _Source:
    """Content that is read by the store's client, which would hide why it broke off."""

    def __init__(self, content: Iterable[bytes]) -> None:
        self.error: Exception | None = None
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._content
        except Exception as error:
            self.error = error
            raise


@contextmanager
def _answering(name: str = "") -> Iterator[None]:
    """Raise BlobNotFoundError where a blob of this name is not there, ServiceUnavailableError for
    anything else."""
    try:
        yield
    except (faults.BaseError, OSError) as error:
        if name and isinstance(error, (faults.NotFoundError, FileNotFoundError)):
            raise BlobNotFoundError(name) from None
        log.warning("the object store of the blobs failed: %s", _kind(error))
        said = "refuses the credentials" if isinstance(error, _REFUSED) else "does not answer"
        raise ServiceUnavailableError(f"The object store of the blobs {said}") from None


def _kind(error: Exception) -> str:
    return type(error).__name__
