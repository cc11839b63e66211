"""Where an alert leads: which receivers, by which route, and in whose company."""

from collections.abc import Callable, Iterator, Mapping

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import labels_of
from monitor.core.route import CAUSE, Matcher, Route


def routes_of(alert: Alert, routes: tuple[Route, ...]) -> Iterator[Route]:
    """The routes that the alert takes, in order: the first that matches, and what goes on."""
    labels = labels_of(alert)
    for route in routes:
        if all(matches(matcher, labels, alert.rule) for matcher in route.match):
            yield route
            if not route.goes_on:
                return


def destinations(
    alert: Alert, routes: tuple[Route, ...], is_open: Callable[[Route], bool] | None = None
) -> Mapping[str, Route]:
    """The receivers of an alert, each with the first route that leads there.

    ``is_open``: whom an open route reaches is not kept waiting by a closed one before it.
    """
    found: dict[str, Route] = {}
    for route in routes_of(alert, routes):
        for receiver in route.receivers:
            known = found.setdefault(receiver, route)
            if is_open is not None and not is_open(known) and is_open(route):
                found[receiver] = route
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


def group_labels(alert: Alert, route: Route, cause: str) -> tuple[tuple[str, str], ...]:
    """What alerts of one message have in common. A report shares its message with nothing.

    ``cause`` is that of the alert's rule: rules of one cause see the same evidence.
    """
    labels = {**labels_of(alert), CAUSE: cause}
    common = tuple((name, labels.get(name, "")) for name in route.group_by)
    return (*common, ("alert", alert.key)) if alert.state is AlertState.INFO else common
