"""Every move of an alert, one line each in the log."""

from collections.abc import Iterable

import structlog

from monitor.core.alert import Transition

log = structlog.get_logger()


def log_moves(transitions: Iterable[Transition]) -> None:
    """Write them down."""
    for each in transitions:
        alert = each.alert
        log.info(
            "alert_moved",
            rule=alert.instance,
            provider=alert.subject.provider,
            subject=alert.subject.id,
            before=each.before,
            after=each.after,
            reason=each.reason,
            key=alert.key,
        )
