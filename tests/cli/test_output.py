"""Tables are for the terminal that there is: nothing that names a row is ever cut."""

import re

import pytest

from monitor.cli.output import print_table

COLUMNS = ("rule", "severity", "can hold at", "last fired")
ROWS = (
    ("outside_calling_hours", "critical", "all but feedback_of_the_year", "never"),
    ("stalled_retries", "warning", "renewals", None),
)


def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> list[str]:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(COLUMNS, ROWS, "nothing")
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    return [line.rstrip() for line in out.splitlines() if line.strip()]


@pytest.mark.parametrize("width", [78, 90, 200])
def test_where_it_fits_it_is_a_table_of_whole_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    lines = printed(capsys, monkeypatch, width)

    assert lines[0].split()[0] == "rule"
    assert any(line.split()[:1] == ["outside_calling_hours"] for line in lines)
    assert any(line.split()[:3] == ["stalled_retries", "warning", "renewals"] for line in lines)
    assert all("…" not in line and len(line) <= width for line in lines)


def test_where_it_does_not_each_row_has_lines_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert printed(capsys, monkeypatch, 50) == [
        "outside_calling_hours · severity critical · can",
        "  hold at all but feedback_of_the_year ·",
        "  last fired never",
        "stalled_retries · severity warning ·",
        "  can hold at renewals",
    ]


def test_a_pipe_has_no_width(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("batch", "text"), [("b1", "word " * 60)], "nothing")

    assert "b1" in capsys.readouterr().out.splitlines()[3]


def test_no_row_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, (), "no rules")

    assert capsys.readouterr().out == "no rules\n"
