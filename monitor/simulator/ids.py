"""The ids under which each vendor lists a batch, its people and its calls.

An id with dashes ends in its batch's number and its own place there, so that a service finds
what it stands for without an index.
"""

from typing import Literal

from monitor.simulator.people import mix

Vendor = Literal["graine", "bland", "vogent", "svalync", "elevenlabs"]


def batch_id(vendor: Vendor, number: int, *, legacy: bool) -> str:
    """A batch's id; Bland's first generation has another form."""
    spread = f"{mix(number, 3):016x}{mix(number, 4):016x}"
    match vendor:
        case "graine":
            return f"btc_{spread[:8]}{number:04x}"
        case "svalync":
            return f"batch_{spread[:8]}{number:04x}"
        case "elevenlabs":
            return f"btcal_{spread[:20]}{number:04x}"
        case _ if legacy:
            return f"{spread[:12]}{number:04x}-gen-batch"
        case _:
            return f"{spread[:8]}-{spread[8:12]}-4{spread[12:15]}-b{spread[15:18]}-{spread[18:30]}"


def person_id(vendor: Vendor, number: int, person: int) -> str:
    """The id of a person; where a vendor lists only calls, that of the person's call.

    At Vogent a person is a row of the queue, which says nothing of the dial that follows.
    """
    match vendor:
        case "graine":
            return f"con_{number:04x}{person:06x}"
        case "svalync":
            return f"call_{number:04x}{person:08x}"
        case "elevenlabs":
            return f"rcpt_{mix(number, person, 15):016x}{number:04x}{person:06x}"
        case "vogent":
            return _uuid(number, person, 11)
        case _:
            return _uuid(number, person, 1)


def call_id(vendor: Vendor, number: int, person: int, row: int) -> str:
    """The id of one call, the ``row``-th of its batch."""
    match vendor:
        case "graine":
            return f"exec_{number:04x}{row:07x}"
        case "vogent":
            return _uuid(number, row, 13)
        case "elevenlabs":
            return f"conv_{mix(number, row, 16):016x}{number:04x}{row:06x}"
        case _:
            return person_id(vendor, number, person)


def place(made: str) -> tuple[int, int] | None:
    """The batch's number and the place in it that an id with dashes ends in."""
    tail = made.rpartition("-")[2]
    try:
        return int(tail[:4], 16), int(tail[4:], 16)
    except ValueError:
        return None


def _uuid(number: int, index: int, salt: int) -> str:
    spread = f"{mix(number, index, salt):016x}{mix(number, index, salt + 1):04x}"
    return f"{spread[:8]}-{spread[8:12]}-4{spread[12:15]}-a{spread[15:18]}-{number:04x}{index:08x}"
