"""Values that a story gives by name, made of their texts."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation

from monitor.app.ruletest.deeds import LASTED, Deed
from monitor.app.ruletest.lines import duration
from monitor.core.model import Contact, ContactStatus, Outcome, Sentiment
from monitor.core.text import masked
from monitor.providers.phones import NO_PHONE, Phones, masked_number

_PHONES = Phones(b"the key of every story")


def lasted(deed: Deed) -> timedelta:
    """How long the call took."""
    text = deed.given.get("lasted")
    if text is not None:
        return duration(text, deed.line)
    return LASTED.get(Outcome(deed.word), timedelta(0))


def error(deed: Deed) -> str | None:
    """The error class, as adapters make it."""
    text = deed.given.get("error")
    return None if text is None else masked(text)


def whole(text: str, deed: Deed) -> int:
    """A number of things."""
    if not text.isdecimal():
        deed.line.refuse(f"{text!r} is no whole number")
    return int(text)


def flag(deed: Deed, name: str) -> bool | None:
    """Yes, no, or not told."""
    text = deed.given.get(name)
    if text not in {None, "yes", "no"}:
        deed.line.refuse(f"{name} is yes or no")
    return None if text is None else text == "yes"


def sentiment(deed: Deed) -> Sentiment | None:
    """The vendor's reading of the conversation."""
    text = deed.given.get("sentiment")
    if text is None:
        return None
    if text not in set(Sentiment):
        deed.line.refuse(f"sentiment is one of: {', '.join(Sentiment)}")
    return Sentiment(text)


def cost(deed: Deed) -> tuple[int | None, str | None]:
    """Of ``0.12`` or ``0.12EUR`` the millionths, and the currency."""
    text = deed.given.get("cost")
    if text is None:
        return None, None
    amount, currency = (text[:-3], text[-3:]) if text[-3:].isalpha() else (text, "USD")
    return micros(amount, deed), currency


def micros(amount: str, deed: Deed) -> int:
    """An amount in millionths of a unit."""
    try:
        return int(Decimal(amount) * 1_000_000)
    except InvalidOperation:
        deed.line.refuse(f"{amount!r} is no amount of money; write for example 31.50 USD")


def caller(deed: Deed) -> str | None:
    """The number that called, masked."""
    number = deed.given.get("from")
    return None if number is None else masked_number(number) or masked(number)


def person(key: str, deed: Deed) -> Contact:
    """Somebody new. Without a number they have one that follows from their name."""
    number = deed.given.get("phone")
    phone = _PHONES.read(number) if number else NO_PHONE
    if number and phone.hash is None:
        deed.line.refuse(f"{number!r} is no phone number; write it as +15550001234")
    made = phone.hash or _PHONES.hash(key)
    return Contact(
        contact_id=key,
        status=ContactStatus.PENDING,
        phone_hash=made,
        phone=phone.masked or f"••{int.from_bytes(made[:4]) % 10_000:04}",
        country=deed.given.get("country") or phone.country,
        area=deed.given.get("area") or phone.area,
        timezone=deed.given.get("zone"),
    )
