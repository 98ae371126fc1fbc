"""Files as answers: whole, or a range of one (RFC 9110, section 14), and 304 for who has it.

One range is served; several, and what is no range, are answered with the whole file, as the RFC
allows. A file's tag is its SHA-256, so it is strong: no two files share one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cloudsealed.api.errors import RangeNotSatisfiableError

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class File:
    """A file as an answer; `open` gives its pieces from a byte on, `sha256` is hexadecimal."""

    open: Callable[[int], Iterator[bytes]]
    size: int
    sha256: str
    media_type: str
    filename: str

    @property
    def tag(self) -> str:
        """Its entity tag."""
        return f'"{self.sha256}"'


def response(file: File, request: Request, *, only_head: bool, is_known: bool) -> Response:
    """Return a file, or the range of it that was asked for; `is_known` when the client has it.

    Raises RangeNotSatisfiableError.
    """
    headers = {"ETag": file.tag, "Accept-Ranges": "bytes", "Vary": "Accept"}
    if is_known:
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{file.filename}"'
    span = None if only_head else _span(file, request)
    start, end = span or (0, file.size)
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    status = 200 if span is None else 206
    if only_head:
        return Response(status_code=status, headers=headers, media_type=file.media_type)
    pieces = _cut(file.open(start), end - start)
    return StreamingResponse(pieces, status, headers, file.media_type)


def _span(file: File, request: Request) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that are asked for; None for all."""
    condition = request.headers.get("if-range")
    if condition is not None and condition.strip() != file.tag:
        return None  # another file's, a weak tag, or a date: there is no Last-Modified
    asked = _RANGE.fullmatch(",".join(request.headers.getlist("range")).strip())
    if asked is None or asked[1] == asked[2] == "":
        return None
    if not asked[1]:
        start, end = max(0, file.size - int(asked[2])), file.size
    else:
        start, end = int(asked[1]), file.size
        if asked[2]:
            if int(asked[2]) < start:
                return None
            end = min(file.size, int(asked[2]) + 1)
    if start >= end:
        raise RangeNotSatisfiableError(
            f"The file has {file.size} bytes",
            headers={"Content-Range": f"bytes */{file.size}", "Accept-Ranges": "bytes"},
        )
    return start, end


def _cut(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            return
