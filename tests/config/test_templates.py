"""``[[templates]]``: read strictly, each problem with its place in file and template."""

from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.errors import ConfigError

REST = """\
[providers.renewals]
vendor = "graine"
api_key = "k"
[receivers.ops]
kind = "slack"
webhook_url = "https://hooks.slack.com/services/T0/B0/x"
[rules.vip_spike]
rule = "error_spike"
"""


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(REST + text)
    path.chmod(0o600)
    return load(path, environ={})


def test_a_template_is_read_with_its_rules_and_receivers(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        '[[templates]]\nrules = ["vip_spike", "error_spike", "batch_failed"]\n'
        'receivers = ["ops"]\ntitle = "{{ title }}"\n',
    )

    [template] = config.templates
    assert template.rules == {"vip_spike", "error_spike", "batch_failed"}
    assert template.receivers == {"ops"}
    assert template.title is not None
    assert template.body is None


UNKNOWN = """config.toml:10: templates[1].title: there is no 'sentense' (line 1 of the template) \
(did you mean "sentence"?)"""
FILTER = "config.toml:10: templates[1].body: there is no filter 'uper' (line 2 of the template)"
RULE = "config.toml:11: templates[1].rules[1]: there is no rule 'eror_spike' (did you mean"
RECEIVER = "there is no receiver 'opps' (did you mean \"ops\"?)"
NEITHER = "config.toml:9: templates[1]: has neither a title nor a body"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('title = "{{ sentense }}"', UNKNOWN),
        ('body = """a\n{{ title | uper }}"""', FILTER),
        ('title = "{% if title %}"', "config.toml:10: templates[1].title: "),
        ('title = "x"\nrules = ["eror_spike"]', RULE),
        ('title = "x"\nreceivers = ["opps"]', RECEIVER),
        ("rules = []", NEITHER),
        ('titel = "x"', 'did you mean "title"?'),
        ("title = 1", "config.toml:10: templates[1].title: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"[[templates]]\n{text}\n")

    assert said in str(caught.value)


def test_one_table_in_place_of_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must be written \[\[templates\]\]"):
        read(tmp_path, '[templates]\ntitle = "x"\n')
