"""One run of one batch: which is meant, and whether it is over."""

from sqlalchemy import Connection, bindparam, select

from monitor.core.compose import plain
from monitor.core.silence import BatchRun
from monitor.core.wish import NoSuchError
from monitor.store import hot
from monitor.store.schema import batches


def find_run(conn: Connection, batch: str, provider: str | None = None) -> BatchRun:
    """The present run of a batch, by its id or "provider/id"; NoSuchError without exactly one."""
    named, slash, rest = batch.partition("/")
    same_id = batches.c.batch_id == batch
    if provider is not None:
        same_id &= batches.c.provider == provider
    elif slash:
        same_id |= (batches.c.provider == named) & (batches.c.batch_id == rest)
    columns = (batches.c.provider, batches.c.batch_id, batches.c.run)
    rows = conn.execute(select(*columns).where(same_id).limit(_FEW)).all()
    if len(rows) == 1:
        return BatchRun(provider=rows[0].provider, batch=rows[0].batch_id, run=rows[0].run)
    if not rows:
        raise NoSuchError(f"there is no batch {plain(batch, 100)!r}", "see: offhook batches")
    names = ", ".join(f"{row.provider}/{row.batch_id}" for row in rows)
    raise NoSuchError(f"several providers have a batch {plain(batch, 100)!r}", f"write {names}")


_FEW = 5


def is_over(conn: Connection, run: BatchRun) -> bool:
    """Whether it has ended for certain, runs anew, or is watched no longer.

    Its alerts close when a second look has confirmed the end. Before that they still fire,
    and the vendor may take its word back.
    """
    return not hot.ask(conn, _RUNS, provider=run.provider, batch=run.batch, run=run.run)


_RUNS = select(batches.c.id).where(
    batches.c.provider == bindparam("provider"),
    batches.c.batch_id == bindparam("batch"),
    batches.c.run == bindparam("run"),
    batches.c.open,
    batches.c.terminal_again_at.is_(None),
)
