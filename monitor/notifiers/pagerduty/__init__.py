"""PagerDuty, by its Events API v2."""

from monitor.notifiers.pagerduty.notifier import PagerDuty
from monitor.notifiers.pagerduty.settings import PagerDutySettings

__all__ = ["PagerDuty", "PagerDutySettings"]
