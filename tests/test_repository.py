"""What must stay true of the repository itself."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import Connection

ROOT = Path(__file__).parents[1]
CLOCK_READERS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "monotonic_ns"),
    ("time", "perf_counter"),
    ("time", "perf_counter_ns"),
    ("time", "sleep"),
}
MOST_LINES = 300
MOST_LINES_OF_A_RULE = 60
MOST_LINES_OF_A_FUNCTION = 50
MOST_BROAD_EXCEPTS = 4
# store modules that open, migrate or copy whole databases instead of working in a transaction
STORE_SHELLS = {"engine", "writer", "migrate", "backup", "lock", "schema", "coding", "migrations"}


@cache
def modules(*packages: str) -> tuple[Path, ...]:
    return tuple(path for package in packages for path in sorted((ROOT / package).rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


def ids(paths: tuple[Path, ...]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


OURS = modules("monitor", "rules")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def where(path: Path, node: ast.stmt | ast.expr | ast.ExceptHandler) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_only_the_clock_reads_the_clock() -> None:
    found = [
        where(path, node)
        for path in OURS
        if path != ROOT / "monitor" / "clock.py"
        for node in nodes(path)
        if isinstance(node, ast.Attribute | ast.ImportFrom) and _clocks(node)
    ]

    assert not found


def _clocks(node: ast.Attribute | ast.ImportFrom) -> set[tuple[str, str]]:
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "", alias.name) for alias in node.names} & CLOCK_READERS
    of = node.value.id if isinstance(node.value, ast.Name) else ""
    return {(of, node.attr)} & CLOCK_READERS


def test_only_one_module_imports_httpx() -> None:
    found = [
        where(path, node)
        for path in OURS
        if path != ROOT / "monitor" / "http.py"
        for node in nodes(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        if any(name.split(".")[0] == "httpx" for name in _imported(node))
    ]

    assert not found


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""]


def test_modules_stay_small() -> None:
    # A migration is a list of tables that nobody edits.
    long = [
        f"{path.relative_to(ROOT)} has {lines} lines"
        for path in OURS
        if path.parent.name != "versions"
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    ]

    assert not long


def test_functions_stay_small_and_are_mostly_ten_lines_or_shorter() -> None:
    lengths = {
        f"{where(path, node)} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in OURS
        for node in nodes(path)
        if isinstance(node, Function)
    }

    assert not {n: length for n, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION}
    assert sorted(lengths.values())[len(lengths) // 2] <= 10


def test_no_import_hides_from_the_contracts() -> None:
    vague = {"utils", "util", "helpers", "common", "base", "manager", "misc"}

    assert [path for path in OURS if "TYPE_CHECKING" in path.read_text()] == []
    assert [path for path in OURS if path.stem in vague] == []


def test_broad_excepts_are_few() -> None:
    found = [
        where(path, node)
        for path in OURS
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node)
    ]

    assert len(found) <= MOST_BROAD_EXCEPTS, found


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in kinds
    )


@cache
def tracked() -> tuple[Path, ...]:
    """Every text file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    return tuple(path for name in listed if name and (path := ROOT / name).is_file())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    yield from enumerate(text.splitlines(), start=1)


def test_no_tracked_file_names_a_registry_or_a_place_on_one_machine() -> None:
    forbidden = re.compile(
        "|".join(
            (
                r"pypi" + r"\.org",
                r"python" + r"hosted\.org",
                r"index" + r"-url",
                r"registry" + r"\.npmjs",
                r"(?<![\w.])/wor" + r"k/",
                r"(?<![\w.])/ro" + r"ot/",
                r"(?<![\w./])/home/(?!nobody)" + r"\w",
                r"(?<![\w./])/Users/" + r"\w",
            )
        )
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        for number, line in _lines(path)
        if forbidden.search(line)
    ]

    assert not found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    wanted = [line for line in lines if not line.lstrip().startswith(("#", "-r"))]

    assert wanted
    for line in wanted:
        assert re.match(r"[\w.-]+(\[[\w,]+\])?==", line), line
        assert "--hash=sha256:" in line, line


STORE = tuple(
    path
    for path in modules("monitor/store")
    if path.stem not in STORE_SHELLS | {"__init__"}
    and not {"migrations", "schema"} & set(path.parts)
)


@pytest.mark.parametrize("path", STORE, ids=ids(STORE))
def test_a_store_function_works_in_its_callers_transaction(path: Path) -> None:
    module = import_module(f"monitor.store.{path.stem}")
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"commit", "rollback", "begin"}, f"line {node.lineno}"
    for name, value in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(value):
            continue
        if value.__module__ == module.__name__ and _reads_or_writes(path, name):
            (first, *_) = inspect.signature(value).parameters.values()
            assert (first.name, first.annotation) == ("conn", Connection), name


def _reads_or_writes(path: Path, name: str) -> bool:
    """Whether the function executes a statement, itself and not through a caller's value."""
    (function,) = [
        node
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    return any(
        isinstance(node, ast.Attribute) and node.attr.startswith(("execute", "exec_driver"))
        for node in ast.walk(function)
    )


RULES = tuple(path for path in modules("rules") if path.stem != "__init__")


@pytest.mark.parametrize("path", RULES, ids=ids(RULES))
def test_a_rule_is_one_file_with_one_test_and_says_what_to_do(path: Path) -> None:
    text = path.read_text()
    assert (ROOT / "tests" / "rules" / f"test_{path.name}").exists()
    assert "What to do:" in (ast.get_docstring(tree(path)) or "")
    assert f'id: ClassVar[str] = "{path.stem}"' in text
    assert len(_own_lines(path)) <= MOST_LINES_OF_A_RULE


def _own_lines(path: Path) -> list[str]:
    """What is left without documentation, imports and blank lines."""
    lines = path.read_text().splitlines()
    for node in nodes(path):
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            rows = range(node.lineno - 1, node.end_lineno or 0)
            lines = ["" if row in rows else line for row, line in enumerate(lines)]
    return [line for line in lines if line.strip()]


def test_the_import_contracts_hold() -> None:
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
