"""Incidents in the course of a batch: its end, its start, its pauses."""

from datetime import datetime, timedelta

from monitor.core.model import BatchStatus
from tests.histories.dialler import Dialler
from tests.histories.drawn import MINUTE, Diallers, Draft
from tests.histories.planting import NOT_DIALLING, plant, ready


def fails(draft: Draft) -> None:
    plan = draft.batch("main", minutes=(30, 100))
    plant(draft, "batch_failed", plan, 3)
    draft.at_share(
        plan, 0.1, 0.8, lambda dialler, at: dialler.end(at, BatchStatus.FAILED, "no funds")
    )


def leaves_people(draft: Draft) -> None:
    plan = draft.batch("main", people=(60, 1500), minutes=(20, 60))
    # Those who wait for nothing while others wait for a retry would be a standstill, too.
    plan.max_retries = 0 if plan.provider == "graine" else None
    plan.undialled = max(6, int(plan.people * draft.between(0.02, 0.2)))
    # Where calls under way are on no list, an end is believed only when none can go on.
    plant(draft, "never_dialled", plan, 70 if plan.provider == "vogent" else 4)
    plan.skips = draft.draws.random() < 0.5

    def stage(diallers: Diallers) -> None:
        diallers[plan.name].on_end = draft.began

    draft.staged.append(stage)


def begins_late(draft: Draft) -> None:
    plan = draft.batch("main", minutes=(20, 60))
    plan.scheduled_at = plan.begins + draft.between(2, 40) * MINUTE
    plan.late_start = timedelta(hours=draft.between(1.5, 4))
    cause = plant(draft, "batch_not_started", plan, 17)
    cause.since = plan.scheduled_at


def paused_long(draft: Draft) -> None:
    plan = draft.batch("main", minutes=(30, 100))
    plant(draft, "batch_paused", plan, 62)
    length = timedelta(hours=draft.between(1.5, 5))
    draft.at_share(plan, 0.1, 0.7, lambda dialler, at: dialler.pause(at, length))


def reopens(draft: Draft) -> None:
    plan = draft.batch("main", people=(30, 400), minutes=(15, 40))
    plan.heard = True  # who looks at an ended batch again, has heard or found it in a list
    plant(draft, "batch_reopened", plan, 3)
    later, people = draft.between(12, 90) * MINUTE, draft.draws.randint(20, 60)

    def stage(diallers: Diallers) -> None:
        dialler = diallers[plan.name]

        def again(at: datetime) -> None:
            draft.began(at)
            dialler.run_again(at, people)

        def ended(at: datetime) -> None:
            dialler.on_end = None
            dialler.at(at + later, again)

        dialler.on_end = ended

    draft.staged.append(stage)


def vanishes(draft: Draft) -> None:
    plan = draft.batch("main", people=(100, 3000), minutes=(40, 120))
    # A batch is gone only while the same account shows another.
    draft.batch("other", vendor=plan.provider, people=(400, 900), minutes=(130, 150))
    draft.plans["other"].begins = plan.begins - MINUTE
    plant(draft, "batch_vanished", plan, 12.5)

    def go(dialler: Dialler, at: datetime) -> None:
        del at
        dialler.world.gone = True

    draft.at_share(plan, 0.1, 0.7, go)


def counts_differ(draft: Draft) -> None:
    plan = draft.batch("main", vendor=draft.draws.choice(("graine", "bland")), minutes=(30, 100))
    # Counts and lists are compared while neither moves, so nobody is called meanwhile.
    plant(draft, "count_mismatch", plan, 17, NOT_DIALLING)
    ready(draft, plan, lambda dialler: not dialler.live)
    more = max(12, 3 * plan.lines) + draft.draws.randint(0, 50)

    paused = draft.draws.random() < 0.5

    def miscount(dialler: Dialler, at: datetime) -> None:
        if plan.provider == "graine":
            dialler.world.overridden = {"total": plan.people + more}
        else:  # where who waits may be on no list yet
            dialler.world.overridden = {"finished": dialler.done + dialler.live + more}
        if paused:
            dialler.pause(at, timedelta(hours=2))
        else:
            dialler.habits.dials = False

    draft.at_share(plan, 0.1, 0.7, miscount)
