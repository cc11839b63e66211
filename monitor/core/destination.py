"""Where an alert leads: which receivers, by which route, and in whose company."""

from collections.abc import Mapping

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import labels_of
from monitor.core.route import Matcher, Route


def destinations(alert: Alert, routes: tuple[Route, ...]) -> Mapping[str, Route]:
    """The receivers of an alert, each with the first route that leads there."""
    labels = labels_of(alert)
    found: dict[str, Route] = {}
    for route in routes:
        if all(matches(matcher, labels, alert.rule) for matcher in route.match):
            for receiver in route.receivers:
                found.setdefault(receiver, route)
            if not route.goes_on:
                break
    return found


def matches(matcher: Matcher, labels: Mapping[str, str], rule_id: str) -> bool:
    """As the matcher says; ``rule`` is the instance's name, and the rule's own id as well.

    So ``rule=error_spike`` also finds an instance of it with a name of its own, and
    ``rule!=error_spike`` leaves that instance out.
    """
    if matcher.label != "rule":
        return matcher.matches(labels)
    answers = (matcher.matches(labels), matcher.matches({"rule": rule_id}))
    return all(answers) if matcher.operator.startswith("!") else any(answers)


def group_labels(alert: Alert, route: Route) -> tuple[tuple[str, str], ...]:
    """What alerts of one message have in common. A report shares its message with nothing."""
    labels = labels_of(alert)
    common = tuple((name, labels.get(name, "")) for name in route.group_by)
    return (*common, ("alert", alert.key)) if alert.state is AlertState.INFO else common
