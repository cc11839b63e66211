"""How webhooks prove who sent them: every scheme as data, and one way to check them all.

Checked are the raw bytes, in constant time, with every secret that is valid now; the time
that a scheme signs must be within its tolerance. What is wrong is never told to the sender.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

TOLERANCE = timedelta(minutes=5)
_DIGITS = re.compile(rb"\d{1,16}")

# Pieces of what is signed; anything else stands for itself.
BODY, TIME, ID = "{body}", "{time}", "{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac:
    """A keyed hash of the body, alone or with a time and an id.

    ``header`` holds ``value``, where ``{digest}`` and perhaps ``{time}`` stand; several such
    values may stand in it, parted by spaces or commas as ``many`` says. ``message`` are the
    pieces that are signed. ``key``: the secret's own bytes, or what ``whsec_`` encodes.
    """

    header: str
    value: str = "{digest}"
    message: tuple[str, ...] = (BODY,)
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    many: str = ""
    id_header: str | None = None
    time_header: str | None = None
    unit: Literal["s", "ms"] = "s"
    key: Literal["text", "whsec"] = "text"
    tolerance: timedelta = TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticHeader:
    """The secret itself in a header, perhaps behind a word ("Bearer ")."""

    header: str
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """HTTP basic auth; the secret is written ``user:password``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPath:
    """Nothing is signed: a part of the address is the secret, and what comes is a hint only."""


Signing = Hmac | StaticHeader | Basic | SecretPath

STANDARD_WEBHOOKS = Hmac(
    header="webhook-signature",
    value="v1,{digest}",
    message=(ID, ".", TIME, ".", BODY),
    encoding="base64",
    many=" ",
    id_header="webhook-id",
    time_header="webhook-timestamp",
    key="whsec",
)
SVIX = Hmac(
    header="svix-signature",
    value="v1,{digest}",
    message=(ID, ".", TIME, ".", BODY),
    encoding="base64",
    many=" ",
    id_header="svix-id",
    time_header="svix-timestamp",
    key="whsec",
)
ELEVENLABS = Hmac(
    header="elevenlabs-signature",
    value="t={time},v0={digest}",
    message=(TIME, ".", BODY),
    tolerance=timedelta(minutes=30),
)
RETELL = Hmac(
    header="x-retell-signature", value="v={time},d={digest}", message=(BODY, TIME), unit="ms"
)


@dataclass(frozen=True, slots=True)
class Verified:
    """It is from whom it says. ``unique`` is the sender's own id of it, where it has one."""

    unique: bytes | None = None
    hint_only: bool = False


class Verifier:
    """One sender's scheme with its secrets, ready to check."""

    def __init__(
        self, signing: Signing, secrets: Sequence[str], path_secrets: Sequence[str]
    ) -> None:
        self._signing = signing
        self._keys = tuple(_key(signing, secret) for secret in secrets)
        self._paths = tuple(each.encode() for each in path_secrets)
        self._pattern = _pattern(signing) if isinstance(signing, Hmac) else None

    def check(
        self, headers: Mapping[bytes, bytes], path: bytes | None, body: bytes, now: datetime
    ) -> Verified | None:
        """None when it is not proven; header names are in lower case."""
        if path is not None:
            known = _any_equal(path, self._paths)
            return Verified(hint_only=True) if known else None
        match self._signing:
            case Hmac() as signing:
                return self._hmac(signing, headers, body, now)
            case StaticHeader(header=header, prefix=prefix):
                given = headers.get(header.lower().encode(), b"")
                wanted = [prefix.encode() + key for key in self._keys]
                return Verified() if _any_equal(given, wanted) else None
            case Basic():
                given = headers.get(b"authorization", b"")
                wanted = [b"Basic " + base64.b64encode(key) for key in self._keys]
                return Verified() if _any_equal(given, wanted) else None
            case SecretPath():
                return None

    def _hmac(
        self, signing: Hmac, headers: Mapping[bytes, bytes], body: bytes, now: datetime
    ) -> Verified | None:
        given = headers.get(signing.header.lower().encode(), b"")
        unique = headers.get(signing.id_header.encode()) if signing.id_header else None
        stamp = headers.get(signing.time_header.encode()) if signing.time_header else None
        proven = False
        for value in _values(given, signing.many):
            found = self._pattern.fullmatch(value) if self._pattern else None
            parts = found.groupdict() if found else {}
            stamp_here = parts.get("time") or stamp
            for key in self._keys:
                digest = self._digest(signing, key, body, stamp_here, unique)
                equal = hmac.compare_digest(digest, parts.get("digest") or b"")
                proven = (equal and _is_recent(signing, stamp_here, now)) or proven
        return Verified(unique=unique) if proven else None

    def _digest(
        self, signing: Hmac, key: bytes, body: bytes, stamp: bytes | None, unique: bytes | None
    ) -> bytes:
        pieces = {BODY: body, TIME: stamp or b"", ID: unique or b""}
        message = b"".join(pieces.get(piece, piece.encode()) for piece in signing.message)
        made = hmac.digest(key, message, signing.algorithm)
        return made.hex().encode() if signing.encoding == "hex" else base64.b64encode(made)


def path_secret(provider: str, secret: str) -> str:
    """The part of the address that proves a sender who signs nothing; made from the secret."""
    made = hmac.digest(secret.encode(), b"offhook webhook path\0" + provider.encode(), "sha256")
    return base64.urlsafe_b64encode(made[:24]).decode()


def body_key(body: bytes) -> bytes:
    """What tells two bodies apart."""
    return hashlib.sha256(body).digest()


def _key(signing: Signing, secret: str) -> bytes:
    if isinstance(signing, Hmac) and signing.key == "whsec":
        return standard_key(secret)
    return secret.encode()


def standard_key(secret: str) -> bytes:
    """The bytes of a Standard Webhooks secret, with or without its prefix; else ValueError."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        msg = "a Standard Webhooks secret is base64, usually after whsec_"
        raise ValueError(msg) from error


def _pattern(signing: Hmac) -> re.Pattern[bytes]:
    text = re.escape(signing.value)
    text = text.replace(re.escape("{time}"), r"(?P<time>\d{1,16})")
    text = text.replace(re.escape("{digest}"), r"(?P<digest>[0-9A-Za-z+/=_-]{1,200})")
    return re.compile(text.encode())


def _values(given: bytes, many: str) -> list[bytes]:
    # A sender with a hundred signatures is not rotating keys.
    return [each.strip() for each in given.split(many.encode())[:10]] if many else [given.strip()]


def _is_recent(signing: Hmac, stamp: bytes | None, now: datetime) -> bool:
    if TIME not in signing.message:
        return True
    if stamp is None or not _DIGITS.fullmatch(stamp):
        return False
    seconds = int(stamp) / (1000 if signing.unit == "ms" else 1)
    since = now - datetime(1970, 1, 1, tzinfo=UTC)
    return abs(since.total_seconds() - seconds) <= signing.tolerance.total_seconds()


def _any_equal(given: bytes, wanted: Sequence[bytes]) -> bool:
    """Whether one is equal; how long that takes says nothing about which."""
    found = False
    for each in wanted:
        found = hmac.compare_digest(given, each) or found
    return found
