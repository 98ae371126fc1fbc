"""Which kinds of secrets a text holds: by the value first, by its name only where the value can be
one, by assignments in scripts, settings and connection strings, and by what base64 hides.

Refuses to call text a secret for being random alone: ids, digests and certificates are random too.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from cloudsealed.collectors.secrets.formats import MARKED
from cloudsealed.collectors.secrets.names import Claim, claim_of
from cloudsealed.collectors.secrets.references import is_random, is_reference, is_uuid

_LOOKED_AT = 262_144  # characters of a value that are searched; user data ends at 16 kB
_SHORTEST = 16  # characters of base64 that may hide something
_HIDDEN = 16  # words of base64 that are read in a text
_HINT = re.compile(r"(?i)pass|pwd|psw|secret|token|key|cred|auth")
_NAME_BEFORE = re.compile(r"[\w.$-]{0,48}\Z")
_NAME_AFTER = re.compile(r"[\w.-]{0,48}")
_GIVEN = re.compile(
    r"""\\?["']?\s{0,8}(?P<sign>:=|=>|=|:|\s)\s{0,8}(?P<cast>!!\w+ )?"""
    r"""(?:\\?(?P<quote>["'`])(?P<quoted>[^\n]{0,512}?)\\?(?P=quote)|(?P<bare>[^\s"'`;,&|<>)\]}\\]{1,512}))"""
)
_FLAG = re.compile(r"(?:^|[\s\"\'])--?[\w-]*\Z")
_SET = re.compile(
    r"(?i)\b(?:setx|set|env|setenv|machine\s.{0,200}|user\s.{0,100}with|identified with \w+ by)\s+[\w.-]*\Z"
)
_REFERRED = re.compile(
    r"""(?m)^(?P<deep>[ \t]*)(?:secrets-manager|parameter-store):[ \t]*(?:#.*)?\r?\n"""
    r"""(?:(?P=deep)[ \t]+\S.*(?:\n|\Z)|[ \t]*\r?\n)*"""
    r"""|"(?:secrets-manager|parameter-store)"\s*:\s*\{[^{}]*\}"""
)
"""The variables of a build that name a secret instead of holding it, in YAML and in JSON (AWS
CodeBuild User Guide, "Build specification reference for CodeBuild", env)."""
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{24,}={0,2}(?![A-Za-z0-9+/=])")
_WORDS = re.compile(r"[A-Za-z]+(?:[-_ ./:]+[A-Za-z]+)*\d{0,2}")
_JOINED = re.compile(r"[a-z]+\d{0,3}(?:[-_./](?:[a-z]+\d{0,3}|\d{1,4}))+")
_ALTERNATING = re.compile(r"(?:[a-z][A-Z]){5}")
_SAYS_PASSWORD = re.compile(r"(?:[a-z0-9]+[-_./])+(?:password|passwd|secrets?|credentials?)")
_CODE = re.compile(r"[A-Za-z_][\w.]*[\[(]")


def kinds_of(text: str, name: str = "") -> frozenset[str]:
    """Return the kinds of secrets that `text` holds, empty if it is harmless.

    `name` is what people called the value: a variable, a parameter, a tag.
    """
    kinds: set[str] = set()
    texts, left = [text], 4 * _LOOKED_AT
    while texts and left > 0:
        text = texts.pop()[: min(_LOOKED_AT, left)]
        left -= len(text)
        kinds |= _inside(text)
        if name and is_named_secret(text, name):
            kinds.add("secret_name")
        texts += _hidden(text)
    return frozenset(kinds)


def is_named_secret(text: str, name: str) -> bool:
    """Whether `name` says that `text` is a secret, and it can be one."""
    claim = claim_of(name)
    text = text.strip().strip("\"'`").strip()
    if claim is Claim.NOTHING or len(text) < 4 or "\n" in text:
        return False
    if claim is Claim.PAIR:
        return _is_pair(text) or is_random(text, 20)
    if is_reference(text):
        return False
    if claim is Claim.PASSWORD:
        return _SAYS_PASSWORD.fullmatch(text) is None
    if claim is Claim.SECRET:
        return is_uuid(text) or (len(text) >= 8 and not _is_words(text))
    return not is_uuid(text) and is_random(text, 20)


def _is_words(text: str) -> bool:
    """Whether the text is made of words, of which none changes its case at every letter."""
    fits = _WORDS.fullmatch(text) or _JOINED.fullmatch(text)
    return fits is not None and _ALTERNATING.search(text) is None


def _is_pair(text: str) -> bool:
    user, colon, password = text.partition(":")
    plain = re.fullmatch(r"[\w.@+-]+", user) is not None and not password.startswith("//")
    return bool(colon) and plain and len(password) > 3 and not is_reference(password)


def _inside(text: str) -> set[str]:
    kinds = {form.kind for mark, form in MARKED if mark in text and form.finds(text)}
    if _assigns(_REFERRED.sub("", text)):
        kinds.add("password_assignment")
    return kinds


def _assigns(text: str) -> bool:
    """Whether a name that claims a secret is given one somewhere in `text`."""
    at = 0
    while hint := _HINT.search(text, at):
        before = _NAME_BEFORE.search(text, max(0, hint.start() - 48), hint.start())
        after = _NAME_AFTER.match(text, hint.start())
        start, at = (
            (before.start() if before else hint.start()),
            (after.end() if after else hint.end()),
        )
        name = text[start:at].lstrip("-")
        given = _GIVEN.match(text, at)
        joined = text[start - 1 : start] == ":"  # as in an ARN
        if given and not joined and _is_given(name, given, text[max(0, start - 256) : at]):
            return True
    return False


def _is_given(name: str, given: re.Match[str], before: str) -> bool:
    value = given["quoted"] if given["quote"] else given["bare"]
    sign = given["sign"]
    if given["quote"] == "`":  # the output of a command (POSIX, 2.6.3)
        return False
    if sign.isspace():
        if (
            "\n" in given[0]
            or value.startswith("-")
            or not (_FLAG.search(before) or _SET.search(before))
        ):
            return False
        if value.isupper() and value.lower() in name.lower():  # what a usage line calls it
            return False
    elif not given["quote"] and not _is_bare_value(given, sign):
        return False
    return claim_of(name) is not Claim.PAIR and is_named_secret(value, name)


def _is_bare_value(given: re.Match[str], sign: str) -> bool:
    """Whether an unquoted value is one: after a colon or `= ` it ends its line, or looks like no
    word of prose or code."""
    if _CODE.match(given["bare"]):
        return False
    if given["bare"].endswith(":") and "\n" in given[0]:  # a mapping below, in YAML
        return False
    if sign == "=" and not given[0].removesuffix(given["bare"]).endswith((" ", "\t")):
        return True
    line = given.string[given.end() :].split("\n", 1)[0].strip()
    return (
        not line
        or line.startswith(("#", ",", "}", ";", "\\n", '"'))
        or bool(re.search(r"\d", given["bare"]))
    )


def _hidden(text: str) -> list[str]:
    """Return what base64 in `text` says (user data is sent so, gzipped or not), none twice."""
    if len(text) < _SHORTEST:
        return []
    whole = "".join(text.split())
    words = [whole] if re.fullmatch(r"[A-Za-z0-9+/]{16,}={0,2}", whole) else _BASE64.findall(text)
    said = (_plain(word) for word in words[:_HIDDEN])
    return [each for each in said if each is not None]


def _plain(word: str) -> str | None:
    try:
        data = base64.b64decode(word, validate=True)
        if data.startswith(b"\x1f\x8b"):
            data = zlib.decompressobj(wbits=31).decompress(data, _LOOKED_AT)
        plain = data.decode()[:_LOOKED_AT]
    except (binascii.Error, ValueError, zlib.error):
        return None
    return plain if all(char.isprintable() or char in "\r\n\t" for char in plain[:256]) else None
