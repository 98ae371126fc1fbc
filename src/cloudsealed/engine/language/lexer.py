"""Cuts the text of an expression into tokens: the lexical part of the CEL grammar.

Source: the CEL language definition, section "Syntax". Refuses characters outside it, numbers
outside int64, uint64 and double, and strings that do not end; every refusal has its position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from cloudsealed.engine.errors import MAX_SOURCE, ExpressionError
from cloudsealed.engine.values import MAX_INT, MAX_UINT, UInt

Sort = Literal["literal", "name", "quoted", "symbol", "end"]

RESERVED: Final = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"}
    | {"loop", "package", "namespace", "return", "var", "void", "while"}
)
"""Words that the language keeps for itself: no variable has them, but a field may."""
KEYWORDS: Final[dict[str, object]] = {"true": True, "false": False, "null": None}

_TOKEN: Final = re.compile(
    r"""
    (?P<space>    (?: [ \t\r\n\f]+ | //[^\n]* )+ )
  | (?P<float>    (?: [0-9]+ \. [0-9]+ (?: [eE][+-]?[0-9]+ )? | [0-9]+ [eE][+-]?[0-9]+
                    | \. [0-9]+ (?: [eE][+-]?[0-9]+ )? ) )
  | (?P<integer>  (?: 0[xX][0-9a-fA-F]+ | [0-9]+ ) [uU]? )
  | (?P<raw>      (?: [rR][bB]? | [bB][rR] )
                  (?: \"{3} [\s\S]*? \"{3} | '{3} [\s\S]*? '{3} | " [^"\r\n]* " | ' [^'\r\n]* ' ) )
  | (?P<string>   [bB]?
                  (?: \"{3} (?: [^\\] | \\[\s\S] )*? \"{3} | '{3} (?: [^\\] | \\[\s\S] )*? '{3}
                    | " (?: [^"\\\r\n] | \\. )* " | ' (?: [^'\\\r\n] | \\. )* ' ) )
  | (?P<name>     [_a-zA-Z][_a-zA-Z0-9]* )
  | (?P<quoted>   ` [a-zA-Z0-9_.\-/ ]+ ` )
  | (?P<symbol>   && | \|\| | [=!<>]= | [-+*/%!<>?:.,()\[\]{}] )
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|([abfnrtv\\?\"'`])|[\s\S]?)"
)
_SIMPLE: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Token(NamedTuple):
    """A piece of the text from `start` to before `end`; a literal carries its `value`."""

    sort: Sort
    text: str
    start: int
    end: int
    value: Any = None


def tokenize(source: str) -> list[Token]:
    """The tokens of `source`, closed by one of sort `end`; raises `ExpressionError`."""
    if len(source) > MAX_SOURCE:
        text = f"an expression has at most {MAX_SOURCE:,} characters, and this has {len(source):,}"
        raise ExpressionError(text, source)
    return list(_tokens(source))


def _tokens(source: str) -> Iterator[Token]:
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise _refusal(source, at)
        group, text, end = str(match.lastgroup), match.group(), match.end()
        if group in ("symbol", "quoted"):
            yield Token(group, text, at, end)  # type: ignore[arg-type]  # a group's name is a kind
        elif group == "name":
            yield _name(text, at, end)
        elif group != "space":
            yield Token("literal", text, at, end, _literal(source, group, text, at))
        at = end
    yield Token("end", "", at, at)


def _name(text: str, start: int, end: int) -> Token:
    if text in KEYWORDS:
        return Token("literal", text, start, end, KEYWORDS[text])
    return Token("symbol" if text == "in" else "name", text, start, end)


def _refusal(source: str, at: int) -> ExpressionError:
    found = source[at]
    if found in "\"'":
        return ExpressionError("this string does not end", source, at, len(source))
    hint = {"=": "==", "&": "&&", "|": "||"}.get(found)
    more = f"; did you mean {hint!r}?" if hint else ""
    return ExpressionError(f"unexpected character {found!r}{more}", source, at, suggestion=hint)


def _literal(source: str, group: str, text: str, start: int) -> object:
    if group == "float":
        return float(text)
    if group == "integer":
        return _integer(source, text, start)
    prefix = text[: min(text.find(quote) for quote in "\"'" if quote in text)].lower()
    quotes = 3 if text[len(prefix) : len(prefix) + 3] in ('"""', "'''") else 1
    body = text[len(prefix) + quotes : -quotes]
    where = (source, start, start + len(prefix) + quotes)
    if "b" in prefix:
        return body.encode() if "r" in prefix else _unescape_bytes(body, where)
    return body if "r" in prefix else _unescape(body, where)


def _integer(source: str, text: str, start: int) -> int:
    digits = text.rstrip("uU")
    unsigned = len(digits) < len(text)
    if len(digits) > 20:
        raise ExpressionError("this number is out of range", source, start, start + len(text))
    number = int(digits, 16 if digits[:2] in ("0x", "0X") else 10)
    # One more than the largest int is let through, since a minus may stand before it.
    if number > (MAX_UINT if unsigned else MAX_INT + 1):
        raise ExpressionError("this number is out of range", source, start, start + len(text))
    return UInt(number) if unsigned else number


def _escapes(body: str, where: tuple[str, int, int]) -> Iterator[str | tuple[int, str]]:
    """The plain pieces of a string body, and for each escape its number and its letter."""
    source, _, offset = where
    at = 0
    for match in _ESCAPE.finditer(body):
        yield body[at : match.start()]
        at = match.end()
        x, big_x, u, big_u, octal, simple = match.groups()
        if simple:
            yield _SIMPLE.get(simple, simple)
        elif x or big_x or octal:
            yield (int(octal, 8) if octal else int(x or big_x, 16)), "x"
        elif (u or big_u) and _is_character(int(u or big_u, 16)):
            yield int(u or big_u, 16), "u"
        else:
            begin = offset + match.start()
            message = f"bad escape {match.group()!r} in this string"
            raise ExpressionError(message, source, begin, offset + match.end())
    yield body[at:]


def _is_character(number: int) -> bool:
    return number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF


def _unescape(body: str, where: tuple[str, int, int]) -> str:
    if "\\" not in body:
        return body
    pieces = _escapes(body, where)
    return "".join(piece if isinstance(piece, str) else chr(piece[0]) for piece in pieces)


def _unescape_bytes(body: str, where: tuple[str, int, int]) -> bytes:
    out = bytearray()
    for piece in _escapes(body, where):
        if isinstance(piece, str):
            out += piece.encode()
        elif piece[1] == "x":
            out.append(piece[0])
        else:
            raise ExpressionError(r"bytes have no \u escape; write \x", where[0], where[1])
    return bytes(out)
