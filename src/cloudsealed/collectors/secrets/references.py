"""What is no secret whatever it is called: references, masks, settings and public halves of keys.

Refuses to look at names: those are weighed in `names`.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from typing import Final


def words(text: str) -> frozenset[str]:
    """Return the words of a table."""
    return frozenset(text.split())


_MASK = re.compile(
    r"(?i)[*xX.•·_#?-]+|[\[<(]?(?:redacted|masked|hidden|removed|secret|sensitive)[\])>]"
)
_PLACEHOLDERS: Final = words(
    """
    true false yes no on off y n t f enabled disabled enable disable none null nil undefined unset
    empty default auto required optional example placeholder tbd todo n/a na dummy replace_me
    replaceme change_me fixme fill_me_in your_password your_secret your_token your_api_key
    insert_here not_used unused
    """
)


def _forms(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)


_FORMS: Final = _forms(
    # what something else will put in
    r"[$%].*",
    r"<[^<>]*>",
    r"@[\w.]+\(.*\)",
    r".*(?:\$\{|\$\(|\{\{|<%).*",
    r"%[\w.-]+%",
    r"__\w+__",
    r"!(?:Ref|Sub|GetAtt|ImportValue|If|Join|Select|vault|secret|env)\b.*",
    r"\[\[.*\]\]",
    r"(?i)(?:your|my|the|insert|enter|replace|example)[-_ ](?:own[-_ ])?[\w -]{2,40}[-_ ]here",
    r"(?i)your[-_][\w-]{2,40}",
    r"\S*EXAMPLE(?:KEY)?",
    r"AWS::\w+",
    # code and settings that fetch it
    r"[\w.]+\([^()]*\)",
    r"[A-Za-z_.]+\[.*\]",
    r"(?i)(?:vault|ssm|secretsmanager|awssm|aws-secret|op|azurekv|gcpsm|sm|secret|env|file|doppler|ref(?:\+\w+)?|resolve):.*",
    r"projects/[\w-]+/secrets/.*",
    r"(?:valueFrom|secretKeyRef|secretRef)\b.*",
    # what is encrypted already
    r"ENC[\[(].*[\])]",
    r"\{cipher\}.*",
    r"AQI[CD]A[A-Za-z0-9+/=]{60,}",
    r"\$ANSIBLE_VAULT.*",
    # numbers, moments, durations, versions, sizes
    r"[-+]?[\d_,.]+(?:[eE][-+]?\d+)?\s?(?:%|[a-zA-Z]{1,7})?",
    r"\d{4}-\d\d-\d\d(?:[T ].*)?",
    r"P(?:\d+[YMWD])*(?:T.*)?",
    r"v?\d+(?:\.\d+)+(?:[-+][\w.-]+)?",
    r"(?:rate|cron)\(.*\)",
    # names that AWS gives
    r"arn:[\w-]+:[\w-]*:.*",
    r"[a-z]{1,14}-(?:[0-9a-f]{8}|[0-9a-f]{17})",
    r"(?:[A-Za-z][A-Za-z0-9]*-)+[A-Z0-9]{12,13}",
    r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-iso\w?)-[a-z]+-\d[a-z]?(?:_\w+)?",
    r"A(?:RO|ID|GP|NP|NV|PK|SC)A[A-Z0-9]{16,}",
    # the halves of keys that everybody may know
    r"-----BEGIN (?!.*PRIVATE)[\s\S]*",
    r"(?:ssh-\w+|ecdsa-sha2-[\w-]+|sk-ssh-\S+)\s[\s\S]*",
    r"pk_(?:live|test)_\w+",
    # digests, and data
    r"(?:[\w.-]+(?::\d+)?/)?[\w./-]+@sha\d+:[0-9a-f]+",
    r"(?:sha\d{1,3}|md5)[:-][A-Za-z0-9+/=]+",
    r"[\[{][\s\S]*",
    r"<[a-zA-Z?!][\s\S]*",
)
_PLACES: Final = _forms(
    r"[a-z_]\w*(?:\.[A-Za-z_]\w*)+(?:\[.*\])?",
    r"(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.@:*+=,-]*)+",
    r"(?:[\w.-]+/)*[\w.-]+\.[a-z][a-z0-9]{1,4}",
    r"[a-z][a-z0-9_.-]*(?:/[a-z0-9][a-z0-9_.-]*)+",
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    r"(?:[\w-]+\.)+(?:[\w-]+\.)[a-z]{2,}(?::\d+)?\.?",
    r"(?:[\w-]+\.)+(?:com|net|org|io|local|internal|dev|app|cloud|aws|svc)(?::\d+)?\.?",
    r"[\w-]+:\d{2,5}",
    r"(?:\d{1,3}\.){3}\d{1,3}(?::\d+|/\d+)?",
    r"[0-9a-fA-F:]*::[0-9a-fA-F:]*(?:/\d+)?",
)
_URL = re.compile(r"[a-zA-Z][\w+.-]*:(?://)?[^\s@]*|[a-zA-Z][\w+.-]*://[^\s:@/]*@\S*")
_UUID = re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_RUN = re.compile(r"[A-Za-z0-9]{12,}")


def is_reference(text: str) -> bool:
    """Whether `text` cannot be a secret: it names one, hides one, or says something else.

    Lists of references, parted by commas or blanks, are references.
    """
    text = text.strip().strip("\"'`").strip()
    if len(text) < 4 or _MASK.fullmatch(text) or text.lower().replace("-", "_") in _PLACEHOLDERS:
        return True
    if _is_url(text) or _fits(_FORMS, text) or _is_public_pem(text):
        return True
    if _fits(_PLACES, text) and not _hides_a_random_run(text):
        return True
    parts = re.split(r"[,;\s]+", text)
    return len(parts) > 1 and all(not part or is_reference(part) for part in parts)


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID, which is an id in most places and a key in some."""
    return _UUID.fullmatch(text) is not None


def is_random(text: str, least: int) -> bool:
    """Whether `text` is made of random characters, as keys are: at least `least`, of letters and
    digits, with the entropy of such (3 bits a character in hexadecimal, 3.5 in others)."""
    if len(text) < least or not re.fullmatch(r"[\w+/=.~:!@#$%^&*-]+", text):
        return False
    if not (re.search(r"\d", text) and re.search(r"[A-Za-z]", text)):
        return False
    counts = Counter(text).values()
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
    return entropy > (3.0 if re.fullmatch(r"[0-9a-fA-F]+", text) else min(3.5, math.log2(least)))


def _fits(forms: tuple[re.Pattern[str], ...], text: str) -> bool:
    return any(form.fullmatch(text) for form in forms)


def _is_url(text: str) -> bool:
    return "://" in text and _URL.fullmatch(text) is not None


def _hides_a_random_run(text: str) -> bool:
    """Whether what has the form of a path holds a run of upper, lower and digits, as base64 does."""
    return any(
        re.search(r"[a-z]", run) and re.search(r"[A-Z]", run) and re.search(r"\d", run)
        for run in _RUN.findall(text)
    )


def _is_public_pem(text: str) -> bool:
    if not text.startswith("LS0tLS1CRUdJTi"):
        return False
    try:
        said = base64.b64decode(text[: len(text) // 4 * 4]).decode("ascii", "replace")
    except (ValueError, binascii.Error):
        return False
    return "PRIVATE" not in said.partition("\n")[0]
