"""Ids, and the phone numbers that some vendors use as ids: of those only a hash is kept."""

import re
from typing import Any

from monitor.providers.answers import identity, raw_word
from monitor.providers.http_json.expressions import Expression
from monitor.providers.http_json.fields import Fields
from monitor.providers.http_json.values import label
from monitor.providers.phones import Phones

_CALLED_PHONE = re.compile(r"(phone|number|msisdn|mobile|whatsapp)$", re.IGNORECASE)
_WHOLE = re.compile(r"\+\d{7}", re.ASCII)
_SPELT = re.compile(r"(?=.*[+( ])[+(]?\d[\d ().\-/]{6,}|\d{3}[-.]\d{3}[-.]\d{4}", re.ASCII)
_BARE = re.compile(r"\d{10,15}", re.ASCII)
_IN_TEXT = re.compile(r"\+\d|\d{9}|\d{3}\)?[ .-]\d{3}[ .-]\d{4}", re.ASCII)
_PERHAPS = re.compile(r"([A-Za-z]+[_:#-]?)?\d{10,15}", re.ASCII)
_LONGEST_VERSION = 40


class Ids:
    """Reads ids. A phone number that serves as one is kept as its hash, like any other.

    It is known by the key that it stands under, by the person's own number, or by its shape.
    Ten digits and more are taken for one in a person's id; a call has its own number.
    """

    def __init__(self, fields: Fields, phones: Phones) -> None:
        self._phones = phones
        self._people = called_phone(fields.contact.id, fields.contact.phone)
        self._calls = called_phone(fields.call.id, fields.contact.phone)

    def person(self, said: Any, phone: Any) -> str:
        """A person's id; ValueError when there is none."""
        text = spelt(said)
        bare = isinstance(text, str) and _BARE.fullmatch(text.strip()) is not None
        return self._read(text, phone, sure=self._people or bare)

    def call(self, said: Any, phone: Any) -> str:
        """A call's id; ValueError when there is none."""
        return self._read(spelt(said), phone, sure=self._calls)

    def _read(self, text: Any, phone: Any, *, sure: bool) -> str:
        known = identity(text)
        if not (sure or known == spelt(phone) or looks_like_phone(known)):
            return known
        number = self._phones.read(known)
        return f"phone-{(number.hash or self._phones.hash(known)).hex()}"


def called_phone(at: Expression | None, phone: Expression | None) -> bool:
    """Whether what stands there is a phone number by its name."""
    if at is None:
        return False
    by_name = bool(at.keys) and _CALLED_PHONE.search(at.text) is not None
    return by_name or (phone is not None and at.text == phone.text)


def looks_like_phone(text: str) -> bool:
    """Whether a text is a phone number by its shape; digits alone do not tell."""
    return _WHOLE.search(text) is not None or _SPELT.fullmatch(text.strip()) is not None


def bare_phone(text: str) -> bool:
    """Whether an id might be a phone number, perhaps after a word, though it need not be one."""
    return _PERHAPS.fullmatch(text) is not None


def spelt(value: Any) -> Any:
    """A number that is written without quotes, as a text; anything else as it is."""
    return str(value) if type(value) is int else value


def version(value: Any) -> str | None:
    """A version as it may be kept: one that could hold a phone number without its digits."""
    text = label(value)
    if text is None or _IN_TEXT.search(text) is None:
        return label(value, _LONGEST_VERSION)
    return raw_word(text)
