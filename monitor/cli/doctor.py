"""``doctor``: what is wrong with an installation, before it is felt."""

import os
import shutil
import stat
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from monitor.cli.online import ask_all
from monitor.cli.output import FOUND, GOOD, WRONG, print_json, print_table
from monitor.cli.places import config_path, opened, reading
from monitor.clock import SystemClock
from monitor.config import Config, hash_key, load
from monitor.config.keys import KEY_FILE, another_key
from monitor.core.duration import format_duration
from monitor.errors import ConfigError, OffhookError
from monitor.store import views
from monitor.store.engine import driver, sqlite_version, wal_is_safe
from monitor.store.hashkey import is_another
from monitor.store.lock import is_owned

ROOM = 500 * 1024 * 1024
_OTHERS = 0o077
# a clock before this is certainly wrong
_BUILT = datetime(2026, 11, 1, tzinfo=UTC)
_ZONES_OF_TZDATA = 300


class Verdict(StrEnum):
    """How one look went."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    text: str


def examine(given: Path | None, *, online: bool, as_json: bool) -> int:
    """Everything at once; FOUND if something is bad, WRONG if it is the configuration."""
    looks = list(_machine())
    try:
        path = config_path(given)
        config = load(path, environ=os.environ, in_service=False, secrets=online)
    except ConfigError as error:
        looks += [Look("configuration", Verdict.BAD, str(each)) for each in error.problems]
        _print(looks, as_json=as_json)
        return WRONG
    looks += _configuration(config)
    looks += _files(config, online=online)
    if online:
        looks += [
            Look(what, Verdict.OK if good else Verdict.BAD, text)
            for what, good, text in ask_all(config)
        ]
    _print(looks, as_json=as_json)
    return FOUND if any(look.verdict is Verdict.BAD for look in looks) else GOOD


def _print(looks: list[Look], *, as_json: bool) -> None:
    if as_json:
        print_json(looks)
        return
    print_table(
        ("", "what", "found"), ((each.verdict, each.what, each.text) for each in looks), "nothing"
    )


def _machine() -> Iterator[Look]:
    yield sqlite(sqlite_version(), driver.__name__)
    yield _zones()
    yield clock(SystemClock().now())
    yield _service()


def sqlite(version: tuple[int, int, int], name: str) -> Look:
    """The library's version beside the ranges that have the WAL-reset defect."""
    shown = f"{'.'.join(map(str, version))} by {name.partition('.')[0]}"
    if wal_is_safe(version):
        return Look("SQLite", Verdict.OK, f"{shown}, without the WAL-reset defect")
    text = (
        f"{shown} has the WAL-reset defect (3.7.0 to 3.51.2, but for 3.44.6 and 3.50.7):"
        " a slower journal is used instead; install pysqlite3"
    )
    return Look("SQLite", Verdict.WARNING, text)


def _zones() -> Look:
    n = len(zoneinfo.available_timezones())
    if n < _ZONES_OF_TZDATA:
        return Look("time zones", Verdict.BAD, f"only {n} are known; install tzdata")
    return Look("time zones", Verdict.OK, f"{n} known")


def clock(now: datetime) -> Look:
    """Whether the wall clock can be right at all."""
    if now < _BUILT:
        text = f"it is {now:%Y-%m-%d %H:%M} UTC, before this version was made; set the clock"
        return Look("clock", Verdict.BAD, text)
    synchronised = Path("/run/systemd/timesync/synchronized")
    if synchronised.parent.exists() and not synchronised.exists():
        return Look("clock", Verdict.WARNING, f"{now:%Y-%m-%d %H:%M} UTC, not synchronised yet")
    return Look("clock", Verdict.OK, f"{now:%Y-%m-%d %H:%M} UTC")


def _service() -> Look:
    if not Path("/run/systemd/system").exists():
        return Look("systemd", Verdict.WARNING, "does not run here: nothing restarts the daemon")
    where = (
        Path(base, "offhook.service") for base in ("/etc/systemd/system", "/usr/lib/systemd/system")
    )
    if not any(unit.exists() for unit in where):
        return Look("systemd", Verdict.WARNING, "runs, but offhook.service is not installed")
    return Look("systemd", Verdict.OK, "offhook.service is installed")


def _configuration(config: Config) -> Iterator[Look]:
    text = (
        f"{config.path}: {len(config.providers)} providers, {len(config.receivers)} receivers,"
        f" {len(config.rules)} rules"
    )
    yield Look("configuration", Verdict.OK, text)
    for warning in config.warnings:
        yield Look("configuration", Verdict.WARNING, str(warning))


def _files(config: Config, *, online: bool) -> Iterator[Look]:
    directory = config.monitor.data_dir
    if not directory.exists():
        yield Look("data_dir", Verdict.WARNING, f"{directory} is made when the daemon starts")
        return
    yield _mode("data_dir", directory)
    for path in (config.monitor.database, directory / KEY_FILE):
        if path.exists():
            yield _mode(path.name, path)
    free = shutil.disk_usage(directory).free
    room = Verdict.OK if free > ROOM else Verdict.BAD
    yield Look("disk", room, f"{free // 1024**2} MiB free at {directory}")
    yield from _guarded("database", lambda: _database(config))
    if config.monitor.database.exists() and (online or config.monitor.hash_key is None):
        yield from _guarded("hash key", lambda: _key(config))
    yield from _guarded("daemon", lambda: _daemon(config))


def _key(config: Config) -> Look:
    with reading(config) as conn:
        if is_another(conn, hash_key(config.monitor)):
            return Look("hash key", Verdict.BAD, str(another_key(config.monitor)))
    return Look("hash key", Verdict.OK, "the one of the database")


def _daemon(config: Config) -> Look:
    if is_owned(config.monitor.database):
        return Look("daemon", Verdict.OK, "runs")
    return Look("daemon", Verdict.WARNING, "not running: nothing is watched")


def _mode(what: str, path: Path) -> Look:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        right = "700" if path.is_dir() else "600"
        text = f"{path} has mode {mode:o}: others can open it; run: chmod {right} {path}"
        return Look(what, Verdict.BAD, text)
    return Look(what, Verdict.OK, f"{path}, mode {mode:o}")


def _guarded(what: str, look: Callable[[], Look]) -> Iterator[Look]:
    try:
        yield look()
    except OffhookError as error:
        yield Look(what, Verdict.BAD, str(error))


def _database(config: Config) -> Look:
    path = config.monitor.database
    if not path.exists():
        return Look("database", Verdict.WARNING, f"{path} is made when the daemon starts")
    engine = opened(path, read_only=True)
    try:
        with engine.begin() as conn:
            sound = conn.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            overview = views.overview(conn)
    finally:
        engine.dispose()
    if sound != "ok":
        return Look(
            "database",
            Verdict.BAD,
            f"{path} is damaged; stop the daemon, then: offhook restore FILE",
        )
    if overview.dead:
        text = f"{overview.dead} messages were given up; see: offhook deliveries --state dead"
        return Look("database", Verdict.BAD, text)
    age = SystemClock().now() - (overview.oldest_owed_at or SystemClock().now())
    if age > timedelta(minutes=15):
        text = f"a message has waited for {format_duration(age)}; does the daemon run?"
        return Look("database", Verdict.BAD, text)
    return Look("database", Verdict.OK, f"sound, {path.stat().st_size // 1024} KiB")
