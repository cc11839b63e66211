"""What the rules would have told of batches that have ended: their lives, laid out once more.

Each batch is judged through its life on what was known by then (evaluation/lives.py). Of one
that nobody watched only the calls are known, so it is judged by rules that go by these alone;
rules that history cannot tell are named. Reads only; writes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Transition
from monitor.core.instance import RuleInstance
from monitor.core.pastmoves import Past
from monitor.core.rule import SubjectKind
from monitor.evaluation.batches import is_chosen, labels_of
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.hindsight import Hindsight
from monitor.evaluation.lives import Life
from monitor.evaluation.past import Rules, about_persons, look_beside, runs, why_not
from monitor.evaluation.pastsiblings import Beside, Siblings
from monitor.evaluation.recalling import nobody, persons_of
from monitor.evaluation.standing import Standing
from monitor.evaluation.tellings import Tellings
from monitor.store import batches, history
from monitor.store.batches import BatchRow
from monitor.store.stopping import all_done

# As often as a batch that moves is usually looked at.
EVERY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What batches that ended since ``since`` would have told.

    ``messages`` by rule instance. ``untold`` are the instances that history says nothing
    about. ``untimed`` are calls by provider that ended at an unknown time, so no spike of theirs
    is seen. ``unread`` batches are left out, because their calls are not or no longer known.
    """

    since: datetime
    batches: int = 0
    unread: int = 0
    calls: int = 0
    untimed: Mapping[str, int] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)
    untold: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All messages."""
        return sum(self.messages.values())


def replay(
    conn: Connection, context: Context, since: datetime, every: timedelta = EVERY
) -> Replayed:
    """Run the configured rules over every batch that has ended since then."""
    moved: list[Transition] = []
    untimed: Counter[str] = Counter()
    count = unread = calls = 0
    asked: set[str] = set()
    for view in context.providers.values():
        for batch in history.ended_since(conn, view.name, since):
            row = batches.load(conn, batch)
            if not is_chosen(row.look, view):
                continue
            if row.pruned or row.swept_at is None:
                unread += 1
                continue
            life = lived(conn, row, view, context, every)
            moved += life.transitions
            count += 1
            asked |= {each.name for each in context.instances if runs(each, life.past)}
            calls += life.past.calls
            untimed[view.name] += life.past.untimed
    moved.sort(key=lambda each: each.at)
    tellings = Tellings(context.routing)
    tellings.hear((each.at, each.alert) for each in moved)
    return Replayed(
        since=since,
        batches=count,
        unread=unread,
        calls=calls,
        untimed=dict(+untimed),
        messages=dict(tellings.told()),
        untold=tuple(
            each.name
            for each in context.instances
            if _is_untold(each) or (count and _is_known(each) and each.name not in asked)
        ),
    )


def lived(
    conn: Connection,
    row: BatchRow,
    view: ProviderView,
    context: Context,
    every: timedelta,
    until: datetime | None = None,
    *,
    peaks: bool = False,
    siblings: Siblings | None = None,
) -> Life:
    """The life of a batch, judged to its end, or to ``until``. ``peaks``: how far rules came.

    ``siblings`` are batches that other lives have laid out already.
    """
    past = history.past(conn, row, every, retries=view.capabilities.retries)
    acts = all_done(conn, row.look.provider, row.look.batch_id)
    labels = labels_of(row.look, view)
    rules = tuple(
        (each, settings)
        for each in context.instances
        if runs(each, past) and (settings := each.settings_for(labels)) is not None
    )
    judged = Hindsight(
        conn=conn,
        standing=Standing(final=row, every=every, acts=acts),
        view=view,
        context=context,
        rules=rules,
        persons=persons_of(conn, row, past) if about_persons(rules) else nobody(past),
        blind=history.blind(conn, view.name),
        beside=_beside(conn, row, past, rules, siblings or Siblings(), every, until)
        if look_beside(rules)
        else None,
        peaks={} if peaks else None,
    )
    life = Life(judged=judged, past=past)
    life.run(until or LATER)
    return life


LATER = datetime(9999, 1, 1, tzinfo=UTC)


def _beside(
    conn: Connection,
    row: BatchRow,
    past: Past,
    rules: Rules,
    known: Siblings,
    every: timedelta,
    until: datetime | None,
) -> Beside:
    windows = (each.rule.looks_back for _, each in rules)
    return Beside(
        conn=conn,
        row=row,
        known=known,
        every=every,
        begun=past.moments[0].at,
        until=min(until or LATER, row.terminal_at or LATER),
        reach=max((each for each in windows if each is not None), default=EVERY),
    )


def _is_untold(instance: RuleInstance) -> bool:
    asked = instance.settings.rule.subject is not SubjectKind.PROVIDER and not why_not(instance)
    return not asked and _is_known(instance)


def _is_known(instance: RuleInstance) -> bool:
    """Whether people know it for a rule of theirs: Offhook's own troubles are none."""
    return not instance.settings.rule.id.startswith("self_")
