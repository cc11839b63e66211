"""Who has a message that others were to have as well, and did not get."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from monitor.store.schema import deliveries

PARTLY = "partly"  # the outcome of an attempt of which is known who has it, and who has it not


@dataclass(frozen=True, slots=True)
class Partly:
    """``had`` are the marks of those who have it; ``sure``: nobody else can have it."""

    had: frozenset[str] = frozenset()
    sure: bool = False


NOBODY = Partly()


def load_partly(conn: Connection, row: int, attempt: int) -> Partly:
    """What the attempts of this row before this one have come to, as the log has it.

    An attempt that left no line may have come to anything.
    """
    lines = conn.execute(
        select(deliveries.c.attempt, deliveries.c.outcome, deliveries.c.remote_id)
        .where(deliveries.c.outbox == row, deliveries.c.attempt < attempt)
        .order_by(deliveries.c.id.desc())
    ).all()
    told = next((line.remote_id for line in lines if line.remote_id), "")
    return Partly(frozenset(told.split()), sure=_is_sure([tuple(line) for line in lines], attempt))


def _is_sure(lines: list[tuple[int, str, str | None]], attempt: int) -> bool:
    """Whether all went without doubt since the last that is known to the end."""
    expected = attempt - 1
    for number, outcome, _ in lines:
        if number < expected or outcome == "ambiguous":
            return False
        if outcome == PARTLY:
            return True
        expected = number - 1
    return False
