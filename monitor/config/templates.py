"""``[[templates]]``: the user's own words, each compiled and checked where it stands."""

from collections.abc import Iterable

from pydantic import Field

import rules
from monitor.config.lines import KeyPath
from monitor.config.reading import Reading
from monitor.core.instance import RuleInstance
from monitor.notifiers.grammar import TemplateFault
from monitor.notifiers.sandbox import Text
from monitor.notifiers.templates import NAMES, Template, Written
from monitor.settings import Strict


class TemplateSettings(Strict):
    """One of ``[[templates]]``: how the messages of some rules read at some receivers."""

    rules: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    title: str | None = Field(default=None, min_length=1)
    body: str | None = Field(default=None, min_length=1)


def read_templates(reading: Reading, instances: Iterable[RuleInstance]) -> tuple[Template, ...]:
    """The templates in order: the first that covers a message is used."""
    written = reading.document.values.get("templates", [])
    if not isinstance(written, list):
        reading.refuse(("templates",), "must be written [[templates]], one for each template")
        return ()
    known = {each.name for each in instances} | _tables(reading, "rules") | set(rules.catalogue())
    found = (_template(reading, place, values, known) for place, values in enumerate(written))
    return tuple(each for each in found if each is not None)


def _template(reading: Reading, place: int, values: object, known: set[str]) -> Template | None:
    path: KeyPath = ("templates", place)
    settings = reading.table(path, values, TemplateSettings)
    if settings is None:
        return None
    if settings.title is None and settings.body is None:
        reading.refuse(path, "has neither a title nor a body", "leave the whole table out")
    for index, name in enumerate(settings.rules):
        reading.known_name((*path, "rules", index), "rule", name, known)
    receivers = _tables(reading, "receivers")
    for index, name in enumerate(settings.receivers):
        reading.known_name((*path, "receivers", index), "receiver", name, receivers)
    return Template(
        rules=frozenset(settings.rules),
        receivers=frozenset(settings.receivers),
        title=_written(reading, (*path, "title"), settings.title),
        body=_written(reading, (*path, "body"), settings.body),
    )


def _written(reading: Reading, path: KeyPath, source: str | None) -> Written | None:
    if source is None:
        return None
    try:
        return Written(Text(source, tuple(NAMES)), reading.document.problem(path, ""))
    except TemplateFault as fault:
        reading.refuse(path, str(fault), fault.hint)
        return None


def _tables(reading: Reading, section: str) -> set[str]:
    values = reading.document.values.get(section, {})
    return set(values) if isinstance(values, dict) else set()
