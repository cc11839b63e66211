"""Answers that refuse: statuses other than 200, and what stands beside them."""

from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from monitor.simulator.faults.exchange import Answer, Exchange
from monitor.simulator.faults.server import Reply, answering

_JSON = {"content-type": "application/json"}
ELSEWHERE = "http://198.51.100.7/elsewhere"


def refused(status: int, body: bytes = b'{"detail":"no"}', **headers: str) -> Reply:
    """The same status, whatever is asked."""
    return answering(Answer(status, body, _JSON).having(**headers))


def redirected(status: int, to: str = ELSEWHERE) -> Reply:
    """The vendor points to another place."""
    return refused(status, b"", location=to)


def patience_until(wait: timedelta) -> Reply:
    """429 with the time of day at which to come back, ``wait`` after each question."""

    async def reply(exchange: Exchange) -> None:
        now: datetime = parsedate_to_datetime(exchange.date)
        until = format_datetime(now + wait, usegmt=True)
        answer = Answer(429, b"{}", _JSON).having(retry_after=until, date=exchange.date)
        await exchange.send(answer)

    return reply
