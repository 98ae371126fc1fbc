"""Content codings (RFC 9110, sections 8.4.1 and 12.5.3): which one a client gets, and its bytes.

The levels are those at which a list costs at most half as much again (benchmarks/coding.py): zlib's
own gzip costs several times that, so ISA-L makes the same format where the extra `cluster` is
installed, and br and zstd are offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

try:
    import brotli
    import zstandard
    from isal import isal_zlib as zlib
except ImportError:  # the extra `cluster` brings all three
    import zlib  # type: ignore[no-redef]  # the same functions

    HAS_ALL = False
else:
    HAS_ALL = True

IDENTITY = "identity"
_GZIP_WINDOW = 31  # zlib's way to say: 32 KiB, in a gzip wrapper
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")  # RFC 9110, section 12.4.2
_KNOWN_TO_ALL = "gzip"  # what `*` means, where it can
_ALIASES = {"x-gzip": "gzip"}  # RFC 9110, section 8.4.1.3


class Encoder(Protocol):
    """Codes a body that comes in pieces."""

    def piece(self, content: bytes) -> bytes:
        """Return what is ready after one more piece; it may be empty."""

    def end(self) -> bytes:
        """Return the rest."""


@dataclass(frozen=True, slots=True)
class _Encoder:
    piece: Callable[[bytes], bytes]
    end: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class _Codec:
    whole: Callable[[bytes], bytes]
    pieces: Callable[[], Encoder]


def _gzip() -> Encoder:
    made = zlib.compressobj(1, zlib.DEFLATED, _GZIP_WINDOW)
    return _Encoder(made.compress, made.flush)


def _brotli() -> Encoder:
    made = brotli.Compressor(quality=0)
    return _Encoder(made.process, made.finish)


def _zstd() -> Encoder:
    made = zstandard.ZstdCompressor(level=1).compressobj()
    return _Encoder(made.compress, made.flush)


_CODECS = {
    "zstd": _Codec(lambda body: zstandard.ZstdCompressor(level=1).compress(body), _zstd),
    "br": _Codec(lambda body: bytes(brotli.compress(body, quality=0)), _brotli),
    "gzip": _Codec(lambda body: zlib.compress(body, 1, _GZIP_WINDOW), _gzip),
}
CODINGS: Sequence[str] = tuple(_CODECS) if HAS_ALL else (_KNOWN_TO_ALL,)
"""What is offered, the cheapest for its size first."""


def whole(name: str, content: bytes) -> bytes:
    """Return a whole body in a coding."""
    return _CODECS[name].whole(content)


def encoder(name: str) -> Encoder:
    """Return what codes one body in pieces."""
    return _CODECS[name].pieces()


@lru_cache(maxsize=256)
def choose(accepted: str, offered: Sequence[str] = CODINGS) -> str | None:
    """Return the coding for an Accept-Encoding, empty when there is none.

    Of equals the first offered; `identity` when it is preferred, or nothing offered is taken; None
    when that is refused too.
    """
    wanted = dict(_qualities(accepted))
    rest = wanted.get("*", 0.0)

    def rank(name: str) -> tuple[float, bool]:
        return wanted.get(name, rest), name in wanted or name == _KNOWN_TO_ALL

    best = max(offered, key=rank, default=IDENTITY)
    quality = wanted.get(best, rest)
    if quality > 0 and wanted.get(IDENTITY, 0.0) <= quality:
        return best
    refused = wanted.get(IDENTITY, wanted.get("*", 1.0)) == 0
    return None if refused else IDENTITY


def refuses_identity(accepted: str) -> bool:
    """Say whether a client takes nothing that is not coded."""
    return choose(accepted, ()) is None


def _qualities(accepted: str) -> Iterator[tuple[str, float]]:
    for part in accepted.split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        yield _ALIASES.get(name, name), float(quality) if _QUALITY.fullmatch(quality) else 0.0
