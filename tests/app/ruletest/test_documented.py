"""The page about tests of rules: its examples are played, its words are those that are read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.app.ruletest.deeds import CALL_KEYS
from monitor.app.ruletest.expecting import VERBS
from monitor.app.ruletest.files import read_tests
from monitor.app.ruletest.run import Runner, runner

PAGE = Path(__file__).parents[3] / "docs" / "rule-tests.md"
TEXT = PAGE.read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def played() -> Iterator[Runner]:
    with runner() as made:
        yield made


@pytest.mark.parametrize("place", range(len(EXAMPLES)))
def test_its_examples_hold(place: int, tmp_path: Path, played: Runner) -> None:
    path = tmp_path / "example.toml"
    path.write_text(EXAMPLES[place])

    results = [played.run(each) for each in read_tests(path, None)]

    assert results
    assert [each.misses for each in results] == [()] * len(results)


def test_it_has_two_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("word", [*CALL_KEYS, *VERBS])
def test_it_names_every_word(word: str) -> None:
    assert re.search(rf"`[^`]*\b{word}\b[^`]*`", TEXT)
