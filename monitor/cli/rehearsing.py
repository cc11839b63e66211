"""``webhooks test``: a webhook as the vendor would send it, followed to the outbox."""

from functools import partial
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from monitor.app.registration import addresses, missing
from monitor.app.rehearsing import Beside, Rehearsed, rehearse
from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines
from monitor.cli.places import opened
from monitor.cli.registering import need_secret, unknown, with_secrets
from monitor.clock import SystemClock
from monitor.providers.build import facts_of
from monitor.settings import BaseUrl

_BASE: TypeAdapter[str] = TypeAdapter(BaseUrl)


def test(given: Path | None, name: str, *, url: str | None, as_json: bool) -> int:
    """Try every address of one provider; nobody is told of it."""
    config = with_secrets(given)
    if name not in config.providers:
        return unknown(config, name)
    settings = config.providers[name]
    lacking = [each for each in missing(config, name) if url is None or "public_url" not in each]
    if lacking:
        complain(f"{name} cannot be tried; to add: {'; '.join(lacking)}")
        return WRONG
    need_secret(config, name)
    try:
        base = _BASE.validate_python(url or config.web.public_url)
    except ValidationError as error:
        complain(f"--url {error.errors()[0]['msg'].removeprefix('Value error, ')}")
        return WRONG
    beside = Beside(
        engine=partial(opened, config.monitor.database, read_only=True),
        receivers=config.receivers,
        egress=config.monitor.egress,
    )
    webhooks = facts_of(settings).webhooks
    results = rehearse(addresses(config, name, base), webhooks, beside, SystemClock())
    if as_json:
        print_json(results)
    else:
        print_lines(line for each in results for line in _told(each))
    return GOOD if all(each.ok for each in results) else FOUND


def _told(result: Rehearsed) -> list[str]:
    lines = [result.address]
    for step in result.steps:
        after = "" if step.after_s is None else f"{max(step.after_s, 0) * 1000:,.0f} ms"
        lines.append(f"  {'ok ' if step.ok else 'NOT'} {step.name:<9} {after:>8}  {step.text}")
    return lines
