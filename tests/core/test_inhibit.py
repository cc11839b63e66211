"""What a provider that cannot be seen holds back, and what not."""

import pytest

from monitor.core.alert import Alert, AlertState
from monitor.core.inhibit import inhibited_by
from monitor.core.rule import SubjectKind
from tests.delivering import make_alert, make_subject, resolved

_PROVIDER = make_subject(kind=SubjectKind.PROVIDER, id="renewals")
BLIND = make_alert("provider_blind", rule="provider_blind", subject=_PROVIDER)
NOWHERE = make_subject(kind=SubjectKind.SYSTEM, provider="", id="self")


@pytest.mark.parametrize(
    ("alert", "firing", "held"),
    [
        pytest.param(make_alert(), [BLIND], True, id="an alert of that provider"),
        pytest.param(make_alert(), [], False, id="nothing is blind"),
        pytest.param(make_alert(), [make_alert("other")], False, id="another rule fires"),
        pytest.param(make_alert(), [resolved(BLIND)], False, id="blind no more"),
        pytest.param(
            make_alert(),
            [make_alert("provider_blind", rule="provider_blind", state=AlertState.PENDING)],
            False,
            id="not yet blind",
        ),
        pytest.param(
            make_alert(subject=make_subject(provider="sales")), [BLIND], False, id="another one"
        ),
        pytest.param(BLIND, [BLIND], False, id="itself"),
        pytest.param(
            make_alert("self_unknown_status", rule="self_unknown_status"),
            [BLIND],
            False,
            id="a trouble of Offhook's own",
        ),
        pytest.param(
            make_alert(subject=NOWHERE),
            [make_alert("provider_blind", rule="provider_blind", subject=NOWHERE)],
            False,
            id="a missing label equals nothing",
        ),
    ],
)
def test_inhibition(alert: Alert, firing: list[Alert], held: bool) -> None:
    assert (inhibited_by(alert, firing) is not None) is held
