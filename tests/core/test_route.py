import pytest

from monitor.core.route import Matcher, all_match, parse_matcher

LABELS = {"severity": "critical", "provider": "renewals", "batch_name": "VIP Berlin"}


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        pytest.param("severity=critical", Matcher("severity", "=", "critical"), id="equal"),
        pytest.param("severity != info", Matcher("severity", "!=", "info"), id="spaces"),
        pytest.param("batch_name=~VIP .*", Matcher("batch_name", "=~", "VIP .*"), id="pattern"),
        pytest.param('team!~"a|b"', Matcher("team", "!~", "a|b"), id="quoted"),
        pytest.param("team=a=b", Matcher("team", "=", "a=b"), id="an equals sign in the value"),
        pytest.param("team=", Matcher("team", "=", ""), id="the empty value"),
    ],
)
def test_matchers_are_read_as_people_write_them(text: str, matcher: Matcher) -> None:
    assert parse_matcher(text) == matcher


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("severity", "is not a matcher", id="no operator"),
        pytest.param("=critical", "is not a matcher", id="no label"),
        pytest.param("a b=c", "is not a matcher", id="a space in the label"),
        pytest.param("batch_name=~VIP (", "the pattern cannot be read", id="a bad pattern"),
    ],
)
def test_what_is_no_matcher_says_why(text: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_matcher(text)

    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        pytest.param("severity=critical", True, id="equal"),
        pytest.param("severity!=critical", False, id="not equal"),
        pytest.param("batch_name=~VIP", False, id="patterns are anchored"),
        pytest.param("batch_name=~VIP .*", True, id="a whole pattern"),
        pytest.param("batch_name!~(?i)vip .*", False, id="not like"),
        pytest.param("team=", True, id="what is not there is empty"),
        pytest.param("team=~.+", False, id="and not something"),
    ],
)
def test_a_matcher_judges_labels(text: str, *, matches: bool) -> None:
    assert parse_matcher(text).matches(LABELS) is matches


def test_all_matchers_must_hold_and_none_match_everything() -> None:
    provider, severity = parse_matcher("provider=renewals"), parse_matcher("severity=info")

    assert all_match((), LABELS)
    assert all_match((provider,), LABELS)
    assert not all_match((provider, severity), LABELS)
