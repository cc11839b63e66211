import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.main import app
from monitor.config import load
from tests.cli.conftest import GRAINE_KEY, Offhook, Services

SHIPPED = Path(__file__).parents[2] / "monitor/providers/http_json/vendors/elevenlabs.toml"
HOOK = "https://hooks.slack.com/services/T/B/x"


@pytest.fixture
def flags(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("GRAINE", GRAINE_KEY)
    monkeypatch.setenv("HOOK", services.slack_hook)
    return [
        "init",
        "--no-input",
        *("--vendor", "graine", "--name", "renewals", "--api-key", "$GRAINE"),
        *("--base-url", services.graine, "--slack", "$HOOK"),
        *("--timezone", "Asia/Kolkata", "--hours", "mon-fri 09:00-20:00"),
    ]


def test_init_tries_the_key_says_hello_and_writes_a_private_file(
    offhook: Offhook, flags: list[str], services: Services, tmp_path: Path
) -> None:
    ran = offhook(*flags)

    path = tmp_path / "config.toml"
    config = load(path, environ={"GRAINE": "k", "HOOK": "https://h.example.com/"})
    assert ran.status == 0, ran.err
    assert "Graine takes the key" in ran.out
    assert "Hello from Offhook" in services.slack.posts[0].text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert config.providers["renewals"].calendar == "permitted"
    assert config.monitor.timezone == "Asia/Kolkata"
    assert config.warnings == ()
    assert "rules" not in path.read_text().replace("every key and rule", "")
    assert GRAINE_KEY not in path.read_text()
    assert offhook("check-config").status == 0


def test_init_overwrites_nothing_without_being_told(
    offhook: Offhook, flags: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("mine")

    ran = offhook(*flags)

    assert ran.status == 1
    assert "--force" in ran.err
    assert path.read_text() == "mine"
    assert offhook(*flags, "--force").status == 0
    assert path.read_text() != "mine"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"$GRAINE": "$BAD_KEY"}, "not work", id="a key that the vendor refuses"),
        pytest.param({"$GRAINE": "gat_literal"}, "name of a variable", id="a key as an argument"),
        pytest.param({"$GRAINE": "$NOT_SET"}, "no NOT_SET", id="a variable that is not set"),
        pytest.param({"graine": "grain"}, "no vendor 'grain'", id="vendor"),
        pytest.param({"renewals": "Renewals"}, "lower-case", id="name"),
        pytest.param({"Asia/Kolkata": "Asia/Kolkatta"}, "not a time zone", id="zone"),
        pytest.param({"mon-fri 09:00-20:00": "always"}, "no hours", id="hours"),
    ],
)
def test_an_answer_that_does_not_work_writes_nothing(
    offhook: Offhook,
    flags: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    changes: dict[str, str],
    words: str,
) -> None:
    monkeypatch.setenv("BAD_KEY", "gat_refused")

    ran = offhook(*(changes.get(flag, flag) for flag in flags))

    assert ran.status == 2
    assert words in ran.err or words == "not work"
    assert "gat_refused" not in ran.err + ran.out
    assert not (tmp_path / "config.toml").exists()


def test_a_missing_answer_is_named(offhook: Offhook) -> None:
    ran = offhook("init", "--no-input")

    assert ran.status == 2
    assert "--vendor is needed" in ran.err


def test_asked_at_a_terminal_secrets_go_into_files_of_their_own(
    services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OFFHOOK_CONFIG", raising=False)
    answers = [
        "graine",
        "renewals",
        "wrong-key",
        "y",
        "graine",
        "renewals",
        GRAINE_KEY,
        "slack",
        services.slack_hook,
        "Europe/Berlin",
        "mon-fri 09:00-20:00",
    ]

    ran = CliRunner().invoke(
        app, ["init", "--base-url", services.graine], input="\n".join(answers) + "\n"
    )

    assert ran.exit_code == 0, ran.output
    assert "that did not work" in ran.output
    assert GRAINE_KEY not in ran.output
    assert stat.S_IMODE((tmp_path / "renewals.api_key").stat().st_mode) == 0o600
    assert (tmp_path / "renewals.api_key").read_text() == GRAINE_KEY
    config = load(tmp_path / "config.toml", environ={})
    key = config.providers["renewals"].api_key
    assert key is not None
    assert key.get_secret_value() == GRAINE_KEY


def test_init_for_email_without_trying(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEY", "k")
    monkeypatch.setenv("MAIL", "m")

    ran = offhook(
        *("init", "--no-input", "--offline", "--vendor", "bland", "--api-key", "$KEY"),
        *("--email-to", "a@example.com", "--email-to", "b@example.com"),
        *("--smtp-url", "smtps://u@mail.example.com", "--smtp-password", "$MAIL"),
        *("--email-from", "o@example.com", "--hours", "daily 00:00-24:00"),
    )

    assert ran.status == 0, ran.err
    assert "b@example.com" in (tmp_path / "config.toml").read_text()


def test_init_for_a_vendor_whose_configuration_comes_along(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEY", "k")
    monkeypatch.setenv("HOOK", "https://hooks.slack.com/services/T/B/x")

    ran = offhook(
        *("init", "--no-input", "--offline", "--vendor", "elevenlabs", "--name", "survey"),
        *("--api-key", "$KEY", "--slack", "$HOOK", "--hours", "daily 09:00-20:00"),
    )

    assert ran.status == 0, ran.err
    config = load(tmp_path / "config.toml", environ={"KEY": "k", "HOOK": "https://h.example.com/"})
    made = config.providers["survey"]
    shipped = load(SHIPPED, environ={"ELEVENLABS_API_KEY": "k", "SLACK_WEBHOOK_URL": HOOK})
    plain = made.model_copy(update={"calendar": None})
    assert made.calendar == "permitted"
    assert plain == shipped.providers["elevenlabs"]
    assert offhook("check-config").status == 0


def test_init_for_a_workflow_that_writes_a_file(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOOK", "https://hooks.slack.com/services/T/B/x")
    (tmp_path / "out").mkdir()

    ran = offhook(
        *("init", "--no-input", "--offline", "--vendor", "svalync", "--base-url", "out"),
        *("--batch", "batch_1", "--batch", "batch_2", "--slack", "$HOOK"),
        *("--hours", "daily 00:00-24:00"),
    )

    assert ran.status == 0, ran.err
    config = load(tmp_path / "config.toml", environ={"HOOK": "https://h.example.com/"})
    assert config.providers["svalync"].batches == ("batch_1", "batch_2")
    assert getattr(config.providers["svalync"], "path", None) == tmp_path / "out"
    assert not (tmp_path / "svalync.api_key").exists()


def test_init_says_how_a_vendor_of_ones_own_is_described(offhook: Offhook) -> None:
    ran = offhook("init", "--no-input", "--vendor", "http_json")

    assert ran.status == 2
    assert "config.example.toml" in ran.err
    assert "elevenlabs" in ran.err


@pytest.mark.parametrize(
    ("proxy", "written"),
    [
        pytest.param("http://127.0.0.1:9", 'proxy = "http://127.0.0.1:9"', id="as it is"),
        pytest.param("$PROXY", 'proxy = { env = "PROXY" }', id="with a password"),
    ],
)
def test_init_tries_and_writes_a_proxy(
    offhook: Offhook,
    flags: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    proxy: str,
    written: str,
) -> None:
    monkeypatch.setenv("PROXY", "http://robot:pass@127.0.0.1:9")

    ran = offhook(*flags, "--proxy", proxy)

    assert ran.status == 0, ran.err
    assert written in (tmp_path / "config.toml").read_text()
    assert "pass" not in (tmp_path / "config.toml").read_text()


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://robot:pass@proxy.example", "--proxy takes the name of a variable"),
        ("socks5://proxy.example", "proxy: it must be the address of a proxy: http://host:port"),
    ],
)
def test_init_refuses_a_proxy_that_is_none_or_shows_its_password(
    offhook: Offhook, flags: list[str], tmp_path: Path, proxy: str, words: str
) -> None:
    ran = offhook(*flags, "--proxy", proxy)

    assert ran.status == 2
    assert words in ran.err
    assert "robot" not in ran.err
    assert not (tmp_path / "config.toml").exists()


def test_init_behind_a_proxy_that_is_away_says_which(
    offhook: Offhook, flags: list[str], tmp_path: Path
) -> None:
    vendor = flags.index("--base-url") + 1

    ran = offhook(
        *flags[:vendor],
        "https://graine.example",
        *flags[vendor + 1 :],
        *("--proxy", "http://127.0.0.1:9"),
    )

    assert ran.status != 0
    assert "the proxy 127.0.0.1 refused the connection" in ran.err
    assert not (tmp_path / "config.toml").exists()
