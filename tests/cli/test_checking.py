import json
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import Offhook


def test_check_config_renders_every_message_and_sends_none(offhook: Offhook, config: Path) -> None:
    ran = offhook("check-config", "--json")

    assert ran.status == 0
    assert ran.json["ok"] is True
    assert ran.json["providers"] == ["renewals"]
    assert ran.json["rendered"] > len(ran.json["rules"])
    assert ran.err == ""


def test_check_config_for_people(offhook: Offhook, config: Path) -> None:
    config.chmod(0o644)

    ran = offhook("check-config")

    assert ran.status == 0
    assert f"{config.name}: good" in ran.out
    assert "none sent" in ran.out
    assert "chmod 600" in ran.err


def test_check_config_as_json_lists_the_problems(offhook: Offhook, config: Path) -> None:
    config.write_text("[monitr]\n")

    ran = offhook("check-config", "--json")

    assert ran.status == 2
    assert ran.json["ok"] is False
    assert ran.json["problems"][0]["key"] in {"monitr", "providers"}


def test_the_schema_is_json(offhook: Offhook) -> None:
    schema = offhook("config", "schema").json

    assert schema["$schema"].startswith("https://json-schema.org")
    assert "error_spike" in schema["properties"]["rules"]["properties"]


def test_a_receiver_of_each_kind_is_rendered_with_overrides(offhook: Offhook, config: Path) -> None:
    plain = offhook("check-config", "--json").json["rendered"]
    config.write_text(
        config.read_text()
        + """
[receivers.mail]
kind = "email"
smtp_url = "smtp+plain://127.0.0.1:9"
from = "a@example.com"
to = ["b@example.com"]
[[rules.error_spike.override]]
match = ["batch=x"]
severity = "info"
"""
    )

    assert offhook("check-config", "--json").json["rendered"] > 2 * plain


@pytest.mark.parametrize("online", [False, True], ids=["here", "online"])
def test_doctor_looks_at_the_machine_and_the_files(
    offhook: Offhook, config: Path, *, online: bool
) -> None:
    (config.parent / "data").mkdir(mode=0o700)
    (config.parent / "data").chmod(0o700)
    arguments = ("doctor", "--json", *(["--online"] if online else []))

    ran = offhook(*arguments)

    looks = {each["what"]: each for each in ran.json}
    assert {"SQLite", "time zones", "clock", "systemd", "configuration", "disk"} <= set(looks)
    assert ("provider renewals" in looks) is online
    assert ran.status == (1 if online else 0)
    if online:
        assert looks["provider renewals"]["verdict"] == "bad"
        assert "gat_simulated" not in ran.out


def test_doctor_finds_files_that_others_can_open(offhook: Offhook, config: Path) -> None:
    (config.parent / "data").mkdir()
    (config.parent / "data").chmod(0o755)

    ran = offhook("doctor")

    assert ran.status == 1
    assert "chmod 700" in ran.out


def test_doctor_says_what_is_wrong_with_the_configuration(offhook: Offhook, config: Path) -> None:
    config.write_text("[monitr]\n")

    ran = offhook("doctor", "--json")

    assert ran.status == 2
    assert "did you mean" in json.dumps(ran.json)


EXPECTED = """
[[expect]]
name = "daily_reminders"
at = "mon-fri 09:00"
timezone = "Europe/Berlin"
match = ["batch_name=~Reminders .*"]
[[expect]]
name = "once"
at = "2020-01-02 09:00"
"""


def test_what_is_expected_is_shown_with_when_it_is_next_due(offhook: Offhook, config: Path) -> None:
    config.write_text(config.read_text() + EXPECTED)

    ran = offhook("check-config")
    due = offhook("check-config", "--json").json["expected"]

    assert re.search(r"expects daily_reminders, next due .*09:00 \(Europe/Berlin\)", ran.out)
    assert "expects once, which is not due within a year" in ran.out
    at = datetime.fromisoformat(due["daily_reminders"]).astimezone(ZoneInfo("Europe/Berlin"))
    assert (at.hour, at.minute, at.weekday() < 5, due["once"]) == (9, 0, True, None)
