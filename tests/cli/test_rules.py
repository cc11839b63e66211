"""``offhook rules …``: what runs, what it says now, what is doubtful, and tests of rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor.app.ruletest.files import read_tests
from monitor.app.ruletest.play import play
from monitor.app.ruletest.run import runner
from monitor.store import providers
from monitor.store.engine import open_engine
from tests.cli.conftest import Offhook
from tests.pastbatches import ended_batches

CONFIG = """\
[monitor]
data_dir = "data"
[providers.renewals]
vendor = "graine"
api_key = "k"
[providers.reminders]
vendor = "bland"
api_key = "k"
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""
STORY = """\
[[test]]
name = "it"
start = "{start}"
timeline = '''
+0s       may: {people} people, 5 lines
+1m..+4m  may: 40 calls {failed}% failed lasted=0s
+5m       may: nothing
'''
expect = "+0s nothing"
[test.batches.may]
name = "Renewals May"
"""


def configured(path: Path, more: str = "") -> Path:
    file = path / "config.toml"
    file.write_text(CONFIG + more)
    file.chmod(0o600)
    return file


def lived(path: Path, failed: int = 50, people: int = 100) -> None:
    """A database in which a batch has run until now."""
    (path / "data").mkdir(mode=0o700)
    file = path / "data" / "offhook.db"
    file.write_bytes(_past(failed, people))
    file.chmod(0o600)


@cache
def _past(failed: int, people: int) -> bytes:
    start = datetime.now(UTC) - timedelta(minutes=5)
    with TemporaryDirectory() as folder, runner() as made:
        story, database = Path(folder, "past.toml"), Path(folder, "past.db")
        begun = f"{start:%Y-%m-%d %H:%M}"
        told = STORY.format(start=begun, failed=failed, people=people)
        story.write_text(told + CONFIG)
        (test,) = read_tests(story, None)
        engine = open_engine(database, create=True)
        with engine.begin() as conn:
            play(conn, made._context(test), test, [])
        engine.dispose()
        return database.read_bytes()


def test_every_rule_is_listed_with_where_it_can_hold(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path, '[rules.error_spike]\nmatch = ["provider=renewals"]\n')

    ran = offhook("rules", "list")

    assert ran.status == 0
    table = {line.split()[0]: line.split()[1:] for line in ran.out.splitlines() if line.strip()}
    assert table["batch_stalled"] == ["critical", "everywhere", "never"]
    assert table["error_spike"] == ["critical", "yes", "renewals", "never"]
    assert table["stalled_retries"] == ["warning", "retries", "renewals", "never"]
    assert table["transfers_failing"] == ["warning", "transfers", "reminders", "never"]
    assert table["self_clock_jumped"] == ["warning", "never"]
    assert table["cost_overrun"][-2:] == ["nowhere", "never"]
    assert "renewals, reminders: no limit is set: budget, per_hour or per_completed" in ran.out
    assert table["expression"] == ["warning", "not", "written"]
    assert "reminders: cannot see retries at Bland: " in ran.out
    assert "reminders: its match leaves it out: provider=renewals: error_spike" in ran.out


def test_rules_are_listed_though_the_database_cannot_be_read(
    offhook: Offhook, tmp_path: Path
) -> None:
    configured(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "offhook.db").touch(mode=0o600)

    ran = offhook("rules", "list")

    assert ran.status == 0
    assert "error_spike" in ran.out
    assert "when they last fired is not known: " in ran.err
    assert "holds no Offhook data yet" in ran.err


def test_the_list_as_data(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path, "[rules.batch_stalled]\nenabled = false\n[rules.error_spike]\n")
    lived(tmp_path)

    found = {each["name"]: each for each in offhook("rules", "list", "--json").json}

    assert found["batch_stalled"]["state"] == "off"
    assert found["expression"]["state"] == "not written"
    assert found["error_spike"]["written"]
    assert found["error_spike"]["fired"] == 1
    assert found["error_spike"]["last_fired"]
    assert [each["can"] for each in found["stalled_retries"]["where"]] == [True, False]
    assert found["stalled_retries"]["needs"] == ["retries"]


def test_a_rule_says_how_far_it_is_from_firing(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path)
    lived(tmp_path, failed=15)

    ran = offhook("rules", "explain", "error_spike")

    assert ran.status == 0
    assert "error_spike: never fired\n" in ran.out
    assert "threshold 0.25" in ran.out
    assert "Renewals May (may): clear" in ran.out
    assert "value 15 % (limit 25 %), n 40" in ran.out
    assert "10 points below its limit of 25 %" in ran.out
    assert "recover not set" in ran.out


def test_a_rule_that_fires_below_its_limit_says_so(offhook: Offhook, tmp_path: Path) -> None:
    table = '[rules.reached]\nrule = "outcome_rate"\noutcome = ["completed"]\n'
    configured(tmp_path, table + 'direction = "below"\nthreshold = 0.5\n')
    lived(tmp_path, failed=15)

    ran = offhook("rules", "explain", "reached")

    assert "value 85 % (limit 50 %), n 40" in ran.out
    assert "35 points above its limit of 50 %, below which it fires" in ran.out


def test_a_rule_that_holds_is_found(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path)
    lived(tmp_path)

    ran = offhook("rules", "explain", "error_spike", "--batch", "may", "--json")

    assert ran.status == 1
    ((said,),) = [each["said"] for each in ran.json]
    assert (said["title"], said["verdict"], said["alert"]) == ("Renewals May", "holds", "firing")
    assert said["limits"]["threshold"] == 0.25
    assert ran.json[0]["otherwise"] == ""
    told = offhook("rules", "explain", "error_spike").out
    assert "error_spike: last fired " in told
    assert ", 1 time in all\n" in told


def test_everybody_in_a_large_batch_is_explained_at_once(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path)
    lived(tmp_path, people=2_001)

    ran = offhook("rules", "explain", "too_many_attempts")

    assert "Renewals May (may): clear" in ran.out


def test_a_provider_is_explained_too(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path)
    lived(tmp_path)

    ran = offhook("rules", "explain", "provider_blind")

    assert "renewals: clear" in ran.out


def test_a_silence_is_explained_though_nothing_has_run_for_so_long(
    offhook: Offhook, tmp_path: Path
) -> None:
    configured(tmp_path)
    lived(tmp_path)
    engine = open_engine(tmp_path / "data" / "offhook.db")
    with engine.begin() as conn:
        row = providers.load(conn, "renewals", "graine")
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        providers.save(conn, replace(row, fresh_at=long_ago, baseline_at=long_ago))
    engine.dispose()

    ran = offhook("rules", "explain", "provider_blind")

    assert ran.status == 1
    assert "renewals: holds" in ran.out
    assert "it sees: cannot be seen for 1 h" in ran.out


def test_what_a_vendor_does_not_tell_is_said_in_plain_words(
    offhook: Offhook, tmp_path: Path
) -> None:
    configured(tmp_path, '[providers.calls]\nvendor = "vogent"\napi_key = "k"\n')

    ran = offhook("rules", "list")

    assert "calls: cannot see calls under way at Vogent: call_stuck, lines_idle" in ran.out
    assert "in flight" not in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("eror_spike",), 'did you mean "error_spike"?', id="rule"),
        pytest.param(("error_spike", "--batch", "june"), "there is no batch 'june'", id="batch"),
        pytest.param(
            ("batch_stalled",),
            "batch_stalled is turned off: [rules.batch_stalled] says enabled = false",
            id="off",
        ),
        pytest.param(
            ("batch_overdue",),
            "batch_overdue runs only where the configuration has a table [rules.batch_overdue]",
            id="not written",
        ),
        pytest.param(("../x",), "there is no rule '../x'; see: offhook rules list", id="nothing"),
    ],
)
def test_what_is_not_there_is_wrong_use(
    offhook: Offhook, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    configured(tmp_path, "[rules.batch_stalled]\nenabled = false\n")
    lived(tmp_path)

    ran = offhook("rules", "explain", *arguments)

    assert ran.status == 2
    assert said in ran.err


def test_nothing_can_be_explained_without_a_database(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path)

    ran = offhook("rules", "explain", "error_spike")

    assert ran.status == 2
    assert "there is no database at" in ran.err


def test_doubts_are_told_by_lint_and_by_check_config(offhook: Offhook, tmp_path: Path) -> None:
    file = configured(tmp_path, "[rules.error_spike]\nmin_calls = 2\n")

    ran, checked = offhook("rules", "lint"), offhook("check-config")

    line = f"{file.name}:13: rules.error_spike.min_calls: a share of so few says nothing"
    assert (ran.status, checked.status) == (1, 0)
    assert line in ran.out
    assert line in checked.err


def test_lint_holds_limits_against_what_batches_came_to(offhook: Offhook, tmp_path: Path) -> None:
    file = configured(tmp_path, "[rules.error_spike]\nthreshold = 0.5\n")
    (tmp_path / "data").mkdir(mode=0o700)
    ended_batches(tmp_path / "data" / "offhook.db", datetime.now(UTC) - timedelta(days=1), 2)

    ran, checked = offhook("rules", "lint"), offhook("check-config")

    assert (ran.status, checked.status) == (1, 0)
    assert ran.out.startswith(
        f"{file.name}:13: rules.error_spike.threshold: history never came near it: of the newest"
        " 10 batches of the last 30 days none came above 4 %, and the limit is 50 %"
    )
    assert "history" not in checked.err


def test_where_there_is_no_doubt_lint_is_content(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path)

    ran = offhook("rules", "lint", "--json")

    assert ran.status == 0
    assert ran.json["warnings"] == []


TEST = """\
[[test]]
name = "a spike"
rules = ["error_spike"]
timeline = '''
10:00  100 people
10:01  8 calls failed every 3s
10:02  nothing
'''
expect = "10:02 error_spike {verb}"
"""


def test_tests_that_hold_are_status_0(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path)
    (tmp_path / "a.toml").write_text(TEST.format(verb="fires"))

    ran = offhook("rules", "test", "a.toml")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out == "ok   a.toml:2: a spike\n1 test, all as expected\n"


def test_they_are_played_on_the_users_own_rules(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path, "[rules.error_spike]\nstreak = 9\n")
    (tmp_path / "a.toml").write_text(TEST.format(verb="fires"))

    ran = offhook("rules", "test", "a.toml")

    assert ran.status == 1
    assert "FAIL a.toml:2: a spike" in ran.out
    assert "line 9: expected: error_spike fires" in ran.out
    assert "but: it cannot tell: only 8 calls in 10 min, 20 are needed" in ran.out
    assert "nothing happened" in ran.out
    assert ran.out.endswith("1 test, 1 failed\n")


def test_what_fails_is_data_too(offhook: Offhook, tmp_path: Path) -> None:
    configured(tmp_path)
    (tmp_path / "a.toml").write_text(TEST.format(verb="quiet"))

    ran = offhook("rules", "test", "a.toml", "--json")

    assert ran.status == 1
    (test,) = ran.json["tests"]
    assert (ran.json["ok"], test["ok"], test["line"]) == (False, False, 2)
    assert test["misses"][0]["line"] == 9
    assert test["events"][0]["rule"] == "error_spike"


def test_a_file_that_cannot_be_read_is_wrong(offhook: Offhook, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TEST.format(verb="burns"))

    ran = offhook("rules", "test", "a.toml", "none.toml")

    assert ran.status == 2
    assert "a.toml:9: 10:02 error_spike burns: 'burns' is nothing that can be expected" in ran.err
    assert ran.err.endswith("none.toml: does not exist\n"), "nobody is sent to offhook init"


def test_only_some_are_played(offhook: Offhook, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TEST.format(verb="quiet"))

    assert offhook("rules", "test", "a.toml", "--only", "stall").status == 2
