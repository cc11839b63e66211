"""Killing Offhook while it mails to three people, of whom one has to wait and one is refused.

A mail server takes a mail of whoever is not refused, so an attempt may reach some of them. The
server is another process and survives.

    python -m tests.crash_mailing --points 100
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from monitor.simulator.mail import Mail, Mailbox, mail_server
from tests.crash_judging import Verdict
from tests.crash_plays import DELIVERING, RECIPIENTS
from tests.crashing import apart, forked, lived, make_template

ALWAYS, LATER, NEVER = RECIPIENTS
_NONE = -1  # a line that none is: watched, and not killed
Mails = Sequence[dict[str, Any]]


def server(took: Path) -> AbstractContextManager[int]:
    """A mail server that writes down what it takes; its port."""
    return apart(lambda told: asyncio.run(_serve(took, told)))


async def _serve(took: Path, told: int) -> None:
    asked = 0

    def refuse(stage: str, to: tuple[str, ...]) -> str | None:
        nonlocal asked
        asked += LATER in to and stage == "rcpt"
        if stage == "rcpt" and to == (NEVER,):
            return "550 nobody of this name"
        # Every other time.
        return "451 later" if stage == "rcpt" and to == (LATER,) and asked % 2 else None

    def keep(mail: Mail) -> None:
        kept = {
            "to": mail.recipients,
            "id": str(mail.message["Message-ID"]),
            "subject": str(mail.message["Subject"]),
            "told": (str(mail.message["X-Offhook-Rule"]), str(mail.message["X-Offhook-State"])),
        }
        with took.open("a") as file:
            file.write(json.dumps(kept) + "\n")

    async with mail_server(Mailbox(refuse=refuse, listeners=[keep])) as port:
        os.write(told, str(port).encode())
        os.close(told)
        await asyncio.Event().wait()


def judge(mails: Mails) -> Verdict:
    """Whoever may be written to heard every end; nobody has one mail twice that does not say so."""
    ends = {("error_spike", "RESOLVED"), ("batch_completed", "INFO")}
    lost = doubled = marked = 0
    for person in (ALWAYS, LATER):
        mine = [mail for mail in mails if person in mail["to"]]
        lost += len(ends - {tuple(mail["told"]) for mail in mine})
        seen: set[str] = set()
        for mail in mine:
            again = mail["id"] in seen
            says = "possible repeat" in mail["subject"]
            marked, doubled = marked + (again and says), doubled + (again and not says)
            seen.add(mail["id"])
    rules = {rule for rule, _ in ends}
    false = sum(NEVER in mail["to"] or mail["told"][0] not in rules for mail in mails)
    return Verdict(lost=lost, doubled=doubled, marked=marked, false=false)


def crash_at(folder: Path, template: Path, *, at: int | None) -> tuple[Verdict, int]:
    """Die there, start again, judge; without a point: how many lines there are."""
    path, took = folder / "offhook.db", folder / "took"
    for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), took):
        each.unlink(missing_ok=True)
    took.touch()
    shutil.copy(template, path)
    line = _NONE if at is None else at
    with server(took) as port:
        run = DELIVERING, path, "mail", port
        status, lines = forked(lambda: lived(*run, nth=0, at=line))()
        killed = os.WIFSIGNALED(status)
        assert killed or status == 0, f"the play failed by itself (status {status})"
        again, _ = forked(lambda: lived(*run, nth=1, at=None))()
        assert again == 0, "the restart failed"
    found = judge([json.loads(line) for line in took.read_text().splitlines()])
    return Verdict(killed=killed) + found, int(lines or 0)


def enumerate_points(points: int) -> tuple[Verdict, list[tuple[int, Verdict]]]:
    """Spread so many deaths evenly over all lines; what came of all, and which went wrong."""
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        template = make_template(folder)
        total, lines = crash_at(folder, template, at=None)
        for n in range(points):
            at = 1 + n * lines // points
            verdict, _ = crash_at(folder, template, at=at)
            total += verdict
            if verdict.wrong:
                wrong.append((at, verdict))
    return total, wrong


def main() -> int:
    """Run the proof, and print what came of it."""
    parser = argparse.ArgumentParser(description="Kill Offhook while it mails.")
    parser.add_argument("--points", type=int, default=300)
    total, wrong = enumerate_points(parser.parse_args().points)
    sys.stdout.write(f"mail {total}\n" + "".join(f"line {at}: {each}\n" for at, each in wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
