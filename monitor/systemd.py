"""Telling the service manager how we are, where there is one; nothing otherwise."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Systemd:
    """The manager's socket, and how often it wants to hear that we live.

    ``watchdog_s`` is half of what the manager tolerates, in seconds; None: it does not ask.
    """

    address: str | None = None
    watchdog_s: float | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Systemd":
        """What the manager put into the environment of this very process."""
        interval = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        asked = interval.isdigit() and int(interval) > 0 and ours
        return cls(
            address=environ.get("NOTIFY_SOCKET") or None,
            watchdog_s=int(interval) / 2_000_000 if asked else None,
        )

    def ready(self, status: str) -> bool:
        """Started, or done with reloading."""
        return self._notify("READY=1", _status(status))

    def status(self, text: str) -> bool:
        """One line for ``systemctl status``."""
        return self._notify(_status(text))

    def reloading(self, monotonic: float) -> bool:
        """Reading the configuration again; ``monotonic`` is the clock's, in seconds."""
        return self._notify("RELOADING=1", f"MONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self, status: str) -> bool:
        """On the way out."""
        return self._notify("STOPPING=1", _status(status))

    def watchdog(self) -> bool:
        """There was real progress since the last time."""
        return self._notify("WATCHDOG=1")

    def _notify(self, *lines: str) -> bool:
        """Whether the manager was told. A manager that cannot be reached is no reason to stop."""
        if self.address is None:
            return False
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.connect(address)
                out.sendall("\n".join(lines).encode())
        except OSError:
            return False
        return True


def is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Whether what is written there goes to the journal, which reads how grave a line is."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # it has no descriptor, or is closed
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"
