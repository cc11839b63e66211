"""Ids that are phone numbers: whatever they are called, only a hash of them is kept."""

import json
from typing import Any

import pytest

from monitor.core.model import Item
from monitor.providers.http_json.items import ItemReading
from monitor.providers.http_json.values import Values
from monitor.providers.phones import Phones
from tests.loopback import NOW
from tests.providers.test_http_json import settings, table


def read(row: dict[str, Any], *changes: tuple[str, Any]) -> Item:
    made = settings(table(*changes))
    phones = Phones(b"k" * 32, made.calling_code)
    values = Values(made.units, made.words)
    reading = ItemReading(made.fields, made.items.calls, values, phones, None, None)
    return reading.item(_written(row), NOW)


def _written(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode()


NO_PHONE = ("fields.contact.phone", None)
NO_CALL: tuple[tuple[str, Any], ...] = (("fields.call", {}),)


@pytest.mark.parametrize("key", ["phone", "to_number", "msisdn", "phoneNumber", "customer.mobile"])
@pytest.mark.parametrize("said", ["919876543210", "(415) 555-2671", 919876543210, "5552671", "a 7"])
def test_a_key_called_phone_holds_phone_numbers(key: str, said: Any) -> None:
    row: dict[str, Any] = {"state": "done"}
    outer, _, inner = key.partition(".")
    row[outer] = {inner: said} if inner else said
    item = read(row, ("fields.contact.id", key), NO_PHONE, *NO_CALL)
    assert item.contact.contact_id.startswith("phone-")
    assert str(said) not in repr(item)


@pytest.mark.parametrize(
    "said",
    [
        "+919876543210",
        "(415) 555-2671",
        "415 555 2671",
        "415-555-2671",
        "whatsapp:+14155552671",
        "sip:+14155552671@pbx.example",
        "919876543210",
        919876543210,
    ],
)
def test_an_id_in_the_shape_of_a_phone_number_is_hashed(said: Any) -> None:
    item = read({"person": said, "state": "done"}, NO_PHONE, *NO_CALL)
    assert item.contact.contact_id.startswith("phone-")


@pytest.mark.parametrize(
    "said",
    ["p1", "1234567", 42, "2026-05-01-0007", "1234567890123456789", "0e5f1c9a-4155-4552-8671-0",
     "call_14155552671x"],
)  # fmt: skip
def test_any_other_id_is_kept_as_it_is(said: Any) -> None:
    item = read({"person": said, "state": "done"}, NO_PHONE, *NO_CALL)
    assert item.contact.contact_id == str(said)


def test_a_call_may_have_a_long_number() -> None:
    item = read({"person": "p", "state": "done", "call": 14155552671, "result": "ok"})
    assert item.calls[0].call_id == "14155552671"


def test_a_phone_number_written_as_a_number_is_read() -> None:
    row = {"person": 4155552671, "state": "done", "to": 4155552671, "from": 14155550100}
    row |= {"call": "4155552671", "result": "ok"}
    item = read(row, ("calling_code", "1"), ("fields.call.from_number", "from"))
    assert (item.contact.phone, item.contact.country) == ("••2671", "US")
    assert item.contact.phone_hash is not None
    assert item.contact.contact_id == f"phone-{item.contact.phone_hash.hex()}"
    assert item.calls[0].call_id == item.contact.contact_id
    assert item.calls[0].from_number == "••0100"


def test_the_key_of_the_phone_as_the_id_is_one_person_however_it_is_spelt() -> None:
    same = [("fields.contact.id", "to"), *NO_CALL]
    one = read({"to": "+1 (415) 555-2671", "state": "done"}, *same)
    other = read({"to": 14155552671, "state": "done"}, *same)
    assert one.contact.contact_id == other.contact.contact_id


@pytest.mark.parametrize("said", ["", None, 1.5, True])
def test_no_id_is_made_of_nothing(said: Any) -> None:
    with pytest.raises(ValueError, match="id is missing"):
        read({"phone": said, "state": "done"}, ("fields.contact.id", "phone"), *NO_CALL)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("v12.3", "v12.3"),
        ("2026-05-01", "2026-05-01"),
        (7, "7"),
        ("+4915112345678", "+#"),
        ("call (415) 555-2671", "call (#) #-#"),
        (4915112345678, "#"),
    ],
)
def test_a_version_that_holds_a_phone_number_is_masked(said: Any, kept: str) -> None:
    row = {"person": "p", "state": "done", "call": "c", "result": "ok", "made_by": said}
    item = read(row, ("fields.call.agent_version", "made_by"))
    assert item.calls[0].agent_version == kept
