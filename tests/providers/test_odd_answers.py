"""Whatever stands in an answer: it is read, or refused in words, and nothing else happens."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.model import Batch, BatchStatus, Item
from monitor.errors import ProviderError
from monitor.http import Answer
from monitor.providers import Known, LookFailed, Provider
from monitor.providers.http_json import HttpJson
from monitor.providers.svalync import Svalync, SvalyncSettings
from tests.contracts import ADDRESS
from tests.loopback import NOW
from tests.providers import test_http_json, test_http_json_elevenlabs

ELEVENLABS = test_http_json_elevenlabs.shipped().model_copy(update={"base_url": ADDRESS})
DETAILED = test_http_json.settings(
    test_http_json.table(
        *test_http_json.DETAILED,
        ("items.calls", "calls"),
        ("items.rows", "data.rows[?person]"),
        ("units.times", "%d.%m.%Y %H:%M"),
        ("units.zone", "Europe/Berlin"),
        ("units.money", "micros"),
        ("units.duration", "ms"),
        ("fields.contact.next_retry_at", "at"),
        ("fields.batch.counts.by_status", "sizes"),
        ("items.paging", {"style": "cursor", "param": "c", "next": "to"}),
        ("looks", "list"),
    ),
    ADDRESS,
)
NAMES = [
    "batch",
    "calls",
    "id",
    "status",
    "statistics",
    "total_calls",
    "in_progress",
    "completed",
    "cost",
    "duration",
    "analytics",
    "sentiment",
    "positive",
    "response",
    "batch_calls",
    "recipients",
    "has_more",
    "next_doc",
    "created_at_unix",
    "conversation_id",
    "phone_number",
    "updated_at_unix",
    "data",
    "jobs",
    "rows",
    "person",
    "call",
    "result",
    "state",
    "to",
    "made",
    "size",
    "sizes",
    "from_",
    "until",
    "long",
    "price",
    "why",
    "caller",
    "hangup",
    "machine",
    "at",
]
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["b", "completed", "pending", "+12125550123", "10.05.2026 11:00", "0.50"]),
    st.sampled_from(["2026-05-10T10:00:00Z", "9999-12-31T23:59:59-14:00", "01.01.0001 00:00"]),
)
answers = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=8)
    ),
    max_leaves=25,
)
rows = st.dictionaries(st.sampled_from(NAMES), answers, max_size=12)
LIKELY = st.one_of(
    answers,
    rows.map(lambda row: {"batch": {"id": "b", "calls": [row], **row}}),
    rows.map(lambda row: {"recipients": [row], "batch_calls": [row], **row}),
    rows.map(lambda row: {"data": {"jobs": [{"id": "b", **row}], "rows": [{"person": 1, **row}]}}),
)


class Always:
    """A vendor that says the same to everything."""

    def __init__(self, said: Any) -> None:
        self._body = msgspec.json.encode(said)

    async def request(self, method: str, url: str, **_: Any) -> Answer:
        del method, url
        return Answer(status=200, headers={}, body=self._body, sent_at=NOW)


async def ask_everything(provider: Provider) -> None:
    look: Batch | LookFailed = LookFailed("b", ProviderError("garbage", "not asked"))
    async for look in provider.looks([Known(batch_id="b")]):
        assert isinstance(look, LookFailed) or look.batch_id == "b"
    with refused_quietly(ProviderError):
        await provider.discover(since=NOW - timedelta(days=7), known={}, memory={})
    batch = look
    if isinstance(batch, LookFailed):
        batch = Batch(provider="x", batch_id="b", status=BatchStatus.RUNNING, seen_at=NOW)
    with refused_quietly(ProviderError):
        async for page in provider.sweep(batch):
            for raw in provider.split(page):
                with refused_quietly(ValueError):
                    read_row(provider.decode(batch, page, raw))


def read_row(item: Item) -> None:
    for call in item.calls:
        assert call.ended_at is None or call.ended_at <= NOW
        assert call.contact_id == item.contact.contact_id


@contextmanager
def refused_quietly(kind: type[Exception]) -> Iterator[None]:
    """Refused in words in which nothing of the answer stands."""
    said = ""
    try:
        yield
    except kind as error:
        said = str(error)
    assert "555" not in said


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(said=LIKELY)
def test_no_answer_does_anything_but_be_read_or_be_refused(said: Any) -> None:
    flows = SvalyncSettings(vendor="svalync", url=ADDRESS, batches=("b",))
    for provider in (
        Svalync("x", flows, Always(said)),
        HttpJson("x", ELEVENLABS, Always(said), b"k" * 32),
        HttpJson("x", DETAILED, Always(said), b"k" * 32),
    ):
        asyncio.run(ask_everything(provider))
