"""Incidents in who is called."""

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from monitor.core.model import ContactStatus, Outcome
from tests.histories.dialler import Dialler
from tests.histories.drawing import person
from tests.histories.drawn import MINUTE, Draft
from tests.histories.planting import (
    CALLED_TWICE,
    plant,
    ready,
)


def called_again_and_again(draft: Draft) -> None:
    plan = draft.batch("main", people=(60, 2500), minutes=(40, 120))
    plant(draft, "too_many_attempts", plan, 1.5, frozenset({"too_many_retries", "retry_drift"}))
    gap, calls = draft.between(0.5, 3) * MINUTE, draft.draws.randint(5, 9)

    def pester(dialler: Dialler, at: datetime) -> None:
        victim = _unreached(dialler)

        def once(when: datetime) -> None:
            call = dialler.place(victim, when)
            dialler.put(dialler.world.contacts[victim])
            ends = when + timedelta(seconds=6)
            dialler.at(ends, lambda done: dialler.finish(victim, call, Outcome.BUSY, done))

        for n in range(calls):
            dialler.at(at + n * gap, once)

        def many() -> bool:
            return len(dialler.world.calls.get(victim, {})) > 4

        assert draft.cause is not None
        draft.cause.ready = many

    draft.at_share(plan, 0.1, 0.3, pester)


def _unreached(dialler: Dialler) -> str:
    """Somebody whom no call has reached and whom nobody calls now."""
    for key, contact in dialler.world.contacts.items():
        calls = dialler.world.calls.get(key, {}).values()
        rests = calls and all(call.status.terminal for call in calls)
        if rests and contact.status not in {ContactStatus.COMPLETED, ContactStatus.RETRYING}:
            return key
    dialler.invite(person(f"{dialler.plan.name}-more", dialler.plan))
    return dialler.pending.pop()


def list_again(draft: Draft) -> None:
    main = draft.batch("main", people=(60, 800), minutes=(20, 50))
    again = draft.batch(
        "again",
        vendor=main.provider,
        minutes=(30, 60),
        begins=main.begins + draft.between(100, 200) * MINUTE,
        calendar=main.calendar,
        told_calendar=main.told_calendar,
    )
    again.people = max(again.people, main.people)
    again.shares = (main.name, main.people)
    cause = plant(draft, "too_many_attempts", again, 2, CALLED_TWICE)
    cause.on |= {main.name}
    cause.since = again.begins
    ready(draft, again, lambda dialler: dialler.calls - dialler.live >= 25)


def opted_out(draft: Draft) -> None:
    plan = draft.batch("main", people=(60, 2500), minutes=(50, 120))
    plant(draft, "called_after_opt_out", plan, 1.5)
    later = draft.between(6, 15) * MINUTE  # sooner would be two calls in a row, too
    word = draft.draws.choice(("dnc", "DO_NOT_CALL", "opted-out", "unsubscribe"))

    def refuse(dialler: Dialler, at: datetime) -> None:
        reached = [
            (key, call)
            for key, made in dialler.world.calls.items()
            for call in made.values()
            if call.status.terminal
            and dialler.world.contacts[key].status is ContactStatus.COMPLETED
        ]
        key, call = reached[-1]
        dialler.world.calls[key][call.call_id] = call._replace(disposition=word)
        dialler.put(dialler.world.contacts[key])

        def again(when: datetime) -> None:
            draft.began(when)
            made = dialler.place(key, when, follow_up=True)
            dialler.put(dialler.world.contacts[key])
            ends = when + timedelta(seconds=30)
            dialler.at(ends, lambda done: dialler.finish(key, made, Outcome.COMPLETED, done))

        dialler.at(at + later, again)

    share = draft.between(0.2, 0.4)
    draft.staged.append(
        lambda diallers: diallers[plan.name].when_done(share, partial(refuse, diallers[plan.name]))
    )


def night_calls(draft: Draft) -> None:
    plan = draft.batch("main", people=(60, 2500), minutes=(40, 120))
    plant(draft, "outside_calling_hours", plan, 3)
    people = draft.draws.randint(1, 12)

    def far(dialler: Dialler, at: datetime) -> None:
        zone = next(each for each in _FAR if at.astimezone(ZoneInfo(each)).hour in _NIGHT)
        for n in range(people):
            contact = person(f"{plan.name}-far-{n:02}", plan)
            dialler.invite(contact._replace(timezone=zone))
            dialler.pending.appendleft(dialler.pending.pop())
        before = dialler.calls
        assert draft.cause is not None
        draft.cause.ready = lambda: dialler.calls > before + people

    draft.at_share(plan, 0.1, 0.5, far)


_NIGHT = {22, 23, 0, 1, 2, 3, 4, 5, 6}
_FAR = (
    "Asia/Tokyo",
    "America/Los_Angeles",
    "Pacific/Auckland",
    "America/Sao_Paulo",
    "Pacific/Honolulu",
    "Asia/Kolkata",
)


def same_people(draft: Draft) -> None:
    main = draft.batch("main", people=(100, 1500), minutes=(90, 140))
    other = draft.batch("other", people=(100, 1500), minutes=(90, 140))
    other.begins = main.begins + draft.between(1, 10) * MINUTE
    shared = min(main.people, other.people) // 2
    n = draft.draws.randint(max(6, int(shared * 0.1)), max(7, shared))
    other.shares = (main.name, n)
    cause = plant(draft, "duplicate_contact", other, 3, CALLED_TWICE)
    cause.on |= {main.name}
    cause.since = other.begins
    if other.calendar != main.calendar:
        other.calendar = main.calendar = None
        main.told_calendar = other.told_calendar = False
