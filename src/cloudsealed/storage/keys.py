"""The server's keys: one file, mode 0600, the same on every host.

It holds named keys with ids, newest first, so that a key can be replaced without losing what those
before it made: they count until the end that was declared for them, if any, and stay in the file
after it, so that a copy of the file is known for one. It refuses a file that others can read.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import overload

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339, utc_now
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.storage.private import FILE, private_folder

PURPOSES = ("tokens", "cursors", "sessions", "redaction", "seal")
REPLACEABLE: Mapping[str, timedelta | None] = {
    "tokens": None,
    "cursors": None,
    "sessions": timedelta(days=7),
    "seal": None,
}
"""The purposes whose key can be replaced, and how long the old ones count unless told otherwise:
sessions last for seven days at most, the others' work for as long as somebody has it. What was
redacted under a key could not be compared with what is redacted under another."""
_BYTES = 32


class KeyFileError(CloudSealedError):
    """The key file is missing, unreadable, or open to others."""

    code = "key_file_error"
    status = 500


@dataclass(frozen=True, slots=True)
class Key:
    """One secret of 32 bytes, with its id; new things are made with it from `since` on, and what it
    made counts until `until`, RFC 3339 both, None for no bound."""

    id: str
    secret: bytes
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of each purpose, newest first, ended ones too."""

    keys: dict[str, tuple[Key, ...]]
    clock: Clock = field(default=utc_now, compare=False)

    def current(self, purpose: str) -> Key:
        """Return the key that new things are made with now."""
        return self.all(purpose)[0]

    def all(self, purpose: str) -> tuple[Key, ...]:
        """Return every key that things may have been made with which count now, the current first;
        then those whose time has not come: another host may use them already."""
        now = rfc3339(self.clock())
        kept = [key for key in self.keys[purpose] if key.until is None or key.until > now]
        return tuple(sorted(kept, key=lambda key: key.since is not None and key.since > now))

    def live(self, purpose: str) -> Sequence[Key]:
        """Return the same for who holds it for long: looked at anew at each use."""
        return _Live(self, purpose)

    def for_tenant(self, purpose: str, tenant: str) -> bytes:
        """Return the tenant's own key, derived by HMAC-SHA256 from the current one."""
        return hmac.new(self.current(purpose).secret, tenant.encode(), hashlib.sha256).digest()

    @property
    def fingerprint(self) -> str:
        """A public value that tells two key files apart and reveals nothing.

        It is of the first key of each purpose: a file in which one was replaced is still the same.
        """
        first = [self.keys[purpose][-1] for purpose in PURPOSES if purpose != "seal"]
        material = b"".join(key.secret for key in first)
        return sha256(b"cloudsealed key ring" + material)[:16]


class _Live(Sequence[Key]):
    def __init__(self, ring: KeyRing, purpose: str) -> None:
        self._ring = ring
        self._purpose = purpose

    @overload
    def __getitem__(self, index: int) -> Key: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Key]: ...
    def __getitem__(self, index: int | slice) -> Key | Sequence[Key]:
        return self._ring.all(self._purpose)[index]

    def __len__(self) -> int:
        return len(self._ring.all(self._purpose))

    def __iter__(self) -> Iterator[Key]:
        return iter(self._ring.all(self._purpose))


def public_key(key: Key) -> Ed25519PublicKey:
    """Return the public half of a seal key."""
    return Ed25519PrivateKey.from_private_bytes(key.secret).public_key()


def key_id(public: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key's 32 raw bytes, in hex."""
    return sha256(public.public_bytes_raw())


def load_keys(path: Path) -> KeyRing:
    """Read the key file at `path`."""
    try:
        mode = path.stat().st_mode & 0o077
        document = json.loads(path.read_text())
        keys = {purpose: tuple(map(_parsed, document[purpose])) for purpose in PURPOSES}
        if not all(
            ring and {len(key.secret) for key in ring} == {_BYTES} for ring in keys.values()
        ):
            raise ValueError(f"each of {', '.join(PURPOSES)} needs keys of {_BYTES} bytes")
        if not all(ring[-1].since is None and ring[0].until is None for ring in keys.values()):
            raise ValueError("the first key of a purpose has no start, and the newest has no end")
    except FileNotFoundError:
        raise KeyFileError(f"{path} does not exist: run `cloudsealed init`") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise KeyFileError(f"{path} is not a key file: {error}") from error
    if mode:
        raise KeyFileError(f"{path} can be read by others: run `chmod 600 {path}`")
    return KeyRing(keys)


def ensure_keys(path: Path) -> KeyRing:
    """Read the key file at `path`, making it first when there is none."""
    if not path.exists():
        private_folder(path.parent)
        fresh = {purpose: [_fresh(purpose)] for purpose in PURPOSES}
        temporary = _beside(path, fresh)
        try:
            os.link(temporary, path)  # never replaces a key file that another process just made
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return load_keys(path)


def replace_key(
    path: Path,
    purpose: str,
    *,
    keep: timedelta | None = None,
    wait: timedelta = timedelta(),
    clock: Clock = utc_now,
) -> Key:
    """Put a new key before those of one of REPLACEABLE; return it.

    It is used after `wait`, in which the file can be copied to every host; the others count for
    `keep` from then on, None for as long as they did. Programs that run go on with the keys that
    they read. Raises KeyFileError.
    """
    if purpose not in REPLACEABLE:
        raise KeyFileError(f"The key of {purpose} stays; replaced are: {', '.join(REPLACEABLE)}")
    with _alone(path):
        load_keys(path)  # refuses what is no key file
        document = json.loads(path.read_text())
        since = clock() + wait
        if keep is not None:
            until = rfc3339(since + keep)
            for item in document[purpose]:
                item["until"] = min(item.get("until") or until, until)
        made = _fresh(purpose) | ({"since": rfc3339(since)} if wait else {})
        document[purpose] = [made, *document[purpose]]
        _beside(path, document).replace(path)
    return _parsed(made)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep others from replacing keys of the file meanwhile: one of two new keys would be lost."""
    if not path.parent.is_dir():
        yield
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _parsed(item: Mapping[str, str]) -> Key:
    times = (item.get(name) for name in ("since", "until"))
    read = [text if text is None else rfc3339(parse_rfc3339(text)) for text in times]
    return Key(item["id"], base64.b64decode(item["secret"], validate=True), *read)


def _beside(path: Path, document: object) -> Path:
    """Write a new file, which only its owner can read, beside another."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        temporary = Path(file.name)
        try:
            os.fchmod(file.fileno(), FILE)
            json.dump(document, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            temporary.unlink()
            raise
    return temporary


def _fresh(purpose: str) -> dict[str, str]:
    secret = secrets.token_bytes(_BYTES)
    return {"id": f"{purpose}-{secrets.token_hex(4)}", "secret": base64.b64encode(secret).decode()}
