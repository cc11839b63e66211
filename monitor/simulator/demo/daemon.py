"""The real daemon, in a process of its own."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

STOP_WITHIN_S = 15.0
LINE = 400


class Daemon:
    """``offhook run`` with one configuration file; what it logs goes to a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self.log = process, log

    @classmethod
    async def start(cls, config: Path, log: Path) -> "Daemon":
        """Start it; it gets none of this terminal's signals and no setting from around it."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("OFFHOOK_")}
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "monitor",
                "run",
                "--config",
                str(config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environ,
                start_new_session=True,
            )
        return cls(process, log)

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.returncode

    async def stop(self) -> int:
        """Ask it to stop, and take it down if it does not; its exit status."""
        if self.status is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()

    @property
    def port(self) -> int | None:
        """Where it listens; None until it says so in its log."""
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("event") == "started":
                return int(entry["port"])
        return None

    def last_words(self, lines: int = 8) -> str:
        """The last different things in its log that were not well, one short line each."""
        found: dict[str, None] = {}
        for line in self.log.read_text(errors="replace").splitlines():
            if words := _trouble(line):
                found.pop(words, None)
                found[words] = None
        return "\n".join(list(found)[-lines:])


def _trouble(line: str) -> str:
    """What a line of the log says that is worse than information; else nothing."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line[:LINE]
    if entry.get("level") in {"debug", "info"}:
        return ""
    kept = [f"{name}: {entry[name]}" for name in ("event", "job", "error") if name in entry]
    for error in entry.get("exception") or ():
        place = "{filename}:{lineno}".format(**error["frames"][-1]) if error["frames"] else ""
        kept.append(f"{error['exc_type']}: {error['exc_value']} {place}")
    return ", ".join(kept)[:LINE]
