"""Everything that the real daemon talks to, on loopback in one thread, and the daemon itself."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import httpx

from monitor.clock import SystemClock
from monitor.simulator.bland import bland_app
from monitor.simulator.graine import graine_app
from monitor.simulator.mail import Mailbox, mail_server
from monitor.simulator.serving import serve
from monitor.simulator.slack import HOOK_PATH, slack_app
from monitor.simulator.slack_store import Slack
from monitor.simulator.world import World
from monitor.store.engine import driver

T = TypeVar("T")
GRAINE_KEY, BLAND_KEY = "gat_simulated", "sk-simulated"
REPO = Path(__file__).parents[2]


def until(condition: Callable[[], T], within: float = 60.0) -> T:
    """The first true thing that the condition says; it fails when the time is up."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {condition.__doc__ or ''}"
        threading.Event().wait(0.05)
    return found


class Site:
    """Simulated vendors, Slack and mail; ``run`` does something where they live."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.world = World(3, self.clock.now())
        self.renewals = self.world.account("renewals", "graine", GRAINE_KEY)
        self.surveys = self.world.account("surveys", "bland", BLAND_KEY)
        self.graine = graine_app(self.renewals, self.clock)
        self.bland = bland_app(self.surveys, self.clock)
        self.slack = Slack(self.clock)
        self.chat = slack_app(self.slack, hook_channel="ops")
        self.bot = self.slack.channel("bot").channel_id
        self.hook = self.slack.channel("ops").channel_id
        self.mailbox = Mailbox(self.clock)
        self.urls: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()

    def run(self, fn: Callable[[], T]) -> T:
        """Call a function in the services' thread."""

        async def called() -> T:
            return fn()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(10)

    def posts(self, *words: str, channel: str | None = None, replies: bool = False) -> list[Any]:
        """What stands in a channel, else the bot's, and says all these words."""
        standing = self.slack.standing(channel or self.bot)
        return [
            post
            for post in standing
            if all(word in post.shown for word in words) and (replies or post.thread_ts is None)
        ]

    def mails(self, rule: str) -> list[EmailMessage]:
        """The mails about one rule."""
        return [m.message for m in self.mailbox.mails if m.message["X-Offhook-Rule"] == rule]

    @contextlib.contextmanager
    def up(self) -> Iterator["Site"]:
        """Serve while the context lasts."""
        ready = threading.Event()
        stop = asyncio.Event()

        async def serving() -> None:
            async with (
                serve(self.graine) as self.urls["graine"],
                serve(self.bland) as self.urls["bland"],
                serve(self.chat) as self.urls["slack"],
                mail_server(self.mailbox) as port,
            ):
                self.urls["smtp"] = f"smtp+plain://127.0.0.1:{port}"
                ready.set()
                await stop.wait()

        # The mail server's thread outlives the capture of each test.
        logging.getLogger("mail").setLevel(logging.ERROR)
        thread = threading.Thread(target=lambda: self._loop.run_until_complete(serving()))
        thread.start()
        assert ready.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(stop.set)
            thread.join()
            self._loop.close()


def config_text(site: Site, data_dir: Path, **changed: str) -> str:
    """A daemon's configuration with short times; ``changed`` replaces or adds whole tables."""
    urls = site.urls
    quick = 'poll_every = "1s"\ndiscover_every = "1s"\nblind_after = "6s"\n'
    tables = {
        "monitor": f'data_dir = "{data_dir}"\ntimezone = "UTC"\nlog = "json"\n',
        "web": 'listen = "127.0.0.1:0"\n',
        "providers.renewals": f'vendor = "graine"\napi_key = "{GRAINE_KEY}"\n'
        f'base_url = "{urls["graine"]}/api/v1"\n{quick}',
        "providers.surveys": f'vendor = "bland"\napi_key = "{BLAND_KEY}"\n'
        f'base_url = "{urls["bland"]}"\n{quick}',
        "receivers.bot": 'kind = "slack"\nbot_token = "xoxb-simulated"\nchannel = "bot"\n'
        f'api_url = "{urls["slack"]}/api"\n',
        "receivers.hook": f'kind = "slack"\nwebhook_url = "{urls["slack"]}{HOOK_PATH}"\n',
        "receivers.mail": f'kind = "email"\nsmtp_url = "{urls["smtp"]}"\n'
        'from = "offhook@example.com"\nto = ["oncall@example.com"]\n',
        "rules.batch_completed": 'confirm_after = "1s"\nsettle_after = "2s"\n',
        "rules.error_spike": 'window = "5m"\nmin_calls = 15\n',
        # The people called live in one country, and the stories are told at any hour.
        "rules.outside_calling_hours": "enabled = false\n",
        **changed,
    }
    routes = (
        '[[routes]]\nreceivers = ["bot", "hook", "mail"]\n'
        'group_wait = "0s"\ngroup_interval = "1s"\n'
    )
    written = changed.get("routes", routes)
    return written + "\n".join(
        f"[{name}]\n{text}" for name, text in tables.items() if name != "routes" and text
    )


@dataclass
class Daemon:
    """``offhook run`` in a process of its own."""

    config: Path
    log: Path
    process: subprocess.Popen[bytes]
    port: int = 0
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=10))

    @classmethod
    def start(cls, config: Path, **environ: str) -> "Daemon":
        log = config.with_name(f"daemon-{time.monotonic_ns()}.log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "monitor", "run", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=REPO,
                env=environment(**environ),
                start_new_session=True,
            )
        daemon = cls(config, log, process)
        daemon.port = until(lambda: daemon.logged("started"))[0]["port"]
        return daemon

    def logged(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The records of one event so far."""
        found = []
        for line in self.log.read_text().splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if record.get("event") == event and fields.items() <= record.items():
                    found.append(record)
        if not found and self.process.poll() is not None and event == "started":
            raise AssertionError(self.log.read_text())
        return found

    def get(self, path: str) -> httpx.Response:
        return self.client.get(f"http://127.0.0.1:{self.port}{path}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of its database, read beside it."""
        path = database(self.config)
        connection = driver.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return list(connection.execute(query))
        finally:
            connection.close()

    def alerts(self, rule: str) -> list[tuple[Any, ...]]:
        """State, reason and subject of the alerts of one rule."""
        return self.rows(
            f"select state, reason, subject_id from alerts where instance = '{rule}' order by since"
        )

    def stop(self) -> int:
        """Ask it to stop; its exit status, 15 s later at the latest."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return -9


@dataclass
class Place:
    """A site, and the directory of one installation."""

    site: Site
    directory: Path
    daemons: list[Daemon] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.directory / "config.toml"

    @property
    def database(self) -> Path:
        return database(self.config)

    def configure(self, **changed: str) -> str:
        """Write the configuration, as an editor does: by putting a new file in its place."""
        text = config_text(self.site, self.directory / "data", **changed)
        self.write(text)
        return text

    def write(self, text: str) -> None:
        new = self.directory / "config.toml.new"
        new.touch(mode=0o600)
        new.write_text(text)
        new.replace(self.config)

    def start(self, **environ: str) -> Daemon:
        """Start a daemon on this configuration."""
        if not self.config.exists():
            self.configure()
        daemon = Daemon.start(self.config, **environ)
        self.daemons.append(daemon)
        return daemon

    def offhook(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command."""
        return offhook(self.config, *arguments)


def database(config: Path) -> Path:
    return config.parent / "data" / "offhook.db"


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OFFHOOK_")}
    return {**kept, "COLUMNS": "200", **more}


def offhook(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Another command beside the daemon."""
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        cwd=REPO,
        env=environment(),
        timeout=60,
        check=False,
    )
