"""The example is complete, loads, and no key of it can be misspelt or mistyped unnoticed."""

import json
import re
import shutil
import tomllib
from collections.abc import Hashable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from monitor.config import json_schema, load
from monitor.config.expecting import ExpectSettings
from monitor.config.lines import KeyPath, key_lines
from monitor.config.model import (
    CalendarSettings,
    InhibitSettings,
    MonitorSettings,
    RouteSettings,
    WebSettings,
)
from monitor.config.problems import field_names
from monitor.config.reading import variants
from monitor.config.rules import RuleTable, parameters_of, table_of
from monitor.config.templates import TemplateSettings
from monitor.core.duration import parse_duration
from monitor.errors import ConfigError
from monitor.notifiers.build import AnyReceiverSettings
from monitor.providers.build import AnyProviderSettings
from rules import catalogue

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
ENVIRON = {
    "HOME": "/home/nobody",
    "GRAINE_TOKEN": "gat_x",
    "BLAND_API_KEY": "x",
    "VOGENT_API_KEY": "x",
    "SVALYNC_API_KEY": "x",
    "VENDOR_API_KEY": "x",
    "SLACK_BOT_TOKEN": "xoxb-1-x",
    "SLACK_APP_TOKEN": "xapp-1-x",
    "SLACK_SIGNING_SECRET": "a-long-enough-secret",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x",
    "SMTP_PASSWORD": "x",
    "HOOK_URL": "https://hook.example.com/offhook",
    "HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "PAGERDUTY_KEY": "0123456789abcdef0123456789abcdef",
    "APPRISE_URL": "json://localhost",
    "OFFHOOK_TOKEN": "a-long-enough-token",
    "OFFHOOK_HEARTBEAT": "https://beat.example.com/x",
    "OFFHOOK_HEARTBEAT_FAIL": "https://beat.example.com/x/fail",
    **dict.fromkeys(
        (
            "GRAINE_WEBHOOK_SECRET",
            "BLAND_WEBHOOK_SECRET",
            "BLAND_WEBHOOK_SECRET_OLD",
            "VOGENT_WEBHOOK_SECRET",
            "SVALYNC_WEBHOOK_SECRET",
            "VENDOR_WEBHOOK_SECRET",
        ),
        "a-long-enough-secret",
    ),
}
TEXT = EXAMPLE.read_text()
SAMPLES = Path(__file__).parents[1] / "fixtures" / "http_json"
# Tables whose keys are words of the user's own, or of a vendor's.
FREE = {"labels", "params", "headers", "body"}
# With the keys that have no default, too.
WHOLE = re.sub(r"(?m)^#(?=[a-z\[])", "", TEXT)


def written(tmp_path: Path, text: str) -> Path:
    key = tmp_path / "hash.key"
    key.write_text("0" * 64)
    key.chmod(0o600)
    for name in ("list", "batch", "items"):
        shutil.copy(SAMPLES / f"example_{name}.json", tmp_path / f"{name}.json")
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def refused(tmp_path: Path, text: str) -> str:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path, environ=ENVIRON)
    return str(caught.value)


@pytest.mark.parametrize("text", [TEXT, WHOLE], ids=["as it stands", "with every key"])
def test_the_example_loads_without_a_warning(tmp_path: Path, text: str) -> None:
    config = load(written(tmp_path, text), environ=ENVIRON)

    assert config.warnings == ()
    assert {instance.settings.rule.id for instance in config.rules} == set(catalogue())


def test_every_key_of_every_section_is_shown() -> None:
    values = tomllib.loads(WHOLE)
    sections: list[tuple[Any, list[dict[str, Any]]]] = [
        (MonitorSettings, [values["monitor"]]),
        (WebSettings, [values["web"]]),
        (CalendarSettings, list(values["calendars"].values())),
        (RouteSettings, values["routes"]),
        (InhibitSettings, values["inhibit"]),
        (ExpectSettings, values["expect"]),
        (TemplateSettings, values["templates"]),
    ]
    for section, tag, union in (
        ("providers", "vendor", AnyProviderSettings),
        ("receivers", "kind", AnyReceiverSettings),
    ):
        for word, model in variants(union, tag).items():
            tables = [each for each in values[section].values() if each[tag] == word]
            sections.append((model, tables))
    for model, tables in sections:
        shown = {key for table in tables for key in table}
        assert set(field_names(model)) == shown, model


def test_every_key_of_every_table_inside_a_provider_is_shown() -> None:
    values = tomllib.loads(WHOLE)["providers"]
    for word, model in variants(AnyProviderSettings, "vendor").items():
        tables = [each for each in values.values() if each["vendor"] == word]
        unseen = set(_inner_keys(model)) - set(_shown_keys(tables))
        # Ways that exclude each other are named beside the one that is shown.
        assert {path[0] for path in unseen} <= {"auth", "list", "batch", "items"}, unseen
        assert [path for path in unseen if not re.search(rf"\b{path[-1]}\b", WHOLE)] == []


def _inner_keys(model: type[Any], path: KeyPath = ()) -> Iterator[KeyPath]:
    for name in field_names(model, path):
        below = (*path, name)
        inner = list(_inner_keys(model, below))
        yield from inner or ([below] if path else [])


def _shown_keys(tables: list[dict[str, Any]]) -> Iterator[KeyPath]:
    for table in tables:
        yield from (path for path, _ in _leaves(table))


@pytest.mark.parametrize("name", catalogue())
def test_every_parameter_of_every_rule_is_shown_with_its_default(name: str) -> None:
    rule = catalogue()[name]
    table = tomllib.loads(WHOLE)["rules"][name]

    for parameter, default in parameters_of(rule).items():
        assert parameter in table
        if default is not None:
            assert _comparable(default) == _written(table[parameter], default), parameter
    if "severity" in table:
        assert table["severity"] == rule.severity
    assert "severity" in table or "severity_by_status" in table


def test_what_every_rule_takes_is_shown_once() -> None:
    table = tomllib.loads(WHOLE)["rules"]["error_spike"]

    assert set(field_names(RuleTable)) <= set(table)
    assert {"match", "severity", "for", "keep_firing_for", "labels"} <= set(table["override"][0])


def _comparable(default: Any) -> Any:
    if isinstance(default, frozenset):
        return {str(each) for each in default}
    if isinstance(default, dict):
        return {str(key): str(value) for key, value in default.items()}
    return list(default) if isinstance(default, tuple) else default


def _written(value: Any, default: Any) -> Any:
    if isinstance(default, timedelta):
        return parse_duration(value)
    return set(value) if isinstance(default, frozenset) else value


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if path and (path[-1] in FREE or path[-2:-1] == ("words",)):
                continue
            yield (*path, key), inner
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))


VALUES = tomllib.loads(WHOLE)
LINES = key_lines(WHOLE.encode())
TABLES = re.compile(
    r"^(calendars|providers|receivers)\.\w+$|^(routes|inhibit|expect|templates)\.\d+$"
)


class Key(NamedTuple):
    """A key, what it says, and on which row of the example, counted from 0."""

    path: KeyPath
    value: Any
    row: int


def _groups() -> Iterator[Any]:
    """All keys: each table and its kind alone, the others in groups with no two of one table."""
    lines = WHOLE.splitlines()
    headers = [row for row, line in enumerate(lines) if line.startswith("[")]
    groups: list[dict[Hashable, Key]] = []
    for path, value in _leaves(VALUES):
        key = Key(path, value, LINES[path] - 1)
        name = ".".join(map(str, path))
        if key.row in headers or path[-1] in {"vendor", "kind"}:
            if not TABLES.match(name):
                yield pytest.param([key], id=name)
            continue
        # What is wrong in a rule's own table hides what is wrong in the tables below it.
        table: Hashable = (
            path[:2] if path[0] == "rules" else max(row for row in headers if row < key.row)
        )
        if all(table in group for group in groups):
            groups.append({})
        next(group for group in groups if table not in group)[table] = key
    for number, group in enumerate(groups):
        yield pytest.param(list(group.values()), id=f"group {number}")


each_group = pytest.mark.parametrize("group", list(_groups()))


@each_group
def test_a_misspelt_key_is_refused_by_name_and_line(tmp_path: Path, group: list[Key]) -> None:
    lines = WHOLE.splitlines()
    for key in group:
        lines = _misspelt(lines, key)

    said = refused(tmp_path, "\n".join(lines)).splitlines()

    for key in group:
        place = f"config.toml:{key.row + 1}: "
        assert any(place in line and str(key.path[-1]) in line for line in said), key.path


def _misspelt(lines: list[str], key: Key) -> list[str]:
    name = str(key.path[-1])
    line = re.sub(rf"\b{name}\b(?=\s*=|\]|\.)", f"{name}x", lines[key.row], count=1)
    lines = [*lines[: key.row], line, *lines[key.row + 1 :]]
    if line.startswith("["):  # the same name in the headers of its tables below
        header = re.compile(rf"(?<=[.\[]){name}(?=[.\]])")
        lines = [header.sub(f"{name}x", each) if each[:1] == "[" else each for each in lines]
        # with this key it would be an instance of the user's own
        lines = ["" if each.startswith("rule = ") else each for each in lines]
    return lines


@each_group
def test_a_value_of_another_type_is_refused_by_key_and_line(
    tmp_path: Path, group: list[Key]
) -> None:
    lines = WHOLE.splitlines()
    places = {}
    for key in group:
        lines, places[key.path] = _of_another_type(lines, key)

    said = refused(tmp_path, "\n".join(lines))

    for path, row in places.items():
        assert f"config.toml:{row + 1}: " in said, path


def _of_another_type(lines: list[str], key: Key) -> tuple[list[str], int]:
    """The lines with another value, and the row where it stands now."""
    path, value, row = key
    other = '"text"' if isinstance(value, int | float) else "12345"
    if lines[row].startswith("[[rules"):
        rest = _without_table("\n".join(lines[row:]), path)
        return [*lines[:row], f"{path[-1]} = {other}", *rest], row
    if lines[row].startswith("[") and len(path) > 2:
        # a list of tables in place of a table
        return [*lines[:row], f"[{lines[row]}]", *lines[row + 1 :]], row
    if lines[row].startswith("["):
        return [f"{'.'.join(map(str, path))} = {other}", *_without_table(WHOLE, path)], 0
    pattern = rf"\b({path[-1]}\s*=\s*)" + _value_pattern(value)
    changed = re.sub(pattern, rf"\g<1>{other}", lines[row], count=1)
    return [*lines[:row], changed, *lines[row + 1 :]], row


def _value_pattern(value: Any) -> str:
    if isinstance(value, dict):
        return r"\{.*?\}(?=\s|$)"
    if isinstance(value, list):
        return r"\[.*?\](?=\s*(#|$))"
    return r'"[^"]*"' if isinstance(value, str) else r"[\w.]+"


def _without_table(text: str, path: KeyPath) -> list[str]:
    """The lines without this table and those below it."""
    name = re.escape(".".join(map(str, path)))
    kept = []
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = re.match(rf"\[+{name}(\.|\])", line) is not None
        if not inside:
            kept.append(line)
    return kept


def test_the_schema_is_json_and_knows_every_rule_and_section() -> None:
    schema = json.loads(json.dumps(json_schema()))

    assert set(schema["properties"]) == set(VALUES)
    assert set(schema["properties"]["rules"]["properties"]) == set(catalogue())
    assert schema["additionalProperties"] is False
    for name, rule in catalogue().items():
        reference = schema["properties"]["rules"]["properties"][name]["$ref"]
        model = schema["$defs"][reference.rpartition("/")[2]]
        assert set(model["properties"]) == set(field_names(table_of(rule)))
        assert model["additionalProperties"] is False
