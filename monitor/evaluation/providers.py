"""Judging one provider: can it be seen, and what is owed while it cannot."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from monitor.core.alert import Subject
from monitor.core.calendar import Calendar
from monitor.core.facts import Failure, ProviderFacts, Report, Unread
from monitor.core.hearing import GRACE, LATELY, Hearing, Refused
from monitor.core.model import AccountState
from monitor.core.money import ENOUGH, PRESENT, Course, dialled, left, so_far
from monitor.core.rule import SubjectKind
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.facts import is_fresh
from monitor.evaluation.following import Followed, Following
from monitor.evaluation.judging import opinions
from monitor.evaluation.vanishing import is_elsewhere
from monitor.store import arrivals, batches, coming, inbox, providers
from monitor.store.batches import BatchRow
from monitor.store.providers import ProviderRow
from monitor.store.windows import StoredCalls

# Ends that no webhook told are counted no further.
_MISSED_MOST = 1_000


def evaluate_provider(
    conn: Connection,
    view: ProviderView,
    context: Context,
    now: datetime,
    refused: Refused | None = None,
) -> Followed:
    """Judge one provider in one transaction; ``refused`` are its webhooks that were."""
    facts = provider_facts(conn, view, context, now, refused)
    if refused is not None and refused.refused_at is not None:
        providers.save_refusal(conn, view.name, refused.refused_at)
    following = Following(
        conn=conn,
        context=context,
        subject=subject_of(view),
        now=now,
        # The trouble itself is seen now; what clears it is a fresh answer.
        observed_at=now,
        may_clear=True,
    )
    rules = context.rules_about(SubjectKind.PROVIDER)
    following.follow(list(opinions(rules, provider_labels(view), facts)))
    return following.finish()


def subject_of(view: ProviderView) -> Subject:
    """What alerts about a provider as a whole are about."""
    return Subject(
        kind=SubjectKind.PROVIDER,
        provider=view.name,
        id=view.name,
        title=view.name,
        vendor=view.vendor,
        zone=view.calendar.zone.key if view.calendar else "",
    )


def provider_labels(view: ProviderView) -> dict[str, str]:
    """What the matchers of rules see of a provider."""
    return {"provider": view.name, "vendor": view.vendor}


def provider_facts(
    conn: Connection,
    view: ProviderView,
    context: Context,
    now: datetime,
    refused: Refused | None = None,
) -> ProviderFacts:
    """What is known of a provider as a whole."""
    row = providers.load(conn, view.name, view.vendor)
    # After the clock was set, silence counts from then: the time between never was.
    started_at = max(context.started_at, context.held_since or context.started_at)
    rows = [each for each in batches.load_open(conn, view.name) if not each.ended]
    # A batch that vanished says nothing of the others; where there is no other, the account does.
    watched = [each for each in rows if not is_elsewhere(conn, each)]
    asked = AskedOfProvider(
        started_at=started_at,
        hearing=_hearing(conn, view, row, started_at, now, refused) if view.webhooks else None,
        courses=courses(conn, watched, now) if has_balance(row.account) else (),
        calls_since=partial(coming.calls_since, conn, view.name),
    )
    return facts_of_provider(row, watched, view, context, now, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOfProvider:
    """What the facts about a provider hold beside its row and those of its open batches."""

    started_at: datetime
    hearing: Hearing | None = None
    courses: tuple[Course, ...] = ()
    calls_since: Callable[[datetime, int], int] | None = None


def facts_of_provider(
    row: ProviderRow,
    watched: Sequence[BatchRow],
    view: ProviderView,
    context: Context,
    now: datetime,
    asked: AskedOfProvider,
) -> ProviderFacts:
    """The facts that these rows make, whether they stand so now or did so then."""
    started_at = asked.started_at
    stale = [each for each in watched if not is_fresh(each, view.blind_after, now)]
    read = [each for each in watched if is_fresh(each, view.blind_after, now)]
    return ProviderFacts(
        now=now,
        provider=view.name,
        vendor=view.vendor,
        started_at=started_at,
        fresh_at=None if row.fresh_at is None else min(row.fresh_at, now),
        blind_after=view.blind_after,
        failure=row.failure or _failure_of(stale),
        failing_since=row.failing_since,
        failures=row.failures,
        discovered_at=row.discovered_at,
        unseen=(
            *_unseen(stale, started_at, now - view.blind_after),
            *_missing(row, now - view.blind_after),
        ),
        unlisted=tuple(_unlisted(read, now - view.blind_after)),
        open_batches=len(watched),
        stale_batches=len(stale),
        batches_seen_at=max((min(each.fresh_at, now) for each in watched), default=None),
        people_waiting=sum(each.look.counts.waiting or 0 for each in watched),
        calendar=view.calendar or _common_calendar(watched),
        default_zone=context.zone,
        hearing=asked.hearing,
        account=row.account,
        courses=asked.courses,
        calls_since=asked.calls_since,
    )


def has_balance(account: AccountState | None) -> bool:
    """Whether the vendor tells how much is left."""
    return account is not None and account.balance_micros is not None


def courses(conn: Connection, rows: Sequence[BatchRow], now: datetime) -> tuple[Course, ...]:
    """What these batches have cost so far and lately, and who is left in each."""
    return tuple(_course(conn, each, now) for each in rows)


def _course(conn: Connection, row: BatchRow, now: datetime) -> Course:
    called = dialled(row.tally)
    before = None if called >= ENOUGH else batches.previous_report(conn, row)
    return Course(
        title=row.look.title,
        left=left(row.look.counts, row.tally),
        dialled=called,
        spent=so_far(row.tally),
        lately=StoredCalls(conn, row.id).spent(now - PRESENT, now),
        before=a_person(before) if before else {},
    )


def a_person(before: Report) -> dict[str, float]:
    """What a person who was dialled cost in a batch, by currency."""
    called = before.people - before.never_dialled
    return {
        currency: micros / called for currency, micros in before.cost_micros.items() if called > 0
    }


def _hearing(
    conn: Connection,
    view: ProviderView,
    row: ProviderRow,
    started_at: datetime,
    now: datetime,
    refused: Refused | None,
) -> Hearing:
    lately = max(started_at, now - LATELY)
    n, since, until = arrivals.missed(conn, row.name, row.webhook_at, now - GRACE, _MISSED_MOST)
    return Hearing(
        heard_at=None if row.webhook_at is None else min(row.webhook_at, now),
        missed=n,
        missed_since=since,
        missed_until=until,
        unreadable=inbox.unreadable(conn, row.name),
        lately=arrivals.lately(conn, row.name, lately, now - GRACE, _MISSED_MOST)
        if view.ends_named
        else None,
        refused=(refused or Refused()).since(row.refused_at, row.webhook_at, now),
    )


def _failure_of(stale: list[BatchRow]) -> Failure | None:
    """Why batches cannot be seen, where the account as a whole does not fail."""
    if stale and all(each.gone_at is not None for each in stale):
        return Failure(kind="account", text="it answers 404 for every batch")
    told = [each.failure for each in stale if each.failure]
    return Failure(kind="batches", text=told[0]) if told else None


def _unseen(stale: list[BatchRow], started_at: datetime, until: datetime) -> Iterator[Unread]:
    """Batches not heard of since then, though this process asked."""
    if started_at > until:
        return
    for each in stale:
        why = each.failure or "no fresh answer"
        yield Unread(title=each.look.title, why=why, since=max(each.fresh_at, started_at))


def _missing(row: ProviderRow, until: datetime) -> Iterator[Unread]:
    """Batches that the configuration names, and that have not been seen for so long."""
    for batch_id, (since, why) in providers.decode_missing(row.memory).items():
        if since <= until:
            yield Unread(title=batch_id, why=why, since=since)


def _unlisted(read: list[BatchRow], until: datetime) -> Iterator[Unread]:
    for each in read:
        if each.unlisted_since is not None and each.unlisted_since <= until:
            why = each.unlisted_why or "no reason was told"
            yield Unread(title=each.look.title, why=why, since=each.unlisted_since)


def _common_calendar(watched: Sequence[BatchRow]) -> Calendar | None:
    found = {each.look.calendar for each in watched}
    return found.pop() if len(found) == 1 else None
