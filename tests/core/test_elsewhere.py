"""Where word of a failing receiver goes."""

import pytest

from monitor.core.elsewhere import FAILED, elsewhere, troubles_of
from monitor.core.route import Route
from tests.delivering import make_alert, make_subject

ROUTE, LAST = Route(name="1"), Route(name="2")


@pytest.mark.parametrize(
    ("led", "receivers", "told"),
    [
        pytest.param(["ops", "mail"], ["ops", "mail"], ["mail"], id="not by itself"),
        pytest.param(["ops"], ["ops", "mail", "page"], ["mail", "page"], id="to any other"),
        pytest.param([], ["ops", "mail"], ["mail"], id="also where no route leads"),
        pytest.param(["ops"], ["ops"], ["ops"], id="to itself when it is alone"),
        pytest.param(["mail"], ["ops", "mail"], ["mail"], id="as routed"),
    ],
)
@pytest.mark.parametrize("subject", troubles_of("ops"))
def test_word_of_a_receiver_goes_another_way(
    led: list[str], receivers: list[str], told: list[str], subject: str
) -> None:
    alert = make_alert(rule=FAILED, subject=make_subject(id=subject))

    found = elsewhere(alert, dict.fromkeys(led, ROUTE), (ROUTE, LAST), receivers)

    assert list(found) == told
    assert all(route is (ROUTE if led else LAST) for route in found.values())


def test_any_other_alert_goes_as_routed() -> None:
    led = {"ops": ROUTE}

    assert elsewhere(make_alert(), led, (ROUTE,), ["ops", "mail"]) == led
