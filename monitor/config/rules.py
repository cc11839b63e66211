"""``[rules.x]``: a rule's own parameters as keys, beside those that every rule has."""

import dataclasses
import typing
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field, create_model

import rules
from monitor.config.expressions import ConditionText, SaysText
from monitor.config.hints import hint_for
from monitor.config.lines import KeyPath
from monitor.config.reading import Reading
from monitor.core.alert import Timing
from monitor.core.expression import Condition, Says
from monitor.core.instance import RuleInstance, Settings
from monitor.core.money import Amount
from monitor.core.route import LABELS
from monitor.core.rule import Rule, Severity
from monitor.hosts import leads_here
from monitor.settings import NAME, AmountText, Duration, MatcherText, Strict

_BOUNDS = ("ge", "gt", "le", "lt")


def _labels(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if not NAME.fullmatch(name):
            msg = f"the label {name!r} must be lower-case letters, digits and _, a letter first"
            raise ValueError(msg)
        if name in LABELS:
            msg = f"the label {name!r} is one of Offhook's own; choose another name"
            raise ValueError(msg)
    return value


def _link(value: str) -> str:
    if not value.startswith(("https://", "http://")) or any(map(str.isspace, value)):
        msg = "must be a web address"
        raise ValueError(msg)
    return value


Labels = Annotated[dict[str, str], AfterValidator(_labels)]
Link = Annotated[str, AfterValidator(_link)]


class Override(Strict):
    """What is different for the subjects that match."""

    match: tuple[MatcherText, ...] = Field(min_length=1)
    severity: Severity | None = None
    pending_for: Duration | None = Field(default=None, alias="for")
    keep_firing_for: Duration | None = None
    labels: Labels = Field(default_factory=dict)


class RuleTable(Strict):
    """What every rule's table takes; the model of one rule adds its parameters."""

    rule: str | None = None
    enabled: bool = True
    severity: Severity | None = None
    match: tuple[MatcherText, ...] = ()
    pending_for: Duration = Field(default=timedelta(0), alias="for")
    keep_firing_for: Duration = timedelta(0)
    labels: Labels = Field(default_factory=dict)
    runbook_url: Link | None = None
    override: tuple[Override, ...] = ()


def parameters_of(rule: type[Rule]) -> dict[str, Any]:
    """A rule's parameters with their defaults."""
    return {
        field.name: field.default_factory()
        if field.default_factory is not dataclasses.MISSING
        else field.default
        for field in dataclasses.fields(rule)
    }


@cache
def table_of(rule: type[Rule]) -> type[RuleTable]:
    """The model of one rule's table, made of the rule's own fields."""
    types = _parameter_types(rule)
    overrides = create_model(
        f"{rule.__name__}Override",
        __base__=Override,
        **{name: (kind | None, None) for name, kind in types.items()},  # type: ignore[call-overload] # the fields are known only at run time
    )
    defaults = parameters_of(rule)
    fields: dict[str, Any] = {name: (kind, defaults[name]) for name, kind in types.items()}
    fields["pending_for"] = (Duration, Field(default=rule.pending_for, alias="for"))
    fields["override"] = (tuple[overrides, ...], ())  # type: ignore[valid-type] # made just above
    made: type[RuleTable] = create_model(f"{rule.__name__}Table", __base__=RuleTable, **fields)
    return made


def _parameter_types(rule: type[Rule]) -> dict[str, Any]:
    hints = typing.get_type_hints(rule)
    return {
        field.name: _read_as(hints[field.name], field.metadata)
        for field in dataclasses.fields(rule)
    }


def _read_as(kind: Any, metadata: Mapping[str, Any]) -> Any:
    """Durations are texts, and numbers are not below nothing; a field's metadata may say more."""
    parts = typing.get_args(kind)
    optional = type(None) in parts
    plain = next((part for part in parts if part is not type(None)), kind) if optional else kind
    read: Any = plain
    if plain is timedelta:
        read = Duration
    elif plain is Amount:
        read = AmountText
    elif plain is Condition:
        read = ConditionText
    elif plain is Says:
        read = SaysText
    elif plain in {int, float}:
        bounds = {name: metadata[name] for name in _BOUNDS if name in metadata}
        read = Annotated[plain, Field(**({"ge": 0} | bounds))]
    return read | None if optional else read


class RefusedError(ValueError):
    """A rule refused its parameters; ``inner`` is the key below the rule's table."""

    def __init__(self, inner: KeyPath, text: str) -> None:
        self.inner = inner
        super().__init__(text)


def instance(name: str, rule: type[Rule], table: RuleTable) -> RuleInstance:
    """The rule as this table runs it; RefusedError where the rule says no."""
    given = {**_given(rule, table), **_weights(rule, table)}
    settings = Settings(
        rule=_made(rule, given, ()),
        severity=table.severity or rule.severity,
        timing=Timing(pending_for=table.pending_for, keep_firing_for=table.keep_firing_for),
        labels=table.labels,
        runbook_url=_opened(table.runbook_url),
    )
    overrides = tuple(
        (override.match, _overridden(settings, given, table, override, ("override", index)))
        for index, override in enumerate(table.override)
    )
    return RuleInstance(name=name, settings=settings, match=table.match, overrides=overrides)


def _opened(link: str | None) -> str | None:
    """A link that others can open, too."""
    return None if link is None or leads_here(link) else link


def _weights(rule: type[Rule], *tables: RuleTable | Override) -> dict[str, Any]:
    """What a rule is weighed by that has several severities: each name has one of its own.

    The ``severity`` of its table stands for all that no table names; of several tables the
    later counts.
    """
    name = rule.weighed_by
    if name is None:
        return {}
    named: dict[Any, Severity] = {}
    severity = None
    for table in tables:
        named |= getattr(table, name) if name in table.model_fields_set else {}
        severity = table.severity or severity
    own = parameters_of(rule)[name]
    return {name: {**(own if severity is None else dict.fromkeys(own, severity)), **named}}


def _made(rule: type[Rule], given: Mapping[str, Any], inner: KeyPath) -> Rule:
    try:
        return rule(**given)
    except ValueError as error:
        text = str(error)
        word = text.partition(" ")[0].rstrip(":")  # a rule's own check names the parameter first
        if word in parameters_of(rule):
            raise RefusedError((*inner, word), text.removeprefix(f"{word}: ")) from error
        raise RefusedError(inner, text) from error


def _overridden(
    settings: Settings,
    given: Mapping[str, Any],
    table: RuleTable,
    override: Override,
    inner: KeyPath,
) -> Settings:
    timing = settings.timing
    rule = type(settings.rule)
    changed = {**given, **_given(rule, override), **_weights(rule, table, override)}
    return dataclasses.replace(
        settings,
        rule=_made(rule, changed, inner),
        severity=override.severity or settings.severity,
        timing=Timing(
            pending_for=_either(override.pending_for, timing.pending_for),
            keep_firing_for=_either(override.keep_firing_for, timing.keep_firing_for),
        ),
        labels={**settings.labels, **override.labels},
    )


def _either(first: timedelta | None, otherwise: timedelta) -> timedelta:
    return otherwise if first is None else first


def _given(rule: type[Rule], table: Strict) -> dict[str, Any]:
    """The parameters that the table names."""
    return {
        name: getattr(table, name) for name in table.model_fields_set & set(parameters_of(rule))
    }


def default_instances(written: set[str]) -> tuple[RuleInstance, ...]:
    """Every rule that no table names and that can do without one, with its defaults."""
    return tuple(
        instance(name, rule, table_of(rule)())
        for name, rule in rules.catalogue().items()
        if name not in written and not rule.written_only
    )


def read_rules(reading: Reading) -> tuple[RuleInstance, ...]:
    """The written rules that are enabled, and every rule that no table speaks of."""
    found = []
    written = set()
    for path, name, values in reading.tables("rules"):
        written.add(name)
        rule = _chosen(reading, path, name, values)
        table = reading.table(path, values, table_of(rule)) if rule else None
        if rule is None or table is None or not table.enabled:
            continue
        for key in _lacking(rule, table):
            reading.refuse((*path, key), "is missing")
        if table.runbook_url is not None and leads_here(table.runbook_url):
            text = "leads to this machine: nobody else can open it, and messages leave it out"
            reading.warn((*path, "runbook_url"), text)
        try:
            found.append(instance(name, rule, table))
        except RefusedError as error:
            reading.refuse((*path, *error.inner), str(error))
    return (*found, *default_instances(written))


def _lacking(rule: type[Rule], table: RuleTable) -> list[str]:
    """Parameters without which the rule says nothing, and that the table does not give."""
    wanted = [each.name for each in dataclasses.fields(rule) if each.metadata.get("required")]
    return [name for name in wanted if getattr(table, name) is None]


def _chosen(reading: Reading, path: KeyPath, name: str, values: Any) -> type[Rule] | None:
    known = rules.catalogue()
    if not isinstance(values, dict):
        reading.refuse(path, "must be a table")
        return None
    word = values.get("rule", name)
    if not isinstance(word, str):
        reading.refuse((*path, "rule"), "must be a text in quotes")
    elif word not in known and "rule" in values:
        reading.refuse((*path, "rule"), f"unknown rule {word[:60]!r}", hint_for(word, known))
    elif word not in known:
        hint = hint_for(word, known) or 'an instance of your own needs rule = "…"'
        reading.refuse(path, f"unknown rule {word[:60]!r}", hint)
    elif word != name and name in known:
        reading.refuse(path, f"{name} is itself a rule; give this instance another name")
    else:
        return known[word]
    return None
