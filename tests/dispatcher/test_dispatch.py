"""Claim, commit, send, write down: on a real database, with a channel that fails as told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection, select

from monitor.core.alert import Alert
from monitor.core.compose import UNTOLD
from monitor.core.route import Digest, Receiver
from monitor.core.rule import Severity
from monitor.core.silence import Source
from monitor.dispatcher import Dispatcher, Failing, Timing
from monitor.errors import DeliveryError, Sent, StoreError
from monitor.evaluation.telling import Routing
from monitor.notifiers import Envelope
from monitor.store import alerts as alerts_store
from monitor.store import claims, deadletters, outbox, outcomes, silences
from monitor.store.outcomes import Note
from monitor.store.schema import conversations, deliveries
from monitor.store.schema import outbox as outbox_table
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.delivering import (
    BOT,
    MAIL,
    WEBHOOK,
    Channel,
    LeapingClock,
    MovedClock,
    make_alert,
    make_report,
    owed,
    resolved,
    routing,
    settled,
    tell_all,
)

LEASE = Timing().lease
AWAY = DeliveryError(Sent.NOT_SENT, "unreachable", "nobody there")
BUSY = DeliveryError(Sent.RETRY, "rate_limited", "later", retry_after=7.0)
UNCLEAR = DeliveryError(Sent.AMBIGUOUS, "timeout", "no answer")
NEVER = DeliveryError(Sent.REFUSED, "channel_not_found", "no such channel")
TOO_RICH = DeliveryError(Sent.REFUSED, "invalid_blocks", "too much", simpler=True)


@dataclass
class World:
    """A database, a clock, a dispatcher, and a channel for each kind of receiver."""

    store: Store
    clock: MovedClock = field(default_factory=LeapingClock)
    hook: Channel = field(default_factory=lambda: Channel(WEBHOOK))
    bot: Channel = field(default_factory=lambda: Channel(BOT))
    mail: Channel = field(default_factory=lambda: Channel(MAIL))
    troubles: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dispatcher = self.restarted()

    def restarted(self) -> Dispatcher:
        async def trouble(receiver: str, failing: Failing | None) -> None:
            self.troubles.append((receiver, failing.text if failing else None))

        self.dispatcher = Dispatcher(
            self.store,
            {"hook": self.hook, "bot": self.bot, "mail": self.mail},
            self.clock,
            timing=Timing(pace={}),
            on_trouble=trouble,
            chance=lambda: 0.5,
        )
        return self.dispatcher

    async def tell(self, *alerts: Alert, to: Routing | None = None, **more: Any) -> None:
        await self.write(lambda conn: tell_all(conn, *alerts, to=to, now=self.clock.now(), **more))

    async def drain(self, receiver: str = "hook", after: timedelta = timedelta(0)) -> int:
        self.clock.move(after)
        return await self.dispatcher.drain_once(receiver)

    async def write(self, fn: Callable[[Connection], Any]) -> Any:
        return await self.store.write(Priority.OUTBOX, fn)

    async def rows(self, receiver: str = "hook") -> list[tuple[str, str, str]]:
        return await self.store.read(lambda conn: owed(conn, receiver=receiver))

    async def outcomes(self) -> list[str]:
        return await self.store.read(
            lambda conn: list(
                conn.execute(select(deliveries.c.outcome).order_by(deliveries.c.id)).scalars()
            )
        )


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = Store.open(tmp_path / "offhook.db")
    yield World(store)
    store.close()


NOW = routing(group_by=("rule",), group_wait=timedelta(0))


async def test_what_is_owed_is_sent_once(world: World) -> None:
    await world.tell(make_alert())

    assert await world.drain() == 0, "the group waits for company"
    assert [await world.drain(after=10 * SECOND), await world.drain()] == [1, 0]
    assert [one.key for one in world.hook.standing] == [world.hook.sent[0].key]
    assert await world.rows() == [("fired", "message", "sent")]


async def test_the_attempt_is_committed_before_anything_leaves(world: World) -> None:
    seen = []

    async def look(envelope: Envelope) -> None:
        seen.append(await world.rows())

    world.hook.before = look
    await world.tell(make_alert(), to=NOW)
    await world.drain()

    assert seen == [[("fired", "message", "attempting")]]


async def test_a_conversation_has_one_root_that_is_edited_and_a_thread(world: World) -> None:
    alert = make_alert(severity=Severity.WARNING)
    await world.tell(alert, to=NOW)
    await world.drain("bot")
    await world.tell(replace(alert, severity=Severity.CRITICAL), to=NOW)
    await world.drain("bot")
    await world.tell(resolved(alert), to=NOW)
    await world.drain("bot")

    (root,) = world.bot.roots
    assert [edit.messages[0].state for edit in root.edits] == ["FIRING", "RESOLVED"]
    assert [reply.message.reason for reply in world.bot.replies] == [
        "held long enough",
        "recovered",
    ]
    assert [reply.thread_of for reply in world.bot.replies] == [root.remote_id] * 2
    assert {envelope.first_key for envelope in world.bot.sent} == {root.key}


async def test_alerts_of_one_group_go_as_one_message(world: World) -> None:
    to = routing(group_by=("provider",))
    await world.tell(make_alert(), make_alert("stalled_retries"), to=to)

    assert await world.drain(after=10 * SECOND) == 1
    assert [message.rule for message in world.hook.sent[0].messages] == [
        "error_spike",
        "stalled_retries",
    ]
    assert [state for _, _, state in await world.rows()] == ["sent", "sent"]


async def test_the_root_shows_every_alert_of_its_group_the_firing_first(world: World) -> None:
    to = routing("bot", group_by=("provider",), group_wait=timedelta(0))
    one, other = make_alert(), make_alert("stalled_retries", severity=Severity.WARNING)
    await world.tell(one, other, to=to)
    await world.drain("bot")
    await world.tell(resolved(one), other, to=to)
    await world.drain("bot")

    (root,) = world.bot.roots
    shown = [(message.rule, message.state) for message in root.edits[-1].messages]
    assert shown == [("stalled_retries", "FIRING"), ("error_spike", "RESOLVED")]


@pytest.mark.parametrize(
    ("error", "delays"),
    [
        pytest.param(AWAY, [2, 5, 15, 30, 60, 120, 300, 600, 600], id="away"),
        pytest.param(BUSY, [7, 7, 7], id="as asked for"),
    ],
)
async def test_failures_are_tried_again_later_and_later(
    world: World, error: DeliveryError, delays: list[int]
) -> None:
    world.hook.plan = [error] * len(delays)
    await world.tell(make_alert(), to=NOW)
    assert await world.drain() == 1
    for delay in delays:
        assert await world.drain(after=timedelta(seconds=delay - 1)) == 0
        assert await world.drain(after=SECOND) == 1

    assert await world.rows() == [("fired", "message", "sent")]
    assert not world.hook.sent[-1].possible_repeat


async def test_what_was_put_off_goes_out_with_the_first_success(world: World) -> None:
    world.hook.plan = [AWAY] * 7
    await world.tell(make_alert(), to=NOW)
    for delay in (0, 2, 5, 15, 30, 60, 120):
        await world.drain(after=timedelta(seconds=delay))
    await world.tell(make_alert("batch_stalled"), to=NOW)

    assert await world.drain(after=MINUTE) == 2, "the older one was put off for five minutes"
    assert [state for _, _, state in await world.rows()] == ["sent", "sent"]


async def test_mail_is_tried_again_after_minutes(world: World) -> None:
    world.mail.plan = [BUSY.__class__(Sent.RETRY, "451", "greylisted")]
    await world.tell(make_alert(), to=NOW)
    await world.drain("mail")

    assert await world.drain("mail", after=59 * SECOND) == 0
    assert await world.drain("mail", after=SECOND) == 1


async def test_after_a_day_it_is_dead_kept_and_told(world: World) -> None:
    world.hook.plan = [AWAY] * 500
    await world.tell(make_alert(), to=NOW)
    for _ in range(160):
        await world.drain(after=10 * MINUTE)

    assert await world.rows() == [("fired", "message", "dead")]
    (letter,) = await world.store.read(deadletters.load_dead)
    assert letter.error == "unreachable: nobody there"
    assert world.troubles == [("hook", "no message has been taken for minutes: nobody there")]


async def test_what_was_given_up_is_told_and_replayed_on_demand(world: World) -> None:
    world.hook.plan = [TOO_RICH, TOO_RICH]
    await world.tell(make_alert(), to=NOW)
    await world.drain()
    assert await world.rows() == [("fired", "message", "dead")]
    assert await world.store.read(deadletters.count_dead) == 1
    assert world.troubles == [("hook", "a message was given up: too much")]

    letter = (await world.store.read(deadletters.load_dead))[0]
    assert await world.write(lambda conn: deadletters.replay(conn, letter.id, now=NOON)) == 1
    await world.drain()
    assert await world.rows() == [("fired", "message", "sent")]
    assert world.hook.sent[-1].messages[0].marks == ("sent again on demand",)
    await world.drain(after=20 * SECOND)

    assert world.troubles[1:] == [("hook", None)]


HALF = DeliveryError(Sent.AMBIGUOUS, "451", "one was put off", had=("ab12",), sure=True)
LATER = DeliveryError(Sent.RETRY, "451", "one is put off")


async def test_who_has_a_mail_is_known_after_a_restart(world: World) -> None:
    to = routing("mail", group_by=("provider",), group_wait=timedelta(0))
    world.mail.plan = [HALF, LATER]
    await world.tell(make_alert("one"), make_alert("two"), to=to)
    await world.drain("mail")
    for _ in range(2):
        world.restarted()
        await world.drain("mail", after=HOUR)

    assert [each.had for each in world.mail.sent] == [frozenset()] + [frozenset({"ab12"})] * 2
    assert [each.possible_repeat for each in world.mail.sent] == [False] * 3
    assert {state for _, _, state in await world.rows("mail")} == {"sent"}


async def test_who_may_have_a_mail_is_told_so_though_others_surely_have_it(world: World) -> None:
    to = routing("mail", group_wait=timedelta(0))
    world.mail.plan = [HALF]
    await world.tell(make_alert(), to=to)
    await world.drain("mail")

    async def die(envelope: Envelope) -> None:
        raise asyncio.CancelledError

    world.mail.before = die
    with pytest.raises(asyncio.CancelledError):
        await world.drain("mail", after=HOUR)
    world.mail.before = None
    world.restarted()
    await world.drain("mail", after=HOUR)

    assert world.mail.sent[-1].had == {"ab12"}
    assert world.mail.sent[-1].possible_repeat


async def test_what_is_replayed_is_told_as_it_stands_by_then(world: World) -> None:
    """An alert that is over opens nothing; the one that still fires says who has it."""
    world.hook.plan = [TOO_RICH, TOO_RICH] * 2
    over, lasts = make_alert("over"), make_alert("lasts")
    for alert in (over, lasts):
        await world.tell(alert, to=NOW)
        await world.drain()
    world.clock.move(MINUTE)
    now = world.clock.now()
    await world.write(lambda conn: alerts_store.save(conn, [resolved(over)]))
    await world.write(
        lambda conn: silences.acknowledge(conn, lasts.key, by="ana", source=Source.CLI, now=now)
    )
    for alert in (over, lasts):
        await world.write(partial(deadletters.replay, which=alert.key, now=now))
        await world.drain()

    ended, firing = (each.messages[0] for each in world.hook.sent[-2:])
    assert (ended.state, ended.marks[:2]) == ("RESOLVED", (UNTOLD, "sent again on demand"))
    assert (firing.state, firing.acknowledged) == ("FIRING", "ana, 14:01")
    assert await world.rows() == [("fired", "message", "sent")] * 2


async def test_a_receiver_that_refuses_everything_is_probed_hourly(world: World) -> None:
    world.hook.plan = [NEVER] * 50
    for n in range(5):
        await world.tell(make_alert(f"rule_{n}"), to=NOW)
    for _ in range(12 * 6):
        await world.drain(after=5 * MINUTE)

    assert 6 <= len(world.hook.sent) <= 12, "each of them is critical, and is tried once"
    assert {state for _, _, state in await world.rows()} == {"pending"}
    assert world.troubles == [("hook", "messages are refused: no such channel")]
    world.hook.plan.clear()
    await world.drain(after=HOUR)
    assert {state for _, _, state in await world.rows()} == {"sent"}


async def test_a_restart_asks_again_whether_a_refusal_still_stands(world: World) -> None:
    world.hook.plan = [NEVER]
    await world.tell(make_alert(), to=NOW)
    await world.drain()
    stop = asyncio.Event()
    stop.set()
    await world.restarted().run(stop)
    world.restarted()
    await world.drain(after=2 * MINUTE)

    assert await world.rows() == [("fired", "message", "sent")]


async def test_a_message_that_is_too_rich_is_sent_in_plain_words_at_once(world: World) -> None:
    world.hook.plan = [TOO_RICH]
    await world.tell(make_alert(), to=NOW)
    await world.drain()

    assert [envelope.plain for envelope in world.hook.sent] == [False, True]
    assert await world.rows() == [("fired", "message", "sent")]


async def test_what_is_critical_and_new_is_tried_soon_where_all_was_refused(world: World) -> None:
    world.hook.plan = [NEVER] * 2
    for n in range(2):
        await world.tell(make_alert(f"rule_{n}"), to=NOW)
        await world.drain(after=MINUTE)
    world.hook.plan.clear()
    await world.tell(make_alert("slow", severity=Severity.WARNING), to=NOW)
    assert await world.drain(after=20 * MINUTE) == 0
    await world.tell(make_alert("grave"), to=NOW)

    assert await world.drain(after=MINUTE) == 4
    assert {state for _, _, state in await world.rows()} == {"sent"}


async def test_a_receiver_that_asks_to_wait_is_not_pressed_with_what_is_critical(
    world: World,
) -> None:
    later = DeliveryError(Sent.RETRY, "rate_limited", "later", retry_after=1800.0)
    world.hook.plan = [NEVER, NEVER, later]
    for n in range(2):
        await world.tell(make_alert(f"rule_{n}"), to=NOW)
        await world.drain(after=MINUTE)
    await world.drain(after=HOUR)
    await world.tell(make_alert("grave"), to=NOW)

    assert await world.drain(after=6 * MINUTE) == 0
    assert await world.drain(after=24 * MINUTE) == 3


async def test_plain_words_that_are_refused_too_are_given_up(world: World) -> None:
    world.hook.plan = [TOO_RICH, TOO_RICH]
    await world.tell(make_alert(), to=NOW)
    await world.drain()

    assert await world.rows() == [("fired", "message", "dead")]


TOGETHER = routing(group_by=("provider",), group_wait=timedelta(0))


async def refuse_poison(envelope: Envelope) -> None:
    """A receiver that takes nothing in which one message stands."""
    if any(message.rule == "poison" for message in envelope.messages):
        raise TOO_RICH


@pytest.mark.parametrize(("n", "place"), [(1, 0), (2, 1), (7, 3), (30, 29), (45, 0)])
async def test_poison_is_found_and_takes_nobody_with_it(world: World, n: int, place: int) -> None:
    rules = [f"rule_{each}" for each in range(n)]
    rules[place] = "poison"
    await world.write(lambda conn: tell_all(conn, *map(make_alert, rules), to=TOGETHER))
    world.hook.before = refuse_poison
    await world.drain()

    states = [state for _, _, state in await world.rows()]
    assert states.count("dead") == 1
    assert states.count("sent") == n - 1
    (letter,) = await world.store.read(deadletters.load_dead)
    assert letter.message.rule == "poison"
    assert len(world.hook.sent) <= 16, "halves, not one by one"
    assert {one.plain for one in world.hook.sent[1:]} <= {True}


async def test_poison_that_is_refused_like_everything_is_skipped_after_five_times(
    world: World,
) -> None:
    async def refuse(envelope: Envelope) -> None:
        if envelope.messages[0].rule == "poison":
            raise NEVER

    world.hook.before = refuse
    await world.tell(make_alert("poison"), to=NOW)
    for n in range(8):
        await world.drain(after=MINUTE)
        await world.tell(make_alert(f"rule_{n}"), to=NOW)
    await world.drain(after=MINUTE)

    states = [state for _, _, state in await world.rows()]
    assert states == ["dead"] + ["sent"] * 8
    assert [one.messages[0].rule for one in world.hook.sent].count("poison") == 5


async def test_a_notifier_that_crashes_is_an_attempt_of_unknown_outcome(world: World) -> None:
    world.hook.plan = [RuntimeError("boom")]
    await world.tell(make_alert(), to=NOW)
    await world.drain()
    await world.drain(after=2 * SECOND)

    assert [envelope.possible_repeat for envelope in world.hook.sent] == [False, True]
    assert world.hook.sent[0].key == world.hook.sent[1].key


async def test_where_nothing_can_be_read_a_repeat_says_so_and_keeps_its_key(
    world: World,
) -> None:
    world.hook.plan = [("posted", UNCLEAR)]
    await world.tell(make_alert(), to=NOW)
    await world.drain()
    await world.drain(after=2 * SECOND)

    assert [one.envelope.possible_repeat for one in world.hook.standing] == [False, True]
    assert len({one.key for one in world.hook.standing}) == 1


async def test_a_group_that_may_have_arrived_is_repeated_in_the_same_company(
    world: World,
) -> None:
    world.hook.plan = [("posted", UNCLEAR)]
    to = routing(group_by=("provider",), group_wait=timedelta(0))
    one, other = make_alert(), make_alert("stalled_retries")
    await world.tell(one, other, to=to)
    await world.drain()
    await world.tell(make_alert("third"), to=to)
    await world.drain(after=10 * MINUTE)

    first, repeated, *rest = world.hook.sent
    assert (repeated.key, repeated.messages) == (first.key, first.messages)
    assert [[message.rule for message in envelope.messages] for envelope in rest] == [["third"]]


async def test_where_the_channel_can_be_read_it_is_looked_at_before_sending_again(
    world: World,
) -> None:
    world.bot.plan = [("posted", UNCLEAR)]
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    assert await world.drain("bot", after=29 * SECOND) == 0, "it may still turn up"
    await world.drain("bot", after=SECOND)

    assert len(world.bot.sent) == 1
    assert await world.rows("bot") == [("fired", "root", "sent")]
    assert await world.outcomes() == ["ambiguous", "found"]
    await world.tell(resolved(make_alert()), to=NOW)
    await world.drain("bot")
    assert len(world.bot.roots) == 1, "the root that was found is the one that is edited"


async def test_what_a_channel_surely_lacks_is_sent_there_as_things_stand_by_now(
    world: World,
) -> None:
    world.bot.plan = [UNCLEAR]
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    await world.tell(resolved(make_alert()), to=NOW)
    for _ in range(3):
        await world.drain("bot", after=MINUTE)

    assert [(each.part, each.messages[0].state) for each in world.bot.sent] == [
        ("root", "FIRING"),
        ("root", "RESOLVED"),
        ("root", "RESOLVED"),  # what was owed of the end by itself: an edit
        ("thread", "RESOLVED"),
    ]
    assert len({each.key for each in world.bot.sent[:2]}) == 1, "a late copy is found by it"
    assert len(world.bot.roots) == 1
    assert {state for _, _, state in await world.rows("bot")} == {"sent"}


async def test_a_copy_that_turns_up_late_is_removed(world: World) -> None:
    world.bot.plan = [("late", UNCLEAR)]
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    await world.drain("bot", after=30 * SECOND)
    assert len(world.bot.sent) == 2, "it was not there"
    world.bot.settle()
    await world.tell(resolved(make_alert()), to=NOW)
    assert await world.drain("bot", after=29 * SECOND) == 0, "nothing goes below a doubtful root"
    await world.drain("bot", after=SECOND)

    assert len(world.bot.removed) == 1
    (root,) = world.bot.roots
    assert root.message.state == "RESOLVED"
    assert not any(envelope.possible_repeat for envelope in world.bot.sent)


@pytest.mark.parametrize(("keeps", "state"), [(NEVER, "sent"), (AWAY, "attempting")])
async def test_a_copy_that_may_not_be_removed_is_no_reason_for_a_third(
    world: World, keeps: DeliveryError, state: str
) -> None:
    world.bot.plan, world.bot.keeps = [("posted", UNCLEAR)], keeps
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    world.bot.standing *= 2
    await world.drain("bot", after=MINUTE)

    assert len(world.bot.sent) == 1
    assert await world.rows("bot") == [("fired", "root", state)]


async def test_a_thread_of_unknown_outcome_is_looked_for_below_its_root(world: World) -> None:
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    world.bot.plan = [AWAY, None, ("posted", UNCLEAR)]
    await world.tell(resolved(make_alert()), to=NOW)
    await world.drain("bot")
    await world.drain("bot", after=MINUTE)
    await world.drain("bot", after=MINUTE)

    assert world.bot.looks == [((world.bot.replies[0].key,), world.bot.roots[0].remote_id)]
    assert len(world.bot.replies) == 1


async def test_a_channel_that_cannot_be_read_for_a_while_is_waited_for(world: World) -> None:
    world.bot.plan, world.bot.blind = [("posted", UNCLEAR)], AWAY
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    for _ in range(5):
        await world.drain("bot", after=MINUTE)
    assert len(world.bot.sent) == 1, "nothing is sent blindly"
    world.bot.blind = None
    await world.drain("bot", after=10 * MINUTE)

    assert await world.rows("bot") == [("fired", "root", "sent")]


async def test_a_channel_that_cannot_be_read_is_not_pressed(world: World) -> None:
    world.bot.plan, world.bot.blind = [("posted", UNCLEAR)], UNCLEAR
    await world.tell(make_alert(), to=NOW)
    for _ in range(120):
        await world.drain("bot", after=30 * SECOND)

    assert len(world.bot.looks) <= 15


async def test_a_channel_that_can_never_be_read_gets_a_marked_repeat(world: World) -> None:
    world.bot.plan, world.bot.blind = [("posted", UNCLEAR)], NEVER
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    await world.drain("bot", after=MINUTE)

    assert [envelope.possible_repeat for envelope in world.bot.sent] == [False, True]


async def test_an_edit_of_unknown_outcome_is_simply_repeated(world: World) -> None:
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    world.bot.plan = [("posted", UNCLEAR)]
    await world.tell(resolved(make_alert()), to=NOW)
    await world.drain("bot")
    await world.drain("bot", after=5 * SECOND)

    assert (len(world.bot.roots), len(world.bot.replies), world.bot.looks) == (1, 1, [])


async def test_a_root_that_was_deleted_is_posted_anew(world: World) -> None:
    await world.tell(make_alert(), to=NOW)
    await world.drain("bot")
    world.bot.standing.clear()
    await world.tell(resolved(make_alert()), to=NOW)
    await world.drain("bot")

    (root,) = world.bot.roots
    assert root.message.state == "RESOLVED"
    assert [reply.thread_of for reply in world.bot.replies] == [root.remote_id]


async def test_a_conversation_keeps_its_order_behind_what_failed(world: World) -> None:
    world.hook.plan = [("posted", UNCLEAR)]
    to = routing(group_by=("provider",), group_wait=timedelta(0))
    await world.tell(make_alert(), to=to)
    await world.drain()
    await world.tell(make_alert("stalled_retries"), to=to)
    assert await world.drain(after=SECOND) == 0
    await world.drain(after=5 * MINUTE)

    assert [envelope.messages[0].rule for envelope in world.hook.sent] == [
        "error_spike",
        "error_spike",
        "stalled_retries",
    ]


async def test_what_ended_while_nobody_knew_whether_it_arrived_is_told_by_its_end(
    world: World,
) -> None:
    world.hook.plan = [("posted", UNCLEAR)]
    await world.tell(make_alert(), to=NOW)
    await world.drain()
    await world.tell(resolved(make_alert()), to=NOW)
    await world.drain(after=MINUTE)

    assert [one.message.state for one in world.hook.standing] == ["FIRING", "RESOLVED"]
    assert await world.rows() == [
        ("fired", "message", "superseded"),
        ("resolved", "message", "sent"),
    ]


@pytest.mark.parametrize("receiver", ["hook", "bot", "mail"])
async def test_a_receiver_that_was_away_hears_how_things_are_and_not_how_they_went(
    world: World, receiver: str
) -> None:
    channel = {"hook": world.hook, "bot": world.bot, "mail": world.mail}[receiver]
    to = routing(receiver, group_by=("provider",), group_wait=timedelta(0))
    await world.tell(make_alert("told"), to=to)
    await world.drain(receiver)
    before = len(channel.standing)
    channel.plan = [AWAY] * 20
    alerts = [make_alert(f"rule_{n}", severity=Severity.WARNING) for n in range(30)]
    for step in (
        alerts,
        [replace(each, severity=Severity.CRITICAL) for each in alerts],
        [resolved(each) for each in alerts[:20]],
    ):
        await world.write(lambda conn, step=step: tell_all(conn, *step, to=to))  # type: ignore[misc] # mypy cannot infer it
        await world.drain(receiver, after=10 * MINUTE)
    channel.plan.clear()
    await world.drain(receiver, after=HOUR)

    new = channel.standing[before:]
    assert len(new) == 1, "one message, or one reply below the root"
    states = [message.state for message in new[0].envelope.messages]
    assert states == ["FIRING"] * 10 + ["RESOLVED"] * 20
    assert len(channel.roots) == (1 if receiver == "bot" else 2)


async def test_a_storm_goes_as_one_message_that_shows_the_worst_and_counts_all(
    world: World,
) -> None:
    alerts = [make_alert(f"rule_{n}", severity=Severity.WARNING) for n in range(60)]
    alerts[50] = make_alert("worst")
    await world.write(lambda conn: tell_all(conn, *alerts, to=TOGETHER))
    await world.drain()
    await world.drain("bot")

    for channel in (world.hook, world.bot):
        (envelope,) = channel.sent
        assert envelope.total == 60
        assert len(envelope.messages) == 40
        assert envelope.messages[0].rule == "worst"
        assert envelope.group > 0
    assert [state for _, _, state in await world.rows()] == ["sent"] * 60


async def test_the_next_message_says_what_was_given_up_once(world: World) -> None:
    world.hook.plan = [TOO_RICH, TOO_RICH] * 2
    await world.tell(make_alert("one"), make_alert("two"), to=NOW)
    await world.drain()
    for n in range(2):
        await world.tell(make_alert(f"rule_{n}"), to=NOW)
        await world.drain(after=MINUTE)

    marks = [envelope.messages[0].marks for envelope in world.hook.sent[-2:]]
    told = "2 messages could not be delivered since 14:00: offhook deliveries"
    assert marks == [(told,), ()]


async def test_what_was_given_up_is_not_said_where_nobody_would_read_it(world: World) -> None:
    pager = Channel(Receiver(name="hook", kind="pagerduty", stateful=True))
    world.hook = pager
    world.restarted()
    await world.tell(make_alert("before"), to=NOW)
    await world.drain()
    pager.plan = [TOO_RICH, TOO_RICH, TOO_RICH]
    await world.tell(make_alert("dead"), to=NOW)
    await world.drain()
    await world.tell(make_alert("plain"), to=NOW)
    await world.drain(after=MINUTE)
    await world.tell(resolved(make_alert("before")), to=NOW)
    await world.drain(after=MINUTE)
    await world.tell(make_alert("after"), to=NOW)
    await world.drain(after=MINUTE)

    said = [len(envelope.messages[0].marks) for envelope in pager.sent]
    assert said == [0, 0, 0, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("receiver", "error", "after"),
    [
        pytest.param("hook", AWAY, 3 * MINUTE, id="away"),
        pytest.param("hook", BUSY, 2 * MINUTE, id="busy"),
        pytest.param("mail", AWAY, 3 * MINUTE, id="mail away"),
        pytest.param("mail", BUSY, 20 * MINUTE, id="mail put off"),
        pytest.param(
            "hook", DeliveryError(Sent.NOT_SENT, "tls", "not trusted"), 0 * MINUTE, id="no TLS"
        ),
    ],
)
async def test_a_receiver_that_fails_is_reported_in_time_although_nothing_is_tried_then(
    world: World, receiver: str, error: DeliveryError, after: timedelta
) -> None:
    channel = world.mail if receiver == "mail" else world.hook
    channel.plan = [replace(error, retry_after=3600.0 if error is BUSY else None)] * 9
    await world.tell(make_alert(), to=NOW)
    await world.drain(receiver)
    if after:
        await world.drain(receiver, after=after - SECOND)
        assert world.troubles == []
    await world.drain(receiver, after=SECOND)

    assert [name for name, _ in world.troubles] == [receiver]


async def test_a_word_that_nobody_knows_is_taken_for_a_no_after_ten_times(world: World) -> None:
    world.hook.plan = [DeliveryError(Sent.RETRY, "odd_word", "odd", unknown=True)] * 99
    await world.tell(make_alert(), to=NOW)
    for _ in range(120):
        await world.drain(after=MINUTE)

    assert 10 <= len(world.hook.sent) <= 13
    assert world.troubles[-1] == ("hook", "messages are refused: odd")


async def crash(world: World, receiver: str, *, arrived: bool) -> None:
    """Claim and perhaps send, and die before anything is written down."""
    now = world.clock.now()
    claim = await world.write(
        lambda conn: claims.claim(conn, receiver=receiver, now=now, lease=LEASE)
    )
    assert claim is not None
    channel = world.bot if receiver == "bot" else world.hook
    if arrived:
        await channel.send(
            Envelope(
                key=claim.leader.delivery_key,
                first_key=claim.first_key,
                part=claim.part,
                messages=claim.messages,
            )
        )
    world.restarted()


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "not arrived"])
async def test_after_a_crash_a_readable_channel_holds_it_once(
    world: World, *, arrived: bool
) -> None:
    await world.tell(make_alert(), to=NOW)
    await crash(world, "bot", arrived=arrived)
    assert await world.drain("bot") == 0, "the lease has not run out"
    await world.drain("bot", after=LEASE)

    assert len(world.bot.roots) == 1
    await world.drain("bot", after=MINUTE)
    assert await world.rows("bot") == [("fired", "root", "sent")]


async def test_after_a_crash_an_unreadable_channel_gets_a_marked_repeat(world: World) -> None:
    await world.tell(make_alert(), to=NOW)
    await crash(world, "hook", arrived=True)
    await world.drain(after=LEASE)

    assert [one.envelope.possible_repeat for one in world.hook.standing] == [False, True]
    assert len({one.key for one in world.hook.standing}) == 1


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "not arrived"])
async def test_what_ended_before_it_was_known_whether_a_crash_lost_it_is_told_by_its_end(
    world: World, *, arrived: bool
) -> None:
    await world.tell(make_alert(), to=NOW)
    await crash(world, "hook", arrived=arrived)
    await world.tell(resolved(make_alert()), to=NOW)
    await world.drain(after=LEASE)

    told = [one.message.state for one in world.hook.standing]
    assert told == (["FIRING"] if arrived else []) + ["RESOLVED"]
    assert await world.rows("hook") == [
        ("fired", "message", "superseded"),
        ("resolved", "message", "sent"),
    ]


async def test_after_a_crash_an_end_that_is_told_later_takes_the_place_of_nothing(
    world: World,
) -> None:
    await world.tell(make_alert(), to=NOW)
    await crash(world, "hook", arrived=False)
    later = replace(NOW, routes=tuple(replace(each, digest=Digest()) for each in NOW.routes))
    await world.tell(resolved(make_alert()), to=later)
    await world.drain(after=LEASE)

    assert [one.message.state for one in world.hook.standing] == ["FIRING"]


async def test_a_lost_lease_is_noticed(world: World) -> None:
    await world.tell(make_alert(), to=NOW)
    first = await world.write(
        lambda conn: claims.claim(conn, receiver="hook", now=NOON, lease=LEASE)
    )
    later = NOON + LEASE
    second = await world.write(
        lambda conn: claims.claim(conn, receiver="hook", now=later, lease=LEASE)
    )
    note = Note(at=later, outcome="sent")

    assert second.look
    assert not await world.write(
        lambda conn: outcomes.mark_sent(conn, first, remote_id=None, note=note)
    )
    assert await world.write(
        lambda conn: outcomes.mark_sent(conn, second, remote_id=None, note=note)
    )


async def test_a_start_shortens_the_leases_that_nobody_holds(world: World) -> None:
    await world.tell(make_alert(), to=NOW)
    await crash(world, "hook", arrived=False)
    sooner = LEASE - timedelta(seconds=30)
    adopted = await world.write(lambda conn: outcomes.adopt(conn, now=NOON, sooner=sooner))

    assert adopted == 1
    assert [await world.drain(after=29 * SECOND), await world.drain(after=SECOND)] == [0, 1]


async def test_messages_keep_their_distance(world: World) -> None:
    world.dispatcher = Dispatcher(
        world.store, {"hook": world.hook}, world.clock, timing=Timing(pace={"slack": 1.0})
    )
    for n in range(3):
        await world.tell(make_alert(f"rule_{n}"), to=NOW)
    await world.drain()

    assert world.clock.slept == [1.0, 1.0]


async def test_a_refused_recipient_is_a_trouble_until_all_are_reached(world: World) -> None:
    world.mail.remark = "1 of 2 recipients refused (550)"
    await world.tell(make_alert(), to=NOW)
    await world.drain("mail")
    world.mail.remark = None
    await world.tell(resolved(make_alert()), to=NOW)
    await world.drain("mail", after=MINUTE)

    assert world.troubles == [("mail", "1 of 2 recipients refused (550)"), ("mail", None)]


async def test_a_receiver_that_is_away_is_reported_though_somebody_was_refused_there(
    world: World,
) -> None:
    world.mail.remark = "1 of 2 recipients refused (550)"
    await world.tell(make_alert("first"), to=NOW)
    await world.drain("mail")
    world.mail.plan = [AWAY] * 3
    await world.tell(make_alert("second"), to=NOW)
    for _ in range(6):
        await world.drain("mail", after=10 * MINUTE)

    refused = ("mail", "1 of 2 recipients refused (550)")
    assert [world.troubles[0], world.troubles[-1]] == [refused, refused]
    assert [text for _, text in world.troubles if text and "for minutes" in text]


async def test_a_report_is_edited_when_it_has_settled(world: World) -> None:
    report = make_report()
    await world.tell(report)
    await world.drain("bot")
    await world.tell(settled(report))
    await world.drain("bot")

    (root,) = world.bot.roots
    assert root.message.marks == ("settled",)
    assert world.bot.replies == []


async def test_how_receivers_stand(world: World) -> None:
    world.hook.plan, world.mail.plan = [AWAY], [TOO_RICH, TOO_RICH]
    await world.tell(make_alert(), to=NOW)
    await world.drain("hook")
    await world.drain("mail")
    owing = {one.receiver: one for one in await world.store.read(outbox.load_owing)}

    assert (owing["hook"].waiting, owing["hook"].failing_since) == (1, NOON)
    assert (owing["bot"].waiting, owing["bot"].failing_since) == (1, None)
    assert (owing["mail"].waiting, owing["mail"].dead) == (0, 1)


async def test_a_stuck_receiver_delays_no_other_and_stopping_takes_a_moment(
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path / "offhook.db")
    world = World(store, clock=MovedClock())
    stuck, stop, sent = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hang(envelope: Envelope) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async def note(envelope: Envelope) -> None:
        sent.set()

    world.hook.before, world.mail.before = hang, note
    running = asyncio.create_task(world.dispatcher.run(stop))
    await world.tell(make_alert(), to=NOW)
    world.dispatcher.wake()
    await stuck.wait()
    await sent.wait()
    stop.set()
    while not running.done():
        world.clock.move(SECOND)
        await asyncio.wait({running}, timeout=0.01)
    await running

    assert [state for _, _, state in await world.rows("hook")] == ["attempting"]
    store.close()


async def test_what_falls_due_later_is_sent_without_being_woken(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "offhook.db")
    world = World(store, clock=MovedClock())
    stop, sent = asyncio.Event(), asyncio.Event()

    async def note(envelope: Envelope) -> None:
        sent.set()

    world.hook.before = note
    await world.tell(make_alert(), to=routing("hook"))
    running = asyncio.create_task(world.dispatcher.run(stop))
    while not sent.is_set():
        world.clock.move(SECOND)
        await asyncio.wait({running}, timeout=0.01)
    stop.set()
    await running

    assert world.clock.now() >= NOON + 10 * SECOND
    store.close()


async def test_the_conversation_remembers_when_it_was_told(world: World) -> None:
    await world.tell(make_alert(), to=routing("bot", group_wait=timedelta(0)))
    await world.drain("bot", after=HOUR)
    row = await world.store.read(lambda conn: conn.execute(select(conversations)).one())

    assert (row.told_at, row.remote_id) == (NOON + HOUR, world.bot.roots[0].remote_id)


async def test_a_newer_state_of_the_root_wins_over_a_replayed_older_one(world: World) -> None:
    to = routing("bot", group_by=("provider",), group_wait=timedelta(0))
    await world.tell(make_alert(), to=to)
    world.bot.plan = [TOO_RICH, TOO_RICH]
    await world.drain("bot")
    await world.tell(resolved(make_alert()), to=to)
    await world.drain("bot")
    await world.write(lambda conn: deadletters.replay(conn, make_alert().key, now=NOON))
    await world.drain("bot")

    assert world.bot.roots[0].message.state == "RESOLVED"
    states = await world.store.read(
        lambda conn: set(conn.execute(select(outbox_table.c.state)).scalars())
    )
    assert states == {"sent"}


async def test_whoever_fails_is_reported_by_the_clock_and_delays_no_other(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "offhook.db")
    world = World(store, clock=MovedClock())
    stop, sent = asyncio.Event(), asyncio.Event()

    async def crash(envelope: Envelope) -> None:
        raise RuntimeError

    async def note(envelope: Envelope) -> None:
        sent.set()

    world.hook.plan = [replace(BUSY, retry_after=3600.0)] * 9
    world.bot.before, world.mail.before = crash, note
    await world.tell(make_alert(), to=NOW)
    running = asyncio.create_task(world.dispatcher.run(stop))
    await sent.wait()
    assert world.clock.now() == NOON
    while len(world.troubles) < 3 and world.clock.now() < NOON + 10 * MINUTE:
        world.clock.move(5 * SECOND)
        await asyncio.wait({running}, timeout=0.01)
    stop.set()
    await running

    assert sorted(name for name, _ in world.troubles) == ["bot", "hook", "mail"]
    assert dict(world.troubles)["mail"] is None, "it works"
    assert world.clock.now() <= NOON + 4 * MINUTE
    store.close()


async def test_a_database_that_failed_a_lane_is_told_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lanes go before polls: while one waits for a locked database, no poll is written down."""
    stop, heard = asyncio.Event(), []

    def hear() -> None:
        heard.append(world.clock.now())
        stop.set()

    async def locked(*_: object) -> None:
        raise StoreError("the database is locked by another program")

    world.dispatcher = Dispatcher(
        world.store, {"hook": world.hook}, world.clock, unwritten=hear, sole=False
    )
    monkeypatch.setattr(world.store, "write", locked)
    await asyncio.wait_for(world.dispatcher.run(stop), 10)

    assert heard == [NOON]
