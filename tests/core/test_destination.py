"""Which receivers an alert leads to."""

import pytest

from monitor.core.destination import destinations, group_labels, routes_of
from monitor.core.route import Route, parse_matcher
from monitor.core.rule import Severity
from tests.delivering import make_alert, make_report


def route(name: str, *receivers: str, match: tuple[str, ...] = (), goes_on: bool = False) -> Route:
    matchers = tuple(parse_matcher(text) for text in match)
    return Route(name=name, receivers=receivers, match=matchers, goes_on=goes_on)


def test_the_first_route_that_matches_wins() -> None:
    routes = (route("1", "ops", match=("severity=critical",)), route("2", "all"))

    assert list(destinations(make_alert(), routes)) == ["ops"]
    assert list(destinations(make_alert(severity=Severity.INFO), routes)) == ["all"]


def test_a_receiver_that_two_routes_lead_to_is_led_to_once() -> None:
    first = route("1", "ops", goes_on=True)
    found = destinations(make_alert(), (first, route("2", "ops", "mail")))

    assert (found["ops"], list(found)) == (first, ["ops", "mail"])


@pytest.mark.parametrize(
    ("matcher", "matches"),
    [
        pytest.param("rule=vip_spike", True, id="the instance"),
        pytest.param("rule=error_spike", True, id="the rule"),
        pytest.param("rule=~.*spike", True, id="a pattern"),
        pytest.param("rule=other", False, id="another"),
        pytest.param("rule!=error_spike", False, id="not the rule"),
        pytest.param("rule!=vip_spike", False, id="not the instance"),
        pytest.param("rule!=other", True, id="not another"),
        pytest.param("batch_name=~Renewals .*", True, id="the name"),
        pytest.param("vendor=graine", True, id="the vendor"),
        pytest.param("team=north", True, id="the user's own"),
    ],
)
def test_matching(matcher: str, matches: bool) -> None:
    alert = make_alert("vip_spike", labels={"team": "north"})

    assert bool(destinations(alert, (route("1", "ops", match=(matcher,)),))) is matches


def test_alerts_of_one_cause_and_batch_share_a_message_and_a_report_shares_none() -> None:
    one, other = make_alert(), make_alert("stalled_retries", rule="stalled_retries", episode=2)

    assert group_labels(one, route("1"), "dialling") == group_labels(other, route("2"), "dialling")
    assert group_labels(one, route("1"), "dialling") != group_labels(other, route("1"), "cost")
    assert group_labels(make_report(), route("1"), "ends")[-1] == ("alert", make_report().key)


def test_routes_end_with_the_first_that_matches_and_does_not_go_on() -> None:
    routes = (
        route("1", "a", match=("severity=info",), goes_on=True),
        route("2", "b", goes_on=True),
        route("3", "c", match=("severity=critical",)),
        route("4", "d"),
    )

    assert [each.name for each in routes_of(make_alert(), routes)] == ["2", "3"]
