"""Routes and inhibitions as people write them: what they mean, and what is wrong with them."""

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.config import Config, load
from monitor.core.route import Digest, Matcher, all_match
from monitor.errors import ConfigError

HEAD = """
[monitor]
timezone = "Europe/Berlin"
[providers.renewals]
vendor = "graine"
api_key = "gat_x"
[calendars.nights]
timezone = "Asia/Kolkata"
hours = ["daily 22:00-07:00"]
[calendars.never]
timezone = "UTC"
hours = ["2020-01-01 09:00-10:00"]
[receivers.ops]
kind = "email"
smtp_url = "smtps://mail.example.com"
from = "a@example.com"
to = ["b@example.com"]
[receivers.boss]
kind = "email"
smtp_url = "smtps://mail.example.com"
from = "a@example.com"
to = ["c@example.com"]
"""


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(HEAD + text)
    path.chmod(0o600)
    return load(path, environ={})


def test_a_route_says_when_and_whom_else(tmp_path: Path) -> None:
    (route,) = read(
        tmp_path,
        """
[[routes]]
receivers = ["ops"]
repeat_interval = { critical = "1h", info = "1d" }
repeat_most = "2d"
mute = ["nights"]
digest = "daily 09:30"
fallback = ["boss"]
escalate_after = "15m"
escalate_to = ["boss"]
""",
    ).routes

    assert route.group_by == ("provider", "batch", "cause")
    assert route.repeat_by == {"critical": timedelta(hours=1), "info": timedelta(days=1)}
    assert (route.repeat_interval, route.repeat_most) == (timedelta(hours=4), timedelta(days=2))
    assert [each.zone.key for each in route.mute] == ["Asia/Kolkata"]
    assert route.digest == Digest(at=time(9, 30), zone=ZoneInfo("Europe/Berlin"))
    assert (route.fallback, route.escalate_to) == (("boss",), ("boss",))


@pytest.mark.parametrize(
    ("text", "every"),
    [
        pytest.param("hourly", timedelta(hours=1), id="hourly"),
        pytest.param("6h", timedelta(hours=6), id="a duration"),
    ],
)
def test_digests_every_so_often(tmp_path: Path, text: str, every: timedelta) -> None:
    (route,) = read(tmp_path, f'[[routes]]\nreceivers = ["ops"]\ndigest = "{text}"\n').routes

    assert route.digest is not None
    assert (route.digest.every, route.digest.at) == (every, None)


@pytest.mark.parametrize(
    ("line", "key", "says"),
    [
        ('mute = ["night"]', "routes[1].mute[1]", '"nights"'),
        ('active = ["never"]', "routes[1].active", "no time at which anybody is told"),
        ('fallback = ["bos"]', "routes[1].fallback[1]", '"boss"'),
        ('fallback = ["ops"]', "routes[1].fallback[1]", "a receiver of this route already"),
        ('escalate_to = ["boss"]', "routes[1].escalate_to", "not after how long"),
        ('escalate_after = "5m"', "routes[1].escalate_after", "nobody to tell"),
        ('escalate_after = "5m"\nescalate_to = ["bos"]', "routes[1].escalate_to[1]", '"boss"'),
        ('repeat_interval = { critcal = "1h" }', "routes[1].repeat_interval", '"critical"'),
        ("repeat_interval = {}", "routes[1].repeat_interval", "names no severity"),
        ('repeat_interval = "0s"', "routes[1].repeat_interval", "longer than nothing"),
        ('repeat_most = "1h"', "routes[1].repeat_most", "shorter than repeat_interval"),
        ('digest = "daily"', "routes[1].digest", "daily 09:00"),
        ('digest = "daily 25:00"', "routes[1].digest", "no time of day"),
        ('digest = "weekly"', "routes[1].digest", '"hourly"'),
        ('digest = "10s"', "routes[1].digest", "between a minute and a week"),
        ('group_by = ["caus"]', "routes[1].group_by[1]", '"cause"'),
    ],
    ids=lambda each: str(each).partition(" ")[0],
)
def test_a_route_that_cannot_be_meant_is_refused(
    tmp_path: Path, line: str, key: str, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f'[[routes]]\nreceivers = ["ops"]\n{line}\n')

    assert key in str(caught.value)
    assert says in str(caught.value)


def test_an_inhibition_says_what_explains_what(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
[[inhibit]]
source = ["rule=provider_blind"]
target = ["severity!=critical"]
equal = ["provider"]
""",
    )

    (found,) = config.inhibitions
    assert found.source == (Matcher("rule", "=", "provider_blind"),)
    assert (found.target[0].operator, found.equal, found.reports) == ("!=", ("provider",), False)
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ('source = ["rule=a"]', "inhibit[1].target", "is missing"),
        ('source = []\ntarget = ["rule=a"]', "inhibit[1].source", "must not be empty"),
        ('source = ["rule=a"]\ntarget = ["rul=b"]', "inhibit[1].target[1]", '"rule"'),
        (
            'source = ["rule=a"]\ntarget = ["rule=b"]\nequal = ["batc"]',
            "inhibit[1].equal[1]",
            '"batch"',
        ),
        ('sources = ["rule=a"]', "inhibit[1].sources", '"source"'),
    ],
    ids=["no target", "no source", "label", "equal", "key"],
)
def test_an_inhibition_that_cannot_be_meant_is_refused(
    tmp_path: Path, text: str, key: str, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"[[inhibit]]\n{text}\n")

    assert key in str(caught.value)
    assert says in str(caught.value)


def test_an_inhibition_across_everything_is_pointed_out(tmp_path: Path) -> None:
    config = read(tmp_path, '[[inhibit]]\nsource = ["rule=a"]\ntarget = ["rule=b"]\n')

    assert [each.key for each in config.warnings if "inhibit" in (each.key or "")] == ["inhibit[1]"]


FIRST = '[[routes]]\nmatch = ["severity=critical"]\nreceivers = ["boss"]\n'
ALL = '[[routes]]\nreceivers = ["ops"]\n'


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        pytest.param(ALL + 'digest = "hourly"', True, id="everything"),
        pytest.param(FIRST + ALL + 'digest = "hourly"', False, id="a route before it takes that"),
        pytest.param(
            FIRST + "continue = true\n" + ALL + 'digest = "hourly"', True, id="and passes it on"
        ),
        pytest.param(
            '[[routes]]\nmatch = ["severity=info"]\nreceivers = ["ops"]\ndigest = "6h"\n' + ALL,
            False,
            id="only what is light",
        ),
        pytest.param(ALL, False, id="no digest"),
    ],
)
def test_a_digest_that_keeps_what_is_critical_is_pointed_out(
    tmp_path: Path, text: str, *, warned: bool
) -> None:
    warnings = [each.text for each in read(tmp_path, text).warnings if "critical" in each.text]

    assert len(warnings) == warned


def test_without_routes_what_is_calm_comes_once_a_day(tmp_path: Path) -> None:
    own = '[rules.odd_words]\nrule = "self_unknown_status"\n'
    calm, rest = read(tmp_path, own).routes

    assert calm.digest == Digest(
        every=timedelta(days=1), at=time(9), zone=ZoneInfo("Europe/Berlin")
    )
    assert calm.receivers == rest.receivers == ("ops", "boss")
    assert (rest.match, rest.digest) == ((), None)
    for name, severity, digested in (
        ("self_unknown_status", "info", True),
        ("odd_words", "warning", True),
        ("odd_words", "critical", False),
        ("error_spike", "info", False),
    ):
        assert all_match(calm.match, {"rule": name, "severity": severity}) is digested
