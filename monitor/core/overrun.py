"""What a batch spends beside its limits: the three ways in which that can be too much."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from monitor.core.calls import Spent
from monitor.core.completion import ended_calls
from monitor.core.facts import BatchFacts
from monitor.core.model import Outcome
from monitor.core.money import Amount, at_risk, completed, dialled, left
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from monitor.core.wording import clock, counted, money, people_text, span

_TODO = "Pause the batch, then look at how long its calls are and what the vendor charges."
_CONVERSATIONS = frozenset({Outcome.COMPLETED})


def no_cost(facts: BatchFacts) -> Unknown | None:
    """Why nothing can be said of what a batch costs."""
    if not ended_calls(facts.tally):
        return Unknown("no call has ended yet")
    if facts.spent.micros:
        return None
    return Unknown(f"{facts.vendor.title() or 'this vendor'} has not told yet what its calls cost")


def gravest(found: Sequence[Verdict]) -> Verdict:
    """What holds, the first foremost and the others beside it; else what is not known."""
    held = [each.finding for each in found if isinstance(each, Holds)]
    if held:
        beside = tuple(("also", each.summary.partition(";")[0]) for each in held[1:])
        return Holds(replace(held[0], details=(*held[0].details, *beside)))
    return next((each for each in found if isinstance(each, Unknown)), found[0])


def total(facts: BatchFacts, budget: Amount) -> Verdict:
    """All that was spent, beside what may be."""
    spent = facts.spent

    def text() -> str:
        return f"{_told(spent, budget.currency)} spent of a budget of {budget}"

    return _beside(facts, spent, budget, _micros(spent, budget), text)


def each_completed(facts: BatchFacts, limit: Amount, least: int) -> Verdict:
    """What each person who completed has cost; where few did, the least that it can be."""
    spent, n = facts.spent, completed(facts.tally)
    each = _micros(spent, limit) / max(n, least)

    def text() -> str:
        told, allowed = _told(spent, limit.currency), f"(limit {limit} each)"
        if not n:
            return f"{told} spent, and nobody has completed {allowed}"
        price = money(round(_micros(spent, limit) / n), limit.currency)
        return f"{price} for each person who completed, {told} for {n:,} {allowed}"

    verdict = _beside(facts, spent, limit, each, text, n, "each")
    if n < least and not isinstance(verdict, Holds):
        return Unknown(f"{people_text(n)} completed, {least} are needed", verdict.seen)
    return verdict


def burn(facts: BatchFacts, limit: Amount, window: timedelta, recent: timedelta) -> Verdict:
    """What is spent an hour, over a long and over a short time."""
    long = facts.calls.spent(facts.now - window, facts.now)
    short = facts.calls.spent(facts.now - recent, facts.now)
    both = min(_an_hour(long, limit, window), _an_hour(short, limit, recent))

    def text() -> str:
        return (
            f"{_told(long, limit.currency)} spent in {span(window)}, "
            f"{_told(short, limit.currency)} of it in the last {span(recent)} "
            f"(limit {limit} an hour)"
        )

    verdict = _beside(facts, long, limit, both, text, short.n, "an hour")
    if isinstance(verdict, Holds):
        return verdict
    ended = facts.calls.window(facts.now - recent, facts.now)
    if not ended.n:
        last = facts.calls.last_ends(1)
        since = f" since {clock(last[0].ended_at, facts.zone, facts.now)}" if last else ""
        return Unknown(f"no calls{since}", verdict.seen)
    lacking = ended.count(_CONVERSATIONS) - short.n
    if lacking > 0:
        return Unknown(f"the cost of {counted(lacking, 'call')} is not known yet", verdict.seen)
    return verdict


def _beside(
    facts: BatchFacts,
    spent: Spent,
    limit: Amount,
    micros: float,
    text: Callable[[], str],
    n: int | None = None,
    per: str = "",
) -> Verdict:
    """The verdict on an amount, with what the rest of the batch will cost."""

    def finding() -> Finding:
        called, waiting = dialled(facts.tally), left(facts.batch.counts, facts.tally)
        risk = at_risk(_micros(facts.spent, limit), called, waiting, limit.currency)
        return Finding(
            summary=f"{text()}; {risk}" if risk else text(),
            value=micros / 1_000_000,
            threshold=limit.units,
            unit=f"{limit.currency} {per}".strip(),
            n=n,
            waiting=waiting,
            todo=_TODO,
            estimate=spent.estimated,
        )

    if micros > limit.micros:
        return Holds(finding())
    if others := sorted(facts.spent.micros.keys() - {limit.currency}):
        return Unknown(f"it also spends {', '.join(others)}, which no limit is for", finding)
    return Clear(finding)


def _micros(spent: Spent, limit: Amount) -> int:
    return spent.micros.get(limit.currency, 0)


def _an_hour(spent: Spent, limit: Amount, window: timedelta) -> float:
    return _micros(spent, limit) * (timedelta(hours=1) / window)


def _told(spent: Spent, currency: str) -> str:
    about = "about " if spent.estimated else ""
    return about + money(spent.micros.get(currency, 0), currency)
