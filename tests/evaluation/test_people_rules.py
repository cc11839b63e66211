"""Rules about people, told through the whole of an evaluation."""

from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.core.model import ContactStatus
from rules.duplicate_contact import DuplicateContact
from rules.outside_calling_hours import OutsideCallingHours
from rules.too_many_attempts import TooManyAttempts
from tests.builders import HOUR, MINUTE, NOON
from tests.stories import Story, make_context, run

NIGHT = NOON + 10 * HOUR  # half past three in India


def story(tmp_path: Path, *rules: Any, now: datetime = NOON) -> Story:
    made = Story(tmp_path / "offhook.db", make_context(*map(run, rules)), now=now)
    made.invite(30)
    for n, (key, person) in enumerate(made.people.items()):
        made.people[key] = person._replace(
            phone_hash=bytes([n]) * 16, phone=f"••{n:04}", country="IN"
        )
    return made


def dial(told: Story, n: int, **more: Any) -> None:
    told.dial(n, started_at=told.now - MINUTE, detail_at=told.now, **more)


def test_calls_at_night_fire_while_they_go_on_and_recover_by_day(tmp_path: Path) -> None:
    told = story(tmp_path, OutsideCallingHours(), now=NIGHT)
    told.see()
    assert told.alerts() == {}

    dial(told, 3)
    told.see(MINUTE)
    assert told.alerts()["outside_calling_hours"][0] == "firing"

    told.see(2 * HOUR)  # nobody is called any more, which proves nothing
    assert told.alerts()["outside_calling_hours"][0] == "firing"

    told.wait(6 * HOUR)
    dial(told, 3)
    told.see()
    assert told.alerts()["outside_calling_hours"] == ("resolved", "recovered")


def test_what_happened_while_nobody_looked_is_told_late(tmp_path: Path) -> None:
    told = story(tmp_path, OutsideCallingHours(), now=NIGHT)
    told.see()
    told.wait(MINUTE)
    dial(told, 3)
    told.wait(3 * HOUR)
    told.see()

    assert told.alerts()["outside_calling_hours"][0] == "firing"


def test_a_batch_that_calls_somebody_again_tells_of_it(tmp_path: Path) -> None:
    told = story(tmp_path, TooManyAttempts())
    told.see()
    dial(told, 3)
    told.see(MINUTE)
    assert told.alerts() == {}

    first = next(iter(told.people))
    told.people[first] = told.people[first]._replace(status=ContactStatus.PENDING, attempts=1)
    told.wait(2 * MINUTE)
    dial(told, 1)
    told.see()

    assert told.alerts()["too_many_attempts"][0] == "firing"


def test_two_batches_with_the_same_people_both_say_so(tmp_path: Path) -> None:
    one = story(tmp_path, DuplicateContact())
    one.see()
    first = one.batch
    one.look(batch_id="b2", name="Renewals June")
    one.read()
    one.judge()
    one.batch = first
    one.judge()

    assert [move[1] for move in one.moves("duplicate_contact")].count("firing") == 2
