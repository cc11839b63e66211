"""``batch pause``, ``batch resume`` and ``batch stop``: beside the daemon or without it."""

import asyncio
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from monitor import log
from monitor.app.acting import Acted, Outcome, RefusedError
from monitor.app.runtime import Runtime, assemble
from monitor.cli.asking import line, says_yes, user
from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines, printable
from monitor.cli.places import load_to_run, opened, reading
from monitor.clock import SystemClock
from monitor.config import Config, hash_key
from monitor.config.secrets import secrets_of
from monitor.core.model import Batch
from monitor.core.silence import Source
from monitor.core.stopping import PAST, named
from monitor.store import batches
from monitor.store.writer import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Sure:
    """What was said before being asked: ``yes``, and ``really`` to what cannot be undone."""

    yes: bool
    really: bool = False


def act(
    given: Path | None, action: str, target: str, *, sure: Sure, author: str | None, as_json: bool
) -> int:
    """Do it once somebody is sure. FOUND where it was not done, or nobody knows."""
    config = load_to_run(given)
    log.configure(config.monitor.log)
    log.hide(secrets_of(config))
    who = named(author if author is not None else user())
    if not who:
        complain("say who does it: --author NAME")
        return WRONG
    found = _found(config, target)
    if found is None:
        return WRONG
    acted = asyncio.run(_act(config, found, action, who, sure=sure))
    if acted is None:
        return WRONG
    if as_json:
        print_json(acted)
    if acted.outcome in {Outcome.DONE, Outcome.ALREADY}:
        if not as_json:
            print_lines((acted.text,))
        return GOOD
    complain(acted.text)
    return WRONG if acted.usage else FOUND


def _found(config: Config, target: str) -> Batch | None:
    """The batch that is meant; None, and why, where none or several are."""
    provider, _, batch_id = target.partition("/")
    if provider not in config.providers:
        provider, batch_id = "", target  # ids of vendors may have slashes of their own
    with reading(config) as conn:
        known = [row.look for row in batches.called(conn, batch_id)]
    at = {provider} if provider else set(config.providers)
    found = [each for each in known if each.provider in at]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{each.provider}/{batch_id}" for each in found)
        complain(f"several batches have this id; say which: {names}")
    else:
        complain(f"there is no batch {target!r}; known: offhook batches")
    return None


async def _act(config: Config, batch: Batch, action: str, who: str, *, sure: Sure) -> Acted | None:
    """What came of it; None where nobody said yes."""
    clock = SystemClock()
    # Nobody else is asked for anything, and nothing is sent.
    only = {batch.provider: config.providers[batch.provider]}
    config = replace(config, providers=only, receivers={})
    engine = opened(config.monitor.database, read_only=False)
    store = Store(engine, config.monitor.database, alone=False)
    try:
        runtime = await assemble(config, store, clock, clock.now(), hash_key(config.monitor))
        try:
            if not _is_sure(runtime, batch, action, sure):
                return None
            return await runtime.acting.act(
                batch.provider, batch.batch_id, action, who=who, source=Source.CLI
            )
        finally:
            await runtime.close()
    finally:
        await asyncio.to_thread(store.close)


def _is_sure(runtime: Runtime, batch: Batch, action: str, sure: Sure) -> bool:
    """Ask; what cannot be undone is asked twice. What is refused anyway is not asked about."""
    try:
        chosen = runtime.acting.action(batch.provider, action)
    except RefusedError:
        return True
    if sure.yes and (sure.really or not chosen.final):
        return True
    if not sys.stdin.isatty():
        ways = "--yes --really" if chosen.final else "--yes"
        complain(f"nobody can be asked here; to do it without asking: {ways}")
        return False
    print_lines((f"{batch.title} ({batch.batch_id}) at {batch.provider}: {chosen.note}",))
    if not sure.yes and not says_yes(f"Shall it be {PAST[action]}? [y/N] "):
        complain("nothing was done")
        return False
    name = printable(batch.title).strip()
    if chosen.final and line(f"To end it for good, type its name, {name}: ") != name:
        complain("that is not its name; nothing was done")
        return False
    return True
