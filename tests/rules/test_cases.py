"""Each rule has a story in which it fires and one in which it nearly does, in rules/cases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import rules
from monitor.app.ruletest.files import Story, read_tests
from monitor.app.ruletest.run import Runner, runner

CASES = Path(__file__).with_name("cases")
STORIES = {path.stem: read_tests(path, None) for path in sorted(CASES.glob("*.toml"))}
NAMES = sorted(name for name in rules.catalogue() if not name.startswith("self_"))
LOUD = {"fires", "reports"}


@pytest.fixture(scope="module")
def played() -> Iterator[Runner]:
    with runner() as made:
        yield made


def instances(test: Story, rule: str) -> set[str]:
    """The names under which the rule runs in it."""
    found = {each.name for each in test.config.rules if each.settings.rule.id == rule}
    return found & set(test.rules)


def expects(test: Story, rule: str) -> bool:
    """Whether the rule is to be heard of in it."""
    names = instances(test, rule)
    return any(
        line.rule in names and any(phrase.words[0] in LOUD for phrase in line.phrases)
        for line in test.expected
    )


@pytest.mark.parametrize(
    ("rule", "test"),
    [
        pytest.param(rule, test, id=f"{rule}: {test.name}")
        for rule in STORIES
        for test in STORIES[rule]
    ],
)
def test_the_story_ends_as_expected(rule: str, test: Story, played: Runner) -> None:
    result = played.run(test)

    told = "\n".join(
        f"{each.at:%H:%M:%S} {each.rule} {each.what} {each.text}" for each in result.events
    )
    assert not result.misses, told


@pytest.mark.parametrize("rule", NAMES)
def test_it_has_a_story_in_which_it_fires_and_one_in_which_it_nearly_does(rule: str) -> None:
    found = STORIES.get(rule, ())

    assert any(expects(test, rule) for test in found), f"cases/{rule}.toml: none that fires"
    assert any(instances(test, rule) and not expects(test, rule) for test in found), (
        f"cases/{rule}.toml: none that nearly fires"
    )


def test_every_file_is_of_a_rule() -> None:
    assert set(STORIES) <= set(NAMES)
