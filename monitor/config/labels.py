"""Labels in matchers and ``group_by``: only those that exist, where they exist."""

from collections.abc import Iterator
from typing import Any

from monitor.config.hints import hint_for
from monitor.config.lines import KeyPath
from monitor.config.reading import Reading
from monitor.core.route import CAUSE, LABELS, parse_matcher

OF_A_BATCH = ("provider", "vendor", "batch", "batch_name", "campaign")


def check_labels(reading: Reading) -> None:
    """A label that nothing sets matches as an empty text, which is never what was meant."""
    known = {*LABELS, *_own_labels(reading)}
    for path, label in _labels_used(reading.document.values):
        grouping = "group_by" in path
        if label not in known and not (grouping and label == CAUSE):
            names = {*known, CAUSE} if grouping else known
            reading.refuse(path, f"there is no label {label!r}", hint_for(label, names))
        elif path[0] not in {"routes", "inhibit"} and label not in OF_A_BATCH:
            reading.warn(
                path, f"the label {label!r} is not known before a rule has found something"
            )


def _own_labels(reading: Reading) -> Iterator[str]:
    """The labels that rules' tables and their overrides add."""
    rules = reading.document.values.get("rules", {})
    for table in rules.values() if isinstance(rules, dict) else ():
        for each in (table, *_items(table, "override")):
            labels = each.get("labels") if isinstance(each, dict) else None
            if isinstance(labels, dict):
                yield from labels


def _labels_used(values: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    path: KeyPath
    for index, route in enumerate(_items(values, "routes")):
        path = ("routes", index)
        yield from _in_matchers(path, route)
        for place, label in enumerate(_items(route, "group_by")):
            if isinstance(label, str):
                yield (*path, "group_by", place), label
    for index, inhibit in enumerate(_items(values, "inhibit")):
        path = ("inhibit", index)
        yield from _in_matchers(path, inhibit, "source")
        yield from _in_matchers(path, inhibit, "target")
        for place, label in enumerate(_items(inhibit, "equal")):
            if isinstance(label, str):
                yield (*path, "equal", place), label
    yield from _in_tables(values)


def _in_tables(values: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Those that choose batches, where nothing has been found yet."""
    for index, expected in enumerate(_items(values, "expect")):
        yield from _in_matchers(("expect", index), expected)
    for section in ("providers", "rules"):
        tables = values.get(section, {})
        for name, table in tables.items() if isinstance(tables, dict) else ():
            yield from _in_matchers((section, name), table)
            for index, override in enumerate(_items(table, "override")):
                yield from _in_matchers((section, name, "override", index), override)


def _in_matchers(path: KeyPath, table: Any, key: str = "match") -> Iterator[tuple[KeyPath, str]]:
    for index, text in enumerate(_items(table, key)):
        try:
            matcher = parse_matcher(text) if isinstance(text, str) else None
        except ValueError:
            continue  # said already where the table was read
        if matcher:
            yield (*path, key, index), matcher.label


def _items(table: Any, key: str) -> list[Any]:
    items = table.get(key) if isinstance(table, dict) else None
    return items if isinstance(items, list) else []
