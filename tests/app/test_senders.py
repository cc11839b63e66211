"""Who may send, how each vendor's scheme is chosen, and that no body makes a reader fail."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.app.senders import read, secrets_now, senders_of, signing_of
from monitor.config import Config, load
from monitor.errors import ProviderError
from monitor.http import HttpClient
from monitor.providers import Provider
from monitor.providers.build import build
from monitor.providers.notices import Notice
from monitor.providers.signing import Hmac, SecretPath, Signing, path_secret, sign
from monitor.store.inbox import Arrived
from tests.builders import NOON
from tests.clocks import ManualClock
from tests.fakes import Vendor
from tests.loopback import StillClock

SECRET, OLDER = "sixteen letters long", "as long as it must be"
CONFIG = f"""\
[receivers.hook]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
[providers.sales]
vendor = "bland"
api_key = "k"
webhook_secret = ["{SECRET}", "{OLDER}"]
[providers.calls]
vendor = "vogent"
api_key = "k"
webhook_secret = "{SECRET}"
[providers.renewals]
vendor = "graine"
api_key = "k"
webhook_secret = "{SECRET}"
[providers.flows]
vendor = "svalync"
url = "http://127.0.0.1:9/x"
batches = ["b1"]
webhook_secret = "{SECRET}"
[providers.quiet]
vendor = "bland"
api_key = "k"
"""
RECORD = {"call_id": "c-1", "batch_id": "b-1", "status": "completed", "completed": True}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp("senders") / "config.toml"
    path.touch(mode=0o600)
    path.write_text(CONFIG)
    return load(path, environ={"HOME": str(path.parent)})


@pytest.fixture(scope="module")
def vendors(config: Config) -> dict[str, Provider]:
    clock = StillClock()
    return {
        name: build(name, table, HttpClient(clock), b"key", clock)
        for name, table in config.providers.items()
    }


def test_only_who_has_a_secret_may_send(config: Config, vendors: dict[str, Provider]) -> None:
    senders = senders_of(config, vendors)

    assert set(senders) == {"sales", "calls", "renewals", "flows"}
    assert {sender.provider for sender in senders.values()} == set(senders)


@pytest.mark.parametrize(
    ("name", "signing"),
    [
        ("sales", Hmac(header="x-webhook-signature")),
        ("calls", Hmac(header="x-elto-signature")),
        ("renewals", SecretPath()),
        ("flows", SecretPath()),
    ],
)
def test_each_vendor_signs_as_it_documents(
    config: Config, vendors: dict[str, Provider], name: str, signing: Signing
) -> None:
    assert signing_of(config.providers[name], vendors[name].facts) == signing


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_every_secret_that_is_valid_now_proves_and_by_the_address_it_is_a_hint(
    config: Config, vendors: dict[str, Provider], secret: str
) -> None:
    verifier = senders_of(config, vendors)["sales"].verifier
    body = json.dumps(RECORD).encode()
    signed = sign(Hmac(header="x-webhook-signature"), secret, body, NOON)
    headers = {name.encode(): value.encode() for name, value in signed.items()}

    by_header = verifier.check(headers, None, body, NOON)
    by_address = verifier.check({}, path_secret("sales", secret).encode(), body, NOON)

    assert (by_header is not None, by_address is not None) == (True, True)
    assert by_header is not None
    assert by_address is not None
    assert (by_header.hint_only, by_address.hint_only) == (False, True)
    assert verifier.check({}, None, body, NOON) is None
    assert secrets_now(config.providers["sales"]) == (SECRET, OLDER)


def test_the_same_body_is_the_same_and_of_another_provider_another(
    vendors: dict[str, Provider],
) -> None:
    body = json.dumps(RECORD).encode()

    first, again = read(vendors["sales"], body, NOON), read(vendors["sales"], body, NOON)
    other = read(vendors["quiet"], body, NOON)

    assert first == again
    assert (first.proves, first.batch_id, first.call_id) == ("call", "b-1", "c-1")
    assert first.told is not None
    assert other.unique_key != first.unique_key
    assert other.digest == first.digest


HOSTILE: Mapping[str, bytes] = {
    "nothing": b"",
    "no JSON": b"\xff\xfe\x00",
    "a list": b"[1]",
    "nested without end": b'{"a":' * 50_000,
    "half a pair": b'{"call_id": "\\ud800", "batch_id": "\\udfff"}',
    "a huge number": b'{"call_id": 1' + b"0" * 5_000 + b"}",
    "a number that is none": b'{"call_id": "c", "price": 1e400, "status": "completed"}',
    "times out of range": b'{"call_id": "c", "completed": true, "end_at": "99999-01-01"}',
    "everything null": json.dumps(dict.fromkeys(RECORD)).encode(),
    "everything nested": json.dumps({key: {"a": [1]} for key in RECORD}).encode(),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_no_body_makes_a_reader_fail(vendors: dict[str, Provider], body: bytes) -> None:
    for vendor in vendors.values():
        found = read(vendor, body, NOON)
        assert isinstance(found, Arrived)
        assert found.poison is None or len(found.poison) < 1_000


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param({"surprise": "Ada", "batch": 3}, "it is no event", id="no event"),
        pytest.param(
            {"batch_id": "", "status": "Ada", "timestamp": "y"}, "an id is missing", id="no id"
        ),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_the_names_of_its_keys(
    vendors: dict[str, Provider], body: dict[str, Any], why: str
) -> None:
    found = read(vendors["sales"], json.dumps(body).encode(), NOON)

    assert found.poison is not None
    assert found.poison.startswith(why)
    assert found.poison.endswith(f"; its keys: {', '.join(map(repr, body))}")
    assert "Ada" not in found.poison


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
BODIES = st.dictionaries(
    st.sampled_from([*RECORD, "end_at", "created_at", "price", "timestamp", "event", "payload"])
    | st.text(max_size=8),
    VALUES,
    max_size=8,
)


@settings(max_examples=50)
@given(body=BODIES)
def test_no_mixture_of_known_keys_makes_a_reader_fail(
    vendors: dict[str, Provider], body: dict[str, Any]
) -> None:
    for name in ("sales", "calls", "flows"):
        assert isinstance(read(vendors[name], json.dumps(body).encode(), NOON), Arrived)


@pytest.mark.parametrize(
    "error",
    [
        TypeError("Ada Example"),
        UnicodeEncodeError("utf-8", "Ada", 0, 1, "x"),
        KeyError("Ada"),
        ProviderError("garbage", "Ada"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_nobody_foresaw_is_set_aside_without_its_words(error: Exception) -> None:
    class Odd(Vendor):
        def receive(self, body: bytes, seen_at: datetime) -> Notice:
            del body, seen_at
            raise error

    found = read(Odd(ManualClock()), b"{}", NOON)

    assert found.poison == f"it cannot be read ({type(error).__name__})"
