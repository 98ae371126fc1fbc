"""What of Kubernetes' protobuf a review needs: kubectl asks in it what it may do.

Sources: Protocol Buffers' encoding; runtime.Unknown and authorization/v1 of k8s.io/api. It refuses
to know any other message.
"""

from __future__ import annotations

from collections.abc import Mapping

_MAGIC = b"k8s\0"
_RAW, _SPEC = 2, 2
_ATTRIBUTES = ("namespace", "verb", "group", "version", "resource", "subresource", "name")


def access_of(body: bytes) -> dict[str, str]:
    """Return the resourceAttributes of a SelfSubjectAccessReview; raises ValueError."""
    fields = _fields(_last(_spec(body), 1))
    return {
        name: _last(fields, number).decode()
        for number, name in enumerate(_ATTRIBUTES, 1)
        if number in fields
    }


def namespace_of(body: bytes) -> str:
    """Return the namespace of a SelfSubjectRulesReview; raises ValueError."""
    return _last(_spec(body), 1).decode()


def _spec(body: bytes) -> dict[int, list[bytes]]:
    if not body.startswith(_MAGIC):
        raise ValueError("it is no protobuf of Kubernetes")
    review = _fields(_last(_fields(body[len(_MAGIC) :]), _RAW))
    return _fields(_last(review, _SPEC))


def _last(fields: Mapping[int, list[bytes]], number: int) -> bytes:
    return fields.get(number, [b""])[-1]


def _fields(data: bytes) -> dict[int, list[bytes]]:
    """Return the values of length and text of a message, by number."""
    found: dict[int, list[bytes]] = {}
    place = 0
    while place < len(data):
        key, place = _number(data, place)
        length, place = _number(data, place)
        if key & 7 == 0:
            continue
        if key & 7 != 2 or place + length > len(data):
            raise ValueError("it has a value of another kind")
        found.setdefault(key >> 3, []).append(data[place : place + length])
        place += length
    return found


def _number(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data):
            raise ValueError("it ends within a number")
        byte = data[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return value, place
