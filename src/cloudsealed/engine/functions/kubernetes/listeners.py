"""`is_loopback(where)`: whether only the machine itself reaches an address or a URL.

Source: RFC 1122 and RFC 4291 (loopback addresses), RFC 6761 (`localhost`). Refuses to resolve a
name.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.signature import Function, kinds

_LONGEST: Final = 2048


def is_loopback(where: str) -> bool:
    """`is_loopback("https://127.0.0.1:2379")`: whether nothing but the machine itself reaches this.

    `where` is an address, a name or a URL; `localhost` and sockets of the file system (`unix://`)
    are, and every other name is not. A URL without a host is an error.
    """
    if len(where) > _LONGEST:
        raise EvaluationError(f"is_loopback() takes texts of at most {_LONGEST} characters")
    host = where.strip()
    if "://" in host:
        if host.startswith(("unix://", "unixs://")):
            return True
        host = _host(host)
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _host(url: str) -> str:
    try:
        found = urlsplit(url).hostname
    except ValueError:
        found = None
    if not found:
        raise EvaluationError(f"{url[:64]!r} names no host")
    return found


LISTENERS: Final = (Function("is_loopback", (kinds("string"),), "bool", is_loopback),)
