"""The server's keys: one file, mode 0600, the same on every host.

It holds named keys with ids, newest first, so that a key can be replaced without losing what the
previous one made. It refuses a file that others can read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.storage.private import FILE, private_folder

PURPOSES = ("tokens", "cursors", "sessions", "redaction", "seal")
REPLACEABLE = ("seal",)
"""The purposes whose key can be replaced: what the others made would not be found again."""
_BYTES = 32


class KeyFileError(CloudSealedError):
    """The key file is missing, unreadable, or open to others."""

    code = "key_file_error"
    status = 500


@dataclass(frozen=True, slots=True)
class Key:
    """One secret of 32 bytes, with its id."""

    id: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of each purpose, newest first."""

    keys: dict[str, tuple[Key, ...]]

    def current(self, purpose: str) -> Key:
        """Return the key that new things are made with."""
        return self.keys[purpose][0]

    def all(self, purpose: str) -> tuple[Key, ...]:
        """Return every key that old things may have been made with."""
        return self.keys[purpose]

    def for_tenant(self, purpose: str, tenant: str) -> bytes:
        """Return the tenant's own key, derived by HMAC-SHA256 from the current one."""
        return hmac.new(self.current(purpose).secret, tenant.encode(), hashlib.sha256).digest()

    @property
    def fingerprint(self) -> str:
        """A public value that tells two key files apart and reveals nothing.

        It is of the keys that stay: a file whose key of seals was replaced is still the same one.
        """
        stay = [purpose for purpose in PURPOSES if purpose not in REPLACEABLE]
        material = b"".join(key.secret for purpose in stay for key in self.keys[purpose])
        return sha256(b"cloudsealed key ring" + material)[:16]


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
        keys = {
            purpose: tuple(
                Key(str(item["id"]), base64.b64decode(item["secret"], validate=True))
                for item in document[purpose]
            )
            for purpose in PURPOSES
        }
        if not all(
            ring and {len(key.secret) for key in ring} == {_BYTES} for ring in keys.values()
        ):
            raise ValueError(f"each of {', '.join(PURPOSES)} needs keys of {_BYTES} bytes")
    except FileNotFoundError:
        raise KeyFileError(f"{path} does not exist: run `cloudsealed init`") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
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


def replace_key(path: Path, purpose: str) -> str:
    """Put a new key before those of one of REPLACEABLE, which stay; return its id.

    Programs that run go on with the key that they read; raises KeyFileError.
    """
    if purpose not in REPLACEABLE:
        raise KeyFileError(f"The key of {purpose} cannot be replaced, only: {REPLACEABLE[0]}")
    load_keys(path)  # refuses what is no key file
    document = json.loads(path.read_text())
    document[purpose] = [_fresh(purpose), *document[purpose]]
    _beside(path, document).replace(path)
    ident: str = document[purpose][0]["id"]
    return ident


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
