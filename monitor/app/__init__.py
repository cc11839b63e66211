"""The composition root: what the command line starts."""

from monitor.app.daemon import run_daemon
from monitor.app.once import PollReport, poll_once
from monitor.app.trial import Delivered, send_test

__all__ = ["Delivered", "PollReport", "poll_once", "run_daemon", "send_test"]
