"""A mail server that takes mail, and fails at the command where a test tells it to."""

import asyncio
from dataclasses import dataclass, field

CUT = "cut"  # hang up instead of answering
HANG = "hang"  # answer nothing
DRIP = "drip"  # a byte now and then


@dataclass
class Mails:
    """What was taken, and what is answered instead: a line, or one of the words above.

    ``answers`` by command; "GREET" is the greeting and "." the end of the content.
    """

    answers: dict[str, str] = field(default_factory=dict)
    offers: tuple[str, ...] = ()
    taken: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if not await self._answer(writer, "GREET", "220 ready"):
            return
        while line := await reader.readline():
            command = line[:4].decode().strip().upper()
            self.commands.append(command)
            usual = {
                "EHLO": self._greeting(),
                "DATA": "354 go on",
                "AUTH": "235 ok",
                "QUIT": "221 bye",
            }
            if not await self._answer(writer, command, usual.get(command, "250 ok")):
                return
            if command == "DATA" and "DATA" not in self.answers:
                content = await reader.readuntil(b"\r\n.\r\n")
                instead = self.answers.get(".", "")
                if not instead or instead == CUT:
                    self.taken.append(content.decode())
                if not await self._answer(writer, ".", "250 taken"):
                    return
            if command == "QUIT":
                return

    def _greeting(self) -> str:
        *most, last = ("localhost", *self.offers)
        return "\r\n".join([*(f"250-{each}" for each in most), f"250 {last}"])

    async def _answer(self, writer: asyncio.StreamWriter, command: str, usual: str) -> bool:
        said = self.answers.get(command, usual)
        if said == HANG:
            await asyncio.Event().wait()
        if said == DRIP:
            writer.write(usual[:1].encode())
            await writer.drain()
            await asyncio.Event().wait()
        if said == CUT:
            return False
        writer.write(f"{said}\r\n".encode())
        await writer.drain()
        return True
