"""What ``init`` asks about one account at a vendor, and the tables that come of it."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.cli.answers import Answers
from monitor.cli.draft import Draft, RefusedError, Value, settings_from
from monitor.cli.output import print_lines
from monitor.clock import SystemClock
from monitor.config.reading import variants
from monitor.egress import Egress
from monitor.http import HttpClient
from monitor.providers.build import AnyProviderSettings, build, capabilities
from monitor.providers.http_json import shipped
from monitor.settings import NAME

# Described by tables of its own, for which a few questions are not enough.
_DESCRIBED = "http_json"


def ask_provider(draft: Draft, answers: Answers) -> None:
    """Ask for one account, try it, and put its tables into the draft."""
    vendors = variants(AnyProviderSettings, "vendor")
    known = [*(each for each in vendors if each != _DESCRIBED), *shipped.names()]
    vendor = answers.text(answers.vendor, "--vendor", f"Vendor ({', '.join(known)})")
    if vendor == _DESCRIBED:
        raise RefusedError(
            "http_json is described by tables of its own: take them from config.example.toml,"
            f" or answer {' or '.join(shipped.names())}"
        )
    if vendor not in known:
        raise RefusedError(f"there is no vendor {vendor!r}; known: {', '.join(known)}")
    name = answers.text(answers.name, "--name", "Your name for this account", vendor)
    if not NAME.fullmatch(name):
        raise RefusedError(f"{name!r}: a name has lower-case letters, digits and _, a letter first")
    table = _asked(vendor, answers)
    model = vendors[vendor if vendor in vendors else _DESCRIBED]
    settings = settings_from(model, table)
    if not answers.offline:
        print_lines((asyncio.run(_check(name, settings, answers.egress)),))
    if unseen := capabilities(settings).blind_to:
        print_lines((f"Offhook cannot see there: {', '.join(unseen)}",))
    for header in [each for each in draft.tables if each.startswith("providers.")]:
        del draft.tables[header]
    draft.add(f"providers.{name}", table)


def _asked(vendor: str, answers: Answers) -> dict[str, Any]:
    if vendor == "svalync":
        return _ask_svalync(answers)
    table: dict[str, Any] = {"vendor": vendor}
    if vendor in shipped.names():
        table = dict(shipped.table(vendor))
    table["api_key"] = answers.secret(answers.api_key, "--api-key", "API key")
    if answers.base_url:
        table["base_url"] = answers.base_url
    return table


def _ask_svalync(answers: Answers) -> dict[str, Any]:
    """A source and the ids of batches; a key only where one was given."""
    question = "Where the node's result is: an address, a file or a directory"
    source = answers.text(answers.base_url, "--base-url", question)
    batches = answers.batches or tuple(
        re.split(r"[,\s]+", answers.text(None, "--batch", "Ids of the batches to watch").strip())
    )
    # Written whole: the configuration may stand elsewhere than where this was typed.
    at = {"url": source} if re.match(r"https?://", source) else {"path": str(_whole(source))}
    table: dict[str, Value] = {
        "vendor": "svalync",
        **at,
        "batches": tuple(each for each in batches if each),
    }
    if answers.api_key is not None:
        table["api_key"] = answers.secret(answers.api_key, "--api-key", "API key")
    return table


def _whole(source: str) -> Path:
    return Path(source).expanduser().absolute()


async def _check(name: str, settings: Any, egress: Egress) -> str:
    http = HttpClient(SystemClock(), egress=egress)
    provider = build(name, settings, http, secrets.token_bytes(32))
    try:
        return await provider.check()
    finally:
        await provider.close()
        await http.aclose()


def accounts_of(draft: Draft) -> Mapping[str, dict[str, Value]]:
    """The tables of providers themselves, without those inside them."""
    return {
        header: table
        for header, table in draft.tables.items()
        if header.startswith("providers.") and header.count(".") == 1
    }
