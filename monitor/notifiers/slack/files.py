"""Charts below a root message: drawn and sent after the message was taken, and never instead.

A chart that fails costs a line in the log. A token that may not send files is not asked
again for a while.
"""

import asyncio

import structlog

from monitor.core.message import Message
from monitor.errors import DeliveryError, Sent
from monitor.notifiers import Envelope
from monitor.notifiers.chart import chart
from monitor.notifiers.slack.api import SlackApi

_MOST_AT_ONCE = 3
_SKIPPED = 200  # new roots for which a token that may not send files is not asked again
_PATIENCE_S = 2.0
_ALT_TEXT = "Ended calls over time: completed, not answered, failed"

log = structlog.get_logger()


class Charts:
    """Sends the charts of one receiver, a few at a time; more than that are left out."""

    def __init__(self, api: SlackApi, receiver: str) -> None:
        self._api = api
        self._receiver = receiver
        self._tasks: set[asyncio.Task[None]] = set()
        self._skip = 0

    def attach(self, envelope: Envelope, channel: str, ts: str) -> None:
        """Begin to put the chart of the first message that has one below its root."""
        drawn = next((each for each in envelope.messages if each.series), None)
        if drawn is None or len(self._tasks) >= _MOST_AT_ONCE:
            return
        if self._skip:
            self._skip -= 1
            return
        task = asyncio.create_task(self._send(drawn, channel, ts))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Give what is being sent a moment to end."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=_PATIENCE_S)
            for task in late:
                task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("chart_failed", receiver=self._receiver, error=type(error).__name__)

    async def _send(self, message: Message, channel: str, ts: str) -> None:
        try:
            content = await asyncio.to_thread(chart, message.series, message.zone)
            given = await self._api.call(
                "files.getUploadURLExternal",
                {"filename": "outcomes.png", "length": len(content), "alt_txt": _ALT_TEXT},
            )
            url, file_id = given.get("upload_url"), given.get("file_id")
            if not isinstance(url, str) or not isinstance(file_id, str):
                raise DeliveryError(Sent.REFUSED, "no_address", "Slack gave no upload address")  # noqa: TRY301 - one place tells of every failure
            await self._api.upload(url, content)
            files = [{"id": file_id, "title": "Outcomes over time"}]
            await self._api.call(
                "files.completeUploadExternal",
                {"files": files, "channel_id": channel, "thread_ts": ts},
            )
        except DeliveryError as error:
            if error.word in {"missing_scope", "file_uploads_disabled", "not_allowed_token_type"}:
                self._skip = _SKIPPED
            log.warning("chart_not_sent", receiver=self._receiver, word=error.word, text=error.text)
