"""Saying once, when an installation is new, what is watched."""

from datetime import timedelta

from monitor.app.runtime import Runtime
from monitor.evaluation.watching import SUBJECT, first_message

GREET_EVERY = timedelta(seconds=5)


async def greet(runtime: Runtime) -> None:
    """Tell the first message as soon as enough is known; nothing once it has been told."""
    judge, now = runtime.judge, runtime.clock.now()
    found = await runtime.store.read(lambda conn: first_message(conn, judge.context, now))
    if found is None:
        return
    judge.trouble(SUBJECT, found)
    try:
        await judge.itself()
    finally:
        judge.trouble(SUBJECT, None)
