"""The gate as an attacker meets it, in process: nobody is believed, nothing fails."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.routing import Route

from bench.bombs import BOMBS
from monitor.providers.schemes import STANDARD_WEBHOOKS
from monitor.providers.signing import Hmac, Verifier, sign
from monitor.store import inbox
from monitor.store.writer import Priority
from monitor.web.access import token_needed
from monitor.web.receiver import KIB, MOST
from monitor.web.server import application
from tests.gate import SAMPLES, TOKEN, Gate, fine, gate, none, sample
from tests.loopback import NOW, StillClock

EVERYBODY = sorted(SAMPLES)
SIGNING = ("surveys", "callbacks", "elevenlabs")


@pytest.mark.parametrize("provider", EVERYBODY)
async def test_what_a_vendor_sends_is_kept_once(site: Gate, provider: str) -> None:
    for each in SAMPLES[provider]:
        body = json.dumps(each).encode()
        path, headers = site.signed(provider, body)
        for _ in range(2):
            assert (await site.send(body, path, headers.items()))[0] == 200

    rows = await site.rows()
    assert len(rows) == len(SAMPLES[provider])
    assert [row.why for row in rows] == [None] * len(rows)


@pytest.mark.parametrize("provider", SIGNING)
async def test_one_bit_that_differs_is_not_accepted(
    site: Gate, provider: str, *, proof: bool
) -> None:
    body = sample(provider)
    path, headers = site.signed(provider, body)
    step = 1 if proof else 11
    for place in range(0, 8 * len(body), step):
        assert (await site.send(_flipped(body, place), path, headers.items()))[0] == 401
    for name, value in headers.items():
        for place in range(0, 8 * len(value), step):
            forged = headers | {name: _flipped(value, place)}
            assert (await site.send(body, path, forged.items()))[0] == 401

    assert await site.rows() == []


def _flipped(text: bytes, place: int) -> bytes:
    flipped = bytearray(text)
    flipped[place // 8] ^= 1 << place % 8
    return bytes(flipped)


@pytest.mark.parametrize("provider", SIGNING)
@pytest.mark.parametrize(
    "value", [b"\xff" * 64, b"\x80", "ß".encode(), b"", b" ", b"," * 9_000, b"t=1,v0=" + b"\xe9"]
)
async def test_signatures_that_are_no_text_are_not_accepted(
    site: Gate, provider: str, value: bytes
) -> None:
    body = sample(provider)
    path, headers = site.signed(provider, body)

    assert (await site.send(body, path, dict.fromkeys(headers, value).items()))[0] == 401


@pytest.mark.parametrize("provider", SIGNING)
async def test_a_signature_that_comes_twice_proves_nothing(site: Gate, provider: str) -> None:
    """One who reads the first and one who reads the last would differ."""
    body = sample(provider)
    path, headers = site.signed(provider, body)
    ((name, value),) = headers.items()

    for other in (value, b"0" * 64):
        for pair in ([(name, value), (name, other)], [(name, other), (name, value)]):
            assert (await site.send(body, path, pair))[0] == 401


async def test_what_is_signed_for_one_provider_is_nothing_to_another(site: Gate) -> None:
    """Even where both have the same secret, the address is not the same."""
    assert site.secret("surveys") == site.secret("renewals")
    secret = site.path("renewals").rpartition("/")[2]

    assert (await site.send(b"{}", f"/webhooks/surveys/{secret}"))[0] == 401


async def test_a_replay_changes_nothing_also_when_its_row_is_gone(site: Gate) -> None:
    body = sample("surveys")
    path, headers = site.signed("surveys", body)
    await site.send(body, path, headers.items())
    (row,) = await site.rows()
    later = NOW + timedelta(days=31)
    await site.store.write(Priority.INBOX, lambda conn: inbox.done(conn, [row.id], NOW))
    await site.send(body, path, headers.items())
    assert len(await site.rows()) == 1
    await site.store.write(Priority.RETENTION, lambda conn: inbox.prune(conn, later))

    assert (await site.send(body, path, headers.items()))[0] == 200

    # The same words again: what merging makes of a repeated observation is nothing.
    (again,) = await site.rows()
    assert (again.told, again.digest, again.unique_key) == (row.told, row.digest, row.unique_key)


async def test_a_signed_time_ends_a_replay(tmp_path: Path) -> None:
    clock = StillClock()
    with gate(tmp_path, clock) as site:
        body = sample("elevenlabs")
        path, headers = site.signed("elevenlabs", body)
        clock.at = NOW + timedelta(minutes=31)

        assert (await site.send(body, path, headers.items()))[0] == 401


async def test_a_hint_does_not_keep_out_what_is_proven_later_by_the_same_body(site: Gate) -> None:
    body = sample("surveys")
    await site.send(body, site.path("surveys"))
    path, headers = site.signed("surveys", body)

    await site.send(body, path, headers.items())

    assert [(row.proves, row.told is None) for row in await site.rows()] == [
        ("hint", True),
        ("call", False),
    ]


def test_an_id_cannot_take_in_the_time_and_the_beginning_of_the_body() -> None:
    """``a.1.b.2.c`` is signed once; its parts are not the sender's to choose again."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    stamp = str(int(NOW.timestamp()))
    body = f'said: ".{stamp}.'.encode() + b'{"call_id":"c"}'
    made = sign(STANDARD_WEBHOOKS, secret, body, NOW, "msg-1")
    shifted = made | {"webhook-id": f'msg-1.{stamp}.said: "'}
    verifier = Verifier(STANDARD_WEBHOOKS, (secret,), ())

    assert verifier.check(_raw(made), None, body, NOW) is not None
    assert verifier.check(_raw(shifted), None, b'{"call_id":"c"}', NOW) is None


def test_an_id_that_nobody_signed_takes_no_message_s_place() -> None:
    signing = Hmac(header="x-sig", id_header="x-id")
    headers = _raw(sign(signing, "secret", b"{}", NOW, "msg-2"))

    found = Verifier(signing, ("secret",), ()).check(headers, None, b"{}", NOW)

    assert found is not None
    assert found.unique is None


@pytest.mark.parametrize("secret", ["", "whsec_"])
def test_nobody_signs_with_an_empty_key(secret: str) -> None:
    with pytest.raises(ValueError, match="a secret is empty"):
        Verifier(STANDARD_WEBHOOKS, (secret,), ())


def _raw(headers: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in headers.items()}


@pytest.mark.parametrize("length", [b"%d" % (MOST + 1), b"9" * 19, b"9" * 400])
async def test_what_says_that_it_is_too_long_is_not_read_at_all(site: Gate, length: bytes) -> None:
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 64 * KIB

    assert (await site.send(pieces(), "/webhooks/surveys", [(b"content-length", length)]))[0] == 413
    assert read == 0


async def test_of_a_gibibyte_in_chunks_no_more_is_read_than_the_limit_and_a_chunk(
    site: Gate,
) -> None:
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        for _ in range(16 * 1024):
            read += 1
            yield b"x" * 64 * KIB

    chunked = [(b"transfer-encoding", b"chunked")]
    assert (await site.send(pieces(), "/webhooks/surveys", chunked))[0] == 413
    assert read * 64 * KIB <= MOST + 64 * KIB


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"content-encoding", b"gzip")], id="packed"),
        pytest.param([(b"content-encoding", b"identity")], id="said to be plain"),
        pytest.param([(b"content-encoding", b"identity")] * 2, id="twice"),
        pytest.param(
            [(b"content-encoding", b"identity"), (b"content-encoding", b"br")], id="hidden behind"
        ),
        pytest.param([(b"content-encoding", b"\xff")], id="no text"),
    ],
)
async def test_no_content_encoding_is_unpacked(
    site: Gate, headers: list[tuple[bytes, bytes]]
) -> None:
    body = sample("surveys")
    path, signed = site.signed("surveys", body)

    assert (await site.send(body, path, [*signed.items(), *headers]))[0] == 415


async def test_a_body_with_two_lengths_is_not_read(site: Gate) -> None:
    both = [(b"content-length", b"2"), (b"transfer-encoding", b"chunked")]

    assert (await site.send(b"{}", "/webhooks/surveys", both))[0] == 400


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_costs_little_and_is_answered(site: Gate, name: str) -> None:
    body = BOMBS[name]
    assert len(body) <= MOST
    for provider in EVERYBODY:
        for path, headers in (site.signed(provider, body), (site.path(provider), {})):
            began = time.process_time()
            assert (await site.send(body, path, headers.items()))[0] == 200
            assert time.process_time() - began < 2

    for row in await site.rows():
        assert "it cannot be read (" not in (row.why or "")
        assert len(row.why or "") < 1_000
        assert max(len(row.batch_id or ""), len(row.call_id or "")) <= 200


PATHS = ("/webhooks", "/webhooks/", "/webhooks//", "/webhooks/a/b/c", "/webhooks/../metrics")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "TRACE", "\u00e4"])
async def test_what_is_nearly_an_address_leads_nowhere(site: Gate, path: str, method: str) -> None:
    assert (await site.send(b"{}", path, method=method))[0] in {401, 404, 405}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "post"])
@pytest.mark.parametrize("provider", ["surveys", "nobody"])
async def test_other_methods_are_refused_whoever_is_asked_for(
    site: Gate, method: str, provider: str
) -> None:
    assert (await site.send(b"", f"/webhooks/{provider}", method=method))[0] == 405


OPEN = {"/-/healthy"}  # it says that the process lives, and nothing else
PROVEN = {"/webhooks/{provider}", "/webhooks/{provider}/{secret}"}  # they prove themselves


async def test_every_route_needs_the_token_but_those_that_are_named_here(site: Gate) -> None:
    assert hasattr(site.app, "routes")
    paths = []
    for route in site.app.routes:
        assert isinstance(route, Route)
        paths.append(route.path)
        if route.path in OPEN | PROVEN:
            continue
        for method in route.methods or {"GET", "POST"}:
            assert (await site.send(b"", route.path, method=method))[0] == 401
            forged = [(b"authorization", b"Bearer \xff" + TOKEN.encode())]
            assert (await site.send(b"", route.path, forged, method))[0] == 401

    assert set(paths) >= OPEN | PROVEN
    assert len(paths) == len(set(paths))


HERE = [b"localhost", b"localhost:8420", b"127.0.0.1", b"127.0.0.1:80", b"[::1]:8420"]
ELSEWHERE = [b"attacker.example", b"localhost.attacker.example:8420", b"", b"127.0.0.1.nip.example"]
ELSEWHERE += [b"192.0.2.1:8420", b"localhost@attacker.example", b"\xff", b"[::1", b"0.0.0.0"]


@pytest.mark.parametrize("host", HERE + ELSEWHERE)
async def test_without_a_token_only_this_machine_s_own_name_is_answered(
    site: Gate, host: bytes
) -> None:
    """A page whose name was made to point to this machine is not this machine's."""

    app = application(problems=fine, numbers=none, token=None, receiver=site.receiver)
    alone = replace(site, app=app)
    given = [(b"host", host)]

    assert (await alone.send(b"", "/-/ready", given, "GET"))[0] == (200 if host in HERE else 403)
    assert (await alone.send(b"", "/-/healthy", given, "GET"))[0] == 200
    body = sample("surveys")
    path, headers = site.signed("surveys", body)
    assert (await alone.send(body, path, [*given, *headers.items()]))[0] == 200


def test_a_public_address_needs_the_token_also_on_loopback() -> None:
    """Behind a proxy, everybody comes from this machine."""
    assert token_needed("t", loopback=True, public=False) is None
    assert token_needed("t", loopback=True, public=True) == "t"
    assert token_needed("t", loopback=False, public=False) == "t"
    assert len(token_needed(None, loopback=True, public=True) or "") > 30
