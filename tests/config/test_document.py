from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import load
from monitor.config.document import MOST_BYTES, dotted, read_document
from monitor.config.lines import key_lines
from monitor.errors import ConfigError

TEXT = b"""\
a.b = 1
[rules."x y".z]
k = { env = "A", "q.r" = 2 }
[[routes]]
match = [
  "a", # a comment
  "b",
]
[[rules.e.override]]
threshold = 0.1
[[rules.e.override]]
[rules.e.override.labels]
team = "x"
[[routes]]
x = [{ a = 1 }]
"""


def test_every_table_key_and_item_has_its_line() -> None:
    lines = key_lines(TEXT)

    assert lines[("a", "b")] == 1
    assert lines[("rules", "x y", "z", "k", "q.r")] == 3
    assert lines[("routes", 0)] == 4
    assert lines[("routes", 0, "match", 1)] == 7
    assert lines[("rules", "e", "override", 0, "threshold")] == 10
    assert lines[("rules", "e", "override", 1, "labels", "team")] == 13
    assert lines[("routes", 1, "x", 0, "a")] == 15


def test_a_path_reads_as_people_write_it() -> None:
    assert dotted(("routes", 0, "match", 1)) == "routes[1].match[2]"
    assert dotted(("rules", "x\ny")) == "rules.'x\\ny'"


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        pytest.param(b"\n\xff", 2, "is not UTF-8", id="not UTF-8"),
        pytest.param(b"a = 1\nb = \n", 2, "is not TOML", id="not TOML"),
        pytest.param(b"a = [", 1, "is not TOML", id="ends too soon"),
        pytest.param(b"a = " + b"[" * 9_000, None, "far too large", id="nested without end"),
        pytest.param(b"a = " + b"[" * 20 + b"]" * 20, None, "far too large", id="nested deeply"),
        pytest.param(b"a = " + b"9" * 9_000, None, "far too large", id="a number without end"),
        pytest.param(b"a = 99999999999999999999", 1, "far too large", id="a large number"),
        pytest.param(b"a = nan", 1, "finite", id="not a number"),
        pytest.param(b"\na = -inf", 2, "finite", id="infinite"),
        pytest.param(b"a = 2026-01-01", 1, "date", id="a date where none belongs"),
        pytest.param(b"a = 1\na = 2", 2, "is not TOML", id="a key twice"),
        pytest.param(b"[a]\n[a]\n", 2, "is not TOML", id="a table twice"),
        pytest.param(b"#" * (MOST_BYTES + 1), None, "1 MiB", id="huge"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(
    tmp_path: Path, data: bytes, line: int | None, words: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)

    with pytest.raises(ConfigError) as caught:
        read_document(path)

    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert problem.line == line
    assert words in problem.text


def test_a_missing_file_a_directory_and_a_wrong_name_are_refused_in_words(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "none.toml", "does not exist"),
        (tmp_path, "is a directory"),
        (Path("a\0b"), "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_document(path)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.lists(
            st.sampled_from(
                [
                    *"[[]]{}=\"'.,#",
                    "[monitor]\n",
                    "[web]\n",
                    "[[routes]]\n",
                    "[rules.error_spike]\n",
                    "[[rules.error_spike.override]]\n",
                    "[providers.a]\n",
                    "[receivers.a]\n",
                    'vendor="graine"\n',
                    'kind="slack"\n',
                    'match=["a=b"]\n',
                    "match={}\n",
                    "labels=1\n",
                    "for=1\n",
                    'a."b"=1\n',
                    "rates={}\n",
                ]
            ),
            max_size=12,
        ).map(lambda parts: "".join(parts).encode()),
    )
)
def test_no_bytes_bring_anything_but_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)

    with pytest.raises(ConfigError) as caught:
        load(path, environ={"HOME": "/nowhere"})

    assert caught.value.problems
