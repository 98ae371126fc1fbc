"""What a name says about its value: nothing, that it opens something, or that it may.

Names are taken apart into words at underscores, dashes, dots and changes of case; the last word that
speaks of a secret counts, unless a word after it (or before it) says that the value is about the
secret: its name, its place, its length. Refuses to look at values.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import Final

from cloudsealed.collectors.secrets.references import words


class Claim(IntEnum):
    """What a name claims about its value: the higher, the less the value has to show."""

    NOTHING = 0
    KEY = 1
    """Something that is called a key: a secret if it is random."""
    PAIR = 2
    """A name and a password, joined by a colon."""
    SECRET = 3
    """A token or a secret: one, unless it is made of words."""
    PASSWORD = 4
    """A password, which may be anything."""


_WORD = re.compile(r"[Ss]3|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORDS: Final = words(
    """
    password passwd passwort passphrase pass pw pwd psw passcode rootpw masterpassword
    userpassword
    """
)
_OTHERS: Final = words("compass bypass overpass underpass surpass trespass encompass chpasswd")
_SECRETS: Final = words(
    """
    secret token apikey apitoken authtoken accesstoken secretkey apisecret clientsecret
    """
)
_PAIRS: Final = words("auth credential credentials creds cred userpass basicauth login")
_GOOD_KEYS: Final = words(
    """
    api secret private access signing sign encryption encrypt decryption auth authentication
    master account shared session cookie jwt hmac webhook storage subscription admin crypto cipher
    aes des rsa license licence service write ingest ingestion app application client server
    functions root
    """
)
_PUBLIC_KEYS: Final = words(
    """
    public publishable pub site partition sort primary foreign kms cache idempotency dedup s3
    object hash range row host registry bucket routing group lookup index join unique natural
    composite feature flag config shard message event metric tag label map translation sorting
    """
)
_ABOUT: Final = words(
    """
    arn arns id ids name names path paths url urls uri uris file files filename dir directory
    folder host hostname endpoint endpoints header headers bucket topic queue table parameter
    parameters param ttl seconds minutes hours days ms timeout duration length size min max limit
    limits count enabled disabled enable required version type kind expiry expires expiration
    expire lifetime age policy prefix suffix field fields column algorithm alg method mode region
    email user username users issuer audience aud scope scopes rotation rotate reset recovery hint
    label location source provider store manager service server port address domain group role
    function lambda handler cert certificate format strategy regex pattern hash digest hashes
    checksum fingerprint thumbprint ref reference selector class rounds cost interval schedule
    status state usage quota budget cache page per used remaining validation validator complexity
    strength change changed update updated last created generator exclude characters history reuse
    require requires ssm kms mount mounted volume prompt message title question placeholder
    tooltip alias engine backend template link form request requests
    """
)
_BEFORE: Final = words(
    """
    max min no use enable enabled disable is has allow require required public next continuation
    page pagination idempotency num number count total input output prompt completion stop forgot
    reset change skip ignore verify validate
    """
)


@lru_cache(maxsize=4096)
def claim_of(name: str) -> Claim:
    """Return what `name` claims; of a path such as `spring.datasource.password`, its last parts."""
    found = [word.lower() for word in _WORD.findall(name[-128:])]
    for at in range(len(found) - 1, -1, -1):
        claim = _claim(found, at)
        if claim is not Claim.NOTHING:
            after, before = found[at + 1 :], found[:at]
            about = any(word in _ABOUT for word in after) or _is_counted(before)
            return Claim.NOTHING if about else _weighed(claim, after)
    return Claim.NOTHING


def _claim(found: list[str], at: int) -> Claim:
    word, before = found[at], found[at - 1] if at else ""
    joined = word.endswith(("password", "passwd", "passphrase", "pass")) and word not in _OTHERS
    if word in _PASSWORDS or joined:
        return Claim.PASSWORD
    if word in _SECRETS or word.endswith(("secret", "token", "apikey")):
        return Claim.SECRET
    if word in _PAIRS:
        return Claim.PAIR
    if word == "key" or word.endswith("key"):
        return _claim_of_key(word.removesuffix("key") or before)
    return Claim.NOTHING


def _claim_of_key(which: str) -> Claim:
    if which in _PUBLIC_KEYS:
        return Claim.NOTHING
    return Claim.SECRET if which in _GOOD_KEYS else Claim.KEY


def _is_counted(before: list[str]) -> bool:
    return any(word in _BEFORE for word in before)


def _weighed(claim: Claim, after: list[str]) -> Claim:
    """A password for which no more is named than its number or place is one; else the value has
    to look like a secret."""
    plain = all(word.isdigit() or word in _AFTER for word in after)
    return claim if plain or claim is not Claim.PASSWORD else Claim.SECRET


_AFTER: Final = words(
    """
    prod production dev development stage staging test qa live old new current previous value text
    string plain plaintext base b64 base64 hex default primary secondary main master db database
    """
)
