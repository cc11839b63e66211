"""Messages as people would see them, in a terminal."""

import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.simulator.demo.told import Told
from monitor.simulator.demo.verdict import Judged

COLOURS = {"FIRING": "red", "RESOLVED": "green", "INFO": "blue"}
PLACES = {
    "ops": "Slack #calls-ops, incoming webhook",
    "ops_bot": "Slack #calls-bot, bot",
    "oncall": "e-mail to oncall@example.com",
}
HOW = {"message": "", "edit": " (edited in place)", "reply": " (↳ in its thread)", "mail": ""}


class Screen:
    """Prints arrivals with their time since the beginning."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began: float | None = None

    def say(self, text: str) -> None:
        """A line of the narrator's."""
        self.console.print(Text(text, style="italic"))

    def show(self, told: Told) -> None:
        """One arrival."""
        colour = COLOURS.get(told.state, "white")
        when = f"{told.t - self.began:4.1f} s · " if self.began else ""
        title = Text(f"{when}{PLACES[told.receiver]}{HOW[told.how]}")
        what = Text(f"{told.state} {told.rule}".strip() or "note", style=f"bold {colour}")
        body = _mail(told) if told.mail else _card(told)
        self.console.print(
            Panel(
                body,
                title=title,
                title_align="left",
                subtitle=what,
                subtitle_align="right",
                border_style=colour,
            )
        )

    def summary(self, rows: Sequence[Judged], names: dict[str, str], false: Sequence[Told]) -> None:
        """What happened beside what was told."""
        table = Table(title="What happened, and what was told how much later", title_style="bold")
        for heading in ("at", "what happened", "batch", "told as"):
            table.add_column(heading)
        for receiver in PLACES:
            table.add_column(receiver, justify="right")
        table.add_column("verdict")
        for row in rows:
            table.add_row(*self._row(row, names))
        self.console.print(table)
        for told in false:
            text = f"false: {told.state} {told.rule} to {told.receiver} about {told.batch or '-'}"
            self.console.print(Text(text, style="bold red"))

    def _row(self, row: Judged, names: dict[str, str]) -> list[RenderableType]:
        expected = row.expected
        cells: list[RenderableType] = [
            f"{expected.t - (self.began or 0):.1f} s",
            expected.happened,
            names.get(expected.batch, expected.batch),
            f"{expected.rule} {expected.states[0]}",
        ]
        for receiver in PLACES:
            took = row.seconds.get(receiver)
            cells.append("" if took is None else f"+{took:.1f} s")
        if row.good:
            return [*cells, Text("told once", style="green")]
        wrong = [f"missing: {', '.join(row.missing)}"] * bool(row.missing)
        wrong += [f"doubled: {', '.join(row.doubled)}"] * bool(row.doubled)
        wrong += [f"wrong numbers: {', '.join(row.wrong)}"] * bool(row.wrong)
        return [*cells, Text("; ".join(wrong), style="bold red")]


def _mail(told: Told) -> RenderableType:
    message = told.mail.message if told.mail else None
    if message is None:
        return Text()
    body = message.get_body(("plain",))
    subject = Text(str(message["Subject"]), style="bold")
    return Group(subject, Text(body.get_content().strip() if body else ""))


def _card(told: Told) -> RenderableType:
    """A message whole; of a change or a reply only what is new to somebody who saw the first."""
    if told.post is None or not told.post.blocks:
        return Text(_plain(told.text))
    blocks = told.post.blocks
    if told.how in {"edit", "reply"}:
        blocks = [block for block in blocks[:-1] if block["type"] != "section"]
    return Group(*(part for block in blocks for part in _block(block)))


def _block(block: dict[str, Any]) -> list[RenderableType]:
    match block["type"]:
        case "header":
            return [Text(_plain(block["text"]["text"]), style="bold")]
        case "section":
            parts = [_marked(block["text"]["text"])] if "text" in block else []
            return [*parts, *([_fields(block["fields"])] if "fields" in block else [])]
        case "context":
            text = " ".join(_plain(each.get("text", "")) for each in block["elements"])
            return [Text(text, style="dim")]
        case "divider":
            return [Text("─" * 20, style="dim")]
        case _:
            return []


def _fields(fields: Sequence[dict[str, Any]]) -> Table:
    table = Table.grid(expand=True, padding=(0, 2))
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    cells = [_marked(field["text"].replace("\n", ": ")) for field in fields]
    for n in range(0, len(cells), 2):
        table.add_row(*cells[n : n + 2])
    return table


def _plain(text: str) -> str:
    """Slack's text as it appears: dates and links by their words, its three escapes undone."""
    text = re.sub(r"<!date\^\d+\^[^|>]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<[^|>]+\|([^>]*)>", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _marked(text: str) -> Text:
    """The same, with what stands between asterisks in bold."""
    shown = Text()
    for n, part in enumerate(re.split(r"(?<!\w)\*([^*\n]+)\*(?!\w)", _plain(text))):
        shown.append(part, style="bold" if n % 2 else "")
    return shown
