"""Every move of an alert, and what was decided about telling it, one line each in the log."""

import structlog

from monitor.evaluation.following import Followed
from monitor.evaluation.telling import log_decision

log = structlog.get_logger()


def log_moves(followed: Followed) -> None:
    """Write them down."""
    for decision in followed.decided:
        log_decision(decision)
    for each in followed.transitions:
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
