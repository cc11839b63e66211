"""Some hundred services more, by the library apprise."""

from monitor.notifiers.apprise.notifier import Apprise
from monitor.notifiers.apprise.settings import AppriseSettings

__all__ = ["Apprise", "AppriseSettings"]
