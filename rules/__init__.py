"""The rules: one a file, found by being here."""

import importlib
import pkgutil
from functools import cache

from monitor.core.rule import Rule


@cache
def catalogue() -> dict[str, type[Rule]]:
    """Every rule by its id, which is also its file's name."""
    found: dict[str, type[Rule]] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Rule)
                and value.__module__ == module.__name__
            ):
                found[value.id] = value
    return found


@cache
def compliance() -> frozenset[str]:
    """The ids of the rules that the law asks for."""
    return frozenset(name for name, rule in catalogue().items() if rule.compliance)
