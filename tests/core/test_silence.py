"""What a silence covers, when it stands, and what nobody can ask for."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.compose import labels_of
from monitor.core.pattern import pattern_problem
from monitor.core.route import parse_matcher
from monitor.core.rule import Severity, SubjectKind
from monitor.core.silence import LONGEST, BatchRun, Silence, Source, acknowledged_by, silenced_by
from monitor.core.wish import (
    LATEST,
    SilenceError,
    Wish,
    acknowledgement,
    granted,
    in_words,
    preview_text,
    read_matchers,
)
from tests.builders import HOUR, NOON, SECOND
from tests.delivering import make_alert, make_subject

LAW = frozenset({"outside_calling_hours"})
RUN = BatchRun(provider="renewals", batch="btc_1", run=1)


def wish(*matchers: str, **changes: Any) -> Wish:
    values: dict[str, Any] = {
        "author": "ada",
        "source": Source.CLI,
        "comment": "carrier is being changed",
        "matchers": tuple(map(parse_matcher, matchers)),
        "lasts": HOUR,
    }
    return Wish(**values | changes)


def make_silence(*matchers: str, **changes: Any) -> Silence:
    return granted(wish(*matchers or ("rule=error_spike",), **changes), NOON)


def test_a_silence_has_all_that_was_asked_for() -> None:
    made = make_silence("rule=error_spike", "batch=btc_1", comment="a\nb\u202e c")

    assert made.ends_at == NOON + HOUR
    assert (made.author, made.comment) == ("ada", "a b c")
    assert len(made.id) == 10
    assert made == make_silence("rule=error_spike", "batch=btc_1", comment="a b c")
    assert made.id != make_silence("rule=error_spike", "batch=btc_2", comment="a b c").id
    assert in_words(made) == "rule=error_spike batch=btc_1 until 2026-06-10 13:00:00 UTC: a b c"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        pytest.param(wish(), "say what is to be silent", id="nothing"),
        pytest.param(wish("rule=x", author=" \u200b"), "say who you are", id="nobody"),
        pytest.param(wish("rule=x", author="x" * 81), "longer than 80", id="a long name"),
        pytest.param(wish("rule=x", comment="\n "), "say why", id="no reason"),
        pytest.param(wish("rule=x", comment="x" * 301), "longer than 300", id="a long reason"),
        pytest.param(wish("rule=x", lasts=None), "needs an end", id="no end"),
        pytest.param(wish("rule=x", ends_at=NOON + HOUR), "one end", id="two ends"),
        pytest.param(wish("rule=x", lasts=LONGEST + SECOND), "at most 7 days", id="too long"),
        pytest.param(
            wish("rule=x", lasts=None, ends_at=NOON + LONGEST + SECOND), "at most 7", id="too late"
        ),
        pytest.param(wish("rule=x", lasts=None, ends_at=NOON), "before it begins", id="over"),
        pytest.param(wish("rule=x", lasts=timedelta(0)), "before it begins", id="no time"),
        pytest.param(
            wish("rule=x", starts_at=NOON + LATEST + SECOND), "at most 30 days", id="far ahead"
        ),
        pytest.param(wish(*["rule=x"] * 11), "more than 10", id="too many"),
        pytest.param(wish(f"rule={'x' * 301}"), "longer than 300", id="a long value"),
        pytest.param(wish("rule=~(a+)+"), "repeats what itself", id="an endless pattern"),
        pytest.param(
            wish("provider=other", until_end_of=RUN), "not of the batch", id="two batches"
        ),
    ],
)
def test_what_is_no_silence_is_refused_with_what_to_write(asked: Wish, says: str) -> None:
    with pytest.raises(SilenceError, match=says):
        granted(asked, NOON)


def test_a_label_that_nothing_sets_is_refused() -> None:
    with pytest.raises(SilenceError, match="no label 'ruel'") as refused:
        granted(wish("ruel=x"), NOON, {"rule", "batch"})
    assert refused.value.hint == "there are: batch, rule"


EVERYTHING = [
    "rule=~.*",
    "rule=~.+",
    "batch=~.*",
    "batch_name=~[^~]*",
    "provider=~[a-z].*",
    "rule=~[a-z_]+",
    "severity=~info|warning|critical",
    "vendor=~.{1,}",
    "provider=~.{3,}",
    "batch=~.{2,}",
    "batch_name=~.*\\w.*",
    "rule=~.*_.*",
    "rule=~.{5,}",
    "rule!=error_spike",
    "rule!~error_.*",
    "batch_name=",
    "campaign=",
]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("rule=~" + "(" * 290 + ")" * 290, id="nested"),
        pytest.param("rule=~" + "(" * 20_000, id="endlessly"),
        pytest.param("rule=" + "x" * 60_000, id="long"),
        pytest.param("x" * 60_000, id="no matcher"),
        pytest.param("rule=~a{1,99999999999}", id="often"),
        pytest.param("rule=~[", id="broken"),
    ],
)
def test_what_is_no_matcher_is_refused_in_a_few_words(text: str) -> None:
    with pytest.raises(SilenceError) as refused:
        granted(wish(matchers=read_matchers(["batch=btc_1", text])), NOON)
    assert len(str(refused.value)) < 1_000


@pytest.mark.parametrize("matcher", EVERYTHING)
def test_what_would_silence_everything_is_refused_unless_a_batch_is_named(matcher: str) -> None:
    with pytest.raises(SilenceError, match="silence everything"):
        granted(wish(matcher), NOON)

    named = granted(wish(matcher, "batch=btc_1"), NOON)
    until = granted(wish(matcher, lasts=None, until_end_of=RUN), NOON)

    assert named.ends_at is not None
    assert until.ends_at is None


@pytest.mark.parametrize(
    "matcher",
    ["rule=error_spike", "severity=warning", "severity=~info|warning", "batch_name=~(?i).*test.*"],
)
def test_what_selects_is_enough_on_its_own(matcher: str) -> None:
    assert granted(wish(matcher), NOON).matchers == (parse_matcher(matcher),)


def test_one_until_a_batch_ends_holds_back_what_is_of_that_batch_only() -> None:
    made = make_silence("rule=error_spike", lasts=None, until_end_of=RUN)
    other = make_alert(subject=make_subject(id="btc_2"))

    assert [each.label for each in made.matchers] == ["provider", "batch", "rule"]
    assert silenced_by(make_alert(), [made], NOON, LAW) is made
    assert silenced_by(other, [made], NOON, LAW) is None


def test_of_two_ends_whichever_comes_first_ends_it() -> None:
    made = make_silence("rule=error_spike", until_end_of=RUN)

    assert (made.ends_at, made.until_end_of) == (NOON + HOUR, RUN)
    assert "until 2026-06-10 13:00:00 UTC or batch btc_1 ends" in in_words(made)


def test_a_batch_is_named_as_matchers_see_it() -> None:
    odd = BatchRun(provider="renewals", batch="a\u200b  b" + "c" * 400, run=1)
    made = make_silence("rule=error_spike", lasts=None, until_end_of=odd)

    assert silenced_by(make_alert(subject=make_subject(id=odd.batch)), [made], NOON, LAW) is made


def test_offhooks_own_troubles_must_be_named() -> None:
    trouble = make_alert("self_delivery_failed", rule="self_delivery_failed")
    broad = make_silence("provider=renewals")
    named = make_silence("rule=self_delivery_failed")

    assert silenced_by(trouble, [broad], NOON, LAW) is None
    assert silenced_by(trouble, [broad, named], NOON, LAW) is named


@pytest.mark.parametrize(
    ("matcher", "named"),
    [
        ("rule=~.*", False),
        ("rule=~.+_failed", False),
        ("rule=~[^x]+", False),
        ("rule!=error_spike", False),
        ("rule=~self_.*", True),
        ("rule=~error_spike|self_delivery_failed", True),
    ],
)
def test_a_pattern_for_any_rule_names_none_of_offhooks_own(matcher: str, *, named: bool) -> None:
    subject = make_subject(kind=SubjectKind.PROVIDER, id="")
    trouble = make_alert("self_delivery_failed", rule="self_delivery_failed", subject=subject)
    made = make_silence(matcher, "provider=renewals")

    assert silenced_by(trouble, [made], NOON, LAW) is (made if named else None)


@pytest.mark.parametrize(
    ("matcher", "named"),
    [
        ("severity=critical", False),
        ("rule=~.*", False),
        ("rule=~.*_hours", False),
        ("rule!=error_spike", False),
        ("batch_name!~outside_calling_hours", False),
        ("rule=outside_calling_hours", True),
        ("rule=at_night", True),
        ("rule=~error_spike|outside_calling_hours", True),
        ("rule=~at_night|x", True),
    ],
)
def test_what_the_law_asks_for_is_silenced_by_its_name_alone(matcher: str, *, named: bool) -> None:
    alert = make_alert("at_night", rule="outside_calling_hours")
    made = make_silence(matcher, "provider=renewals")

    assert silenced_by(alert, [made], NOON, LAW) is (made if named else None)
    assert made.fits(labels_of(alert), alert.rule)


@pytest.mark.parametrize(
    ("matcher", "named"),
    [
        ("rule=~(any_hours)?.*", False),
        ("rule=~(after-hours|hourly)?.*", False),
        ("rule=~all|hour", True),
        ("rule=~(hour)", True),
    ],
)
def test_a_short_name_is_not_meant_by_a_word_that_holds_it(matcher: str, *, named: bool) -> None:
    alert = make_alert("hour", rule="outside_calling_hours")
    made = make_silence(matcher, "provider=renewals")

    assert made.covers(labels_of(alert), alert.rule, LAW) is named


def test_what_is_left_out_of_a_silence_is_said() -> None:
    left = make_alert("at_night", rule="outside_calling_hours")

    assert preview_text([], [left]) == (
        "holds back no alert now, and not Renewals May (at_night): name that rule to silence it"
    )
    assert preview_text([make_alert()], [left, left]).endswith(
        "; 1 of them critical, and not Renewals May (at_night), Renewals May (at_night):"
        " name those rules to silence them"
    )


def test_of_several_the_one_that_lasts_longest_is_told() -> None:
    short, long = make_silence(), make_silence(lasts=2 * HOUR)
    until = make_silence(lasts=None, until_end_of=RUN)

    assert silenced_by(make_alert(), [short, long], NOON, LAW) is long
    assert silenced_by(make_alert(), [short, until, long], NOON, LAW) is until


def test_an_acknowledgement_is_of_one_episode() -> None:
    alert, next_one = make_alert(), make_alert(episode=2)
    ack = acknowledgement(alert, by="ada", source=Source.SLACK, comment="", now=NOON)

    assert acknowledged_by(alert, [ack], NOON) is ack
    assert acknowledged_by(next_one, [ack], NOON) is None
    assert silenced_by(alert, [ack], NOON, LAW) is None


def test_the_preview_names_the_heaviest_first_and_counts_the_rest() -> None:
    alerts = [make_alert(f"r{n}", severity=Severity.WARNING) for n in range(4)] + [make_alert()]

    assert preview_text([]) == "holds back no alert now"
    assert preview_text(alerts) == (
        "holds back 5 alerts now: Renewals May (error_spike), Renewals May (r0), "
        "Renewals May (r1), 2 more; 1 of them critical"
    )


@pytest.mark.parametrize(
    ("pattern", "good"),
    [
        pytest.param("(?i).*test.*", True, id="usual"),
        pytest.param("(?i).*(uat|test|demo).*", True, id="a choice"),
        pytest.param("(?:ab)+", True, id="a plain group repeated"),
        pytest.param("[(*+?]+", True, id="signs that mean themselves"),
        pytest.param(r"\(?=a", True, id="no look ahead"),
        pytest.param("(", False, id="not a pattern"),
        pytest.param("a{99999999999}", False, id="too large a number"),
        pytest.param("(a|aa)+b", False, id="a repeated choice"),
        pytest.param("((a?)b)*", False, id="within a group"),
        pytest.param(r"(a)\1", False, id="what it found"),
        pytest.param("(?=a).*", False, id="looks ahead"),
        pytest.param("(?x)a#)", False, id="another way of writing"),
        pytest.param("(a|a)" * 20, False, id="choices in a row"),
        pytest.param("a?" * 19, False, id="optional ones in a row"),
        pytest.param(".*.*.*x", False, id="three repeats"),
        pytest.param("a" * 201, False, id="long"),
    ],
)
def test_patterns_are_bounded(pattern: str, good: bool) -> None:
    assert (pattern_problem(pattern) is None) is good


PIECES = ["a", "b", ".", "[ab]", "(", "(?:", ")", "|", "*", "+", "?", "{1,}", "(?i)", r"\w"]


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join))
def test_no_pattern_that_is_taken_takes_long(pattern: str) -> None:
    if pattern_problem(pattern) is not None:
        return
    began = time.process_time()
    for label in ("a" * 300, "ab" * 149 + "c!"):
        re.fullmatch(pattern + "~", label)
    assert time.process_time() - began < 1.0


TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside it


@given(TIMES, st.timedeltas(timedelta(0), LATEST), st.timedeltas(SECOND, LONGEST), TIMES)
def test_every_silence_stands_from_its_start_until_its_end_and_no_longer(
    now: datetime, ahead: timedelta, lasts: timedelta, at: datetime
) -> None:
    made = granted(wish("rule=error_spike", starts_at=now + ahead, lasts=lasts), now)

    assert made.stands(at) is (now + ahead <= at < now + ahead + lasts)
    assert made.over_at() == now + ahead + lasts
    assert made.covers(labels_of(make_alert()), "error_spike", LAW)
