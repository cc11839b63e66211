from datetime import timedelta
from decimal import Decimal

import pytest

from monitor.core.model import Call, CallStatus, EndedBy, Rates
from monitor.providers.cost import estimated
from tests.loopback import NOW

RATES = Rates(minute=Decimal("0.09"), attempt=Decimal("0.015"), currency="EUR")
CALL = Call(
    "c",
    "p",
    CallStatus.COMPLETED,
    created_at=NOW,
    duration_s=120.0,
    ended_at=NOW + timedelta(seconds=120),
    ended_by=EndedBy.DERIVED,
)


def test_an_estimate_is_minutes_and_the_attempt_and_says_that_it_is_one() -> None:
    call = estimated(RATES, CALL)
    assert (call.cost_micros, call.currency, call.cost_estimated) == (195_000, "EUR", True)


def test_an_estimate_is_an_earlier_view_than_any_figure_of_the_vendor() -> None:
    assert estimated(RATES, CALL).detail_at == CALL.ended_at


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(CALL._replace(cost_micros=1, currency="USD"), id="known-cost"),
        pytest.param(CALL._replace(duration_s=None), id="unknown-length"),
        pytest.param(CALL._replace(status=CallStatus.IN_PROGRESS), id="under-way"),
        pytest.param(CALL._replace(status=CallStatus.ERROR), id="never-placed"),
        pytest.param(CALL._replace(status=CallStatus.CANCELLED), id="cancelled"),
        pytest.param(CALL._replace(status=CallStatus.UNKNOWN), id="unknown-status"),
    ],
)
def test_what_is_known_or_cannot_be_known_is_left_alone(call: Call) -> None:
    assert estimated(RATES, call) is call


def test_without_rates_nothing_is_estimated() -> None:
    assert estimated(None, CALL) is CALL


def test_an_attempt_costs_even_where_nobody_talked() -> None:
    rates = Rates(attempt=Decimal("0.015"))
    call = estimated(rates, CALL._replace(status=CallStatus.NO_ANSWER, duration_s=None))
    assert call.cost_micros == 15_000
