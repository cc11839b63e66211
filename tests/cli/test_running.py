"""poll, notify test and demo, on real HTTP; run is proven where the daemon is."""

from pathlib import Path

import pytest

from tests.cli.conftest import Offhook, Services, write_config


@pytest.fixture
def real(services: Services, tmp_path: Path) -> Services:
    write_config(tmp_path, services.graine, services.slack_hook)
    return services


def test_poll_shows_what_it_saw_and_sends_nothing(
    offhook: Offhook, real: Services, tmp_path: Path
) -> None:
    ran = offhook("poll", "--dry-run")

    assert ran.status == 0, ran.err
    assert "renewals (graine): no open batch\n" in ran.out
    # What a new installation says first is the first thing that would be sent.
    assert "INFO info self_watching: Offhook: watching renewals: no open batch" in ran.out
    assert real.slack.posts == []
    assert not (tmp_path / "data" / "offhook.db").exists()


def test_poll_as_json(offhook: Offhook, real: Services) -> None:
    found = offhook("poll", "--json").json

    assert found["providers"]["renewals"]["vendor"] == "graine"
    assert [each["rule"] for each in found["messages"]] == ["self_watching"]
    # It is owed from now on, and said once.
    assert offhook("poll", "--json").json["messages"] == []
    assert "nothing would be sent" in offhook("poll").out


def test_poll_of_a_vendor_that_cannot_be_read_is_a_finding(offhook: Offhook, config: Path) -> None:
    ran = offhook("poll", "--dry-run")

    assert ran.status == 1
    assert "renewals" in ran.err
    assert "gat_simulated" not in ran.err + ran.out


def test_a_test_message_goes_to_the_receiver(offhook: Offhook, real: Services) -> None:
    ran = offhook("notify", "test", "ops", "--rule", "error_spike")

    assert ran.status == 0, ran.err
    assert "ops: " in ran.out
    assert "test message" in real.slack.posts[0].shown


def test_a_receiver_that_takes_nothing_is_a_finding(offhook: Offhook, config: Path) -> None:
    ran = offhook("notify", "test", "--json")

    assert ran.status == 1
    assert ran.json[0]["ok"] is False
    assert "services" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("nobody",), "no receiver 'nobody'", id="receiver"),
        pytest.param(("ops", "--rule", "nope"), "no rule 'nope'", id="rule"),
    ],
)
def test_an_unknown_receiver_or_rule_is_wrong_use(
    offhook: Offhook, real: Services, arguments: tuple[str, ...], words: str
) -> None:
    ran = offhook("notify", "test", *arguments)

    assert ran.status == 2
    assert words in ran.err
    assert real.slack.posts == []
