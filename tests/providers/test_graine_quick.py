from datetime import timedelta

import msgspec
import pytest

from bench.generator import NOW, later, pages
from monitor.providers.graine import contacts
from monitor.providers.phones import Phones

PHONES = Phones(b"k" * 32)
FIRST = pages(200)
ROWS = [
    bytes(raw)
    for page in (*FIRST, *later(FIRST, 0.5, "scattered"))
    for raw in msgspec.json.decode(page, type=list[msgspec.Raw])
]


def test_both_ways_read_a_row_alike() -> None:
    for row in ROWS:
        assert contacts._quickly(row, NOW, PHONES) == contacts._leniently(row, NOW, PHONES)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"retry_count":0', b'"retry_count":"0"', id="a count as text"),
        pytest.param(b'"status":"', b'"status":" ', id="a word with a blank"),
        pytest.param(b'"created_at":"', b'"created_at":"x', id="a time that is none"),
        pytest.param(b"2026-05-10T", b"2006-05-10T", id="a time long ago"),
        pytest.param(b'Z"', b'+05:30"', id="times of another zone"),
        pytest.param(b'Z"', b'"', id="times of no zone"),
        pytest.param(b'"call_status":"', b'"call_status":"very_', id="a word never seen"),
        pytest.param(b'"duration_seconds":', b'"duration_seconds":-', id="less than nothing"),
        pytest.param(
            b'"current_call":{"execution_id":"',
            b'"current_call":{"execution_id":"y',
            id="a current call of its own",
        ),
    ],
)
def test_an_unusual_row_is_read_as_the_lenient_way_reads_it(old: bytes, new: bytes) -> None:
    for row in ROWS[:60]:
        item = contacts.decode(row.replace(old, new), seen_at=NOW, phones=PHONES)

        assert item == contacts._leniently(row.replace(old, new), NOW, PHONES)


def test_a_call_never_ends_after_it_was_seen() -> None:
    early = NOW - timedelta(hours=20)
    for row in ROWS:
        item = contacts.decode(row, seen_at=early, phones=PHONES)

        assert all(call.ended_at is None or call.ended_at <= early for call in item.calls)
