"""check-config renders every template with friendly and hostile messages before it is needed."""

from pathlib import Path

import pytest

from tests.cli.conftest import Offhook, Services, write_config

OTHERS = """
[receivers.hook]
kind = "webhook"
url = "https://127.0.0.1:9/hook"
secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
[receivers.pager]
kind = "pagerduty"
routing_key = "0123456789abcdef0123456789abcdef"
[receivers.prometheus]
kind = "alertmanager"
urls = ["http://127.0.0.1:9"]
[receivers.mail]
kind = "email"
smtp_url = "smtp+plain://127.0.0.1:9"
from = "a@example.com"
to = ["b@example.com"]
"""
GOOD = """
[[templates]]
rules = ["error_spike"]
title = "{{ title }}: {{ values.value | default('-') }}"
body = "{% for label, text in lines %}{{ label }}: {{ text }}\\n{% endfor %}{{ todo }}"
"""


def test_good_templates_are_rendered_for_every_receiver(offhook: Offhook, config: Path) -> None:
    plain = offhook("check-config", "--json").json["rendered"]
    config.write_text(config.read_text() + OTHERS + GOOD)

    ran = offhook("check-config", "--json")

    assert ran.status == 0, ran.err
    assert ran.json["rendered"] > 5 * plain


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ values.refunds }}", "'refunds' is not always there; write what else: | default('-')"),
        ("{{ values.cost_so_farr }}", 'did you mean "cost_so_far"?'),
        ("{{ values.value }}", "with values that are missing"),
        ("{{ lines[0][1] }}", "with values that are missing"),
        ("{% if title | length > 70 %}{{ 1 / 0 }}{% endif %}x", "with long texts"),
        ("{{ todo }}", "the title is empty"),
        ("{% for a in range(400) %}{% for b in lines %}{% endfor %}{% endfor %}x", "loops turn"),
    ],
)
def test_a_template_that_can_fail_is_reported_with_file_line_and_key(
    offhook: Offhook, config: Path, source: str, said: str
) -> None:
    config.write_text(f'{config.read_text()}\n[[templates]]\ntitle = "{source}"\n')

    ran = offhook("check-config")

    assert ran.status == 2
    assert f"{config.name}:{len(config.read_text().splitlines())}: templates[1].title: " in ran.err
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_the_problem_is_in_the_json_too(offhook: Offhook, config: Path) -> None:
    config.write_text(config.read_text() + '[[templates]]\nbody = "\\n{{ values.x }}"\n')

    ran = offhook("check-config", "--json")

    assert ran.status == 2
    [problem] = ran.json["problems"]
    assert problem["key"] == "templates[1].body"
    assert "(line 2 of the template)" in problem["text"]


def test_a_template_that_no_message_reaches_is_not_rendered(offhook: Offhook, config: Path) -> None:
    off = '[rules.batch_failed]\nenabled = false\n[[templates]]\nrules = ["batch_failed"]\n'
    config.write_text(config.read_text() + off + 'title = "{{ values.x }}"\n')

    assert offhook("check-config").status == 0


def test_a_test_message_comes_in_the_users_words(
    offhook: Offhook, services: Services, tmp_path: Path
) -> None:
    path = write_config(tmp_path, services.graine, services.slack_hook)
    title = 'title = "{{ title }} is ill, says {{ rule }}"\nbody = "first\\nsecond"\n'
    path.write_text(f"{path.read_text()}[[templates]]\n{title}")

    ran = offhook("notify", "test", "ops", "--rule", "error_spike")

    assert ran.status == 0, ran.err
    shown = services.slack.posts[0].shown
    assert "is ill, says error_spike" in shown
    assert "first\nsecond" in shown
    assert "rule error_spike" in shown
