"""What a story does, what is expected of it, and what is said when that is not so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.app.ruletest import shown
from monitor.app.ruletest.comparing import misses
from monitor.app.ruletest.files import is_own, read_tests
from monitor.app.ruletest.play import Played
from monitor.app.ruletest.run import Result, Runner, runner
from monitor.app.ruletest.vendors import Vendors
from monitor.core.alert import AlertState
from monitor.errors import ConfigError
from tests.builders import NOON


@pytest.fixture(scope="module")
def played() -> Iterator[Runner]:
    with runner() as made:
        yield made


def written(path: Path, timeline: str, expect: str = "10:00 nothing", more: str = "") -> Path:
    file = path / "story.toml"
    texts = f'timeline = """\n{timeline}\n"""\nexpect = """\n{expect}\n"""'
    file.write_text(f'[[test]]\nname = "it"\n{texts}\n{more}\n')
    return file


def run(runner_: Runner, path: Path, timeline: str, expect: str, more: str = "") -> Result:
    (test,) = read_tests(written(path, timeline, expect, more), None)
    return runner_.run(test)


def play(runner_: Runner, path: Path, timeline: str, more: str = "") -> Played:
    (test,) = read_tests(written(path, timeline, more=more), None)
    return runner_.play(test)


def refusal(path: Path, timeline: str, expect: str = "10:00 nothing", more: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        read_tests(written(path, timeline, expect, more), None)
    return str(caught.value).replace(str(path), "")


SPIKE = 'rules = ["error_spike"]'
FAILS = "10:00 100 people\n10:01..10:05 calls failed every 6s"


@pytest.fixture(scope="module")
def spike(played: Runner, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The course of a spike, with what stands at 10:01, 10:03 and 10:05."""
    path = tmp_path_factory.mktemp("spike")
    expect = "10:01..10:03 error_spike fires\n10:00..10:05 error_spike fires"
    (test,) = read_tests(written(path, FAILS, expect, SPIKE), None)
    return played.play(test)


def test_what_is_expected_and_comes_is_well(played: Runner, tmp_path: Path) -> None:
    result = run(played, tmp_path, FAILS, "10:05 error_spike fires, tells ops", SPIKE)

    assert result.ok
    assert [(each.what, each.rule) for each in result.events] == [
        ("pends", "error_spike"),
        ("fires", "error_spike"),
        ("tells", "error_spike"),
    ]


@pytest.mark.parametrize(
    ("expect", "got"),
    [
        pytest.param("10:05 nothing", "error_spike firing on Batch", id="it fires"),
        pytest.param("10:00..10:05 nothing", "error_spike firing on Batch", id="it begins to"),
        pytest.param("10:05 error_spike quiet", "error_spike firing on Batch", id="not quiet"),
        pytest.param("10:01..10:05 error_spike quiet", "error_spike firing", id="never quiet"),
        pytest.param(
            "10:01 error_spike fires", "it cannot tell: only 1 call in 10 min", id="too early"
        ),
        pytest.param("10:03..10:05 error_spike fires", "since 10:01:50", id="it began so"),
        pytest.param("10:05 error_spike fires n=9", "n is 41", id="another number"),
        pytest.param("10:05 error_spike fires severity=info", "severity is critical", id="weight"),
        pytest.param("10:05 error_spike fires on=may", "no such subject", id="another batch"),
        pytest.param("10:05 error_spike tells nobody", "told: ops", id="somebody is told"),
        pytest.param(
            "10:05 error_spike says 'busy'", "41 of 41 calls failed", id="another sentence"
        ),
        pytest.param("10:05 error_spike resolves", "firing on Batch", id="not over"),
        pytest.param("10:05 error_spike fires, unknown 'x'", "it holds", id="it can tell"),
    ],
)
def test_what_is_not_as_expected_is_told_with_what_came(
    spike: Played, tmp_path: Path, expect: str, got: str
) -> None:
    text = f"10:05 error_spike fires\n{expect}"
    (test,) = read_tests(written(tmp_path, FAILS, text, SPIKE), None)

    (miss,) = misses(test.expected, spike, test.origin.zone)
    assert miss.line == 9
    assert got in miss.got


def test_what_a_rule_saw_is_told_after_the_story_is_over(played: Runner, tmp_path: Path) -> None:
    late = "10:01 10 calls no_answer retry=+10m\n10:20 6 calls completed again\n10:28 nothing"
    expect = "10:28 stalled_retries fires"
    more = 'rules = ["stalled_retries"]'
    (miss,) = run(played, tmp_path, f"10:00 10 people, 5 lines\n{late}", expect, more).misses

    assert miss.got == (
        "it cannot tell: they are being caught up with "
        "(4 retries are late, the oldest by 17 min; 5 of 5 lines free)"
    )


def test_an_alert_that_no_line_expects_fails(played: Runner, tmp_path: Path) -> None:
    result = run(played, tmp_path, FAILS, "10:00 nothing", SPIKE)

    (miss,) = result.misses
    assert (miss.line, miss.expected) == (None, "no line expects anything of error_spike")
    assert miss.got.startswith("it fired at 10:01:50 on Batch: the")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("10:05 20 cals failed", "nothing that can happen", id="word"),
        pytest.param("10:05 20 calls faild", 'did you mean "failed"?', id="outcome"),
        pytest.param("10:05 call failed eror=x", 'did you mean "error"?', id="key"),
        pytest.param("10:05 batch pausd", 'did you mean "paused"?', id="status"),
        pytest.param("25:05 call failed", "25:05 is no time of day", id="time"),
        pytest.param("ten call failed", "'ten' is no time", id="no time"),
        pytest.param("10:05..10:01 call failed", "ends before it begins", id="order"),
        pytest.param("10:05 call failed every 0s", "would never end", id="every nothing"),
        pytest.param("10:05 call failed error='x", "is a quote open?", id="quote"),
        pytest.param("10:05 3 people,", "says nothing between two commas", id="comma"),
        pytest.param("10:01..10:05 9 calls busy every 3s", "not all three", id="too much"),
        pytest.param("10:05 999999999 people", "are more than 100,000", id="many"),
        pytest.param("10:05 call failed retry=soon", None, id="seen when it is played"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, said: str | None) -> None:
    if said is None:
        assert read_tests(written(tmp_path, f"10:00 9 people\n{line}"), None)
        return
    text = refusal(tmp_path, f"10:00 9 people\n{line}")

    assert text.startswith(f"/story.toml:5: {line.strip()}: ")
    assert said in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("10:05 error_spik fires", 'did you mean "error_spike"?', id="rule"),
        pytest.param("10:05 error_spike burns", "nothing that can be expected", id="verb"),
        pytest.param("10:05 error_spike tells nobody_else", "there is no receiver", id="receiver"),
        pytest.param("10:05 error_spike fires n=many", "n=many is no number", id="number"),
        pytest.param("10:05 error_spike fires severity=hot", "no severity 'hot'", id="severity"),
        pytest.param("10:05 error_spike says", "write says 'a part of the text'", id="no text"),
        pytest.param("10:05 nothing, error_spike fires", "stands alone", id="nothing and more"),
    ],
)
def test_an_expectation_that_cannot_be_read_is_named(tmp_path: Path, line: str, said: str) -> None:
    text = refusal(tmp_path, "10:00 9 people", f"10:00 nothing\n{line}")

    assert text.startswith(f"/story.toml:8: {line}: ")
    assert said in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("10:05 10 calls busy", "nobody waits to be called any more", id="nobody left"),
        pytest.param("10:05 call busy to=anna", "nobody is called anna", id="no such person"),
        pytest.param("10:05 2 calls end busy", "no call is under way", id="no call"),
        pytest.param("10:05 may: call busy", "there is no batch 'may'", id="no batch"),
        pytest.param("10:05 person anna phone=12", "is no phone number", id="number"),
        pytest.param("10:05 call completed cost=dear", "is no amount of money", id="money"),
    ],
)
def test_what_cannot_happen_is_told_when_it_should(
    played: Runner, tmp_path: Path, line: str, said: str
) -> None:
    (test,) = read_tests(written(tmp_path, f"10:00 9 people\n{line}\n10:06 nothing"), None)

    with pytest.raises(ConfigError, match=said) as caught:
        played.run(test)

    assert caught.value.problems[0].line == 5


def test_unknown_keys_and_bad_values_have_their_line(tmp_path: Path) -> None:
    assert 'story.toml:9: test[1].tik: unknown key (did you mean "tick"?)' in refusal(
        tmp_path, "10:00 9 people", more='tik = "1m"'
    )
    assert "no rule 'eror_spike' runs here" in refusal(
        tmp_path, "10:00 9 people", more='rules = ["eror_spike"]'
    )
    assert "vendor: 'blend' cannot be taken on its defaults (did you mean \"bland\"?)" in refusal(
        tmp_path, "10:00 9 people", more='vendor = "blend"'
    )
    assert "batches.may.provider: there is no provider" in refusal(
        tmp_path, "10:00 may: 9 people", more='[test.batches.may]\nprovider = "x"'
    )


def test_rules_of_the_file_itself_are_read_as_a_configuration_is(tmp_path: Path) -> None:
    more = f"{SPIKE}\n[rules.error_spike]\nthreshhold = 0.1"

    assert 'unknown key (did you mean "threshold"?)' in refusal(
        tmp_path, "10:00 9 people", more=more
    )


def test_its_own_limits_and_routes_count(played: Runner, tmp_path: Path) -> None:
    more = f"""{SPIKE}
[rules.error_spike]
streak = 3
[receivers.ops]
kind = "slack"
[receivers.night]
kind = "email"
[[routes]]
match = ["rule=error_spike"]
receivers = ["night"]
group_wait = "30s"
[[routes]]
receivers = ["ops"]
"""
    result = run(
        played,
        tmp_path,
        "10:00 9 people\n10:01 3 calls failed every 1s",
        "10:01:10 error_spike fires, tells nobody\n10:01:40 error_spike tells night",
        more,
    )

    assert result.ok, result.misses


def test_a_story_leaves_nothing_behind(played: Runner, tmp_path: Path) -> None:
    brief = "10:00 9 people\n10:01 8 calls failed every 1s\n10:02 nothing"
    first = run(played, tmp_path, brief, "10:02 error_spike fires", SPIKE)
    second = run(played, tmp_path, brief, "10:02 error_spike fires", SPIKE)

    assert first == second


def test_a_slower_clock_comes_to_the_same_a_little_later(played: Runner, tmp_path: Path) -> None:
    more = f'{SPIKE}\ntick = "1m"'
    quick = play(played, tmp_path, FAILS, SPIKE)
    slow = play(played, tmp_path, FAILS, more)

    def moves(of: Played) -> list[AlertState]:
        return [each.after for each in of.transitions]

    assert moves(quick) == moves(slow)
    assert slow.transitions[-1].at >= quick.transitions[-1].at


def test_who_names_a_vendor_or_a_rule_needs_no_configuration(tmp_path: Path) -> None:
    assert not is_own(written(tmp_path, "10:00 9 people"))
    assert is_own(written(tmp_path, "10:00 9 people", more='vendor = "bland"'))
    assert is_own(written(tmp_path, "10:00 9 people", more="[rules.error_spike]"))


def watched(runner_: Runner, path: Path, timeline: str, more: str) -> Vendors:
    """The vendors of a story after all of it has happened; nothing is looked at."""
    (test,) = read_tests(written(path, timeline, more=more), None)
    made = Vendors(runner_._context(test).providers, test.batches, test.origin)
    for deed in sorted(test.deeds, key=lambda each: each.at):
        made.do(deed)
    return made


BOTH = "[test.batches.may]\n[test.batches.june]"


def test_people_of_another_batch_are_the_same_people(played: Runner, tmp_path: Path) -> None:
    story = "10:00 may: person ben phone=+491701234567, 2 people\n10:01 june: 2 people of=may"
    worlds = watched(played, tmp_path, story, BOTH).worlds

    may, june = worlds["may"].contacts, worlds["june"].contacts
    assert [each.phone_hash for each in june.values()] == [
        each.phone_hash for each in list(may.values())[:2]
    ]
    assert may["ben"].phone == "••4567"
    assert may["ben"].country == "DE"


def test_a_name_is_the_same_person_in_every_batch(played: Runner, tmp_path: Path) -> None:
    story = "10:00 may: person anna\n10:00 june: person anna, person ben"
    worlds = watched(played, tmp_path, story, BOTH).worlds

    hashes = {each: worlds[each].contacts["anna"].phone_hash for each in worlds}
    assert hashes["may"] == hashes["june"] != worlds["june"].contacts["ben"].phone_hash


def test_a_call_holds_a_line_before_it_ends(played: Runner, tmp_path: Path) -> None:
    story = "10:00 9 people\n10:05 call completed lasted=3m\n10:03 nothing"
    (test,) = read_tests(written(tmp_path, story), None)

    assert [(f"{each.at:%H:%M}", each.what) for each in test.deeds][1:3] == [
        ("10:02", "begin"),
        ("10:05", "end"),
    ]


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        pytest.param("3 calls failed", ["10:01:00"] * 3, id="at once"),
        pytest.param(
            "3 calls failed every 10s", ["10:01:00", "10:01:10", "10:01:20"], id="one after another"
        ),
        pytest.param("call failed", ["10:01:00"], id="one"),
    ],
)
def test_when_calls_end(tmp_path: Path, line: str, ends: list[str]) -> None:
    (test,) = read_tests(written(tmp_path, f"10:00 9 people\n10:01 {line}"), None)

    assert [f"{each.at:%H:%M:%S}" for each in test.deeds[1:]] == ends


def test_when_calls_end_over_a_time(tmp_path: Path) -> None:
    story = "10:00 9 people\n10:01..10:02 3 calls busy\n10:03..10:04 calls busy every 25s"
    (test,) = read_tests(written(tmp_path, story), None)

    assert [f"{each.at:%H:%M:%S}" for each in test.deeds[1:]] == [
        *("10:01:00", "10:01:30", "10:02:00"),
        *("10:03:00", "10:03:25", "10:03:50"),
    ]


def test_a_share_is_spread_evenly(tmp_path: Path) -> None:
    (test,) = read_tests(written(tmp_path, "10:00 9 people\n10:01 8 calls 25% failed"), None)

    ends = [each.word for each in test.deeds if each.what in {"call", "end"}]
    assert sorted(ends) == ["completed"] * 6 + ["failed"] * 2
    assert [each.word for each in test.deeds if each.what == "call"] == ["failed"] * 2


def test_of_a_share_only_those_are_called_again_whom_it_did_not_reach(tmp_path: Path) -> None:
    story = "10:00 9 people\n10:01 8 calls 25% busy retry=+5m"
    (test,) = read_tests(written(tmp_path, story), None)

    again = {each.word for each in test.deeds if "retry" in each.given}
    assert again == {"busy"}


def test_a_vendor_shows_what_it_can_tell_and_no_more(played: Runner, tmp_path: Path) -> None:
    story = (
        "10:00 person anna\n10:01 call voicemail to=anna lasted=20s cost=0.12 sentiment=positive"
    )
    shows = {}
    for vendor in ("graine", "bland", "vogent"):
        worlds = watched(played, tmp_path, story, f'vendor = "{vendor}"').worlds
        ((item,),) = [shown.items(each, NOON) for each in worlds.values()]
        shows[vendor] = item.calls[0]

    assert [shows[each].answered_by is None for each in shows] == [True, False, False]
    assert [shows[each].cost_micros for each in shows] == [120_000, None, None]
    assert [shows[each].sentiment is None for each in shows] == [False, True, True]
    assert [shows[each].started_at is None for each in shows] == [True, False, False]


def test_times_after_midnight_are_of_the_next_day(tmp_path: Path) -> None:
    more = 'start = "2026-06-10 23:30"\ntimezone = "Europe/Berlin"'
    story = "23:30 9 people\n00:15 call busy\n2026-06-12T08:00 call busy\n+40h call busy"
    (test,) = read_tests(written(tmp_path, story, "23:40 nothing", more), None)

    assert [f"{each.at:%d %H:%M}" for each in test.deeds] == [
        "10 21:30",
        "10 22:15",
        "12 06:00",
        "12 13:30",
    ]


def test_what_stands_still_is_read_again_now_and_then(played: Runner, tmp_path: Path) -> None:
    held = "10:00 50 people, 5 lines\n10:01 5 calls begin\n10:50 nothing"
    expect = "10:35 call_stuck quiet\n10:50 call_stuck fires affected=5"

    assert run(played, tmp_path, held, expect, 'rules = ["call_stuck"]').ok


def test_rates_say_what_calls_cost_where_the_vendor_does_not(
    played: Runner, tmp_path: Path
) -> None:
    talks = (
        "10:00 100 people\n10:01 20 calls completed lasted=60s, 5 calls no_answer\n10:02 nothing"
    )
    tables = """
rules = ["cost_overrun"]
[providers.surveys]
vendor = "bland"
rates = { minute = "0.10 USD", attempt = "0.02 USD" }
[rules.cost_overrun]
budget = "2.49 USD"
"""
    expect = "10:02 cost_overrun fires value=2.5 threshold=2.49"

    assert run(played, tmp_path, talks, expect, tables).ok


@pytest.mark.parametrize("name", ["a", "an", "b"])
def test_a_person_may_be_called_by_any_word(played: Runner, tmp_path: Path, name: str) -> None:
    story = f"10:00 a person {name}, person bob\n10:01..10:02 2 calls failed to={name}"
    result = run(played, tmp_path, story, "10:02 nothing")

    assert result.ok
