"""E-mail, by SMTP."""

from monitor.notifiers.email.settings import EmailSettings
from monitor.notifiers.email.smtp import Mailer

__all__ = ["EmailSettings", "Mailer"]
