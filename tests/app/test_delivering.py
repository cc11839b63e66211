"""Receivers that fail, others that hear of it, and what is owed to nobody."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update
from structlog.testing import capture_logs
from structlog.typing import EventDict

from monitor.app import health
from monitor.app.runtime import Runtime
from monitor.core.elsewhere import FAILED, GIVEN_UP
from monitor.core.route import Matcher
from monitor.core.rule import Severity
from monitor.core.silence import Source
from monitor.core.wish import Wish
from monitor.dispatcher import Failing
from monitor.store import alerts, deadletters, silences
from monitor.store.schema import outbox
from monitor.store.writer import Priority
from tests.app import assembled
from tests.app.assembled import at_work
from tests.builders import HOUR, MINUTE, SECOND
from tests.delivering import MovedClock, make_alert, routing, tell_all

CONFIG = f"""\
{assembled.CONFIG}\
[receivers.spare]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/y"
[[routes]]
receivers = ["hook"]
group_wait = "0s"
"""
FALLBACK = CONFIG + 'fallback = ["spare"]\n'
RENAMED = CONFIG.replace("receivers.hook", "receivers.other").replace('"hook"', '"other"')


async def owe(runtime: Runtime, receiver: str = "hook") -> None:
    to = routing(receiver, group_wait=timedelta(0))
    now = runtime.clock.now()
    await runtime.store.write(
        Priority.EVALUATE, lambda conn: tell_all(conn, make_alert(), now=now, to=to)
    )


async def owed(runtime: Runtime) -> dict[str, tuple[str, str]]:
    """(transition, state) of the newest, by receiver."""

    columns = (outbox.c.receiver, outbox.c.transition, outbox.c.state)
    rows = await runtime.store.read(
        lambda conn: conn.execute(select(*columns).order_by(outbox.c.id)).all()
    )
    return {row.receiver: (row.transition, row.state) for row in rows}


async def test_another_receiver_hears_what_the_first_does_not_take(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock, FALLBACK) as runtime:
        await owe(runtime)
        clock.move(2 * MINUTE - SECOND)
        await runtime.delivering.watch()
        assert set(await owed(runtime)) == {"hook"}
        clock.move(SECOND)
        await runtime.delivering.watch()
        await runtime.delivering.watch()

        assert (await owed(runtime))["spare"] == ("fallback", "pending")


async def test_that_nobody_listens_is_in_the_log_long_before_others_would_be_told(
    tmp_path: Path,
) -> None:
    clock = MovedClock()
    config = CONFIG.replace("spare", "bot")
    async with at_work(tmp_path, clock, config) as runtime:
        with capture_logs() as logs:
            await owe(runtime, "hook")
            await runtime.dispatcher.drain_once("hook")
            clock.move(10 * SECOND)
            await runtime.delivering.watch()
            assert critical(logs) == [], "another may yet hear of it"
            await owe(runtime, "bot")
            await runtime.dispatcher.drain_once("bot")
            await runtime.delivering.watch()
            assert critical(logs) == [], "it may pass in a moment"
            for _ in range(3):
                clock.move(5 * SECOND)
                await runtime.delivering.watch()

        (told,) = critical(logs)
        assert (told["event"], told["receivers"]) == ("nobody_can_be_told", ["bot", "hook"])
        assert runtime.delivering.problems() == (), "nobody is called by another way yet"


def critical(logs: list[EventDict]) -> list[EventDict]:
    return [each for each in logs if each["log_level"] == "critical"]


async def test_what_was_silenced_when_it_was_due_elsewhere_is_told_there_when_that_ends(
    tmp_path: Path,
) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock, FALLBACK) as runtime:
        await owe(runtime)
        wish = Wish(
            matchers=(Matcher("batch", "=", "btc_1"),),
            comment="planned work",
            author="Ana",
            source=Source.CLI,
            ends_at=clock.now() + 10 * MINUTE,
        )
        await runtime.store.write(
            Priority.EVALUATE, lambda conn: silences.add(conn, wish, clock.now())
        )
        for _ in range(4):
            clock.move(2 * MINUTE)
            await runtime.delivering.watch()
        assert set(await owed(runtime)) == {"hook"}
        clock.move(2 * MINUTE)
        await runtime.delivering.watch()

        assert (await owed(runtime))["spare"] == ("fallback", "pending")


async def test_another_receiver_hears_that_one_fails_and_that_it_is_back(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        await runtime.delivering.on_trouble("hook", Failing("it was revoked", critical=True))
        await runtime.judge.everything()
        (alert,) = await runtime.store.read(lambda conn: alerts.load_firing(conn, FAILED))
        assert alert.severity is Severity.CRITICAL
        assert "receiver hook does not take messages: it was revoked" in alert.finding.summary
        assert await owed(runtime) == {"spare": ("fired", "pending")}

        clock.move(MINUTE)
        await runtime.delivering.on_trouble("hook", None)
        await runtime.judge.everything()
        assert await owed(runtime) == {"spare": ("resolved", "pending")}


async def test_where_one_recipient_is_refused_messages_are_taken(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        with capture_logs() as logs:
            for name in ("hook", "spare"):
                failing = Failing("1 of 2 recipients refused (550)", partly=True)
                await runtime.delivering.on_trouble(name, failing)

        assert not [each for each in logs if each["log_level"] == "critical"]
        assert "no receiver takes messages" not in await health.problems(runtime)
        await runtime.judge.everything()
        found = await runtime.store.read(lambda conn: alerts.load_firing(conn, FAILED))
        assert {each.finding.summary for each in found} == {
            f"receiver {name} does not take everything: 1 of 2 recipients refused (550)"
            for name in ("hook", "spare")
        }


async def test_when_nobody_takes_anything_it_is_in_the_journal_and_nothing_is_ready(
    tmp_path: Path,
) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        assert runtime.delivering.problems() == ()
        with capture_logs() as logs:
            await runtime.delivering.on_trouble("hook", Failing("away"))
            await runtime.delivering.on_trouble("spare", Failing("away"))

        (told,) = [each for each in logs if each["log_level"] == "critical"]
        assert told["receivers"] == ["hook", "spare"]
        assert "no receiver takes messages" in await health.problems(runtime)
        await runtime.delivering.on_trouble("spare", None)
        assert runtime.delivering.problems() == ()


async def test_what_is_owed_to_a_receiver_that_is_no_more_is_told_kept_and_given_up(
    tmp_path: Path,
) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        await owe(runtime)
    async with at_work(tmp_path, clock, RENAMED) as runtime:
        for _ in range(3):
            await runtime.delivering.watch()
            await runtime.judge.everything()
        (alert,) = await runtime.store.read(lambda conn: alerts.load_firing(conn, FAILED))
        assert "1 message is owed to receiver hook" in alert.finding.summary
        assert (await owed(runtime))["hook"] == ("fired", "pending")
        assert (await owed(runtime))["other"] == ("fired", "pending")
    clock.move(MINUTE)
    async with at_work(tmp_path, clock, RENAMED) as runtime:
        await runtime.judge.everything()
        await runtime.delivering.watch()
        await runtime.judge.everything()
        found = await runtime.store.read(lambda conn: alerts.load_firing(conn, FAILED))
        assert [each.key for each in found] == [alert.key], "a restart ends nothing"

        clock.move(24 * HOUR)
        await runtime.delivering.watch()
        await runtime.delivering.watch()
        await runtime.judge.everything()
        assert await runtime.store.read(lambda conn: alerts.load_firing(conn, FAILED)) == []
        (letter,) = await runtime.store.read(deadletters.load_dead)
        assert letter.error == "the configuration has no such receiver"


async def test_what_was_given_up_is_told_of_until_it_was_sent_again(tmp_path: Path) -> None:
    clock = MovedClock()

    async def found(runtime: Runtime) -> list[str]:
        await runtime.delivering.watch()
        await runtime.judge.everything()
        firing = await runtime.store.read(lambda conn: alerts.load_firing(conn, GIVEN_UP))
        return [each.finding.summary for each in firing]

    async with at_work(tmp_path, clock, CONFIG) as runtime:
        assert await found(runtime) == []
        await owe(runtime)
        await runtime.store.write(
            Priority.OUTBOX, lambda conn: conn.execute(update(outbox).values(state="dead"))
        )
        assert await found(runtime) == ["1 message to hook, of 12:00, was given up"]
        assert await owed(runtime) == {"hook": ("fired", "dead"), "spare": ("fired", "pending")}
        clock.move(MINUTE)
        assert len(await found(runtime)) == 1
        (dead,) = await runtime.store.read(deadletters.load_by_receiver)
        (alert,) = await runtime.store.read(lambda conn: alerts.load_firing(conn, GIVEN_UP))
        assert f"offhook deliveries replay {dead.key} sends it" in (alert.finding.todo or "")
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        assert len(await found(runtime)) == 1
        clock.move(MINUTE)
        await runtime.store.write(
            Priority.OUTBOX, lambda conn: deadletters.replay(conn, dead.key, now=clock.now())
        )
        assert await found(runtime) == []


async def test_what_is_told_of_that_is_told_of_no_more_where_nobody_takes_it_either(
    tmp_path: Path,
) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        await owe(runtime)
        for _ in range(3):
            await runtime.store.write(
                Priority.OUTBOX, lambda conn: conn.execute(update(outbox).values(state="dead"))
            )
            await runtime.delivering.watch()
            await runtime.judge.everything()

        firing = await runtime.store.read(lambda conn: alerts.load_firing(conn, GIVEN_UP))
        assert [each.finding.summary for each in firing] == [
            "1 message to hook, of 12:00, was given up"
        ]
        dead = await runtime.store.read(deadletters.load_dead)
        assert {each.receiver for each in dead} == {"hook", "spare"}, "kept all the same"


async def test_a_receiver_that_comes_back_gets_what_it_is_owed(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        await owe(runtime)
    async with at_work(tmp_path, clock, RENAMED) as runtime:
        await runtime.delivering.watch()
        await runtime.judge.everything()
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        await runtime.delivering.watch()
        clock.move(MINUTE)
        await runtime.judge.everything()

        assert (await owed(runtime))["hook"] == ("fired", "pending")
        found = await runtime.store.read(lambda conn: alerts.load_firing(conn, FAILED))
        assert [each.subject.id for each in found] == ["outbox other"], "which heard of the other"
