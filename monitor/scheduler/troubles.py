"""Offhook's own troubles that the judge finds, in words for people."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection

from monitor.core.elsewhere import FAILED, GIVEN_UP, troubles_of
from monitor.core.facts import Trouble
from monitor.evaluation.context import Context, ProviderView
from monitor.store import alerts, providers


def unknown_word(
    provider: str, vendor: str, kind: str, word: str, since: datetime | None
) -> Trouble:
    """A vendor used a word that is not known."""
    return Trouble(
        rule="self_unknown_status",
        subject=f"{provider} {kind} {word}",
        provider=provider,
        since=since or datetime.fromtimestamp(0, UTC),
        summary=f"{vendor} gave a {kind} the status “{word}”, which Offhook does not know",
        todo="Look it up in the vendor's documentation; until then such a thing stays open.",
    )


def unknown_words(conn: Connection, views: Iterable[ProviderView]) -> dict[str, Trouble]:
    """Every word of every provider that is not known, by its trouble's subject."""
    found = {}
    for view in views:
        row = providers.load(conn, view.name, view.vendor)
        for kind, words in row.unknown_words.items():
            for word in words:
                made = unknown_word(view.name, view.vendor, kind, word, row.fresh_at)
                found[made.subject] = made
    return found


def crashed(rule: str, error: str, now: datetime) -> Trouble:
    """A rule raised an error."""
    return Trouble(
        rule="self_rule_failed",
        subject=f"rule {rule}",
        since=now,
        summary=f"the rule {rule} crashed ({error}); its alerts stay as they are",
        todo="Look for rule_failed in the log and report it.",
    )


def jumped(seconds: int, now: datetime) -> Trouble:
    """The wall clock was set by so much."""
    way = "forward" if seconds > 0 else "back"
    return Trouble(
        rule="self_clock_jumped",
        subject="clock",
        since=now,
        summary=f"the clock of this machine jumped {way} by {abs(seconds)} s",
        todo="Check its time synchronisation; nothing fires or resolves on what was seen before.",
    )


def not_configured(conn: Connection, context: Context) -> set[str]:
    """Subjects of troubles with receivers and rules that there are none of any more."""
    receivers = {subject for name in context.routing.receivers for subject in troubles_of(name)}
    rules = {f"rule {each.name}" for each in context.instances}
    firing = alerts.load_firing(conn, FAILED, GIVEN_UP, "self_rule_failed")
    ours = {each.subject.id for each in firing if not each.subject.id.startswith("outbox ")}
    return ours - receivers - rules
