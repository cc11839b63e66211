"""Batches that have ended, for what is asked of the past."""

from datetime import datetime, timedelta
from pathlib import Path

from monitor.core.model import BatchStatus, CallStatus
from rules.error_spike import ErrorSpike
from tests.builders import MINUTE
from tests.stories import Story, make_context, run


def ended_batches(file: Path, start: datetime, failed: int, batches: int = 10) -> None:
    """A database of batches of 50 calls that ran one after the other, an hour apart, and ended."""
    context = make_context(run(ErrorSpike()))
    for n in range(batches):
        one = Story(file, context, now=start + n * timedelta(hours=1))
        one.invite(50)
        one.look(batch_id=f"b{n}", name=f"Renewals {n}")
        one.read()
        one.wait(MINUTE)
        one.dial(failed, CallStatus.FAILED)
        one.dial(50 - failed)
        one.look(batch_id=f"b{n}", name=f"Renewals {n}")
        one.read()
        one.judge()
        one.look(batch_id=f"b{n}", name=f"Renewals {n}", status=BatchStatus.COMPLETED)
        one.engine.dispose()
