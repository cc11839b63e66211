"""How webhooks prove who sent them: every scheme as data, and one way to check them all.

Checked are the raw bytes, in constant time, with every secret that is valid now; the time
that a scheme signs must be within its tolerance. What is wrong is never told to the sender.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from monitor.core.instants import EPOCH
from monitor.standard_webhooks import standard_key

TOLERANCE = timedelta(minutes=5)
_MADE = re.compile(rb"[0-9A-Za-z_-]{32}")
_DIGITS = re.compile(rb"\d{1,16}")

# Pieces of what is signed; anything else stands for itself.
BODY, TIME, ID = "{body}", "{time}", "{id}"
_BODY_ALONE = (BODY,)


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
        """ValueError for a secret that is none: everybody could sign with an empty key."""
        self._signing = signing
        self._keys = tuple(_key(signing, secret) for secret in secrets)
        if not all(self._keys) or not all(path_secrets):
            msg = "a secret is empty"
            raise ValueError(msg)
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

    def is_tried(self, headers: Mapping[bytes, bytes], path: bytes | None, now: datetime) -> bool:
        """Whether it has the form of the sender's: all but the secret could be right.

        Whoever merely tries addresses has it not; whoever knows the vendor can feign it.
        """
        if path is not None:
            return bool(self._paths) and _is_like_a_path(path)
        match self._signing:
            case Hmac() as signing:
                return any(True for _ in self._formed(signing, headers, now))
            case StaticHeader(header=header, prefix=prefix):
                given = headers.get(header.lower().encode(), b"")
                return given.startswith(prefix.encode()) and len(given) > len(prefix)
            case Basic():
                return headers.get(b"authorization", b"").startswith(b"Basic ")
            case SecretPath():
                return False

    def _hmac(
        self, signing: Hmac, headers: Mapping[bytes, bytes], body: bytes, now: datetime
    ) -> Verified | None:
        unique = _header(headers, signing.id_header)
        given: dict[bytes | None, list[bytes]] = {}
        for stamp, digest in self._formed(signing, headers, now):
            given.setdefault(stamp, []).append(digest)
        proven = False
        # The body is hashed once for all the signatures of one time.
        for stamp, digests in given.items():
            for key in self._keys:
                made = _digest(signing, key, body, stamp, unique)
                proven = _any_equal(made, digests) or proven
        # An id that is not signed could be anybody's word for a message to come.
        return Verified(unique=unique if ID in signing.message else None) if proven else None

    def _formed(
        self, signing: Hmac, headers: Mapping[bytes, bytes], now: datetime
    ) -> Iterator[tuple[bytes | None, bytes]]:
        """The signatures of the right form and time, each with its time; they cost no hashing."""
        if self._pattern is None or not _is_apart(signing, _header(headers, signing.id_header)):
            return
        stamp = _header(headers, signing.time_header)
        for value in _values(headers.get(signing.header.lower().encode(), b""), signing.many):
            found = self._pattern.fullmatch(value)
            if found is None:
                continue
            parts = found.groupdict()
            stamp_here = parts.get("time") or stamp
            if len(parts["digest"]) == _length(signing) and _is_recent(signing, stamp_here, now):
                yield stamp_here, parts["digest"]


def sign(
    signing: Signing, secret: str, body: bytes, at: datetime, unique: str = ""
) -> dict[str, str]:
    """The headers that a sender with this secret would send with the body at this time.

    ``unique`` is the sender's own id of the message, where the scheme has one. None are
    needed where the address is the secret. ValueError for a secret of another form.
    """
    key = _key(signing, secret)
    match signing:
        case Hmac():
            return _hmac_headers(signing, key, body, at, unique)
        case StaticHeader(header=header, prefix=prefix):
            return {header: prefix + secret}
        case Basic():
            return {"Authorization": f"Basic {base64.b64encode(key).decode()}"}
        case SecretPath():
            return {}


def _hmac_headers(
    signing: Hmac, key: bytes, body: bytes, at: datetime, unique: str
) -> dict[str, str]:
    since = at - EPOCH
    stamp = str(
        since // timedelta(milliseconds=1) if signing.unit == "ms" else int(since.total_seconds())
    )
    digest = _digest(signing, key, body, stamp.encode(), unique.encode()).decode()
    headers = {signing.header: signing.value.replace("{time}", stamp).replace("{digest}", digest)}
    if signing.id_header is not None:
        headers[signing.id_header] = unique
    if signing.time_header is not None:
        headers[signing.time_header] = stamp
    return headers


def _digest(
    signing: Hmac, key: bytes, body: bytes, stamp: bytes | None, unique: bytes | None
) -> bytes:
    message = body
    if signing.message != _BODY_ALONE:
        pieces = {BODY: body, TIME: stamp or b"", ID: unique or b""}
        message = b"".join(pieces.get(piece, piece.encode()) for piece in signing.message)
    made = hmac.digest(key, message, signing.algorithm)
    return made.hex().encode() if signing.encoding == "hex" else base64.b64encode(made)


def _length(signing: Hmac) -> int:
    size = hashlib.new(signing.algorithm, usedforsecurity=False).digest_size
    return 2 * size if signing.encoding == "hex" else 4 * -(-size // 3)


def _header(headers: Mapping[bytes, bytes], name: str | None) -> bytes | None:
    return None if name is None else headers.get(name.lower().encode())


def path_secret(provider: str, secret: str) -> str:
    """The part of the address that proves a sender who signs nothing; made from the secret."""
    made = hmac.digest(secret.encode(), b"offhook webhook path\0" + provider.encode(), "sha256")
    return base64.urlsafe_b64encode(made[:24]).decode()


def _is_like_a_path(path: bytes) -> bool:
    """Whether it could be made from another secret; other words of its length are of one case."""
    return bool(_MADE.fullmatch(path)) and path.lower() != path != path.upper()


def body_key(body: bytes) -> bytes:
    """What tells two bodies apart."""
    return hashlib.sha256(body).digest()


def _key(signing: Signing, secret: str) -> bytes:
    if isinstance(signing, Hmac) and signing.key == "whsec":
        return standard_key(secret)
    return secret.encode()


def _pattern(signing: Hmac) -> re.Pattern[bytes]:
    text = re.escape(signing.value)
    text = text.replace(re.escape("{time}"), r"(?P<time>\d{1,16})")
    text = text.replace(re.escape("{digest}"), r"(?P<digest>[0-9A-Za-z+/=_-]{1,200})")
    return re.compile(text.encode())


def _is_apart(signing: Hmac, unique: bytes | None) -> bool:
    """Whether an id that is signed is there and holds nothing that parts it from the rest.

    Else one signature would do for several divisions of the same bytes.
    """
    if ID not in signing.message:
        return True
    parting = [piece.encode() for piece in signing.message if piece not in {BODY, TIME, ID}]
    return bool(unique) and not any(piece in (unique or b"") for piece in parting)


def _values(given: bytes, many: str) -> list[bytes]:
    # A sender with a hundred signatures is not rotating keys.
    return [each.strip() for each in given.split(many.encode())[:10]] if many else [given.strip()]


def _is_recent(signing: Hmac, stamp: bytes | None, now: datetime) -> bool:
    if TIME not in signing.message:
        return True
    if stamp is None or not _DIGITS.fullmatch(stamp):
        return False
    seconds = int(stamp) / (1000 if signing.unit == "ms" else 1)
    return abs((now - EPOCH).total_seconds() - seconds) <= signing.tolerance.total_seconds()


def _any_equal(given: bytes, wanted: Sequence[bytes]) -> bool:
    """Whether one is equal; how long that takes says nothing about which."""
    found = False
    for each in wanted:
        found = hmac.compare_digest(given, each) or found
    return found
