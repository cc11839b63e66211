"""Acting at a vendor: who may, what is asked and written down, and what comes of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.app.acting import Acted, Acting, Outcome
from monitor.config import load
from monitor.core.model import Batch, BatchStatus
from monitor.core.silence import Source
from monitor.errors import NotFoundError, ProviderError, StoreError
from monitor.providers.facts import Action, Taken, Took
from monitor.store import audit
from monitor.store.audit import Deed
from rules.batch_completed import BatchCompleted
from rules.batch_stalled import BatchStalled
from rules.error_spike import ErrorSpike
from tests.builders import MINUTE, SECOND
from tests.fakes import CallRow
from tests.lookout import Lookout
from tests.stories import run

RULES = (
    run(ErrorSpike(), pending_for=timedelta(0)),
    run(BatchStalled()),
    run(BatchCompleted(settle_after=timedelta(0))),
)
NOBODY_KNOWS = Took(Taken.UNKNOWN, "no answer came: timeout")


def configured(directory: Path, text: str, **listed: str) -> Path:
    path = directory / "config.toml"
    path.write_text(
        f"""\
[monitor]
data_dir = "data"
[providers.renewals]
vendor = "graine"
api_key = "gat_simulated"
{text}
[providers.surveys]
vendor = "bland"
api_key = "sk"
actions = true
[providers.reminders]
vendor = "svalync"
path = "results"
batches = ["b1"]
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""
    )
    path.chmod(0o600)
    return path


class Desk:
    """A lookout, and whoever acts there."""

    def __init__(self, directory: Path, text: str = "actions = true") -> None:
        self.at = Lookout(directory / "offhook.db", rules=RULES)
        self.at.vendor.add(people=60)
        self.config = load(configured(directory, text), environ={})
        self.acting = self.made()

    def made(self) -> Acting:
        vendors = {"renewals": self.at.vendor, "surveys": self.at.vendor}
        vendors |= {"reminders": self.at.vendor}
        views = self.at.judge.context.providers
        return Acting(self.config, views, vendors, self.at.store, self.at.clock)

    async def act(self, action: str = "pause", batch: str = "b1", **more: str) -> Acted:
        values = {"provider_name": "renewals", "who": "ann"} | more
        self.at.vendor.told()
        return await self.acting.act(
            values["provider_name"], batch, action, who=values["who"], source=Source.CLI
        )

    async def deeds(self) -> list[Deed]:
        """Oldest first."""
        return list(reversed(await self.at.store.read(audit.load)))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    await made.at.poll()
    yield made
    made.at.store.close()


async def test_a_pause_is_asked_for_once_and_written_down_before_and_after(desk: Desk) -> None:
    acted = await desk.act()

    assert acted.outcome is Outcome.DONE
    assert acted.text == "Renewals May: paused by ann"
    assert desk.at.vendor.told() == ["pause b1"]
    before, after = await desk.deeds()
    assert (before.outcome, before.what, before.target) == ("unknown", "batch.pause", "b1")
    assert (after.outcome, after.who, after.source) == ("done", "ann", "cli")
    assert (await desk.at.row()).stopped_by_user


async def test_the_batch_is_looked_at_at_once(desk: Desk) -> None:
    await desk.at.poll(2 * SECOND)
    await desk.act()

    assert "look b1" in await desk.at.poll(SECOND)
    assert (await desk.at.row()).look.status is BatchStatus.PAUSED


async def test_a_crash_in_between_leaves_a_trace(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> Took:
        raise asyncio.CancelledError

    monkeypatch.setattr(desk.at.vendor, "act", dies)
    with pytest.raises(asyncio.CancelledError):
        await desk.act()

    (trace,) = await desk.deeds()
    assert (trace.outcome, trace.who, trace.target) == ("unknown", "ann", "b1")


async def test_what_cannot_be_written_down_is_not_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(desk.at.store, "write", full)
    with pytest.raises(StoreError):
        await desk.act()

    assert "pause b1" not in desk.at.vendor.told()


async def test_what_was_done_is_told_also_where_it_cannot_be_written_down(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = desk.at.store.write

    async def full(*asked: Any) -> Any:
        if "pause b1" in desk.at.vendor.asked:
            raise StoreError("the disk is full")
        return await write(*asked)

    monkeypatch.setattr(desk.at.store, "write", full)
    acted = await desk.act()

    assert acted.outcome is Outcome.DONE
    assert acted.text.endswith("but that could not be written down: the disk is full")


async def test_a_vendor_that_takes_its_time_keeps_nobody_from_another_batch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.at.vendor.add("b2", people=3)
    await desk.at.poll(2 * MINUTE)
    act, release = desk.at.vendor.act, asyncio.Event()

    async def slow(action: Action, batch: Batch) -> Took:
        if batch.batch_id == "b1":
            await release.wait()
        return await act(action, batch)

    monkeypatch.setattr(desk.at.vendor, "act", slow)
    one = asyncio.create_task(desk.act())
    other = await desk.act(batch="b2")
    assert (other.outcome, one.done()) == (Outcome.DONE, False)

    release.set()
    assert (await one).outcome is Outcome.DONE


REFUSED: dict[str, dict[str, str]] = {
    "no provider 'nobody'": {"provider_name": "nobody"},
    "documents no pause, only stop": {"provider_name": "surveys"},
    "documents no actions": {"provider_name": "reminders"},
    "no batch 'b9' at renewals": {"batch": "b9"},
    "documents no explode": {"action": "explode"},
    "who you are": {"who": " \n"},
}


async def test_what_makes_no_sense_is_refused_in_words(desk: Desk) -> None:
    for words, asked in REFUSED.items():
        acted = await desk.act(**asked)

        assert (acted.outcome, acted.usage) == (Outcome.REFUSED, True)
        assert words in acted.text
        assert desk.at.vendor.told() == []
    assert [each.outcome for each in await desk.deeds()] == ["refused"] * len(REFUSED)


async def test_unless_it_is_allowed_the_line_to_add_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "")
    await desk.at.poll()
    acted = await desk.act()

    assert acted.outcome is Outcome.REFUSED
    assert "add to [providers.renewals]: actions = true" in acted.text
    assert desk.at.vendor.told() == []
    desk.at.store.close()


@pytest.mark.parametrize(
    ("status", "action", "outcome", "words"),
    [
        pytest.param("paused", "pause", Outcome.ALREADY, "it is paused already", id="paused"),
        pytest.param("running", "resume", Outcome.ALREADY, "it is running already", id="running"),
        pytest.param("completed", "pause", Outcome.REFUSED, "it has ended", id="ended"),
        pytest.param("cancelled", "stop", Outcome.ALREADY, "it is stopped already", id="stopped"),
        pytest.param("scheduled", "resume", Outcome.REFUSED, "it has not begun", id="not begun"),
    ],
)
async def test_what_does_not_fit_is_not_asked_for(
    desk: Desk, status: str, action: str, outcome: Outcome, words: str
) -> None:
    desk.at.vendor.batches["b1"].status = status
    await desk.at.poll(MINUTE)
    acted = await desk.act(action)

    assert acted.outcome is outcome
    assert words in acted.text
    assert desk.at.vendor.told() == ["look b1"]


async def test_what_is_known_may_be_old_so_a_look_decides(desk: Desk) -> None:
    desk.at.vendor.batches["b1"].status = "paused"
    await desk.at.poll(MINUTE)
    desk.at.vendor.batches["b1"].status = "running"  # by somebody else, just now
    acted = await desk.act()

    assert acted.outcome is Outcome.DONE
    assert desk.at.vendor.told() == ["look b1", "pause b1"]


async def test_of_two_at_once_one_is_asked_for(desk: Desk) -> None:
    desk.at.vendor.told()
    asked = (
        desk.acting.act("renewals", "b1", "pause", who=who, source=Source.SLACK)
        for who in ("ann", "bob")
    )
    one, other = await asyncio.gather(*asked)

    assert {one.outcome, other.outcome} == {Outcome.DONE, Outcome.ALREADY}
    assert desk.at.vendor.asked.count("pause b1") == 1


async def test_a_refusal_of_the_vendor_marks_nothing(desk: Desk) -> None:
    desk.at.vendor.takes = Took(Taken.REFUSED, "403: the key may not do this")
    acted = await desk.act()

    assert (acted.outcome, acted.usage) == (Outcome.REFUSED, False)
    assert acted.text == "Renewals May: not paused: 403: the key may not do this"
    assert not (await desk.at.row()).stopped_by_user
    assert [each.outcome for each in await desk.deeds()] == ["unknown", "refused"]


async def test_no_answer_and_a_look_that_shows_it_done(desk: Desk) -> None:
    desk.at.vendor.takes, desk.at.vendor.acts_unseen = NOBODY_KNOWS, True
    acted = await desk.act()

    assert acted.outcome is Outcome.DONE
    assert desk.at.vendor.told() == ["pause b1", "look b1"]
    assert (await desk.at.row()).stopped_by_user
    assert "a look shows that it is paused" in (await desk.deeds())[-1].detail


async def test_no_answer_and_a_look_that_shows_nothing(desk: Desk) -> None:
    desk.at.vendor.takes = NOBODY_KNOWS
    acted = await desk.act()

    assert acted.outcome is Outcome.UNKNOWN
    assert "the vendor calls it running now" in acted.text
    assert desk.at.vendor.told() == ["pause b1", "look b1"]
    assert not (await desk.at.row()).stopped_by_user
    assert "look b1" in await desk.at.poll(SECOND)


@pytest.mark.parametrize("status", ["completed", "failed"])
async def test_no_answer_to_a_stop_and_an_end_of_another_kind(desk: Desk, status: str) -> None:
    """It may have ended by itself: whoever asked to stop it is not said to have done it."""
    desk.at.vendor.takes = NOBODY_KNOWS
    desk.at.vendor.batches["b1"].status = status
    acted = await desk.act("stop")

    assert acted.outcome is Outcome.UNKNOWN
    assert f"the vendor calls it {status} now" in acted.text
    assert not (await desk.at.row()).stopped_by_user


@pytest.mark.parametrize("error", [NotFoundError("404"), ProviderError("auth", "401")])
async def test_no_answer_and_no_look_either(desk: Desk, error: ProviderError) -> None:
    desk.at.vendor.takes = NOBODY_KNOWS
    desk.at.vendor.refuse_looks["b1"] = error
    acted = await desk.act()

    assert acted.outcome is Outcome.UNKNOWN
    assert "nor can the batch be looked at now" in acted.text


async def test_the_story_of_a_pause(desk: Desk) -> None:
    """Calls fail, somebody pauses, looks into it and resumes; the batch ends well."""
    at, people = desk.at, desk.at.vendor.batches["b1"].people
    for person in people[:20]:
        person.status, person.attempts = "failed", 1
        person.calls = [CallRow(id=f"c{person.id}", status="failed", ended=at.clock.now())]
    await at.live_for(MINUTE)
    assert (await at.alerts())["error_spike"] == "firing"

    assert (await desk.act()).outcome is Outcome.DONE
    await at.live_for(20 * SECOND)
    assert (await at.reasons())["error_spike"] == "batch_paused"
    told = await at.owed()
    await at.live_for(timedelta(hours=5), every=30 * MINUTE)
    assert await at.owed() == told

    assert (await desk.act("resume")).outcome is Outcome.DONE
    await at.live_for(MINUTE)
    for person in people[20:]:
        person.status, person.attempts = "completed", 1
        person.calls = [CallRow(id=f"c{person.id}", ended=at.clock.now())]
    at.vendor.batches["b1"].status = "completed"
    await at.live_for(5 * MINUTE)

    assert (await at.owed())[len(told) :] == [("batch_completed", "reported")]
