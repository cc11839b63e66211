"""One firing alert that explains others keeps them quiet.

Which explains which is data: Offhook's own list, and ``[[inhibit]]`` of the configuration.
A label that is missing on either side is equal to nothing, and no alert holds back itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.core.alert import Alert, AlertState
from monitor.core.destination import matches
from monitor.core.route import Matcher
from monitor.core.rule import Severity


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

    def is_source(self, alert: Alert, labels: Mapping[str, str]) -> bool:
        """Whether the alert, which has these labels, is one that explains."""
        bad_report = alert.state is AlertState.INFO and alert.severity is not Severity.INFO
        stands = alert.state is AlertState.FIRING or (self.reports and bad_report)
        return stands and all(matches(each, labels, alert.rule) for each in self.source)

    def is_target(self, alert: Alert, labels: Mapping[str, str]) -> bool:
        """Whether the alert, which has these labels, is one that is explained."""
        return all(matches(each, labels, alert.rule) for each in self.target)


BUILT_IN = (
    # A provider that cannot be seen explains whatever is said of it meanwhile, except
    # Offhook's own troubles with it.
    Inhibition(
        source=(Matcher("rule", "=", "provider_blind"),),
        target=(Matcher("rule", "!~", "provider_blind|self_.*"),),
        equal=("provider",),
    ),
    # Webhooks that are refused tell nobody of what ends: one cause, one message.
    Inhibition(
        source=(Matcher("rule", "=", "self_webhook_rejected"),),
        target=(Matcher("rule", "=", "self_webhook_silent"),),
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
