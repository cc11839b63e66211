"""Mutated webhooks, signed and not: a few hundred, or with ``--proof`` 100,000."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gate import SAMPLES, Gate, gate

ALL, SHARE, AT_ONCE = 100_000, 600, 64
MIB = 1024 * 1024
_WILD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    -(2**64),
    10**300,
    1e308,
    0.1,
    "",
    " ",
    "\0",
    "\u202e",
    "\ud800",
    "x" * 5_000,
    "9" * 400,
    "1e400",
    "-0",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60+23:59",
    "2026-13-45",
    "completed",
    "stopped",
    [],
    {},
    [[[]]],
    {"": {"": None}},
    ["completed"],
)
_PIECES = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\\u0000",
    b"NaN",
    b"1e400",
    b"[" * 2_000,
    b'{"a":' * 2_000,
    b"9" * 6_000,
    b'"',
    b",",
    b"}",
    b"\\",
    b"//",
    b"\xef\xbb\xbf",
    b'"call_id":"c-2",',
)
_KEYS = ("call_id", "batch_id", "status", "category", "timestamp", "payload", "event", "price")


def changed(value: Any, chance: random.Random) -> Any:
    """The same JSON with one value, key or order changed somewhere."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        made = dict(value)
        key = chance.choice(list(made))
        match chance.randrange(6):
            case 0:
                del made[key]
            case 1:
                made[chance.choice(_KEYS)] = chance.choice(_WILD)
            case 2:
                made = dict(sorted(made.items(), key=lambda _: chance.random()))
            case _:
                made[key] = changed(made[key], chance)
        return made
    return chance.choice(_WILD)


def broken(body: bytes, chance: random.Random) -> bytes:
    """The same bytes, cut, doubled, flipped or with a piece put in."""
    place, other = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    match chance.randrange(6):
        case 0:
            return body[:place]
        case 1:
            return body[:other] + body[place:]
        case 2:
            return body[:place] + body[other:]
        case 3:
            return body.decode("utf-8", "replace").encode(chance.choice(("utf-16", "utf-32")))
        case 4:
            flipped = bytearray(body or b"x")
            flipped[place % len(flipped)] ^= 1 << chance.randrange(8)
            return bytes(flipped)
        case _:
            return body[:place] + chance.choice(_PIECES) + body[place:]


@dataclass(frozen=True)
class Sent:
    """One request, and what may be answered to it."""

    body: bytes
    path: str
    headers: list[tuple[bytes, bytes]]
    may: set[int]


def forged(site: Gate, provider: str, body: bytes, chance: random.Random) -> Sent:
    """Somebody without the secret, who knows everything else."""
    path, headers = site.signed(provider, body)
    secret = site.path(provider).rpartition("/")[2]
    value = next(iter(headers.values()), secret.encode())
    other = broken(value, chance)
    if other == value:
        other += b"0"
    if not headers:
        text = other.decode("latin-1").replace("/", "-")
        return Sent(body, f"/webhooks/{provider}/{text}", [], {401, 404})
    return Sent(body, path, [(name, other) for name in headers], {401})


def mutated(site: Gate, chance: random.Random) -> Sent:
    """One mutated request."""
    provider = chance.choice(sorted(SAMPLES))
    value: Any = chance.choice(SAMPLES[provider])
    for _ in range(chance.randrange(4)):
        value = changed(value, chance)
    body = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        body = broken(body, chance)
    how = chance.random()
    if how < 0.25:
        return forged(site, provider, body, chance)
    path, headers = site.signed(provider, body)
    if how < 0.4:
        path, headers = site.path(provider), {}
    pairs = list(headers.items())
    if how > 0.95:
        name = chance.choice((b"content-type", b"x-anything", b"content-length", b"host"))
        pairs.append((name, chance.choice(_PIECES)))
    return Sent(body, path, pairs, {200})


def test_no_mutated_webhook_fails_or_is_believed(tmp_path: Path, *, proof: bool) -> None:
    count = ALL if proof else SHARE
    with gate(tmp_path) as site:
        seen, grown = asyncio.run(_storm(site, count))
        kept = site.receiver.taken

    assert seen[200] > count // 2
    assert seen[401] > count // 10
    assert sum(each.accepted + each.repeated for each in kept.values()) == seen[200]
    assert not proof or grown < 32 * MIB


async def _storm(site: Gate, count: int) -> tuple[Counter[int], int]:
    chance = random.Random(20260510)
    seen: Counter[int] = Counter()
    begun = 0
    for start in range(0, count, AT_ONCE):
        if start >= count // 10 and not begun:
            begun = _resident()
        some = [mutated(site, chance) for _ in range(min(AT_ONCE, count - start))]
        answers = await asyncio.gather(
            *(site.send(each.body, each.path, each.headers) for each in some)
        )
        for each, (status, _) in zip(some, answers, strict=True):
            assert status in each.may, (status, each)
            seen[status] += 1
    unforeseen = [row.why for row in await site.rows() if "it cannot be read (" in (row.why or "")]
    assert unforeseen == []
    return seen, _resident() - begun


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
