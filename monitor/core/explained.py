"""Who explains whom among many alerts, so that asking about one does not look at all others.

An alert is listed under what it explains and under what explains it: an inhibition, with the
values of the labels that both sides must share. Those listed alike are alike, so a circle is
found by walking over lists, of which there are few, and not over alerts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.core.alert import Alert, Subject
from monitor.core.compose import labels_of
from monitor.core.inhibit import BUILT_IN, Inhibition
from monitor.core.standstill import CLOSED, PAUSED

_Values = tuple[str, ...]
_List = tuple[int, _Values]  # which inhibition, and the values of its equal labels


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be known of an alert that may explain others."""

    key: str
    instance: str
    rule: str
    subject: Subject
    explains: frozenset[_List]
    explained: frozenset[_List]


class Explained:
    """The alerts that stand, by what they explain and what explains them."""

    def __init__(self, inhibitions: Sequence[Inhibition]) -> None:
        self.inhibitions = tuple(inhibitions)
        self._standing: dict[str, Standing] = {}
        # By list: those that explain what is in it, apart by what explains them.
        self._sources: dict[_List, dict[frozenset[_List], dict[str, None]]] = {}
        # By list: what those that are explained there explain themselves, and how many do.
        self._onward: dict[_List, dict[_List, int]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._standing

    def put(self, alert: Alert) -> None:
        """Take in an alert as it is now."""
        found, known = self._seen(alert), self._standing.get(alert.key)
        if found == known:
            return
        self.drop(alert.key)
        self._standing[alert.key] = found
        for each in found.explains:
            alike = self._sources.setdefault(each, {}).setdefault(found.explained, {})
            alike[alert.key] = None
        for each in found.explained:
            counted = self._onward.setdefault(each, {})
            for onward in found.explains:
                counted[onward] = counted.get(onward, 0) + 1

    def drop(self, key: str) -> None:
        """It stands no more."""
        known = self._standing.pop(key, None)
        if known is None:
            return
        for each in known.explains:
            alike = self._sources[each][known.explained]
            del alike[key]
            if not alike:
                del self._sources[each][known.explained]
        for each in known.explained:
            counted = self._onward[each]
            for onward in known.explains:
                counted[onward] -= 1
                if not counted[onward]:
                    del counted[onward]

    def source_of(self, alert: Alert) -> Standing | None:
        """One that explains the alert, and is not itself explained by it, also through others."""
        asked = self._seen(alert)
        led = self._led(asked.explains)
        for each in sorted(asked.explained):
            for explained, alike in self._sources.get(each, {}).items():
                if not explained & led:
                    found = next((key for key in alike if key != alert.key), None)
                    if found is not None:
                        return self._standing[found]
        return None

    def _led(self, begin: Iterable[_List]) -> set[_List]:
        """All lists that these lead to; what is explained in one of them is led to."""
        met, ahead = set(begin), list(begin)
        while ahead:
            for onward in self._onward.get(ahead.pop(), ()):
                if onward not in met:
                    met.add(onward)
                    ahead.append(onward)
        return met

    def _seen(self, alert: Alert) -> Standing:
        explains, explained = set(), set()
        labels = labels_of(alert)
        for number, each in enumerate(self.inhibitions):
            values = tuple(labels.get(name, "") for name in each.equal)
            if not all(values):
                continue  # a missing label is equal to nothing
            if each.is_source(alert, labels):
                explains.add((number, values))
            if each.is_target(alert, labels):
                explained.add((number, values))
        return Standing(
            alert.key,
            alert.instance,
            alert.rule,
            alert.subject,
            frozenset(explains),
            frozenset(explained),
        )


# What says that nothing moves, or how it moved when it last did, says nothing of a pause, nor
# of a night: at ten in the evening nobody is to hear again that nobody is dialled. What was
# done to people is told all the same.
_OF_PEOPLE = frozenset(
    {
        "called_after_opt_out",
        "duplicate_contact",
        "outside_calling_hours",
        "too_many_attempts",
        "too_many_retries",
    }
)


def inhibited_by(
    alert: Alert, others: Iterable[Alert], configured: Iterable[Inhibition] = ()
) -> str | None:
    """Why the alert is held back, or None. ``others`` are those that may explain it."""
    explained = Explained((*BUILT_IN, *configured))
    for each in others:
        explained.put(each)
    return held_by(alert, explained)


def held_by(alert: Alert, explained: Explained) -> str | None:
    """Why the alert is held back by those that stand, or None."""
    still = (alert.unknown or "").startswith((PAUSED, CLOSED))
    if still and alert.rule not in _OF_PEOPLE:
        return alert.unknown
    source = explained.source_of(alert)
    return None if source is None else _words(source)


def _words(source: Standing) -> str:
    if source.rule == "provider_blind":
        return f"{source.subject.provider} cannot be seen (alert {source.key})"
    return f"explained by {source.instance} (alert {source.key})"
