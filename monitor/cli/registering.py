"""``webhooks`` and ``webhooks register``: where they are to go, and entering that at a vendor."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from monitor import log
from monitor.app.registration import Registration, by_hand, is_readable, registrations, where
from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines
from monitor.cli.places import config_path, load_to_read
from monitor.clock import SystemClock
from monitor.config import Config, load
from monitor.config.secrets import secrets_of
from monitor.errors import OffhookError, ProviderError
from monitor.hosts import leads_here
from monitor.http import HttpClient
from monitor.providers.build import registrar
from monitor.providers.registering import Made, Plan, Registered, Registrar


def show(given: Path | None, *, as_json: bool, show_secrets: bool) -> int:
    """Where each provider's webhooks are to be registered."""
    config = with_secrets(given) if show_secrets else load_to_read(given)
    if show_secrets:
        for name in config.providers:
            need_secret(config, name)
    found = registrations(config, show_secrets=show_secrets)
    if as_json:
        print_json(found)
    else:
        print_lines(line for each in found for line in _told(each, show_secrets=show_secrets))
    return GOOD


def with_secrets(given: Path | None) -> Config:
    """The configuration with the secrets that can be read here; the logs are kept free of them."""
    in_service = "CREDENTIALS_DIRECTORY" in os.environ
    config = load(config_path(given), environ=os.environ, in_service=in_service)
    log.configure(config.monitor.log)
    log.hide(secrets_of(config))
    return config


def need_secret(config: Config, name: str) -> None:
    """OffhookError where the provider's secret stays inside the service."""
    if not is_readable(config.providers[name]):
        raise OffhookError(
            f"the webhook_secret of {name} is a credential, which only the service can read; set"
            " CREDENTIALS_DIRECTORY to a directory that has it"
        )


def unknown(config: Config, name: str) -> int:
    """Say that there is no such provider."""
    complain(f"there is no provider {name!r}; known: {', '.join(config.providers)}")
    return WRONG


def _told(found: Registration, *, show_secrets: bool) -> Iterator[str]:
    yield f"{found.provider} ({found.vendor})"
    if found.url is not None:
        yield f"  register    {found.url}"
    if found.secret_url is not None:
        whole = "" if show_secrets else " (a secret: --show-secrets shows it whole)"
        yield f"  register    {found.secret_url}{whole}"
        if found.unsigned is not None:
            yield f"              for {found.unsigned}"
    if leads_here(found.url or found.secret_url or ""):
        yield "  to mend     public_url in [web] leads to this machine: no vendor can reach it"
    for each in found.missing:
        yield f"  to add      {each}"
    yield f"  where       {found.register}"
    if found.dashboard is not None:
        yield f"  dashboard   {found.dashboard}"
    if found.by_hand is None:
        yield f"  by command  offhook webhooks register {found.provider}"
    else:
        yield f"  by hand     {found.by_hand}"
    yield f"  secret      {found.secret_key} ({_count(found.secrets)})"
    yield f"  proof       {found.proof}"
    yield f"  unanswered  {found.retries}"
    for kind in found.understood:
        yield f"  understood  {kind.event}: {kind.means}"


def _count(secrets: int) -> str:
    return {0: "not set", 1: "set"}.get(secrets, f"{secrets} are valid, register the first")


def register(
    given: Path | None, name: str, *, secret_file: Path | None, do_it: bool, as_json: bool
) -> int:
    """Enter the address at the vendor; without ``do_it`` show what that would take."""
    config = with_secrets(given)
    if name not in config.providers:
        return unknown(config, name)
    reason = by_hand(config.providers[name])
    if reason is not None:
        complain(f"{name}: {reason}. Register it by hand: {where(config.providers[name])}.")
        complain("offhook webhooks shows the address, and which secret belongs to it")
        return FOUND
    base = config.web.public_url
    if base is None or urlsplit(base).scheme != "https":
        complain(f"{name}: the vendor takes https addresses only: set public_url in [web]")
        return WRONG
    # Where the vendor makes the secret, the address is signed for and holds none.
    url = f"{base}/webhooks/{name}"
    try:
        return asyncio.run(_register(config, name, url, secret_file, do_it=do_it, as_json=as_json))
    except ProviderError as error:
        complain(f"{name}: {error}")
        return FOUND


async def _register(
    config: Config, name: str, url: str, secret_file: Path | None, *, do_it: bool, as_json: bool
) -> int:
    http = HttpClient(SystemClock(), egress=config.monitor.egress)
    try:
        found = registrar(name, config.providers[name], http)
        if found is None:
            raise OffhookError(f"{name}: no API is known")
        plan = await found.plan(url)
        if do_it and plan.requests:
            return await _carry_out(found, plan, name, secret_file)
    finally:
        await http.aclose()
    if as_json:
        there = [{"host": _place(each), "name": each.name} | _state(each) for each in plan.now]
        print_json({"now": there, "requests": plan.requests, "notes": plan.notes})
    else:
        print_lines(_planned(plan, name))
    return GOOD


async def _carry_out(found: Registrar, plan: Plan, name: str, secret_file: Path | None) -> int:
    if plan.makes_secret and secret_file is None:
        complain("the vendor makes the secret and tells it once: name a new file, --secret-file")
        return WRONG
    if not plan.makes_secret or secret_file is None:
        made = await found.register(plan)
    else:
        made = await _kept(found, plan, secret_file)
        if made.secret is None:
            complain("registered, but the vendor told no secret: look in its dashboard")
            return FOUND
        print_lines(
            (
                f"registered; the secret is in {secret_file}. Add to [providers.{name}]:",
                f'  webhook_secret = {{ file = "{secret_file}" }}',
                f"and try it: offhook webhooks test {name}",
            )
        )
    if made.failed is not None:
        complain(made.failed)
        return FOUND
    print_lines(("done", *plan.notes))
    return GOOD


async def _kept(found: Registrar, plan: Plan, secret_file: Path) -> Made:
    """Carry it out, and keep the secret in a new file."""
    with _new_file(secret_file) as out:
        made = await found.register(plan)
        out.write(made.secret or "")
    return made


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file that nobody else can read, made before there is a secret to lose; none if empty."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise OffhookError(f"{path} cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w") as out:
            yield out
    finally:
        if not path.stat().st_size:
            path.unlink()


def _planned(plan: Plan, name: str) -> Iterator[str]:
    if not plan.now:
        yield "registered now: nothing"
    for each in plan.now:
        told = [word for word, holds in _state(each).items() if holds is True]
        told += [each.trouble] if each.trouble else []
        yield f"registered now: {each.name!r} at {_place(each)} {', '.join(told)}".rstrip()
    for request in plan.requests:
        yield f"would ask: {request.method} {request.url}"
        yield f"           {dict(request.body)}"
        yield f"           {request.why}"
    yield from plan.notes
    if plan.requests:
        extra = " --secret-file NEW_FILE" if plan.makes_secret else ""
        yield f"nothing was changed; to do it: offhook webhooks register {name} --yes{extra}"
    else:
        yield "there is nothing to do"


def _state(each: Registered) -> dict[str, object]:
    return {"ours": each.ours, "told of calls": each.used, "trouble": each.trouble}


def _place(each: Registered) -> str:
    """The whole address where it is ours; of others the host, for the rest may be a secret."""
    try:
        return each.address if each.ours else urlsplit(each.address).netloc.rpartition("@")[2]
    except ValueError:
        return "an address that is none"
