from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.config import Config, load
from monitor.config.changes import needs_restart
from monitor.config.secrets import secrets_of
from monitor.core.route import Matcher
from monitor.core.rule import Severity
from monitor.egress import Egress
from monitor.errors import ConfigError, Problem
from monitor.providers.signing import path_secret
from rules import catalogue
from rules.batch_failed import BatchFailed
from rules.error_spike import ErrorSpike

ENVIRON = {"HOME": "/home/nobody", "KEY": "graine-key", "HOOK": "https://hooks.example.com/x"}
SMALL = """\
[providers.renewals]
vendor = "graine"
api_key = { env = "KEY" }
[receivers.ops]
kind = "slack"
webhook_url = { env = "HOOK" }
"""


class Frozen(SystemClock):
    def now(self) -> datetime:
        return datetime(2026, 6, 1, tzinfo=UTC)


def loaded(tmp_path: Path, text: str, **more: bool) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return load(path, environ=ENVIRON, clock=Frozen(), **more)


def problems(tmp_path: Path, text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    return caught.value.problems


def test_with_zero_rules_and_routes_written_the_product_works(tmp_path: Path) -> None:
    config = loaded(tmp_path, SMALL)

    running = {name for name, rule in catalogue().items() if not rule.written_only}
    assert {instance.name for instance in config.rules} == running
    assert [route.receivers for route in config.routes] == [("ops",), ("ops",)]
    assert config.monitor.data_dir == Path("/home/nobody/.local/state/offhook")
    assert config.monitor.retain == timedelta(days=30)
    assert str(config.web.listen) == "127.0.0.1:8420"
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        pytest.param(
            '[rules.error_spike]\nwindow = "0s"',
            8,
            "rules.error_spike.window",
            "no call could ever lie in it",
            id="an empty window",
        ),
        pytest.param('[monitr]\nlog="json"', 7, "monitr", 'did you mean "monitor"', id="section"),
        pytest.param('[monitor]\nretian="3d"', 8, "monitor.retian", '"retain"', id="key"),
        pytest.param("[monitor]\nretain=3", 8, "monitor.retain", "a duration", id="wrong type"),
        pytest.param('[monitor]\nretain="3x"', 8, "monitor.retain", "'3x' is not", id="duration"),
        pytest.param('[monitor]\nretain="0s"', 8, "monitor.retain", "longer", id="no duration"),
        pytest.param(
            '[monitor]\ntimezone="Europe/Berln"',
            8,
            "monitor.timezone",
            '"Europe/Berlin"?',
            id="zone",
        ),
        pytest.param('[monitor]\nlog="jsn"', 8, "monitor.log", '"json"', id="word"),
        pytest.param(
            '[monitor]\ndatabase_url="postgresql://u:pw@h/d"',
            8,
            "monitor.database_url",
            "not supported yet",
            id="PostgreSQL",
        ),
        pytest.param(
            '[monitor]\nheartbeat_url="http://x.example/y"',
            8,
            "monitor.heartbeat_url",
            "https",
            id="heartbeat",
        ),
        pytest.param(
            '[monitor]\nproxy="proxy.example:3128"',
            8,
            "monitor.proxy",
            "the address of a proxy: http://host:port",
            id="proxy",
        ),
        pytest.param(
            '[monitor]\nno_proxy=["*.example.com"]',
            8,
            "monitor.no_proxy[1]",
            "a host",
            id="no_proxy",
        ),
        pytest.param(
            '[web]\npublic_url="http://example.com"', 8, "web.public_url", "use https", id="links"
        ),
        pytest.param('[web]\nlisten="8420"', 8, "web.listen", "host and a port", id="address"),
        pytest.param('[web]\nlisten="::1:99999"', 8, "web.listen", "host and a port", id="port"),
        pytest.param(
            '[web]\nlisten="0.0.0.0:1"', 7, "web.api_token", "is needed", id="open without token"
        ),
        pytest.param(
            '[web]\napi_token="fifteen letters"',
            8,
            "web.api_token",
            "shorter than 16 characters",
            id="token that can be guessed",
        ),
        pytest.param(
            '[providers.Two]\nvendor="bland"', 7, "providers.Two", '"two"', id="name in capitals"
        ),
        pytest.param(
            '[providers.two]\nvendor="grain"\napi_key="k"',
            8,
            "providers.two.vendor",
            '"graine"',
            id="vendor",
        ),
        pytest.param('[providers.two]\napi_key="k"', 7, "providers.two.vendor", "missing", id="no"),
        pytest.param(
            '[providers.two]\nvendor="bland"', 7, "providers.two.api_key", "missing", id="no key"
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key={env="NOPE"}',
            9,
            "providers.two.api_key",
            "no NOPE",
            id="missing secret",
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key={evn="KEY"}',
            9,
            "providers.two.api_key",
            "env, file and credential",
            id="kind of secret",
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key={credential="k"}',
            9,
            "providers.two.api_key",
            "only inside",
            id="credential",
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key="k"\nwebhook_secret="fifteen letters"',
            10,
            "providers.two.webhook_secret",
            "shorter than 16",
            id="short secret",
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key="k"\n'
            'webhook_secret=["long enough to hold", {env="NOPE"}]',
            10,
            "providers.two.webhook_secret[2]",
            "no NOPE",
            id="one of two secrets",
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key="k"\nwebhook_secret=[]',
            10,
            "providers.two.webhook_secret",
            "empty",
            id="no secret at all",
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key="k"\ncalendar="ofice"',
            10,
            "providers.two.calendar",
            "no calendar 'ofice'",
            id="calendar",
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key="k"\nmatch=["batch=a", "batchname=x"]',
            10,
            "providers.two.match[2]",
            '"batch_name"',
            id="label",
        ),
        pytest.param(
            '[providers.two]\nvendor="bland"\napi_key="k"\nbase_url="http://example.com"',
            10,
            "providers.two.base_url",
            "https",
            id="plain http",
        ),
        pytest.param('[receivers.two]\nkind="slak"', 8, "receivers.two.kind", '"slack"', id="kind"),
        pytest.param(
            '[receivers.two]\nkind="teams"',
            8,
            "receivers.two.kind",
            "not supported yet",
            id="later kind",
        ),
        pytest.param(
            '[[routes]]\nreceivers=["opps"]', 8, "routes[1].receivers[1]", '"ops"', id="receiver"
        ),
        pytest.param("[[routes]]\nreceivers=[]", 8, "routes[1].receivers", "empty", id="nobody"),
        pytest.param("[[routes]]\n", 7, "routes[1].receivers", "missing", id="no receivers"),
        pytest.param(
            '[[routes]]\nmatch=["severity=info"]\nreceivers=["ops"]',
            7,
            "routes[1]",
            "no match",
            id="no last route",
        ),
        pytest.param(
            '[[routes]]\nmatch=["severity~info"]\nreceivers=["ops"]\n[[routes]]\nreceivers=["ops"]',
            8,
            "routes[1].match[1]",
            "not a matcher",
            id="matcher",
        ),
        pytest.param(
            '[[routes]]\nmatch=["batch=~("]\nreceivers=["ops"]\n[[routes]]\nreceivers=["ops"]',
            8,
            "routes[1].match[1]",
            "pattern",
            id="pattern",
        ),
        pytest.param(
            '[[routes]]\nreceivers=["ops"]\ngroup_by=["rul"]',
            9,
            "routes[1].group_by[1]",
            '"rule"',
            id="label of a group",
        ),
        pytest.param("[rules.eror_spike]", 7, "rules.eror_spike", '"error_spike"', id="rule"),
        pytest.param(
            '[rules.mine]\nrule="error_spik"', 8, "rules.mine.rule", '"error_spike"', id="its rule"
        ),
        pytest.param(
            '[rules.error_spike]\nrule="batch_failed"',
            7,
            "rules.error_spike",
            "another name",
            id="a rule under another's name",
        ),
        pytest.param(
            "[rules.error_spike]\nthreshhold=0.1",
            8,
            "rules.error_spike.threshhold",
            '"threshold"',
            id="parameter",
        ),
        pytest.param(
            '[rules.error_spike]\nthreshold="0.1"',
            8,
            "rules.error_spike.threshold",
            "a number",
            id="type of parameter",
        ),
        pytest.param(
            "[rules.error_spike]\nthreshold=25",
            8,
            "rules.error_spike.threshold",
            "between",
            id="per cent for a share",
        ),
        pytest.param(
            '[rules.error_spike]\nstatuses=["failled"]',
            8,
            "rules.error_spike.statuses[1]",
            '"failed"',
            id="status",
        ),
        pytest.param(
            '[rules.batch_failed]\nseverity_by_status={failled="info"}',
            8,
            "rules.batch_failed.severity_by_status.failled",
            '"failed"',
            id="status as a key",
        ),
        pytest.param(
            '[rules.error_spike]\nlabels={rule="x"}',
            8,
            "rules.error_spike.labels",
            "Offhook's own",
            id="own label",
        ),
        pytest.param(
            "[[rules.error_spike.override]]\nthreshold=0.1",
            7,
            "rules.error_spike.override[1].match",
            "missing",
            id="override for everything",
        ),
        pytest.param(
            '[[rules.error_spike.override]]\nmatch=["batch=x"]\nthresold=0.1',
            9,
            "rules.error_spike.override[1].thresold",
            '"threshold"',
            id="key of an override",
        ),
        pytest.param(
            '[[rules.error_spike.override]]\nmatch=["batch=x"]\nthreshold=3',
            9,
            "rules.error_spike.override[1].threshold",
            "between",
            id="parameter of an override",
        ),
        pytest.param(
            '[rules.outside_calling_hours]\nhours=["daily 9-21"]',
            8,
            "rules.outside_calling_hours.hours",
            ".hours: 'daily 9-21' are no hours",
            id="hours of a rule",
        ),
        pytest.param("[calendars.c]\n", 7, "calendars.c.timezone", "missing", id="no zone"),
        pytest.param(
            '[calendars.c]\ntimezone="UTC"\nhours=["mon-fir 09:00-10:00"]',
            9,
            "calendars.c.hours[1]",
            "'fir'",
            id="hours",
        ),
        pytest.param(
            '[calendars.c]\ntimezone="UTC"\nhours=["daily 09:00-10:00"]\nholidays="usa"',
            10,
            "calendars.c.holidays",
            "not a country",
            id="country",
        ),
        pytest.param(
            '[calendars.c]\ntimezone="UTC"\nhours=["daily 09:00-10:00"]\nholidays="US-ZZ"',
            10,
            "calendars.c.holidays",
            "no part 'ZZ'",
            id="part of a country",
        ),
        pytest.param(
            '[calendars.c]\ntimezone="UTC"\nhours=["daily 09:00-10:00"]\nholidays=["soon"]',
            10,
            "calendars.c.holidays",
            "list of dates",
            id="days",
        ),
    ],
)
def test_a_mistake_is_named_with_line_key_and_what_would_be_right(
    tmp_path: Path, text: str, line: int, key: str, words: str
) -> None:
    found = problems(tmp_path, SMALL + text)

    assert (line, key) in {(problem.line, problem.key) for problem in found}
    assert any(words in str(problem) for problem in found if problem.key == key)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = problems(tmp_path, f'[monitor]\nretian="1d"\nlog=1\n{SMALL}[rules.nope]\n')

    assert [problem.key for problem in found] == ["monitor.retian", "monitor.log", "rules.nope"]
    assert str(found[0]).endswith(
        'config.toml:2: monitor.retian: unknown key (did you mean "retain"?)'
    )


def test_no_problem_shows_a_secret(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        SMALL
        + '[monitor]\ndatabase_url="postgresql://u:s3cret-w0rd@h/d"\nhash_key=["s3cret-w0rd"]\n'
        + '[providers.two]\nvendor="bland"\napi_key=["s3cret-w0rd"]\nbase_url="x"\n'
        + '[receivers.two]\nkind="slack"\nwebhook_url="s3cret-w0rd"\n',
    )

    assert "s3cret-w0rd" not in "".join(map(str, found))


def test_nothing_to_watch_and_nobody_to_tell_is_no_configuration(tmp_path: Path) -> None:
    assert {problem.key for problem in problems(tmp_path, "")} == {"providers", "receivers"}


def test_a_secret_may_come_from_a_file_of_mode_600_beside_the_configuration(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "key"
    secret.write_text("from-file\n")
    secret.chmod(0o600)
    text = SMALL.replace('{ env = "KEY" }', '{ file = "key" }')

    assert "from-file" in secrets_of(loaded(tmp_path, text))

    secret.chmod(0o640)
    assert "can be read by others" in str(problems(tmp_path, text)[0])


def test_outside_a_service_a_credential_warns(tmp_path: Path) -> None:
    text = SMALL.replace('{ env = "KEY" }', '{ credential = "graine" }')

    config = loaded(tmp_path, text, in_service=False)

    (warning,) = config.warnings
    assert warning.key == "providers.renewals.api_key"
    assert "only inside the service" in warning.text
    assert problems(tmp_path, text)[0].key == "providers.renewals.api_key"


def test_reading_commands_need_no_secret(tmp_path: Path) -> None:
    text = SMALL.replace("KEY", "NOT_SET").replace("HOOK", "NOT_SET_EITHER")

    config = loaded(tmp_path, text, secrets=False)

    assert secrets_of(config) == ()


def test_a_readable_file_with_secrets_in_it_warns(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SMALL.replace('{ env = "KEY" }', '"plain"'))
    path.chmod(0o644)

    config = load(path, environ=ENVIRON)

    assert [warning.key for warning in config.warnings] == ["providers.renewals.api_key"]
    assert "plain" not in repr(config)


@pytest.mark.parametrize(
    ("proxy", "warned"),
    [
        pytest.param("http://proxy.example:3128", [], id="no secret"),
        pytest.param("http://robot:pass@proxy.example", ["monitor.proxy"], id="a password"),
    ],
)
def test_the_address_of_a_proxy_is_a_secret_where_it_has_a_password(
    tmp_path: Path, proxy: str, warned: list[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[monitor]\nproxy = "{proxy}"\nno_proxy = ["10.0.0.0/8"]\n{SMALL}')
    path.chmod(0o644)

    config = load(path, environ=ENVIRON)

    assert [warning.key for warning in config.warnings] == warned
    assert config.monitor.egress == Egress(proxy, ("10.0.0.0/8",))
    assert "robot" not in repr(config)


def with_webhooks(value: str) -> str:
    return SMALL.replace("[providers.renewals]", f"[providers.renewals]\nwebhook_secret = {value}")


@pytest.mark.parametrize("value", ['"the old secret of 16"', '["the old secret of 16"]'])
def test_one_webhook_secret_is_written_with_or_without_a_list(tmp_path: Path, value: str) -> None:
    (secret,) = loaded(tmp_path, with_webhooks(value)).providers["renewals"].webhook_secret or ()

    assert secret.get_secret_value() == "the old secret of 16"


def test_every_webhook_secret_is_kept_out_of_logs_and_warned_of_like_the_others(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(with_webhooks('["the old secret of 16", { credential = "new" }]'))
    path.chmod(0o644)

    config = load(path, environ=ENVIRON, in_service=False)

    assert "the old secret of 16" in secrets_of(config)
    assert path_secret("renewals", "the old secret of 16") in secrets_of(config)
    assert "the old secret of 16" not in repr(config)
    assert {(each.key, each.text.split(";")[0]) for each in config.warnings} == {
        (
            "providers.renewals.webhook_secret[1]",
            "others can read this file and the secret in it",
        ),
        (
            "providers.renewals.webhook_secret[2]",
            "credential 'new' can be read only inside the service",
        ),
    }


def test_the_public_address_is_taken_without_a_slash_at_its_end(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'[web]\npublic_url = "https://offhook.example.com/"\n{SMALL}')

    assert config.web.public_url == "https://offhook.example.com"


def test_a_public_address_asks_for_a_token_and_for_a_restart(tmp_path: Path) -> None:
    public = '[web]\npublic_url = "https://offhook.example.com"\n'

    (warning,) = loaded(tmp_path, f"{public}{SMALL}").warnings
    assert warning.key == "web.public_url"
    assert "need an api_token" in warning.text
    assert needs_restart(loaded(tmp_path, SMALL), loaded(tmp_path, f"{public}{SMALL}")) == [
        "web.public_url changed: restart offhook to use it"
    ]
    assert not loaded(tmp_path, f'{public}api_token = "{"t" * 20}"\n{SMALL}').warnings


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'[monitor]\ndata_dir = "data"\n{SMALL}')

    assert config.monitor.data_dir == tmp_path / "data"
    assert config.monitor.database == tmp_path / "data" / "offhook.db"


BY_STATUS = """
[rules.batch_failed]
severity = "info"
severity_by_status = { failed = "warning" }
[[rules.batch_failed.override]]
match = ["batch_name=~VIP .*"]
severity = "critical"
severity_by_status = { cancelled = "info" }
[[rules.batch_failed.override]]
match = ["batch_name=~Test .*"]
undialled = 0.5
"""


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        pytest.param(
            "Renewals",
            {"failed": "warning", "expired": "info", "partial": "info", "cancelled": "info"},
            id="the table",
        ),
        pytest.param(
            "VIP May",
            {
                "failed": "warning",
                "expired": "critical",
                "partial": "critical",
                "cancelled": "info",
            },
            id="an override of it",
        ),
        pytest.param(
            "Test May",
            {"failed": "warning", "expired": "info", "partial": "info", "cancelled": "info"},
            id="an override of something else",
        ),
    ],
)
def test_severity_stands_for_every_status_that_is_not_named(
    tmp_path: Path, batch: str, expected: dict[str, str]
) -> None:
    rules = {each.name: each for each in loaded(tmp_path, SMALL + BY_STATUS).rules}
    settings = rules["batch_failed"].settings_for({"provider": "renewals", "batch_name": batch})

    assert settings is not None
    assert isinstance(settings.rule, BatchFailed)
    assert settings.rule.severity_by_status == expected


@pytest.mark.parametrize(
    ("link", "leads_here"),
    [
        ("http://localhost/spike", True),
        ("http://LOCALHOST:8080/spike", True),
        ("http://[::1]:8080/spike", True),
        ("http://me@127.0.0.1/spike", True),
        ("https://wiki.example.com/localhost", False),
        ("http://10.0.0.7/spike", False),
    ],
)
def test_a_runbook_that_only_this_machine_can_open_is_left_out_and_warned_of(
    tmp_path: Path, link: str, leads_here: bool
) -> None:
    written = f'{SMALL}\n[rules.error_spike]\nrunbook_url = "{link}"\n'
    config = loaded(tmp_path, written)
    (spike,) = (each for each in config.rules if each.name == "error_spike")

    assert [each.key for each in config.warnings] == ["rules.error_spike.runbook_url"] * leads_here
    assert spike.settings.runbook_url == (None if leads_here else link)


def test_a_public_address_of_this_machine_is_warned_of(tmp_path: Path) -> None:
    public = f'[web]\npublic_url = "http://127.0.0.1:8420"\napi_token = "{"t" * 20}"\n'

    (warning,) = loaded(tmp_path, f"{public}{SMALL}").warnings
    assert (warning.key, warning.text) == (
        "web.public_url",
        "leads to this machine: no vendor reaches it, and messages have no links",
    )


def test_a_rule_runs_as_its_table_says(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        SMALL
        + """
[rules.batch_failed]
severity_by_status = { failed = "warning" }
[rules.batch_stalled]
enabled = false
[rules.vip]
rule = "error_spike"
severity = "warning"
match = ["provider=renewals"]
for = "1m"
labels = { team = "vip" }
window = "5m"
[[rules.vip.override]]
match = ["batch_name=~VIP .*"]
severity = "critical"
threshold = 0.1
labels = { desk = "1" }
[[routes]]
match = ["team=vip", "desk=1"]
receivers = ["ops"]
continue = true
[[routes]]
receivers = ["ops"]
""",
    )
    rules = {instance.name: instance for instance in config.rules}
    vip = rules["vip"]
    override = vip.settings_for({"provider": "renewals", "batch_name": "VIP May"})

    assert "batch_stalled" not in rules
    assert rules["error_spike"].settings.rule == ErrorSpike()
    assert vip.settings.rule == ErrorSpike(window=timedelta(minutes=5))
    assert vip.settings.timing.pending_for == timedelta(minutes=1)
    assert vip.match == (Matcher("provider", "=", "renewals"),)
    assert override is not None
    assert override.rule == ErrorSpike(window=timedelta(minutes=5), threshold=0.1)
    assert override.severity is Severity.CRITICAL
    assert override.timing.pending_for == timedelta(minutes=1)
    assert override.labels == {"team": "vip", "desk": "1"}
    assert vip.settings_for({"provider": "others"}) is None


def test_a_calendar_has_its_hours_and_the_holidays_of_years_around_now(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        SMALL
        + """
[calendars.us]
timezone = "America/New_York"
hours = ["mon-fri 09:00-20:00", "fri 22:00-02:00"]
holidays = "US-CA"
[calendars.own]
timezone = "UTC"
hours = ["daily 00:00-24:00"]
holidays = [2026-12-25]
""",
    )

    assert len(config.calendars["us"].hours) == 2
    assert {date(2026, 7, 4), date(2035, 7, 4)} <= config.calendars["us"].holidays
    assert config.calendars["own"].holidays == {date(2026, 12, 25)}


def test_routes_that_are_never_used_and_receivers_that_are_never_told_warn(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        SMALL
        + '[receivers.two]\nkind="slack"\nwebhook_url={ env = "HOOK" }\n'
        + '[[routes]]\nreceivers=["ops"]\n[[routes]]\nreceivers=["ops"]\n',
    )

    assert [warning.key for warning in config.warnings] == ["routes[1]", "receivers.two"]
    assert [route.name for route in config.routes] == ["1", "2"]
