"""Any service that apprise knows: sent and hoped for.

apprise answers yes or no, and its no stands for a refusal, for silence, and for an answer
lost on the way. So a no is tried again for a day and says "possible repeat". Nothing can be
changed in place, threaded, found again or taken back. Where a receiver of its own kind
exists (slack, email, pagerduty, webhook), that one keeps more of the promise.
"""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from monitor.core.message import Message
from monitor.core.route import Receiver
from monitor.core.text import clip, one_line
from monitor.errors import DeliveryError, Sent
from monitor.notifiers import Envelope, Receipt
from monitor.notifiers.apprise.library import room, service
from monitor.notifiers.apprise.settings import AppriseSettings
from monitor.notifiers.unreadable import Unreadable
from monitor.notifiers.wording import (
    REPEAT,
    counted,
    key_line,
    links,
    pressed,
    remarks,
    status,
    subject,
    told,
)

DEADLINE_S = 45.0
# Short enough for most services. Those that take less get less, and at the least so much in
# several parts: a handful of text messages, and the key in the last.
BODY = 1_800
_LEAST = 400
_LINE = 300
_SHOWN = 8
_WORTH_IT = 40  # of a line's beginning


class Apprise(Unreadable):
    """One service. The library blocks, so it has one thread of its own a receiver."""

    def __init__(
        self, name: str, settings: AppriseSettings, *, deadline: float = DEADLINE_S
    ) -> None:
        self.receiver = Receiver(name=name, kind="apprise", send_resolved=settings.send_resolved)
        self._url = settings.url
        self._deadline = deadline
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"apprise {name}")

    async def send(self, envelope: Envelope) -> Receipt:
        """Hand it over; one that hangs holds up this receiver and nobody else."""
        running = self._thread.submit(self._notify, envelope)
        answer = asyncio.wrap_future(running)
        try:
            await asyncio.wait((answer,), timeout=self._deadline)
        finally:
            waited = running.cancel()
            answer.cancel()
        if waited:
            busy = "apprise is still busy with an earlier message"
            raise DeliveryError(Sent.NOT_SENT, "busy", busy)
        if answer.cancelled():
            late = f"apprise gave no answer within {self._deadline:g} s"
            raise DeliveryError(Sent.AMBIGUOUS, "timeout", late)
        if error := answer.exception():
            # Its words may quote the address, and so do those of what called it.
            word = type(error).__name__
            raise DeliveryError(Sent.AMBIGUOUS, word, f"apprise broke over it ({word})")
        if not answer.result():
            text = "apprise says that it failed, and not how; the service may have it all the same"
            raise DeliveryError(Sent.AMBIGUOUS, "failed", text)
        return Receipt()

    def _notify(self, envelope: Envelope) -> bool:
        target: Any = service(self._url.get_secret_value())
        title = _calling_nobody(subject(envelope))
        # Many put the title in front of the text.
        most = min(BODY, max(_LEAST, room(target) - len(title) - 2))
        text, weight = body(envelope, most), _weight(envelope.messages[0])
        return bool(target.notify(title=title, body=text, notify_type=weight, body_format="text"))

    async def check(self) -> str:
        """Nothing can be tried without sending."""
        return "apprise knows the service; only a message shows more: offhook notify test"

    async def close(self) -> None:
        """What has not begun never will; what hangs ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def body(envelope: Envelope, most: int = BODY) -> str:
    """One message with its lines, or several in brief; the key is always in it."""
    notes = [REPEAT] if envelope.possible_repeat else []
    messages = envelope.messages
    if len(messages) == 1:
        tail = [pressed(envelope), key_line(messages[0])]
        lines = [*notes, *_in_full(messages[0])]
        return _fitted(lines, [_clean(each) for each in tail if each], most)
    brief = [
        _clean(f"{status(each)}: {each.sentence} ({'; '.join((*each.marks, f'key {each.key}'))})")
        for each in messages[:_SHOWN]
    ]
    rest = messages[_SHOWN:]
    more = f"… and {len(rest)} more: key {', '.join(each.key for each in rest)}" if rest else ""
    tail = [clip(more, most // 3), pressed(envelope)]
    return _fitted([*notes, counted(envelope), *brief], [each for each in tail if each], most)


def _in_full(message: Message) -> Iterator[str]:
    yield _clean(message.sentence)
    yield _clean(status(message))
    yield from map(_clean, told(message))
    for label, text in (*remarks(message), *links(message)):
        yield _clean(f"{label}: {text}")


def _fitted(lines: Sequence[str], tail: Sequence[str], most: int) -> str:
    """As many lines as fit, the last of them cut, with the ``tail``, which always stands."""
    left = most - sum(len(each) + 1 for each in tail)
    kept: list[str] = []
    for line in lines:
        if len(line) + 1 > left:
            kept += [clip(line, left - 1)] if left > _WORTH_IT else []
            break
        kept.append(line)
        left -= len(line) + 1
    return "\n".join([*kept, *tail])


def _clean(text: str) -> str:
    return _calling_nobody(clip(one_line(text), _LINE))


def _calling_nobody(text: str) -> str:
    # A word joiner in between: "@here" and "<!channel>" of foreign text are plain words.
    return text.replace("@", "@\u2060").replace("<!", "<\u2060!")


def _weight(message: Message) -> str:
    if message.state == "RESOLVED":
        return "success" if message.reason == "recovered" else "info"
    return {"critical": "failure", "warning": "warning"}.get(message.severity, "info")
