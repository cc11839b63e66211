"""Prometheus Alertmanager, by its API v2."""

from monitor.notifiers.alertmanager.notifier import LASTS, Alertmanager
from monitor.notifiers.alertmanager.settings import AlertmanagerSettings

__all__ = ["LASTS", "Alertmanager", "AlertmanagerSettings"]
