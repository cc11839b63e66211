"""What goes wrong with connections and bytes, whatever the vendor says in them."""

import gzip
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from monitor.simulator.faults.exchange import Exchange
from monitor.simulator.faults.server import Reply

# How long a connection that hangs waits for the other side to give up, in seconds.
PATIENCE_S = 60.0
_DRIP_S = 0.004


async def reset_before(exchange: Exchange) -> None:
    """Break the connection off instead of answering."""
    exchange.reset()


async def reset_amid(exchange: Exchange) -> None:
    """Break the connection off within the body."""
    answer = await exchange.true()
    await exchange.write(answer.head(len(answer.body)) + answer.body[: len(answer.body) // 2])
    exchange.reset()


async def stall(exchange: Exchange) -> None:
    """Stop within the body, and say nothing more."""
    answer = await exchange.true()
    await exchange.write(answer.head(len(answer.body)) + answer.body[: len(answer.body) // 2])
    await exchange.gone(PATIENCE_S)


async def silent(exchange: Exchange) -> None:
    """Take the question and say nothing."""
    await exchange.gone(PATIENCE_S)


async def drip(exchange: Exchange) -> None:
    """Send the answer byte by byte, each well before anybody would call it late."""
    answer = await exchange.true()
    await exchange.write(answer.head(len(answer.body) + 10_000))
    for n in range(len(answer.body) + 10_000):
        await exchange.write(answer.body[n : n + 1] or b" ")
        if await exchange.gone(_DRIP_S):
            return


async def claim_more(exchange: Exchange) -> None:
    """Announce more bytes than come before the connection ends."""
    answer = await exchange.true()
    await exchange.write(answer.head(len(answer.body) + 100) + answer.body)
    exchange.close()


async def claim_less(exchange: Exchange) -> None:
    """Announce fewer bytes than are sent."""
    answer = await exchange.true()
    length = len(answer.body) // 2
    await exchange.write(answer.head(length) + answer.body)
    exchange.close()


async def no_http(exchange: Exchange) -> None:
    """Answer in another protocol."""
    await exchange.write(b"SSH-2.0-OpenSSH_9.9\r\n")
    exchange.close()


def gigantic(size: int) -> Reply:
    """The true answer with ``size`` bytes of nothing around it."""

    async def reply(exchange: Exchange) -> None:
        answer = await exchange.true()
        await exchange.write(answer.head(len(answer.body) + size) + b" " * size + answer.body)

    return reply


def bomb(size: int) -> Reply:
    """A small answer that unpacks to ``size`` bytes."""
    packed = gzip.compress(b"[" + b" " * size + b"]", compresslevel=9)

    async def reply(exchange: Exchange) -> None:
        answer = (await exchange.true()).having(content_encoding="gzip")
        await exchange.write(answer.head(len(packed)) + packed)

    return reply


async def encoded(exchange: Exchange) -> None:
    """The answer in an encoding that nobody asked for."""
    answer = (await exchange.true()).having(content_encoding="br")
    await exchange.send(answer)


async def broken_gzip(exchange: Exchange) -> None:
    """Packed as it may be, and broken off."""
    answer = (await exchange.true()).having(content_encoding="gzip")
    packed = gzip.compress(answer.body)[:-12]
    await exchange.write(answer.head(len(packed)) + packed)


def skewed(by: timedelta) -> Reply:
    """True answers of a vendor whose clock is wrong by so much."""

    async def reply(exchange: Exchange) -> None:
        at: datetime = parsedate_to_datetime(exchange.date) + by
        await exchange.send((await exchange.true()).having(date=format_datetime(at, usegmt=True)))

    return reply
