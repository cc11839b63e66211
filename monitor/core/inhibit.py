"""One firing alert that explains others keeps them quiet.

Which explains which is data: Offhook's own list, and ``[[inhibit]]`` of the configuration.
A label that is missing on either side is equal to nothing, and no alert holds back itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import labels_of
from monitor.core.destination import matches
from monitor.core.route import Matcher
from monitor.core.rule import CLOSED, PAUSED, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition:
    """While an alert that ``source`` selects fires, those that ``target`` selects wait.

    They must agree in the labels ``equal``. ``reports``: a report of something bad about
    the batch's present run counts as firing.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
    reports: bool = False

    def is_source(self, alert: Alert) -> bool:
        """Whether the alert is one that explains."""
        bad_report = alert.state is AlertState.INFO and alert.severity is not Severity.INFO
        stands = alert.state is AlertState.FIRING or (self.reports and bad_report)
        return stands and _selects(self.source, alert)

    def is_target(self, alert: Alert) -> bool:
        """Whether the alert is one that is explained."""
        return _selects(self.target, alert)

    def explains(self, source: Alert, target: Alert) -> bool:
        """Whether the one holds the other back, as far as this says."""
        chosen = self.is_source(source) and self.is_target(target)
        return chosen and self.agree(source, target)

    def agree(self, one: Alert, other: Alert) -> bool:
        """Whether both have the labels, and the same ones."""
        mine, theirs = labels_of(one), labels_of(other)
        return all(mine.get(name) and mine[name] == theirs.get(name) for name in self.equal)


BUILT_IN = (
    # A provider that cannot be seen explains whatever is said of it meanwhile, except
    # Offhook's own troubles with it.
    Inhibition(
        source=(Matcher("rule", "=", "provider_blind"),),
        target=(Matcher("rule", "!~", "provider_blind|self_.*"),),
        equal=("provider",),
    ),
    # A batch that failed has told the worst of itself.
    Inhibition(
        source=(Matcher("rule", "=", "batch_failed"),),
        target=(
            Matcher(
                "rule",
                "=~",
                "error_spike|batch_stalled|stalled_retries|batch_vanished|count_mismatch",
            ),
        ),
        equal=("provider", "batch"),
        reports=True,
    ),
)
# What says that nothing moves, or how it moved when it last did, says nothing of a pause, nor
# of a night: at ten in the evening nobody is to hear again that nobody is dialled.
_OF_DIALLING = frozenset({"batch_stalled", "stalled_retries", "error_spike"})


def inhibited_by(
    alert: Alert, others: Sequence[Alert], configured: Iterable[Inhibition] = ()
) -> str | None:
    """Why the alert is held back, or None. ``others`` are those that may explain it."""
    if alert.rule in _OF_DIALLING and (alert.unknown or "").startswith((PAUSED, CLOSED)):
        return alert.unknown
    every = (*BUILT_IN, *configured)
    for inhibition in every:
        if not inhibition.is_target(alert):
            continue
        for source in others:
            if source.key == alert.key or not inhibition.explains(source, alert):
                continue
            if not _leads(alert, source, others, every):
                return _words(source)
    return None


def _leads(first: Alert, last: Alert, others: Sequence[Alert], every: Sequence[Inhibition]) -> bool:
    """Whether the first explains the last, also through others.

    Those that explain each other in a circle hold back none of it, or none would be told.
    """
    met, ahead = {first.key}, [first]
    while ahead:
        source = ahead.pop()
        for inhibition in every:
            if not inhibition.is_source(source):
                continue
            found = [each for each in (last, *others) if inhibition.explains(source, each)]
            if any(each.key == last.key for each in found):
                return True
            ahead += [each for each in found if each.key not in met]
            met.update(each.key for each in found)
    return False


def _words(source: Alert) -> str:
    if source.rule == "provider_blind":
        return f"{source.subject.provider} cannot be seen (alert {source.key})"
    return f"explained by {source.instance} (alert {source.key})"


def _selects(matchers: tuple[Matcher, ...], alert: Alert) -> bool:
    labels: Mapping[str, str] = labels_of(alert)
    return all(matches(each, labels, alert.rule) for each in matchers)
