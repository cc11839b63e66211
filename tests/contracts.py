"""Valid answers by the thousand, made from what a vendor publishes of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis_jsonschema._from_schema as generator
from hypothesis import HealthCheck, given, settings
from hypothesis.internal.conjecture.utils import many
from hypothesis_jsonschema import from_schema

from monitor.http import Answer
from tests.loopback import NOW

FIXTURES = Path(__file__).parent / "fixtures"
ADDRESS = "https://vendor.test/api"


class _Elements(many):
    """How the generator draws the keys of an object: as Hypothesis once let it.

    Hypothesis has made its collections iterators since; the generator's newest release asks
    them for one more, and one more.
    """

    _drawn: Any = None

    def more(self) -> bool:
        """Whether another element is to be drawn."""
        if self._drawn is None:
            self._drawn = iter(self.__enter__())
        if next(self._drawn, self) is not self:
            return True
        self.__exit__(None)
        return False


if not hasattr(many, "more"):
    vars(generator)["cu"] = SimpleNamespace(many=_Elements)


def contract(vendor: str) -> Mapping[str, Any]:
    """A vendor's answers as JSON Schema, each under its name."""
    found: Mapping[str, Any] = json.loads((FIXTURES / vendor / "contract.json").read_text())
    return found


def always(
    document: Mapping[str, Any], name: str, holds: Callable[[Any], None], *, proof: bool
) -> None:
    """Let it hold for many valid answers of one kind: for thousands where that is asked for."""
    schema = {"$ref": f"#/definitions/{name}", "definitions": document["definitions"]}
    for_many = settings(
        max_examples=3_000 if proof else 12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    checked: Callable[[], None] = for_many(given(from_schema(schema))(holds))
    checked()


class Says:
    """A vendor that gives prepared answers at once, one for each path; it asks for no socket."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = answers or {}

    async def request(self, method: str, url: str, **_: Any) -> Answer:
        """The answer prepared for a path."""
        assert method == "GET"
        body = json.dumps(self.answers[url.removeprefix(ADDRESS)]).encode()
        return Answer(status=200, headers={}, body=body, sent_at=NOW)
