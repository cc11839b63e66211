"""Conditions as people write them: what is read, and what is refused with which words."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import load
from monitor.config.expressions import MOST_LETTERS, read_condition, read_says
from monitor.config.hints import HintedError
from monitor.core.expression import Value
from monitor.core.names import MINUTES, MONEY, SHARE, TRUTH
from monitor.core.vocabulary import NAMES
from monitor.errors import ConfigError
from rules.expression import Expression


@pytest.mark.parametrize(
    ("text", "values", "is_so"),
    [
        pytest.param(
            "failed_share > 0.2 and finished >= 50",
            {"failed_share": 0.21, "finished": 50},
            True,
            id="share and sample",
        ),
        pytest.param(
            "failed_share > 0.2 and finished >= 50",
            {"failed_share": 0.2, "finished": 50},
            False,
            id="at the limit",
        ),
        pytest.param("hour >= 22 or hour < 6", {"hour": 5}, True, id="the night"),
        pytest.param("not (open) or hour == 9", {"open": True, "hour": 9}, True, id="truths"),
        pytest.param("not finished > 3", {"finished": 3}, True, id="not goes with what follows"),
        pytest.param(
            "waiting > 3 and open or hour > 20",
            {"waiting": 1, "open": False, "hour": 21},
            True,
            id="and before or",
        ),
        pytest.param("failed + busy * 2 > 10", {"failed": 1, "busy": 5}, True, id="times first"),
        pytest.param(
            "spent / people_called > 2.5", {"spent": 6, "people_called": 2}, True, id="each"
        ),
        pytest.param("failed - -1 > 2", {"failed": 2}, True, id="minus"),
        pytest.param(
            "spent > 2 * people_called", {"spent": 9, "people_called": 4}, True, id="so much each"
        ),
        pytest.param(
            "all_failed_share + 0.1 < failed_share",
            {"all_failed_share": 0.1, "failed_share": 0.3},
            True,
            id="shares",
        ),
        pytest.param("open == true", {"open": True}, True, id="a truth by name"),
    ],
)
def test_what_is_written_is_what_is_meant(
    text: str, values: dict[str, Value], *, is_so: bool
) -> None:
    condition = read_condition(text)

    assert condition.of(values) is is_so
    assert set(condition.names) == set(values)
    assert str(condition) == text


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        pytest.param("faild_share > 0.2", "'faild_share'", 'mean "failed_share"', id="misspelt"),
        pytest.param("FINISHED > 3", "'FINISHED'", 'mean "finished"', id="capitals"),
        pytest.param("xyzzy > 1", "'xyzzy'", "", id="nothing like it"),
        pytest.param("open AND open", "'AND'", "write and", id="a word in capitals"),
        pytest.param("failed_share > 20", "between 0 and 1", "20 % is 0.2", id="percent"),
        pytest.param("-0.1 < failed_share", "between 0 and 1", "", id="below nothing"),
        pytest.param(
            "failed_share > spent",
            "failed_share is a share and spent an amount of money: '>' takes two that",
            "a number, or a share, such as completed_share",
            id="other units",
        ),
        pytest.param("finished > failed_share", "finished is a count", "or a count", id="a count"),
        pytest.param("open or hour == weekday", "hour is an hour", "a number", id="of the clock"),
        pytest.param("failed + failed_share > 3", "'+' takes two that", "", id="a sum"),
        pytest.param(
            "spent > 2 + (idle_minutes - 3)", "idle_minutes a time", "spent_lately", id="in a sum"
        ),
        pytest.param("-spent > -idle_minutes", "spent is an amount", "", id="turned round"),
        pytest.param("idle_minutes > 10m", "'10m' at letter 16", "minutes: 10", id="a length"),
        pytest.param("idle_minutes > 1.5h", "'1.5h' at letter 16", "minutes: 90", id="hours"),
        pytest.param("finished and open", "finished is a number", "finished > 0", id="a number"),
        pytest.param("open > 1", "open is yes or no", "", id="a truth"),
        pytest.param("open == 1", "open is yes or no", "", id="a truth as a number"),
        pytest.param("(open and open) > 1", "do not go together", "", id="a truth inside"),
        pytest.param("finished + 1", "no condition", "", id="no condition"),
        pytest.param("2 > 1", "names nothing", "", id="no name"),
        pytest.param("finished = 3", "'=' at letter 10", "== compares", id="one equals sign"),
        pytest.param("finished > 20 %", "'%' at letter 15", "0.2", id="a percent sign"),
        pytest.param("open && open", "'&&' at letter 6", "write and", id="other languages' and"),
        pytest.param("finished ** 9 > 1", "'**' at letter 10", "", id="a power"),
        pytest.param("finished =~ 'x'", "'=~' at letter 10", "", id="a pattern"),
        pytest.param("open.real > 1", "'.real' at letter 5", "", id="an attribute"),
        pytest.param("[open for open in open]", "'[open'", "", id="a loop"),
        pytest.param("$now > 1", "'$now' at letter 1", "", id="a builtin"),
        pytest.param("open ? open : open", "'?' at letter 6", "", id="a choice"),
        pytest.param("finished > 1e5", "'1e5'", "", id="an exponent"),
        pytest.param("open and", "ends too early", "", id="half of it"),
        pytest.param("(open", "ends too early", "", id="an open bracket"),
        pytest.param("open)", "from ')' (letter 5)", "", id="a bracket too many"),
        pytest.param("1 < finished < 3", "from '<' (letter 14)", "", id="a chain"),
        pytest.param("finished > 1/0", "cannot be reckoned with", "", id="by nothing"),
        pytest.param("", "ends too early", "", id="nothing"),
        pytest.param("finished > " + "9" * 400, "far too large", "", id="a huge number"),
        pytest.param("open or " * 60 + "open", "100 steps", "", id="many steps"),
        pytest.param("open" + " " * MOST_LETTERS, "longer than 500", "", id="very long"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(text: str, said: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        read_condition(text)

    found = caught.value.hint if isinstance(caught.value, HintedError) else None
    assert hint in (found or "")


def test_brackets_may_be_many() -> None:
    assert read_condition("(" * 240 + "open" + ")" * 240).of({"open": True}) is True


PIECES = st.sampled_from(
    [*NAMES, *"()+-*/<>", "<=", ">=", "==", "!=", "and", "or", "not", "0.5", "50", "true", " "]
)


@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=60))
def test_whatever_is_written_it_is_read_or_refused_and_judged_in_no_time(text: str) -> None:
    try:
        condition = read_condition(text)
    except ValueError:
        return
    truths = {name: NAMES[name].kind == TRUTH for name in condition.names}
    values: dict[str, Value] = {name: True if truth else 1.0 for name, truth in truths.items()}

    assert condition.of(values) in {True, False, None}
    assert condition.of(dict.fromkeys(values)) is not False


def test_the_longest_condition_is_judged_in_no_time() -> None:
    condition = read_condition(" or ".join(["hour > 1"] * 25))
    began = time.process_time()
    for _ in range(100):
        condition.of({"hour": 0.0})

    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("{faild} calls", "'faild'", id="misspelt"),
        pytest.param("{failed!r}", "plain names", id="converted"),
        pytest.param("{failed:>30}", "plain names", id="formatted"),
        pytest.param("{failed.real}", "'failed.real'", id="an attribute"),
        pytest.param("{0}", "'0'", id="a place"),
        pytest.param("{", "a brace too many or too few", id="half a brace"),
        pytest.param(" ", "one line", id="nothing"),
        pytest.param("a\nb", "one line", id="two lines"),
        pytest.param("x" * 301, "one line", id="very long"),
    ],
)
def test_a_sentence_that_cannot_be_said_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_says(text)


def test_a_brace_itself_is_written_twice() -> None:
    assert read_says("{{{failed}}} failed").with_values({"failed": "3"}) == "{3} failed"


FILE = """
[providers.renewals]
vendor = "graine"
api_key = "key"

[receivers.ops]
kind = "slack"
webhook_url = "https://hooks.slack.com/services/T0/B0/x"

[rules.too_dear]
rule = "expression"
when = "{when}"
says = "{says}"

[[rules.too_dear.override]]
match = ["batch_name=~VIP .*"]
when = "spent_per_completed > 9"
"""


def written(tmp_path: Path, when: str, says: str = "{spent} spent") -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE.replace("{when}", when).replace("{says}", says))
    path.chmod(0o600)
    return path


def test_a_rule_of_the_users_own_is_loaded_with_its_conditions(tmp_path: Path) -> None:
    config = load(written(tmp_path, "spent_per_completed > 4"), environ={})
    (instance,) = (each for each in config.rules if each.name == "too_dear")
    rule, vip = instance.settings.rule, instance.overrides[0][1].rule

    assert isinstance(rule, Expression)
    assert isinstance(vip, Expression)
    assert (str(rule.when), str(vip.when)) == ("spent_per_completed > 4", "spent_per_completed > 9")
    assert str(vip.says) == "{spent} spent"
    assert "expression" not in {each.name for each in config.rules}


@pytest.mark.parametrize(
    ("when", "says", "place"),
    [
        pytest.param("spend > 4", "{spent}", "12: rules.too_dear.when", id="condition"),
        pytest.param("spent > 4", "{spend}", "13: rules.too_dear.says", id="sentence"),
    ],
)
def test_a_misspelt_name_stops_the_start_by_file_line_and_key(
    tmp_path: Path, when: str, says: str, place: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, when, says), environ={})

    said = str(caught.value)
    assert f"config.toml:{place}: there is no 'spend' to speak of" in said
    assert 'did you mean "spent"?' in said


def test_what_is_measured_otherwise_stops_the_start_by_file_line_and_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, "failed_share > spent"), environ={})

    said = str(caught.value)
    assert "config.toml:12: rules.too_dear.when: failed_share is a share and spent an" in said
    assert "a number, or a share, such as completed_share" in said


def test_a_rule_without_its_condition_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    path.write_text(re.sub('(?m)^when = ""$', "", path.read_text()))

    with pytest.raises(ConfigError, match=r"rules\.too_dear\.when: is missing"):
        load(path, environ={})


@pytest.mark.parametrize("name", NAMES)
def test_every_name_says_what_it_is_and_can_be_written(name: str) -> None:
    entry = NAMES[name]
    least = {SHARE: "0.5", TRUTH: "true"}.get(entry.unit, "2")

    assert read_condition(f"{name} == {least}").names == (name,)
    assert entry.meaning[0].islower()
    assert not entry.meaning.endswith(".")
    assert len(entry.meaning) <= 70
    assert (entry.unit == MINUTES) is name.endswith("_minutes")
    assert (entry.unit == SHARE) is name.endswith("_share")
    assert (entry.unit == MONEY) is name.startswith("spent")
