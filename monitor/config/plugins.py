"""``[providers.x]`` and ``[receivers.x]``: each vendor's and each protocol's own settings."""

import difflib
from typing import Any, TypeGuard

from monitor.config import later
from monitor.config.hints import hint_for
from monitor.config.lines import KeyPath
from monitor.config.reading import Reading, variants
from monitor.notifiers.build import AnyReceiverSettings
from monitor.providers.build import AnyProviderSettings
from monitor.providers.http_json import HttpJsonSettings, check_sample
from monitor.settings import ProviderSettings, ReceiverSettings, Strict


def read_providers(reading: Reading) -> dict[str, AnyProviderSettings]:
    """The accounts to watch, each checked by its vendor's settings."""
    found: dict[str, AnyProviderSettings] = {}
    vendors = variants(AnyProviderSettings, "vendor")
    for path, name, values in reading.tables("providers"):
        model = _chosen(reading, path, values, "vendor", vendors)
        settings = reading.table(path, values, model) if model else None
        if _is_provider(settings):
            found[name] = settings
            _check_calendar(reading, path, settings)
            _check_sample(reading, path, settings)
    if reading.document.values.get("providers", {}) == {}:
        reading.refuse(("providers",), "nothing is watched; add a [providers.<name>] table")
    return found


def read_receivers(reading: Reading) -> dict[str, AnyReceiverSettings]:
    """The destinations, each checked by its protocol's settings."""
    found: dict[str, AnyReceiverSettings] = {}
    kinds = variants(AnyReceiverSettings, "kind")
    for path, name, values in reading.tables("receivers"):
        model = _chosen(reading, path, values, "kind", kinds)
        settings = reading.table(path, values, model) if model else None
        if _is_receiver(settings):
            found[name] = settings
    if reading.document.values.get("receivers", {}) == {}:
        reading.refuse(("receivers",), "nobody is told; add a [receivers.<name>] table")
    return found


def _is_provider(settings: Strict | None) -> TypeGuard[AnyProviderSettings]:
    return isinstance(settings, ProviderSettings)


def _is_receiver(settings: Strict | None) -> TypeGuard[AnyReceiverSettings]:
    return isinstance(settings, ReceiverSettings)


def _chosen(
    reading: Reading, path: KeyPath, values: Any, tag: str, models: dict[str, type[Strict]]
) -> type[Strict] | None:
    """The settings class that the table's ``vendor`` or ``kind`` asks for."""
    if not isinstance(values, dict):
        reading.refuse(path, "must be a table")
        return None
    word = values.get(tag)
    where = (*path, tag)
    if isinstance(word, str) and word in models:
        return models[word]
    known = f"known: {', '.join(models)}"
    if word is None:
        near = difflib.get_close_matches(tag, values, n=1)
        if near:
            reading.refuse((*path, near[0]), "unknown key", f'did you mean "{tag}"?')
        else:
            reading.refuse(where, "is missing", known)
    elif not isinstance(word, str):
        reading.refuse(where, "must be a text in quotes", known)
    elif later.is_later_value(where, word):
        reading.refuse(where, f"{word!r} {later.TEXT}", known)
    else:
        reading.refuse(where, f"unknown {tag} {word[:60]!r}", hint_for(word, models))
    return None


def _check_calendar(reading: Reading, path: KeyPath, settings: ProviderSettings) -> None:
    calendars = reading.document.values.get("calendars", {})
    if settings.calendar is not None and isinstance(calendars, dict):
        reading.known_name((*path, "calendar"), "calendar", settings.calendar, calendars)


def _check_sample(reading: Reading, path: KeyPath, settings: ProviderSettings) -> None:
    """Whether a vendor that is only configured can be read so, and as its sample shows it."""
    if not isinstance(settings, HttpJsonSettings):
        return
    for miss in check_sample(settings):
        if miss.doubt:
            reading.warn((*path, *miss.key), miss.text)
            continue
        hint = hint_for(miss.word, miss.near) if miss.word else None
        reading.refuse((*path, *miss.key), miss.text, hint)
