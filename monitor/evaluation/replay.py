"""What the rules would have told of batches that have ended: their lives, laid out once more.

Each batch is judged at steps through its life on what had ended by then, by the real rules
and the real life cycle. History does not tell who waited, which lines were busy or what the
vendor counted on the way, so only rules that go without (``Rule.replays``) are run, and the
others are named. Reads only; writes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Transition
from monitor.core.instance import RuleInstance
from monitor.core.route import all_match
from monitor.evaluation.batches import labels_of
from monitor.evaluation.context import Context
from monitor.evaluation.lives import EVERY, past_life
from monitor.evaluation.tellings import Tellings
from monitor.store import batches, history


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
    for view in context.providers.values():
        for batch in history.ended_since(conn, view.name, since):
            row = batches.load(conn, batch)
            if not all_match(view.match, labels_of(row.look, view)):
                continue
            if row.pruned or row.swept_at is None:
                unread += 1
                continue
            life = past_life(conn, row, view, context, every)
            moved += life.transitions
            count += 1
            calls += len(life.past) + life.untimed
            untimed[view.name] += life.untimed
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
        untold=tuple(each.name for each in context.instances if _is_untold(each)),
    )


def _is_untold(instance: RuleInstance) -> bool:
    rule = instance.settings.rule
    return not rule.replays and not rule.id.startswith("self_")
