"""When what waits goes, if that is not when it was to: what was tried keeps its own times."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from monitor.core.rule import SubjectKind
from monitor.core.silence import BatchRun
from monitor.store.schema import alerts, outbox

_UNTRIED = (outbox.c.state == "pending", outbox.c.attempts == 0)
_UNSENT = (outbox.c.state == "pending", outbox.c.possible_repeat.is_(False))  # for certain


def hasten(
    conn: Connection, conversation: int, *, now: datetime, waits: timedelta, but: str | None
) -> None:
    """What waits for company waits no longer.

    That is what goes within ``waits``: a later time has another reason. ``but`` is an alert
    that something else holds back.
    """
    conn.execute(
        update(outbox)
        .where(
            outbox.c.conversation == conversation,
            *_UNTRIED,
            outbox.c.due_at > now,
            outbox.c.due_at <= now + waits,
            outbox.c.alert_key != (but or ""),
        )
        .values(due_at=now)
    )


def hold(conn: Connection, *, receiver: str, alert: str, until: datetime) -> None:
    """What was to go before then, and was never tried, goes then, and is not late for that."""
    conn.execute(
        update(outbox)
        .where(
            outbox.c.alert_key == alert,
            outbox.c.receiver == receiver,
            *_UNTRIED,
            outbox.c.due_at < until,
        )
        .values(due_at=until, owed_since=until)
    )


def let_go(conn: Connection, conversation: int, *, alert: str, now: datetime) -> None:
    """What waits there of one alert, and was never tried, goes now."""
    conn.execute(
        update(outbox)
        .where(
            outbox.c.conversation == conversation,
            outbox.c.alert_key == alert,
            *_UNTRIED,
            outbox.c.due_at > now,
        )
        .values(due_at=now, owed_since=now)
    )


def release(conn: Connection, *, until: datetime, of: BatchRun | None, now: datetime) -> None:
    """The ends and reports that a silence until then keeps go now: it is over before that.

    ``of``: the run of the one batch that it was about; what was to go when a route opens
    after that goes now as well.
    """
    waits = outbox.c.due_at == until
    if of is not None:
        about = select(alerts.c.key).where(
            alerts.c.provider == of.provider,
            alerts.c.subject_kind == SubjectKind.BATCH,
            alerts.c.subject_id == of.batch,
        )
        waits = (outbox.c.due_at >= until) & outbox.c.alert_key.in_(about)
    conn.execute(
        update(outbox)
        .where(*_UNTRIED, outbox.c.transition.in_(("resolved", "reported", "settled")), waits)
        .values(due_at=now, owed_since=now)
    )


def drop(conn: Connection, *, receiver: str, alert: str, part: str) -> None:
    """What waits of one part of an alert, and was certainly not sent, is not sent any more."""
    conn.execute(
        update(outbox)
        .where(
            outbox.c.alert_key == alert,
            outbox.c.receiver == receiver,
            outbox.c.part == part,
            *_UNSENT,
        )
        .values(state="superseded")
    )


def drop_strays(conn: Connection, alert: str, receivers: Collection[str]) -> None:
    """What waits of an alert that is over for others than these would be false once they return."""
    conn.execute(
        update(outbox)
        .where(
            outbox.c.alert_key == alert,
            outbox.c.receiver.not_in(receivers),
            *_UNSENT,
        )
        .values(state="superseded")
    )
