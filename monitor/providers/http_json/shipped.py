"""Vendors whose configuration comes with Offhook, each in a file of its own."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

_FILES = files("monitor.providers.http_json") / "vendors"


@cache
def names() -> tuple[str, ...]:
    """Which there are."""
    found = (each.name for each in _FILES.iterdir())
    return tuple(sorted(name[:-5] for name in found if name.endswith(".toml")))


def table(name: str) -> dict[str, Any]:
    """The provider's table as it is shipped, its key left out; KeyError for an unknown name."""
    if name not in names():
        raise KeyError(name)
    text = (_FILES / f"{name}.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)["providers"][name]
    return {key: value for key, value in found.items() if key != "api_key"}
