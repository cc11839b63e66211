"""What must hold after a fault, whatever it was, and what a row adds to that."""

from collections.abc import Iterable
from datetime import timedelta

from monitor.core.model import BatchStatus, Outcome
from monitor.simulator.truth import What
from tests.faults.rows import Row
from tests.faults.trial import Moved, Snapshot, Trial, at
from tests.faults.worlds import KEY

TOLD = {"firing", "info"}


def harmless(
    one: Trial, moves: list[Moved], row: Row, doubted: Iterable[str] | None = None
) -> list[str]:
    """What no fault may ever cause; empty when all is well.

    ``doubted`` are batches that may be reported as unverified; default: those of the row.
    """
    return [
        *(f"unhandled: {each}" for each in one.errors),
        *(f"unhandled: {each}" for each in one.logs if each["event"] in CRASHES),
        *(["the key is in the log"] if KEY in str(one.logs) else []),
        *_false_ends(one, moves, set(row.doubted if doubted is None else doubted)),
        *([] if row.moves_stuck else _false_recoveries(one, moves)),
        *_false_alarms(one, moves),
    ]


CRASHES = {"rule_failed", "job_failed"}
# An end that is told too early is told again when it comes.
ENDS = {"batch_completed"}


def _false_ends(one: Trial, moves: list[Moved], doubted: set[str]) -> list[str]:
    found = []
    for batch in one.account:
        name = batch.plan.name
        ends = [entry.at for entry in batch.truth.of(batch.batch_id) if _is_end(entry)]
        told = [each for each in moves if (each.rule, each.subject) == ("batch_completed", name)]
        early = [each for each in told if not ends or each.at < ends[0]]
        found += [
            f"false completed: {each}"
            for each in early
            if name not in doubted or "unverified" not in each.summary
        ]
    return found


def _is_end(entry: object) -> bool:
    return (
        getattr(entry, "what", None) is What.BATCH
        and BatchStatus(getattr(entry, "after", "")).terminal
    )


def _false_recoveries(one: Trial, moves: list[Moved]) -> list[str]:
    """The batch that stands still stands still until it is let go."""
    let_go = at(one.story.let_go)
    return [
        f"false resolved: {each}"
        for each in moves
        if (each.rule, each.subject) == ("batch_stalled", "Stuck")
        and each.after == "resolved"
        and each.at < let_go
    ]


# What a spike needs at the least: as many failed calls.
_FAILED_AT_LEAST = 5
_FAILURES = {Outcome.FAILED, Outcome.ERROR}


def _false_alarms(one: Trial, moves: list[Moved]) -> list[str]:
    """Batches that are said to have failed and did not, spikes of calls that did not fail."""
    found = []
    for batch in one.account:
        entries = batch.truth.of(batch.batch_id)
        told = [each for each in moves if each.subject == batch.plan.name and each.after in TOLD]
        for each in told:
            before = [entry for entry in entries if entry.at <= each.at]
            ends = [entry.after for entry in before if _is_end(entry)]
            failed = sum(entry.n for entry in before if entry.after in _FAILURES)
            if each.rule == "batch_failed" and not set(ends) - {BatchStatus.COMPLETED}:
                found.append(f"false alarm: {each}")
            if each.rule == "error_spike" and failed < _FAILED_AT_LEAST:
                found.append(f"false alarm: {each}")
    return found


def lost(known: Snapshot, fresh: Snapshot) -> list[str]:
    """What is known otherwise than by an installation that never met a fault."""
    found = []
    for batch, status in fresh.statuses.items():
        if known.statuses.get(batch) != status:
            found.append(f"lost: {batch} is {known.statuses.get(batch)} and not {status}")
        for what, mine, theirs in (
            ("person", known.people.get(batch, {}), fresh.people[batch]),
            ("call", known.calls.get(batch, {}), fresh.calls[batch]),
        ):
            found += [
                f"lost: {what} {key} is {mine.get(key)} and not {theirs.get(key)}"
                for key in mine.keys() | theirs.keys()
                if mine.get(key) != theirs.get(key)
            ]
    return found


def untold(one: Trial, moves: list[Moved]) -> list[str]:
    """Ends of batches that nobody was told of."""
    told = {each.subject for each in moves if each.rule in {"batch_completed", "batch_failed"}}
    return [
        f"lost: the end of {batch.plan.name} was never told"
        for batch in one.account
        if batch.status.terminal and batch.plan.name not in told
    ]


def expected(one: Trial, moves: list[Moved], row: Row) -> list[str]:
    """Where what was told is not what the row says: no alert too many, none too late."""
    usual = {("batch_stalled", "Stuck")}
    usual |= {("batch_completed", batch.plan.name) for batch in one.account}
    named = (row.alert or "", row.subject)
    return [
        *(
            f"not expected: {each}"
            for each in moves
            if each.after in TOLD
            and (each.rule, each.subject) not in usual | {named}
            and each.rule not in row.may
        ),
        *([] if row.moves_stuck else _once(moves, "batch_stalled", "Stuck")),
        *(found for batch in one.account for found in _reported(moves, batch.plan.name, row)),
        *(_timely(one, moves, row) if row.alert else []),
    ]


def _reported(moves: list[Moved], name: str, row: Row) -> list[str]:
    """Each batch is reported complete once; one that is in doubt, as unverified, besides."""
    told = [
        each
        for each in moves
        if (each.rule, each.subject, each.reason) == ("batch_completed", name, "reported")
    ]
    doubts = [each for each in told if "unverified" in each.summary]
    if name in row.doubted and doubts:
        return [] if len(told) <= 2 else [f"{name} is reported {len(told)} times"]
    return [f"unverified: {each}" for each in doubts] + (
        [] if len(told) == 1 else [f"{name} is reported {len(told)} times"]
    )


def _once(moves: list[Moved], rule: str, subject: str, *, news: bool = False) -> list[str]:
    """One episode: fired once, resolved once unless it is news."""
    fired = _fired(moves, rule, subject)
    over = [m for m in moves if (m.rule, m.subject, m.after) == (rule, subject, "resolved")]
    found = []
    if len(fired) != 1:
        found.append(f"{rule} about {subject} fired {len(fired)} times: {fired}")
    if len(over) != (0 if news else 1):
        found.append(f"{rule} about {subject} was resolved {len(over)} times: {over}")
    return found


def _fired(moves: list[Moved], rule: str, subject: str) -> list[Moved]:
    return [
        each
        for each in moves
        if (each.rule, each.subject) == (rule, subject)
        and each.after in TOLD
        and each.reason not in {"escalated", "settled"}
    ]


def _timely(one: Trial, moves: list[Moved], row: Row) -> list[str]:
    """The row's alert fires when it should, once, and is resolved when all is well."""
    began, mended = one.began, one.mended
    assert began is not None
    assert mended is not None
    rule = row.alert or ""
    found = [] if row.alert in ENDS else _once(moves, rule, row.subject, news=row.news)
    for each in _fired(moves, rule, row.subject)[:1]:
        if not timedelta(0) <= each.at - began - row.after < row.noticed + row.step:
            found.append(f"{rule} fired {each.at - began} after the fault began")
    found += [
        f"{rule} was resolved while the fault lasted: {each}"
        for each in moves
        if (each.rule, each.subject, each.after) == (rule, row.subject, "resolved")
        and each.at < mended
    ]
    return found
