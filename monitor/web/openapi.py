"""The description of the API, made of the types that it reads and writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from monitor.web.asking import Failed, Nothing

_REFS = "#/components/schemas/{name}"
_FAILED = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What can be asked: by which method and path, with which query and body, and the answer."""

    method: str
    path: str
    summary: str
    answer: Any
    query: type[msgspec.Struct] = Nothing
    asks: type[msgspec.Struct] | None = None


def document(endpoints: Iterable[Described], base: str, version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    listed = list(endpoints)
    types = [kind for each in listed for kind in (each.answer, each.asks, each.query) if kind]
    schemas, components = msgspec.json.schema_components([Failed, *types], ref_template=_REFS)
    of = dict(zip(map(repr, [Failed, *types]), schemas, strict=True))
    paths: dict[str, Any] = {}
    for each in listed:
        queries = components[each.query.__name__]
        path = paths.setdefault(base + each.path, {})
        path[each.method.lower()] = _operation(each, of, queries)
    for each in listed:
        components.pop(each.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Offhook", "version": version},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Described, of: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": _name(endpoint),
        "summary": endpoint.summary,
        "responses": {
            "200": {"description": "Done.", "content": _json(of[repr(endpoint.answer)])},
            _FAILED: {"description": "Refused.", "content": _json(of[repr(Failed)])},
        },
    }
    if parameters := [*_in_path(endpoint.path), *_in_query(query)]:
        made["parameters"] = parameters
    if endpoint.asks:
        content = _json(of[repr(endpoint.asks)])
        made["requestBody"] = {"required": True, "content": content}
    return made


def _name(endpoint: Described) -> str:
    parts = [part for part in endpoint.path.split("/") if part and not part.startswith("{")]
    return "_".join((endpoint.method.lower(), *parts, *("one" for _ in _in_path(endpoint.path))))


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _in_path(path: str) -> Iterable[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            text = {"type": "string"}
            yield {"name": part.strip("{}"), "in": "path", "required": True, "schema": text}


def _in_query(query: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for name, schema in query.get("properties", {}).items():
        required = name in query.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": schema}
