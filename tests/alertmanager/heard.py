"""What people heard: of each alert at each receiver, when first, how it ended, how often."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict


@dataclass(frozen=True, slots=True)
class Sending:
    """One message: at which second, and the alerts in it with their state."""

    at: float
    states: tuple[tuple[str, str], ...]  # (alert, firing or resolved)


class Alerted(TypedDict):
    """What one receiver heard of one alert.

    ``repeats`` are messages that told nothing but that it still fires.
    """

    fired: float | None
    resolved: float | None
    repeats: int


class AtReceiver(TypedDict):
    """What one receiver heard."""

    messages: int
    alerts: dict[str, Alerted]


Heard = Mapping[str, AtReceiver]


def heard(sent: Iterable[tuple[str, Sending]]) -> dict[str, AtReceiver]:
    """By receiver, from what was sent, oldest first."""
    found: dict[str, AtReceiver] = {}
    for receiver, sending in sorted(sent, key=lambda one: one[1].at):
        mine = found.setdefault(receiver, {"messages": 0, "alerts": {}})
        mine["messages"] += 1
        news = [_note(mine["alerts"], sending, *each) for each in sending.states]
        if not any(news):
            for name, _ in sending.states:
                mine["alerts"][name]["repeats"] += 1
    return found


def _note(known: dict[str, Alerted], sending: Sending, name: str, state: str) -> bool:
    """Whether it was news."""
    of = known.setdefault(name, {"fired": None, "resolved": None, "repeats": 0})
    key = "fired" if state == "firing" else "resolved"
    if key == "fired" and of["fired"] is None:
        of["fired"] = sending.at
        return True
    if key == "resolved" and of["resolved"] is None:
        of["resolved"] = sending.at
        return True
    return False
