"""Word of a receiver's failure goes another way than through that receiver."""

from collections.abc import Iterable, Mapping

from monitor.core.alert import Alert
from monitor.core.route import Route

FAILED, GIVEN_UP = "self_delivery_failed", "self_given_up"


def about(receiver: str) -> str:
    """The subject of the alert that a receiver fails."""
    return f"receiver {receiver}"


def said_again(receiver: str) -> str:
    """The subject of the alert that one that forgets cannot be told again what fires."""
    return f"{about(receiver)}, said again"


def given_up(receiver: str) -> str:
    """The subject of the alert that messages to one were given up."""
    return f"{about(receiver)}, given up"


def troubles_of(receiver: str) -> tuple[str, ...]:
    """The subjects of all alerts about a receiver."""
    return about(receiver), said_again(receiver), given_up(receiver)


def elsewhere(
    alert: Alert, led: Mapping[str, Route], routes: tuple[Route, ...], receivers: Iterable[str]
) -> Mapping[str, Route]:
    """Where an alert leads: one about a receiver to others, and where none is routed, to all.

    With a single receiver it goes there: it is read when that receiver is back.
    """
    if alert.rule not in {FAILED, GIVEN_UP}:
        return led
    others = {
        name: route for name, route in led.items() if alert.subject.id not in troubles_of(name)
    }
    if others or not routes:
        return others or led
    spare = [name for name in receivers if alert.subject.id not in troubles_of(name)]
    return dict.fromkeys(spare, next(iter(led.values()), routes[-1])) or led
