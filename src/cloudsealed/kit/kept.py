"""What is derived from the program's own files, kept where Python keeps its byte code.

It is what any run would derive again, so it is kept only with the digest of all that it was made
of, code too, and with its own: one that is stale, damaged or half written is made anew. As with
byte code, who could change it could change the program. A folder that cannot be written costs
time, nothing else. It refuses to keep anything of a user's.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import orjson

import cloudsealed

_HOME = Path(cloudsealed.__file__).parent


@cache
def code_of(*names: str) -> tuple[bytes, ...]:
    """Return the sources of modules and packages of this program, by their path below its root, and
    the tables that they read."""
    paths = (_HOME / name for name in names)
    found = (sorted(path.rglob("*")) if path.is_dir() else [path] for path in paths)
    return tuple(
        file.read_bytes() for files in found for file in files if file.suffix in (".py", ".csv")
    )


def kept(name: str, code: Sequence[str], sources: Iterable[bytes], make: Callable[[], Any]) -> Any:
    """Return what `make` returns, as JSON values: from the last run if that had the same `code`
    (see `code_of`) and the same `sources`."""
    try:
        made_of = _digest([*code_of(*code), *sources])
    except OSError:  # a program without its sources, which nothing can be compared with
        return _plain(make())
    file = Path(cache_from_source(str(_HOME / f"{name}.py"))).with_suffix(".json")
    with suppress(OSError):
        head, _, body = file.read_bytes().partition(b"\n")
        if head == _digest([made_of, body]):
            return orjson.loads(body)
    body = orjson.dumps(make())
    with suppress(OSError):
        _write(file, b"\n".join([_digest([made_of, body]), body]))
    return orjson.loads(body)


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def _digest(parts: Iterable[bytes]) -> bytes:
    """Return a digest that tells apart how the bytes are divided, as hex."""
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest().encode()


def _write(file: Path, data: bytes) -> None:
    """Write a file that others read whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(data)
        Path(name).chmod(0o644)  # as byte code is: it holds what the program's files hold
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
