import hmac
from typing import Any

import pytest

from monitor.core.text import masked_phone
from monitor.providers.phones import NO_PHONE, Phones, masked_number, normalised, spellings

PHONES = Phones(b"k" * 32)
BLAND = Phones(b"k" * 32, calling_code="1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("+919876543210", "+919876543210", id="e164"),
        pytest.param(" +91 98765-43210 ", "+919876543210", id="spaced"),
        pytest.param("00919876543210", "+919876543210", id="double-zero"),
        pytest.param("919876543210", "+919876543210", id="no-plus"),
        pytest.param("", None, id="empty"),
        pytest.param("+", None, id="plus"),
        pytest.param("911", None, id="short"),
        pytest.param("+1234567890123456789", None, id="long"),
        pytest.param("anonymous", None, id="word"),
        pytest.param(None, None, id="null"),
        pytest.param(919876543210, None, id="number"),
        pytest.param("+٩١٩٨٧٦٥٤٣٢١٠", None, id="another-script"),
    ],
)
def test_numbers_are_brought_to_one_spelling(value: Any, expected: str | None) -> None:
    assert normalised(value) == expected


def test_a_number_without_a_country_is_of_the_vendors_own() -> None:
    assert normalised("(212) 555-0100", "1") == "+12125550100"
    assert normalised("12125550100", "1") == "+12125550100"


def test_one_person_in_two_spellings_has_one_hash() -> None:
    assert BLAND.read("2125550100").hash == BLAND.read("+1 212 555 0100").hash


def test_the_hash_depends_on_the_key_and_hides_the_number() -> None:
    phone = PHONES.read("+919876543210")
    assert phone.hash != Phones(b"other").read("+919876543210").hash
    assert phone.hash is not None
    assert len(phone.hash) == 16
    assert "98765" not in repr(phone)


@pytest.mark.parametrize("length", [1, 32, 64, 65, 200])
def test_the_hash_is_the_beginning_of_an_hmac(length: int) -> None:
    key = b"k" * length
    expected = hmac.digest(key, b"+919876543210", "sha256")[:16]
    phones = Phones(key)
    assert phones.hash("+919876543210") == phones.hash("+919876543210") == expected


def test_the_masked_form_is_that_of_the_core() -> None:
    assert PHONES.read("+919876543210").masked == masked_phone("+919876543210") == "••3210"


@pytest.mark.parametrize(
    ("number", "country", "area"),
    [
        ("+919876543210", "IN", None),
        ("+12125550100", "US", "212"),
        ("+17473423273", "US", "747"),
        ("+14165550100", "CA", "416"),
        ("+442079460000", "GB", "20"),
        ("+77001234567", "KZ", None),
        ("+11112223333", "US", None),
        ("+88312345678", None, None),
        ("+9991234567", None, None),
    ],
)
def test_the_place_of_a_number_is_that_of_its_first_digits(
    number: str, country: str | None, area: str | None
) -> None:
    phone = PHONES.read(number)
    assert (phone.country, phone.area) == (country, area)


def test_numbers_that_begin_alike_are_in_one_place() -> None:
    first, second = PHONES.read("+12125550100"), PHONES.read("+12125559999")
    assert (first.country, first.area) == (second.country, second.area)


def test_what_is_no_number_is_nothing() -> None:
    assert PHONES.read(None) == NO_PHONE
    assert masked_number("unknown") is None
    assert masked_number("+17473423273") == "••3273"


@pytest.mark.parametrize(
    ("number", "others"),
    [
        ("+14155550123", {"+4155550123", "+04155550123"}),
        ("+4930123456", {"+30123456", "+030123456"}),
        ("+919876543210", {"+9876543210", "+09876543210"}),
        ("+14795550123", {"+04795550123"}),  # +47 95550123 is Norwegian
        ("+9990000001", set()),
    ],
)
def test_a_number_is_read_in_other_ways_where_its_country_is_left_out(
    number: str, others: set[str]
) -> None:
    assert spellings(number) == {number} | others
