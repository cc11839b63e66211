"""What is pressed in Slack is done once, by the one path for such things, and answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from monitor.app import interactions
from monitor.app.acting import Acted, Outcome, RefusedError
from monitor.app.interactions import MOST_AT_ONCE, Interactions
from monitor.core.alert import Alert
from monitor.core.compose import compose
from monitor.core.silence import Silence, Source
from monitor.errors import StoreError
from monitor.ingest.looks import take_look
from monitor.notifiers import Envelope
from monitor.simulator.slack_presses import Whisper
from monitor.simulator.slack_store import Post
from monitor.store import alerts as alerts_store
from monitor.store import audit, silences
from monitor.store.writer import Priority, Store
from monitor.web.slack import BusyError
from tests.builders import NOON, make_batch
from tests.delivering import MovedClock, make_alert, make_subject, resolved
from tests.workspace import Workspace, note_told, workspace

OPS = frozenset({"ops"})


@dataclass
class Vendor:
    """Whoever acts at vendors; does as it is told and remembers it."""

    asked: list[tuple[str, str, str, str, Source]] = field(default_factory=list)
    outcome: Outcome = Outcome.DONE
    refuses: str = ""

    def action(self, provider_name: str, action: str) -> object:
        if self.refuses:
            raise RefusedError(self.refuses)
        return provider_name, action

    async def act(
        self, provider_name: str, batch_id: str, action: str, *, who: str, source: Source
    ) -> Acted:
        self.asked.append((provider_name, batch_id, action, who, source))
        return Acted(
            provider=provider_name,
            batch=batch_id,
            action=action,
            outcome=self.outcome,
            text=f"Renewals <May>: {action} by {who}",
        )


@dataclass
class Desk:
    """Everything that a press needs, with one alert told in the channel."""

    space: Workspace
    store: Store
    clock: MovedClock
    vendor: Vendor
    hands: Interactions
    changes: list[int]  # the alerts were to be looked at soon

    async def told(self, alert: Alert, *acts: str) -> Post:
        """The alert, kept and told with its buttons."""
        await self.keep(alert)
        message = replace(compose(alert, at=NOON, default_zone="UTC"), acts=acts)
        sent = Envelope(key="f" * 24, first_key="f" * 24, part="root", messages=(message,))
        await self.space.bot(buttons=True).send(sent)
        post = self.space.roots[-1]
        await self.note(alert, f"{post.channel}:{post.ts}")
        return post

    async def note(self, alert: Alert, place: str | None, receiver: str = "ops") -> None:
        await self.store.write(
            Priority.OUTBOX, lambda conn: note_told(conn, alert, place, receiver)
        )

    async def keep(self, alert: Alert) -> None:
        await self.store.write(Priority.EVALUATE, lambda conn: alerts_store.save(conn, [alert]))

    async def press(self, post: Post, button: str, **who: str) -> Any:
        payload = self.space.api.presses.press(post, button, base=self.space.url, **who)
        return await self.take(payload)

    async def take(self, payload: Any, receivers: frozenset[str] = OPS) -> Any:
        """Hand it over and wait until it is done; what was answered at once."""
        said = self.hands.take(payload, receivers)
        await asyncio.gather(*self.hands._tasks)
        return said

    @property
    def whispers(self) -> list[Whisper]:
        return self.space.api.presses.whispers

    @property
    def heard(self) -> list[str]:
        return [whisper.text for whisper in self.whispers]

    async def standing(self) -> tuple[Silence, ...]:
        return await self.store.read(silences.load)


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = MovedClock()
    store = Store.open(tmp_path / "offhook.db")
    changes: list[int] = []
    async with workspace(clock) as space:
        vendor = Vendor()
        hands = Interactions(
            bots={"ops": space.bot()},
            store=store,
            clock=clock,
            acting=vendor,
            zone="UTC",
            link=lambda alert: f"https://offhook.example.com/alerts/{alert.key}",
            changed=lambda: changes.append(1),
        )
        batch = make_batch(batch_id="btc_1")
        await store.write(Priority.INGEST, lambda conn: take_look(conn, batch, baseline=False))
        yield Desk(space, store, clock, vendor, hands, changes)
        await hands.close()
    store.close()


async def test_an_acknowledgement_is_kept_with_who_gave_it(desk: Desk) -> None:
    post = await desk.told(make_alert())
    assert await desk.press(post, "Acknowledge") is None
    await desk.press(post, "Acknowledge")

    (kept,) = await desk.standing()
    assert (kept.alert, kept.author, kept.source) == (
        make_alert().key,
        "U0PERSON asha",
        Source.SLACK,
    )
    assert [text.split(":")[0] for text in desk.heard] == [
        "Acknowledged",
        "You have acknowledged this already.",
    ]
    (deed,) = await desk.store.read(audit.load)
    assert (deed.who, deed.source, deed.what) == ("U0PERSON asha", "slack", "ack.add")


async def test_an_answer_is_seen_by_whoever_pressed_and_by_nobody_else(desk: Desk) -> None:
    post = await desk.told(make_alert())
    await desk.press(post, "Acknowledge", user="U0OTHER", name="kim")

    (whisper,) = desk.whispers
    assert (whisper.channel, whisper.user) == (post.channel, "U0OTHER")
    assert desk.space.replies == []
    assert post.edits == []


async def test_an_hour_of_silence_is_of_this_rule_at_this_batch(desk: Desk) -> None:
    post = await desk.told(make_alert())
    await desk.press(post, "Silence 1 h")
    await desk.press(post, "Silence 1 h")

    (kept,) = await desk.standing()
    assert {f"{each.label}={each.value}" for each in kept.matchers} == {
        "rule=error_spike",
        "provider=renewals",
        "batch=btc_1",
    }
    assert kept.ends_at is not None
    assert (kept.ends_at - NOON).total_seconds() == 3_600
    assert desk.heard[0].startswith("Silenced for 1 h, this rule here only; holds back 1 alert")
    assert f"offhook silence expire {kept.id} ends it" in desk.heard[0]
    assert desk.heard[1].startswith("You have silenced this already")


async def test_a_silence_until_the_batch_ends_is_of_this_run(desk: Desk) -> None:
    post = await desk.told(make_alert())
    await desk.press(post, "Silence 1 h")
    await desk.press(post, "Silence until the batch ends")
    await desk.press(post, "Silence until the batch ends")

    (lasting,) = [each for each in await desk.standing() if each.until_end_of]
    assert lasting.until_end_of is not None
    assert (lasting.until_end_of.batch, lasting.ends_at) == ("btc_1", None)
    assert [text.split(",")[0] for text in desk.heard[:2]] == [
        "Silenced for 1 h",
        "Silenced until the batch ends",
    ]
    assert len(await desk.standing()) == 2


async def test_details_are_whispered_with_who_has_it_and_what_holds_it_back(desk: Desk) -> None:
    post = await desk.told(make_alert())
    for button in ("Acknowledge", "Silence 1 h", "Details"):
        await desk.press(post, button)

    shown = str(desk.whispers[-1].blocks)
    assert "19 of 42 calls failed" in shown
    assert "call_1, call_2, call_3" in shown
    assert "acknowledged by U0PERSON asha" in shown
    assert f"<https://offhook.example.com/alerts/{make_alert().key}|open>" in shown
    assert len(desk.changes) == 2
    assert "silenced\\nrule=error_spike provider=renewals batch=btc_1" in shown
    assert "actions" not in shown


async def test_what_is_over_is_neither_acknowledged_nor_silenced(desk: Desk) -> None:
    post = await desk.told(make_alert())
    await desk.keep(resolved(make_alert()))
    for button in ("Acknowledge", "Silence 1 h", "Details"):
        await desk.press(post, button)

    assert await desk.standing() == ()
    assert "is closed already: recovered" in desk.heard[0]
    assert desk.heard[1] == "It is over already: recovered. Nothing was silenced."
    assert "recovered" in desk.heard[2]


async def test_a_pause_is_done_at_the_vendor_and_told_in_the_thread(desk: Desk) -> None:
    post = await desk.told(make_alert(), "pause")
    await desk.press(post, "Pause the batch")

    assert desk.vendor.asked == [("renewals", "btc_1", "pause", "U0PERSON asha", Source.SLACK)]
    (reply,) = desk.space.replies
    assert (reply.thread_ts, reply.broadcast) == (post.ts, False)
    assert reply.text == "Renewals &lt;May&gt;: pause by U0PERSON asha"
    assert reply.blocks[0]["text"]["type"] == "plain_text"
    posted = json.loads(desk.space.wire.to("/api/chat.postMessage")[-1].asked.body)
    assert (posted["parse"], posted["link_names"]) == ("none", False)
    assert (posted["unfurl_links"], posted["unfurl_media"]) == (False, False)
    assert desk.whispers == []


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.ALREADY])
async def test_what_was_not_done_is_whispered(desk: Desk, outcome: Outcome) -> None:
    desk.vendor.outcome = outcome
    await desk.press(await desk.told(make_alert(), "resume"), "Resume the batch")

    assert desk.space.replies == []
    assert len(desk.heard) == 1


async def test_a_stop_is_asked_about_twice(desk: Desk) -> None:
    post = await desk.told(make_alert(), "stop")
    await desk.press(post, "Stop the batch for good")
    (view,) = desk.space.api.presses.views
    assert desk.vendor.asked == []

    wrong = await desk.take(desk.space.api.presses.submit(view, "yes"))
    assert wrong["response_action"] == "errors"
    assert desk.vendor.asked == []

    assert await desk.take(desk.space.api.presses.submit(view, "stop")) is None
    assert [each[2] for each in desk.vendor.asked] == ["stop"]
    assert [reply.thread_ts for reply in desk.space.replies] == [post.ts]


async def test_a_form_that_cannot_be_opened_in_time_does_nothing(desk: Desk) -> None:
    post = await desk.told(make_alert(), "stop")
    payload = desk.space.api.presses.press(post, "offhook:stop", base=desk.space.url)
    await desk.take(payload | {"trigger_id": "1.old"})

    assert desk.heard == ["Slack did not open the second question. Nothing was done."]
    assert desk.vendor.asked == []


async def test_who_may_not_act_hears_why_and_no_form_opens(desk: Desk) -> None:
    desk.vendor.refuses = "nobody may act at renewals from here"
    await desk.press(await desk.told(make_alert(), "stop"), "Stop the batch for good")

    assert desk.heard == ["nobody may act at renewals from here"]
    assert desk.space.api.presses.views == []


async def test_a_button_of_an_alert_that_nobody_knows_says_so(desk: Desk) -> None:
    post = await desk.told(make_alert())
    payload = desk.space.api.presses.press(post, "Acknowledge", base=desk.space.url)
    payload["actions"][0]["value"] = f"ops:{'0' * 24}"
    await desk.take(payload)

    assert desk.heard == ["Offhook does not know this alert any more. Nothing was done."]


@pytest.mark.parametrize(
    ("change", "receivers"),
    [
        pytest.param({"value": "floor:" + "0" * 24}, OPS, id="another receiver's"),
        pytest.param({"value": "x"}, OPS, id="another version's"),
        pytest.param({"action_id": "offhook:explode"}, OPS, id="another deed"),
        pytest.param({}, frozenset({"floor", "ops2"}), id="another app's secret"),
    ],
)
async def test_a_foreign_button_does_nothing(
    desk: Desk, change: dict[str, str], receivers: frozenset[str]
) -> None:
    post = await desk.told(make_alert())
    payload = desk.space.api.presses.press(post, "Acknowledge", base=desk.space.url)
    payload["actions"][0].update(change)
    await desk.take(payload, receivers)

    assert await desk.standing() == ()
    if receivers is OPS:
        assert desk.heard[0].startswith("This button belongs to another Offhook")


async def test_a_button_in_another_channel_does_nothing(desk: Desk) -> None:
    post = await desk.told(make_alert())
    payload = desk.space.api.presses.press(post, "Acknowledge", base=desk.space.url)
    payload["container"]["channel_id"] = "C0ELSEWHERE"
    await desk.take(payload)

    assert await desk.standing() == ()


PRESSED = ["Acknowledge", "Silence 1 h", "Silence until the batch ends", "Details", "Pause"]


@pytest.mark.parametrize("button", PRESSED)
async def test_an_alert_that_was_never_told_here_is_not_acted_on(desk: Desk, button: str) -> None:
    post = await desk.told(make_alert(), "pause")
    elsewhere = make_alert(subject=make_subject(provider="secret", id="btc_9"))
    await desk.keep(elsewhere)
    await desk.note(elsewhere, "C0BOARD:1.000001", "board")
    named = button if button != "Pause" else "Pause the batch"
    payload = desk.space.api.presses.press(post, named, base=desk.space.url)
    payload["actions"][0]["value"] = f"ops:{elsewhere.key}"
    await desk.take(payload)

    assert (await desk.standing(), desk.vendor.asked) == ((), [])
    assert desk.heard == ["This alert was never told here. Nothing was done."]
    assert desk.whispers[0].blocks[0]["text"]["text"] == desk.heard[0]


async def test_a_press_counts_in_the_channel_where_the_message_stands(desk: Desk) -> None:
    """A bot that has posted nothing since its start may know its channel by name only."""
    desk.hands._bots = {"ops": desk.space.bot(channel="calls-ops")}
    post = await desk.told(make_alert())
    payload = desk.space.api.presses.press(post, "Acknowledge", base=desk.space.url)
    container = payload["container"]
    await desk.take(payload | {"container": container | {"channel_id": "C0ELSEWHERE"}})
    assert await desk.standing() == ()

    await desk.press(post, "Acknowledge")
    assert len(await desk.standing()) == 1


async def test_a_press_may_come_before_the_message_is_known_to_have_arrived(desk: Desk) -> None:
    post = await desk.told(make_alert())
    early = make_alert(subject=make_subject(id="btc_2"))
    await desk.keep(early)
    await desk.note(early, None)
    payload = desk.space.api.presses.press(post, "Acknowledge", base=desk.space.url)
    payload["actions"][0]["value"] = f"ops:{early.key}"
    await desk.take(payload)

    assert [each.alert for each in await desk.standing()] == [early.key]


async def test_the_same_press_is_done_once_however_often_it_comes(desk: Desk) -> None:
    post = await desk.told(make_alert(), "pause")
    payload = desk.space.api.presses.press(post, "Pause the batch", base=desk.space.url)
    for _ in range(3):
        await desk.take(payload)

    assert len(desk.vendor.asked) == 1


async def test_an_answer_that_the_address_refuses_is_whispered_otherwise(desk: Desk) -> None:
    post = await desk.told(make_alert())
    payload = desk.space.api.presses.press(post, "Acknowledge", base=desk.space.url)
    await desk.take(payload | {"response_url": f"{desk.space.url}/actions/used"})
    await desk.press(post, "Details")

    assert desk.space.asked("chat.postEphemeral") == 1
    assert [whisper.user for whisper in desk.whispers] == ["U0PERSON", "U0PERSON"]


async def test_an_address_that_is_not_slacks_is_never_asked(desk: Desk) -> None:
    post = await desk.told(make_alert())
    payload = desk.space.api.presses.press(post, "Acknowledge", base=desk.space.url)
    async with workspace() as elsewhere:
        await desk.take(payload | {"response_url": f"{elsewhere.url}/actions/x"})
        assert elsewhere.wire.seen == []

    assert desk.space.asked("chat.postEphemeral") == 1


async def test_a_database_that_cannot_be_written_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        raise StoreError("the disk is full")

    post = await desk.told(make_alert())
    monkeypatch.setattr(desk.store, "write", refuse)
    await desk.press(post, "Acknowledge")

    assert desk.heard == [
        "The database cannot be used just now. Nothing was done; try again in a minute."
    ]


async def test_the_first_answer_waits_for_nothing_and_nobody_is_left_out(desk: Desk) -> None:
    post = await desk.told(make_alert())
    pressed = [
        desk.space.api.presses.press(post, "Details", base=desk.space.url)
        for _ in range(MOST_AT_ONCE + 20)
    ]

    assert [desk.hands.take(payload, OPS) for payload in pressed] == [None] * len(pressed)
    assert desk.heard == []
    await asyncio.gather(*desk.hands._tasks)
    assert len(desk.heard) == len(pressed)


async def test_what_is_too_much_is_not_heard_and_may_be_pressed_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "MOST_WAITING", 1)
    post = await desk.told(make_alert())
    first, second = (
        desk.space.api.presses.press(post, "Details", base=desk.space.url) for _ in range(2)
    )
    desk.hands.take(first, OPS)
    with pytest.raises(BusyError):
        desk.hands.take(second, OPS)
    await asyncio.gather(*desk.hands._tasks)
    await desk.take(second)

    assert len(desk.heard) == 2
