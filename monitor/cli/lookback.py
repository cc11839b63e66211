"""``offhook report BATCH``: how one batch went, or how it goes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from monitor.app.context import context_to_read
from monitor.cli.output import (
    GOOD,
    WRONG,
    complain,
    local,
    print_json,
    print_lines,
    print_table,
)
from monitor.cli.places import load_to_read, reading
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.config.hints import hint_for
from monitor.core.lookback import Lookback, spark
from monitor.core.wording import clock, counted, money, percent, span, zone_named
from monitor.evaluation.lookback import AlertThen, Reported, look_back
from monitor.store import lookback_views
from monitor.web.lookback import standalone

_WIDE = 24  # of a bar, in letters


def show(
    given: Path | None, word: str, provider: str | None, html: Path | None, *, as_json: bool
) -> int:
    """The report of the one batch that the word means."""
    config = load_to_read(given)
    found = _found(config, word, provider)
    if found is None:
        return WRONG
    if html is not None:
        try:
            html.write_text(standalone(found), encoding="utf-8")
        except OSError as error:
            complain(f"{html} cannot be written: {error.strerror}")
            return WRONG
        complain(f"written: {html}")
    if as_json:
        print_json(found)
    elif html is None:
        _print(found)
    return GOOD


def _found(config: Config, word: str, provider: str | None) -> Reported | None:
    now = SystemClock().now()
    context = context_to_read(config, now)
    with reading(config) as conn:
        rows = lookback_views.meant(conn, word, provider)
        rows = [row for row in rows if row.look.provider in context.providers]
        if len(rows) == 1:
            return look_back(conn, rows[0], context, now)
        known = set() if rows else lookback_views.known_words(conn)
    if not rows:
        hint = hint_for(word, known) or "see: offhook batches --ended"
        complain(f"there is no batch {word!r}; {hint}")
        return None
    complain(f"{counted(len(rows), 'batch', 'batches')} are called {word!r}; write one of:")
    for row in rows:
        seen = local(row.first_seen_at, config.monitor.timezone)
        complain(f"  {row.look.provider}/{row.look.batch_id}  {row.look.status}, since {seen}")
    return None


def _print(found: Reported) -> None:
    batch = found.batch
    print_lines(_head(batch))
    width = max((len(label) for label, _ in batch.lines), default=0)
    print_lines(f"  {label:{width}}  {text}" for label, text in batch.lines)
    print_lines(_money(batch))
    print_lines(_pace(batch))
    if batch.ladder:
        print_lines(("", "Ladder"))
        print_table(("attempt", "calls", "completed", "failed", ""), _rungs(batch), "")
    if batch.causes:
        print_lines(("", "What failed calls have in common"))
        rows = ((c.label, c.value, f"{c.failed:,} of {c.calls:,}") for c in batch.causes)
        print_table(("", "", "failed"), rows, "")
    print_lines(("", "Alerts"))
    columns = ("rule", "state", "from", "to", "why", "what", "acknowledged")
    print_table(columns, (_alert(each, batch) for each in found.alerts), "none")


def _head(batch: Lookback) -> Iterator[str]:
    name = "" if batch.title == batch.batch_id else f" ({batch.batch_id})"
    state = f"{batch.status}, so far" if batch.open else batch.status
    yield f"{batch.title}{name} at {batch.provider}: {state}"
    zone = zone_named(batch.zone)
    if batch.started_at is not None:
        until = f" to {clock(batch.ended_at, zone, batch.at)}" if batch.ended_at else ""
        hours = (
            "" if batch.permitted_s is None else f", {span(timedelta(seconds=batch.permitted_s))}"
        )
        since = "" if batch.ended_at else "since "
        yield f"{since}{clock(batch.started_at, zone, batch.at)}{until}{hours} of calling time"


def _money(batch: Lookback) -> Iterator[str]:
    for currency, micros in sorted(batch.per_completed_micros.items()):
        mark = " (estimate)" if batch.result.cost_estimated else ""
        yield f"  a completed call cost {money(micros, currency)}{mark}"


def _pace(batch: Lookback) -> Iterator[str]:
    rates = [slot.per_hour or 0.0 for slot in batch.pace]
    if bars := spark(rates):
        length = batch.pace[0].end - batch.pace[0].start
        yield ""
        yield f"Pace  {bars}  up to {max(rates):,.0f} completed an hour, {span(length)} a bar"


def _rungs(batch: Lookback) -> Iterator[tuple[str, ...]]:
    most = max(rung.calls for rung in batch.ladder)
    for rung in batch.ladder:
        bar = "█" * max(round(rung.calls / most * _WIDE), 1)
        which = "first call" if not rung.attempt else f"retry {rung.attempt}"
        done = f"{rung.completed:,} ({percent(rung.answered)})"
        yield which, f"{rung.calls:,}", done, f"{rung.failed:,}", bar


def _alert(then: AlertThen, batch: Lookback) -> tuple[str, ...]:
    alert, zone = then.alert, zone_named(batch.zone)
    ended = "" if alert.closed_at is None else clock(alert.closed_at, zone, batch.at)
    return (
        alert.instance,
        alert.state,
        clock(alert.fired_at or alert.since, zone, batch.at),
        ended,
        alert.reason.replace("_", " "),
        then.summary,
        ", ".join(each.author for each in alert.acknowledged),
    )
