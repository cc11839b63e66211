from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.config.environment import state_directory
from monitor.errors import ConfigError

SMALL = """\
[monitor]
log = "json"
[providers.renewals]
vendor = "graine"
api_key = "k"
[receivers.ops]
kind = "slack"
webhook_url = "https://hooks.example.com/x"
"""


def loaded(tmp_path: Path, environ: dict[str, str]) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(SMALL)
    path.chmod(0o600)
    return load(path, environ={"HOME": "/home/nobody", **environ})


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        {
            "OFFHOOK_MONITOR__LOG": "console",
            "OFFHOOK_WEB__LISTEN": "0.0.0.0:9000",
            "OFFHOOK_WEB__API_TOKEN": "1234567890123456",
            "OFFHOOK_CONFIG": "elsewhere.toml",
            "OFFHOOK_MONITOR": "{not read",
        },
    )

    assert config.monitor.log == "console"
    assert config.web.listen.port == 9000
    assert config.web.api_token is not None
    assert config.web.api_token.get_secret_value() == "1234567890123456"
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param("OFFHOOK_MONITOR__RETIAN", "3d", "OFFHOOK_MONITOR__RETAIN", id="misspelt key"),
        pytest.param("OFFHOOK_MONITR__RETAIN", "3d", "OFFHOOK_MONITOR__RETAIN", id="section"),
        pytest.param("OFFHOOK_PROVIDERS__X", "3d", "only [monitor] and [web]", id="other section"),
        pytest.param("OFFHOOK_MONITOR__RETAIN", "3x", "monitor.retain", id="bad value"),
        pytest.param("OFFHOOK_MONITOR__A__B", "3x", "unknown variable", id="too deep"),
    ],
)
def test_an_unknown_variable_or_value_is_an_error_that_names_it(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, {name: value})

    assert f"environment {name}" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"STATE_DIRECTORY": "/srv/a:/srv/b"}, "/srv/a", id="service"),
        pytest.param({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/offhook", id="XDG"),
        pytest.param(
            {"XDG_STATE_HOME": "x", "HOME": "/h"}, "/h/.local/state/offhook", id="bad XDG"
        ),
        pytest.param({"HOME": "/h"}, "/h/.local/state/offhook", id="home"),
    ],
)
def test_data_lies_in_the_state_directory(environ: dict[str, str], expected: str) -> None:
    assert state_directory(environ) == Path(expected)
