"""On which line of a TOML text each key stands, so that a problem can name it."""

import tomllib
from collections import Counter

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

KeyPath = tuple[str | int, ...]

_PARSER = Parser(Language(tree_sitter_toml.language()))


def key_lines(text: bytes) -> dict[KeyPath, int]:
    """The line, 1 first, of every table, key and array item of a text that tomllib has read."""
    lines: dict[KeyPath, int] = {}
    arrays: Counter[KeyPath] = Counter()
    for node in _PARSER.parse(text).root_node.named_children:
        match node.type:
            case "pair":
                _note_pair(lines, (), node)
            case "table" | "table_array_element":
                _note_table(lines, arrays, node)
    return lines


def nearest_line(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """The line of a key, or of the innermost table around it that the text has."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _note_table(lines: dict[KeyPath, int], arrays: Counter[KeyPath], node: Node) -> None:
    header, *pairs = node.named_children
    path: KeyPath = ()
    keys = _keys(header)
    for depth, key in enumerate(keys, start=1):
        path = (*path, key)
        lines.setdefault(path, node.start_point.row + 1)
        if node.type == "table_array_element" and depth == len(keys):
            arrays[path] += 1
        if arrays[path]:  # a table below an array of tables belongs to its last element
            path = (*path, arrays[path] - 1)
    lines[path] = node.start_point.row + 1
    for pair in pairs:
        if pair.type == "pair":
            _note_pair(lines, path, pair)


def _note_pair(lines: dict[KeyPath, int], path: KeyPath, pair: Node) -> None:
    header, *values = pair.named_children
    for key in _keys(header):
        path = (*path, key)
        lines.setdefault(path, pair.start_point.row + 1)
    for value in values:
        _note_value(lines, path, value)


def _note_value(lines: dict[KeyPath, int], path: KeyPath, value: Node) -> None:
    if value.type == "inline_table":
        for pair in value.named_children:
            if pair.type == "pair":
                _note_pair(lines, path, pair)
    elif value.type == "array":
        items = (item for item in value.named_children if item.type != "comment")
        for index, item in enumerate(items):
            lines[(*path, index)] = item.start_point.row + 1
            _note_value(lines, (*path, index), item)


def _keys(node: Node) -> tuple[str, ...]:
    if node.type == "dotted_key":
        return tuple(key for child in node.named_children for key in _keys(child))
    text = (node.text or b"").decode()
    if node.type == "quoted_key":
        return tuple(tomllib.loads(f"{text} = 0"))
    return (text,)
