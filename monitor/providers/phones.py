"""Phone numbers: a keyed hash, a masked form and a place; the number itself goes no further."""

import re
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, NamedTuple

from monitor.core.text import masked_phone

_NOT_DIGIT = re.compile(r"\D")
_PREFIX = 8  # '+' and seven digits tell the country, and the area where areas exist
_HASH_BYTES = 16
_BLOCK = 64


class Phone(NamedTuple):
    """What is kept of a number; every field is None where there was none."""

    hash: bytes | None = None
    masked: str | None = None
    country: str | None = None  # ISO 3166, two letters
    area: str | None = None  # area code, where the country has areas


NO_PHONE = Phone()
_phone = partial(tuple.__new__, Phone)  # what its constructor does, without going through Python


class Phones:
    """Reads numbers under one key. ``calling_code`` is for vendors that leave it out."""

    def __init__(self, hash_key: bytes, calling_code: str | None = None) -> None:
        # HMAC-SHA-256 with the key's two blocks hashed beforehand: a third of the time of
        # hmac.digest, and every person of a sweep has a number.
        key = hash_key if len(hash_key) <= _BLOCK else sha256(hash_key).digest()
        padded = key.ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))
        self._calling_code = calling_code

    def read(self, value: Any) -> Phone:
        """A number in any spelling; nothing where it has too few digits to be one."""
        number = normalised(value, self._calling_code)
        if number is None:
            return NO_PHONE
        country, area = _place(number[:_PREFIX])
        # What masked_phone makes of it, at a tenth of the cost: only digits are left here.
        return _phone((self.hash(number), f"••{number[-4:]}", country, area))

    def hash(self, number: str) -> bytes:
        """The keyed hash of a normalised number; equal numbers have equal hashes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(number.encode())
        outer.update(inner.digest())
        return outer.digest()[:_HASH_BYTES]


def normalised(value: Any, calling_code: str | None = None) -> str | None:
    """'+' and digits, None for what cannot be a number.

    Without '+' or '00' a number of up to ten digits gets ``calling_code``, where there is one;
    a longer one begins with its country's already.
    """
    if type(value) is not str:
        return None
    if value[:1] == "+" and value[1:].isdigit() and value.isascii():
        return value if 7 < len(value) <= 16 else None
    text = value.strip()
    digits = _NOT_DIGIT.sub("", text)
    if not text.startswith("+"):
        if digits.startswith("00"):
            digits = digits[2:]
        elif calling_code is not None and len(digits) <= 10:
            digits = calling_code + digits
    return f"+{digits}" if digits.isascii() and 6 < len(digits) <= 15 else None


def spellings(number: str) -> frozenset[str]:
    """The normalised number, and what it is read as from a vendor that leaves its country out.

    Without the country's code, and with the zero that is dialled in front of it. What would be
    a whole number of another country is none of these: it may be somebody else's.
    """
    import phonenumbers  # noqa: PLC0415 - as below

    try:
        national = phonenumbers.national_significant_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return frozenset({number})
    read = {normalised(national), normalised(f"0{national}")} - {None}
    return frozenset({number, *(each for each in read if each and not _is_whole(each))})


def _is_whole(number: str) -> bool:
    import phonenumbers  # noqa: PLC0415 - as below

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=4096)
def masked_number(value: str) -> str | None:
    """The masked form of a number that many calls share, such as the caller's own."""
    return masked_phone(value) if normalised(value) else None


@lru_cache(maxsize=16384)
def _place(prefix: str) -> tuple[str | None, str | None]:
    """Country and area of all numbers that begin so."""
    # Its tables are large, and most commands never need them.
    import phonenumbers  # noqa: PLC0415 - loaded with the first number

    # Numbers differ in length, but those of North America; the first fit decides.
    for zeros in (4,) if prefix.startswith("+1") else (4, 3, 5, 2, 6, 1):
        try:
            number = phonenumbers.parse(prefix + "0" * zeros)
        except phonenumbers.NumberParseException:
            return None, None
        country = phonenumbers.region_code_for_number(number)
        if country is not None and len(country) == 2:
            length = phonenumbers.length_of_geographical_area_code(number)
            return country, str(number.national_number)[:length] or None
    main = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return (main, None) if len(main) == 2 and main != "ZZ" else (None, None)
