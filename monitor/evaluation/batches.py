"""Judging one batch: its facts, every rule, its alerts, and what people are to hear."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Reason, Subject
from monitor.core.completion import ended_calls, old_news, report
from monitor.core.facts import BatchFacts, Report
from monitor.core.lifecycle import closed_as
from monitor.core.model import Batch, BatchStatus, ContactStatus
from monitor.core.money import dialled, left, spent_text
from monitor.core.route import all_match
from monitor.core.rule import Holds, SubjectKind
from monitor.core.stopping import offered
from monitor.core.tally import ODD_CALLS, people
from monitor.evaluation import stopping, vanishing
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.facts import Asked, facts_of, is_read, known_at
from monitor.evaluation.following import Followed, Following, unsettled
from monitor.evaluation.judging import Opinion, opinions, read_after_end, with_late_findings
from monitor.evaluation.people import StoredPeople
from monitor.store import alerts, batches, changes
from monitor.store.batches import BatchRow
from monitor.store.coming import Named
from monitor.store.peers import StoredPeers
from monitor.store.recent import RecentCalls
from monitor.store.reruns import BEGUN, another_run
from monitor.store.stopping import stopped_by
from monitor.store.windows import StoredRetries

# How long an ended batch is still looked at: late results, a failure's lists, a reopening.
LINGER = timedelta(minutes=10)
LINGER_MOST = timedelta(hours=24)
# That a batch was judged is written down so often where nothing of it moves.
NOTED_EVERY = timedelta(minutes=1)
# With so many ended calls a batch has a rate of its own, and no other says what is usual.
YOUNG = 200


@dataclass(frozen=True, slots=True)
class BatchEvaluated:
    """What came of it, and whether the batch is watched any longer."""

    followed: Followed
    open: bool


def labels_of(look: Batch | Named, view: ProviderView) -> dict[str, str]:
    """What the matchers of rules and providers see of a batch."""
    return {
        "provider": view.name,
        "vendor": view.vendor,
        "batch": look.batch_id,
        "batch_name": look.title,
        "campaign": look.campaign or "",
    }


def is_chosen(look: Batch, view: ProviderView) -> bool:
    """Whether the configuration has this batch watched."""
    return all_match(view.match, labels_of(look, view))


def evaluate_batch(
    conn: Connection, batch: int, context: Context, now: datetime
) -> BatchEvaluated | None:
    """Judge one batch in one transaction; None when it is none of the configuration's."""
    row = batches.load(conn, batch)
    view = context.providers.get(row.look.provider)
    if view is None:
        return None
    facts = batch_facts(conn, row, view, context, now)
    following = _following(conn, row, facts, context)
    labels = labels_of(row.look, view)
    if not all_match(view.match, labels):
        # The configuration chose other batches: what is open about this one closes silently.
        following.follow([])
        return BatchEvaluated(following.finish(), open=row.open)
    if row.terminal_again_at is not None:
        _end(following)
        facts = replace(facts, closed_alerts=_closed(conn, row, following))
    stopping.settle(following, facts)
    before = alerts.last_evaluated(conn, f"batch:{row.id}")
    found = _opinions(row, facts, labels, context, before[1])
    following.follow(found)
    given_up = vanishing.settle(following, facts)
    stopping.offer(following)
    followed = following.finish()
    if given_up:
        batches.save(conn, replace(row, open=False), "open")
        return BatchEvaluated(followed, open=False)
    open_ = _after(conn, row, facts, found, followed)
    if facts.certainty.fresh and is_read(row):
        _note(conn, row, context.shortest_window, before, now)
    return BatchEvaluated(followed, open_)


def batch_facts(
    conn: Connection, row: BatchRow, view: ProviderView, context: Context, now: datetime
) -> BatchFacts:
    """What is known of a batch now."""
    asked = Asked(
        calls=RecentCalls(conn, row.id, row.marks, context.recent, now),
        peers=StoredPeers(conn, row, context.calls, now),
        retries=StoredRetries(conn, row.id),
        persons=StoredPeople(conn, row, context.people, now),
        previous=batches.previous_report(conn, row) if needs_another(row) else None,
        stopped_by=stopped_by(conn, row),
        gone=vanishing.gone(row),
    )
    return facts_of(row, view, context, now, asked)


def needs_another(row: BatchRow) -> bool:
    """Whether the batch before it is asked for: at its end, and before its own calls say much."""
    return row.ended or ended_calls(row.tally) < YOUNG


def _following(conn: Connection, row: BatchRow, facts: BatchFacts, context: Context) -> Following:
    look = row.look
    subject = Subject(
        kind=SubjectKind.BATCH,
        provider=look.provider,
        id=look.batch_id,
        title=look.title,
        vendor=facts.vendor,
        campaign=look.campaign or "",
        zone=facts.batch.timezone or (facts.calendar.zone.key if facts.calendar else ""),
        run=row.run,
        acts=offered(context.providers[look.provider].acts, look.status),
    )
    return Following(
        conn=conn,
        context=context,
        subject=subject,
        now=facts.now,
        observed_at=known_at(row),
        # Half a reading may show what is wrong, never that all is well; nor may anything
        # while the provider as a whole cannot be seen.
        may_clear=facts.certainty.fresh
        and not facts.certainty.mid_sweep
        and not row.unread
        and not alerts.is_firing(conn, "provider_blind", look.provider),
        calendar=facts.calendar,
        pauses=facts.pauses,
    )


def _end(following: Following) -> None:
    """A batch that ended takes its alerts with it; its report says which were firing."""
    for alert in list(following.open.values()):
        following.take(closed_as(alert, Reason.BATCH_ENDED, following.now))


def _closed(conn: Connection, row: BatchRow, following: Following) -> tuple[str, ...]:
    before = alerts.closed_with_batch(
        conn, row.look.provider, row.look.batch_id, row.terminal_at or following.now
    )
    now = (
        alert.instance
        for alert in following.moved.values()
        if alert.reason is Reason.BATCH_ENDED and alert.fired_at is not None
    )
    return tuple(sorted({*before, *now}))


def _opinions(
    row: BatchRow,
    facts: BatchFacts,
    labels: dict[str, str],
    context: Context,
    last: datetime | None,
) -> list[Opinion]:
    rules, over = context.rules_about(SubjectKind.BATCH), row.terminal_again_at is not None
    judged = last is not None and last >= (row.terminal_at or facts.now)
    if over and (judged or old_news(facts)):
        rules = tuple(each for each in rules if each.settings.rule.one_shot)
    if last is None and row.ended and row.news:
        last = facts.batch.started_at  # it came and went unseen
    shortest = context.shortest_window
    found = list(opinions(rules, labels, facts))
    if last is not None and shortest is not None and facts.now - last > shortest:
        found = [with_late_findings(opinion, facts, last) for opinion in found]
    told = read_after_end(found, facts) if over else found
    return [_with_money(opinion, facts) for opinion in told]


def _with_money(opinion: Opinion, facts: BatchFacts) -> Opinion:
    """With what the batch has cost, where that is known: reports and limits of money tell it."""
    verdict = opinion.verdict
    if not isinstance(verdict, Holds) or opinion.settings.rule.one_shot:
        return opinion
    finding = verdict.finding
    text = spent_text(facts.spent, dialled(facts.tally), left(facts.batch.counts, facts.tally))
    if text is None or finding.unit[:3] in facts.spent.micros:
        return opinion
    details = (*finding.details, ("money now", text))
    return opinion._replace(verdict=Holds(replace(finding, details=details)))


def _note(
    conn: Connection,
    row: BatchRow,
    shortest: timedelta | None,
    before: tuple[int, datetime | None],
    now: datetime,
) -> None:
    """Keep up to where and when it was judged: at once where it moved, else now and then.

    A commit for each evaluation would be most of what one costs. Gaps are told by windows, so
    what is kept may be older than the last evaluation by a small part of the ``shortest``.
    """
    seq, at = before
    if seq == row.seq and at is not None:
        kept_for = NOTED_EVERY if shortest is None else min(NOTED_EVERY, shortest / 10)
        if timedelta(0) <= now - at < kept_for:
            return
    alerts.mark_evaluated(conn, f"batch:{row.id}", row.seq, now)


def _after(
    conn: Connection, row: BatchRow, facts: BatchFacts, found: list[Opinion], followed: Followed
) -> bool:
    """Keep the report of an ended batch, and stop watching it once all is said."""
    if not row.ended:
        return True
    told = [each for each in found if isinstance(each.verdict, Holds) and _is_last_word(each)]
    settling = any(unsettled(each) for each in told)
    if told:
        made = report(facts)
        if not settling and not followed.transitions and _ran_again(row, made):
            _begin_another(conn, row, made, facts.now)
            return True
        row = replace(row, reported_at=row.reported_at or facts.now, report=made)
        batches.save(conn, row, "reported_at", "report")
    if not facts.certainty.fresh or row.terminal_again_at is None:
        return True  # nothing is given up on what was seen long ago, or once
    if _still_watched(row, settling=settling, told=bool(told), now=facts.now):
        if not row.open and _is_odd(row):  # read as it was let go of
            batches.save(conn, replace(row, open=True), "open")
        return True
    batches.save(conn, replace(row, open=False), "open")
    return False


def _is_last_word(opinion: Opinion) -> bool:
    return opinion.settings.rule.one_shot and not opinion.settings.rule.aside


def _ran_again(row: BatchRow, made: Report) -> bool:
    """Whether a completed batch has more people or calls than its last word told of.

    However short the run was in which they came, and though no look saw it.
    """
    before = row.report
    if before is None or row.look.status is not BatchStatus.COMPLETED:
        return False
    return made.people > before.people or made.calls > before.calls


def _begin_another(conn: Connection, row: BatchRow, made: Report, now: datetime) -> None:
    """It has ended as a new run already: that is confirmed, read and reported once more."""
    word = str(row.look.status)
    seq = changes.append(
        conn, row.id, row.seq, now, [("batch", row.look.batch_id, word, "reopened")]
    )
    again = another_run(replace(row, report=made, seq=seq), now)
    batches.save(conn, replace(again, terminal_at=now, due_at=now), *BEGUN)


def _still_watched(row: BatchRow, *, settling: bool, told: bool, now: datetime) -> bool:
    since = now - (row.terminal_at or now)
    if settling:
        return True
    if since > LINGER_MOST:
        return False
    if not row.news and row.run == 1:
        return False
    return not told or since < LINGER or _is_odd(row)


def lingers(row: BatchRow, now: datetime) -> bool:
    """Whether it was told of and is long over, but for words in it that nobody knows."""
    if row.terminal_at is None or row.reported_at is None:
        return False
    return now - row.terminal_at >= LINGER and _is_odd(row)


def _is_odd(row: BatchRow) -> bool:
    """Whether people or calls of it were read in a status that nobody knows: another may follow."""
    return row.tally.get(ODD_CALLS, 0) > 0 or people(row.tally, ContactStatus.UNKNOWN) > 0
