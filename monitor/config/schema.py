"""The configuration as a JSON schema, for editors that complete and check while typing."""

from typing import Any

from pydantic.json_schema import models_json_schema

import rules
from monitor.config.expecting import ExpectSettings
from monitor.config.model import (
    CalendarSettings,
    InhibitSettings,
    MonitorSettings,
    RouteSettings,
    WebSettings,
)
from monitor.config.reading import variants
from monitor.config.rules import table_of
from monitor.config.templates import TemplateSettings
from monitor.notifiers.build import AnyReceiverSettings
from monitor.providers.build import AnyProviderSettings
from monitor.settings import NAME, Strict

_NAMES = f"^{NAME.pattern}$"


def json_schema() -> dict[str, Any]:
    """The whole file, JSON Schema 2020-12."""
    providers = list(variants(AnyProviderSettings, "vendor").values())
    receivers = list(variants(AnyReceiverSettings, "kind").values())
    own: list[type[Strict]] = [
        MonitorSettings,
        WebSettings,
        CalendarSettings,
        RouteSettings,
        InhibitSettings,
        ExpectSettings,
        TemplateSettings,
    ]
    tables = {name: table_of(rule) for name, rule in rules.catalogue().items()}
    models = [*own, *providers, *receivers, *tables.values()]
    made, definitions = models_json_schema([(model, "validation") for model in models])
    references = {model: made[(model, "validation")] for model in models}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Offhook configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "monitor": references[MonitorSettings],
            "web": references[WebSettings],
            "calendars": _named(references[CalendarSettings]),
            "providers": _named({"oneOf": [references[model] for model in providers]}),
            "receivers": _named({"oneOf": [references[model] for model in receivers]}),
            "routes": {"type": "array", "items": references[RouteSettings]},
            "expect": {"type": "array", "items": references[ExpectSettings]},
            "inhibit": {"type": "array", "items": references[InhibitSettings]},
            "templates": {"type": "array", "items": references[TemplateSettings]},
            "rules": {
                "type": "object",
                "properties": {name: references[table] for name, table in tables.items()},
                "patternProperties": {
                    _NAMES: {"anyOf": [references[table] for table in tables.values()]}
                },
                "additionalProperties": False,
            },
        },
        "$defs": definitions["$defs"],
    }


def _named(table: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "patternProperties": {_NAMES: table},
        "additionalProperties": False,
    }
