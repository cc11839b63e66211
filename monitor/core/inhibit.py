"""One firing alert that explains others keeps them quiet."""

from collections.abc import Sequence

from monitor.core.alert import Alert, AlertState

_SOURCE = "provider_blind"


def inhibited_by(alert: Alert, firing: Sequence[Alert]) -> str | None:
    """Why the alert is held back, or None.

    A provider that cannot be seen explains whatever is said of it meanwhile. It does not
    explain itself, nor Offhook's own troubles. An alert without a provider is nobody's: a
    label that is missing on both sides is not an equal one.
    """
    provider = alert.subject.provider
    if not provider or alert.rule == _SOURCE or alert.rule.startswith("self_"):
        return None
    for source in firing:
        if (
            source.rule == _SOURCE
            and source.state is AlertState.FIRING
            and source.subject.provider == provider
        ):
            return f"{provider} cannot be seen (alert {source.key})"
    return None
