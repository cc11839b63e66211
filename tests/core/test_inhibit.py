"""Which alert explains which other, and which explains nothing."""

import pytest

from monitor.core.alert import Alert, AlertState
from monitor.core.explained import inhibited_by
from monitor.core.inhibit import Inhibition
from monitor.core.route import parse_matcher
from monitor.core.rule import Severity, SubjectKind
from monitor.core.standstill import PAUSED
from tests.delivering import make_alert, make_report, make_subject, resolved

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


REJECTED = make_alert("self_webhook_rejected", rule="self_webhook_rejected", subject=_PROVIDER)
SILENT = make_alert("self_webhook_silent", rule="self_webhook_silent", subject=_PROVIDER)


def test_webhooks_that_are_refused_explain_that_none_tells_of_what_ends() -> None:
    assert inhibited_by(SILENT, [REJECTED]) is not None
    assert inhibited_by(REJECTED, [SILENT]) is None
    elsewhere = make_subject(kind=SubjectKind.PROVIDER, id="sales", provider="sales")
    other = make_alert("self_webhook_silent", rule="self_webhook_silent", subject=elsewhere)
    assert inhibited_by(other, [REJECTED]) is None


FAILED = make_report(rule="batch_failed", severity=Severity.CRITICAL)


@pytest.mark.parametrize(
    ("alert", "report", "held"),
    [
        pytest.param(make_alert(), FAILED, True, id="its details"),
        pytest.param(
            make_alert(subject=make_subject(id="btc_2")), FAILED, False, id="another batch"
        ),
        pytest.param(
            make_alert(),
            make_report(rule="batch_failed", severity=Severity.INFO),
            False,
            id="cancelled, which is no failure",
        ),
        pytest.param(make_alert(), make_report(), False, id="completed"),
        pytest.param(make_alert("other", rule="other"), FAILED, False, id="something else"),
    ],
)
def test_a_batch_that_failed_explains_its_details(alert: Alert, report: Alert, held: bool) -> None:
    assert (inhibited_by(alert, [report]) is not None) is held


@pytest.mark.parametrize(
    ("rule", "unknown", "held"),
    [
        ("batch_stalled", PAUSED, True),
        ("stalled_retries", PAUSED, True),
        ("error_spike", PAUSED, True),
        ("lines_idle", PAUSED, True),
        ("too_many_retries", PAUSED, False),
        ("batch_stalled", "no fresh answer", False),
        ("batch_stalled", None, False),
    ],
)
def test_nothing_is_said_of_how_a_paused_batch_is_dialled(
    rule: str, unknown: str | None, held: bool
) -> None:
    assert (inhibited_by(make_alert(rule, rule=rule, unknown=unknown), []) == PAUSED) is held


def inhibition(source: str, target: str, *equal: str) -> Inhibition:
    return Inhibition(source=(parse_matcher(source),), target=(parse_matcher(target),), equal=equal)


SOURCE = make_alert("count_mismatch", rule="count_mismatch", labels={"team": "a"})
TARGET = make_alert("batch_vanished", rule="batch_vanished", labels={"team": "a"})
BARE = make_alert("batch_vanished", rule="batch_vanished")
PLAIN = inhibition("rule=count_mismatch", "rule=batch_vanished", "team")


@pytest.mark.parametrize(
    ("alert", "others", "configured", "held"),
    [
        pytest.param(TARGET, [SOURCE], [PLAIN], True, id="as configured"),
        pytest.param(TARGET, [resolved(SOURCE)], [PLAIN], False, id="the source is over"),
        pytest.param(BARE, [SOURCE], [PLAIN], False, id="one side lacks the label"),
        pytest.param(
            BARE,
            [make_alert("count_mismatch", rule="count_mismatch")],
            [PLAIN],
            False,
            id="both lack it",
        ),
        pytest.param(
            TARGET, [TARGET], [inhibition("rule=~.+", "rule=~.+")], False, id="not by itself"
        ),
        pytest.param(
            TARGET,
            [SOURCE],
            [inhibition("rule=~.+", "rule=~.+")],
            False,
            id="two that would explain each other",
        ),
        pytest.param(
            TARGET,
            [SOURCE],
            [PLAIN, inhibition("rule=batch_vanished", "rule=count_mismatch")],
            False,
            id="nor by two sentences",
        ),
        pytest.param(
            TARGET, [SOURCE], [inhibition("rule=other", "rule=~.+")], False, id="another source"
        ),
    ],
)
def test_what_the_configuration_says(
    alert: Alert, others: list[Alert], configured: list[Inhibition], held: bool
) -> None:
    assert (inhibited_by(alert, others, configured) is not None) is held


RING = [
    inhibition("rule=a", "rule=b", "batch"),
    inhibition("rule=b", "rule=c", "batch"),
    inhibition("rule=c", "rule=a", "batch"),
    inhibition("rule=c", "rule=d", "batch"),
]


@pytest.mark.parametrize(
    ("fires", "held"),
    [
        pytest.param("abc", "", id="a whole circle holds back none of it"),
        pytest.param("abcd", "d", id="but what it leads to"),
        pytest.param("ab", "b", id="a part of it is no circle"),
        pytest.param("bcd", "cd", id="nor is a chain"),
    ],
)
def test_nobody_is_silenced_by_a_circle(fires: str, held: str) -> None:
    alerts = [make_alert(name, rule=name) for name in fires]
    assert [each.rule for each in alerts if inhibited_by(each, alerts, RING)] == list(held)
