"""Which coding a client gets, and that any client can read it."""

from __future__ import annotations

import gzip
import os

import brotli
import pytest
import zstandard

from cloudsealed.api.gate import coding

DECODERS = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("gzip;q=0", "identity"),
        ("deflate, sdch", "identity"),
        ("*", "gzip"),
        ("gzip;q=0, *", "zstd"),
        ("br, *;q=0", "br"),
        ("identity", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("gzip;q=x", "identity"),
        ("identity;q=0, gzip", "gzip"),
        ("*;q=0.1, identity;q=0", "gzip"),
        ("identity;q=0", None),
        ("*;q=0", None),
        ("identity;q=0, deflate", None),
        ("identity;q=0.1, *;q=0", "identity"),
        (" , ;q=1,gzip ; q=1.0", "gzip"),
        ("gzip;q=nan", "identity"),
        ("gzip;q=2", "identity"),
        ("gzip;q=-1", "identity"),
    ],
)
def test_the_coding_is_the_one_that_the_client_prefers(accepted: str, name: str | None) -> None:
    assert coding.choose(accepted) == name


def test_where_nothing_is_coded_only_a_refusal_of_that_is_refused() -> None:
    assert coding.choose("gzip", ()) == "identity"
    assert coding.choose("gzip, identity;q=0", ()) is None
    assert coding.refuses_identity("gzip, identity;q=0")
    assert not coding.refuses_identity("gzip")


@pytest.mark.parametrize("name", coding.CODINGS)
@pytest.mark.parametrize("content", [b"", b"a", b"cloud " * 10_000, os.urandom(100_000)])
def test_what_is_coded_whole_or_in_pieces_reads_the_same(name: str, content: bytes) -> None:
    assert DECODERS[name](coding.whole(name, content)) == content
    made = coding.encoder(name)
    pieces = [made.piece(content[at : at + 999]) for at in range(0, len(content), 999)]
    assert DECODERS[name](b"".join([*pieces, made.end()])) == content
