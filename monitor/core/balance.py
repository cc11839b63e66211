"""What is left in an account beside what its open batches will need, and its plan's caps."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from monitor.core.model import Cap
from monitor.core.money import Amount, Forecast, brief, dry_at, forecast
from monitor.core.rule import Clear, Finding, Holds, Severity, Unknown, Verdict
from monitor.core.standing import ProviderFacts
from monitor.core.wording import clock, counted, people_text, percent

# A balance is called enough again once it is so many times what is needed.
_AMPLE = 1.1
_FIVE = timedelta(minutes=5)
_TODO = "Top the account up, or pause the batch that can wait best."


def enough(facts: ProviderFacts) -> Iterator[Verdict]:
    """The balance beside the forecast; nothing where the vendor tells no balance."""
    account = facts.account
    if account is None or account.balance_micros is None:
        return
    need = forecast(facts.courses, account.currency)
    finding = _finding(facts, need, account.balance_micros, account.currency)
    if account.balance_micros < need.micros or (account.balance_micros <= 0 and need.people):
        yield Holds(finding)
    elif need.untold:
        known = counted(len(need.untold), "open batch", "open batches")
        yield Unknown(f"what {known} will cost is not known yet", finding)
    elif account.balance_micros < _AMPLE * need.micros:
        yield Unknown("it is barely enough", finding)
    else:
        yield Clear(finding)


def floor(facts: ProviderFacts, least: Amount | None) -> Iterator[Verdict]:
    """The balance beside the least that people want in it; nothing where none is wanted."""
    account = facts.account
    if least is None or account is None or account.balance_micros is None:
        return
    if account.currency != least.currency:
        yield Unknown(f"the balance is in {account.currency}, least in {least.currency}")
        return
    told = brief(account.balance_micros, account.currency)
    finding = Finding(
        summary=f"{told} left, at least {brief(least.micros, least.currency)} wanted",
        value=account.balance_micros / 1_000_000,
        threshold=least.units,
        falls=True,
        unit=account.currency,
        waiting=facts.people_waiting,
        todo=_TODO,
    )
    yield Holds(finding) if account.balance_micros < least.micros else Clear(finding)


def caps(facts: ProviderFacts, share: float) -> Iterator[Verdict]:
    """Each cap of which the vendor tells how much is used."""
    for cap in facts.account.caps if facts.account else ():
        if cap.used is not None and cap.limit > 0:
            yield _used(facts, cap, share)


def today(facts: ProviderFacts, calls_per_day: int | None, share: float) -> Iterator[Verdict]:
    """The calls that ended since midnight beside what the plan allows, where that is written."""
    if calls_per_day is None or facts.calls_since is None:
        return
    midnight = facts.now.astimezone(facts.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    n = facts.calls_since(midnight.astimezone(UTC), calls_per_day + 1)
    yield _used(facts, Cap(name="calls today", limit=calls_per_day, used=n), share)


def _used(facts: ProviderFacts, cap: Cap, share: float) -> Verdict:
    used = cap.used or 0
    finding = Finding(
        summary=f"{cap.name}: {used:,} of {cap.limit:,} used ({percent(used / cap.limit)})",
        value=100 * used / cap.limit,
        threshold=100 * share,
        unit="%",
        n=cap.limit,
        waiting=facts.people_waiting,
        todo="Raise the cap at the vendor, or put the rest off until it begins anew.",
    )
    return Holds(finding) if used >= share * cap.limit else Clear(finding)


def _finding(facts: ProviderFacts, need: Forecast, balance: int, currency: str) -> Finding:
    text = f"{brief(balance, currency)} left"
    if not facts.open_batches:
        text += ", no batch is open"
    elif need.micros or not need.untold:
        batches = counted(facts.open_batches, "open batch needs", "open batches need")
        text += f", {batches} about {brief(need.micros, currency)}"
    return Finding(
        summary=text + _dry(facts, balance, currency) if balance < need.micros else text,
        value=balance / 1_000_000,
        threshold=need.micros / 1_000_000,
        falls=True,
        unit=currency,
        affected=need.people,
        waiting=facts.people_waiting,
        details=(("to be called", people_text(need.people)),) if need.people else (),
        todo=_TODO,
        estimate=True,
        severity=Severity.CRITICAL if balance <= 0 else None,
    )


def _dry(facts: ProviderFacts, balance: int, currency: str) -> str:
    seen_at = facts.account.seen_at if facts.account else facts.now
    at = dry_at(balance, facts.courses, currency, seen_at, facts.calendar)
    if balance <= 0:
        return ": dry now"
    return f": dry around {clock(_rounded(at), facts.zone, facts.now)}" if at else ""


def _rounded(at: datetime) -> datetime:
    """To five minutes: it is an estimate."""
    return at + _FIVE / 2 - (at - datetime.min.replace(tzinfo=UTC) + _FIVE / 2) % _FIVE
