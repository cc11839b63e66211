"""How one batch at Bland stands: finding its generation out, and asking as that one wants."""

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from monitor.core.model import Batch, BatchStatus, Counts
from monitor.errors import ProviderError
from monitor.providers import Known
from monitor.providers.account import Account, part
from monitor.providers.answers import read, whole, word
from monitor.providers.bland.generations import (
    LOG,
    STOPPED,
    V1,
    V2,
    Label,
    Standing,
    likely_shape,
    standing,
    v1_batch,
    v2_label,
)
from monitor.providers.bland.recent import Recent
from monitor.providers.bland.sparing import Sparing

# What a wrong generation may answer: the documentation does not say.
_MAYBE_OTHER = frozenset({"not_found", "contract", "garbage"})
# What many rows may cause and one may not: how a batch stands is told all the same.
_OF_THE_ROWS = frozenset({"server", "timeout", "oversize", "garbage", "contract", "not_found"})
# At first sight the log is read further back, for the counts that its first messages hold.
_LOG_ENTRIES = 5
_LOG_ENTRIES_AT_FIRST = 50


class _Count(msgspec.Struct):
    calls: Any  # there in every true answer, and in no error
    total_count: Any = None
    count: Any = None


_COUNT = msgspec.json.Decoder(_Count)


class _Total(NamedTuple):
    """How many match, where that is told; when it was asked for, the answer, rows wanted."""

    total: int | None
    at: datetime
    body: bytes
    rows: int


class Looks:
    """Looks at batches of both generations."""

    def __init__(self, account: Account, provider: str, recent: Recent) -> None:
        self._account = account
        self._recent = recent
        self._provider = provider
        self._sparing = Sparing()

    async def look(self, known: Known) -> Batch:
        """The batch now; ProviderError where neither generation knows it."""
        shape = known.look.shape if known.look else None
        if shape is not None:
            return await self._by_shape(shape, known)
        likely = likely_shape(known.batch_id)
        try:
            return await self._by_shape(likely, known)
        except ProviderError as error:
            if error.kind not in _MAYBE_OTHER:
                raise
            first = error
        try:
            return await self._by_shape("v1" if likely == "v2" else "v2", known)
        except ProviderError as error:
            raise (first if error.kind in _MAYBE_OTHER else error) from error

    async def _by_shape(self, shape: str, known: Known) -> Batch:
        look = await (self._v1(known) if shape == "v1" else self._v2(known))
        return _ended_by_hand(look, known.look) if known.stopped else look

    async def _v1(self, known: Known) -> Batch:
        answer = await self._account.get(
            f"/v1/batches/{part(known.batch_id)}",
            {"include_calls": "false", "include_transcripts": "false", "include_analysis": "true"},
        )
        return v1_batch(
            read(V1, answer.body, "a batch"),
            provider=self._provider,
            batch_id=known.batch_id,
            seen_at=answer.sent_at,
        )

    async def _v2(self, known: Known) -> Batch:
        """Status from the log, counts from the totals of two lists of one row each.

        While calls go on to end, the log may wait, and the status is what it was. Where more
        calls are over than before, the one list comes with those that changed last. What never
        changes is asked for once and kept in the batch's last look.
        """
        before = known.look
        label = _kept(before) if before else await self._label(known.batch_id)
        log, at, over = await self._standing(known)
        moved = before is not None and over.total != before.counts.finished
        listed = await self._listed(known.batch_id, self._recent.rows(moved=moved))
        look = Batch(
            provider=self._provider,
            batch_id=known.batch_id,
            status=log.status,
            raw_status=log.raw_status,
            # Each answer may come from a cache: the look is as old as the oldest.
            seen_at=min(at, listed.at, over.at),
            name=label.name,
            counts=_counts(log, before.counts if before else Counts(), listed.total, over.total),
            created_at=label.created_at,
            started_at=(before.started_at if before else None) or log.started_at,
            preparing=log.preparing,
            ended_at=log.at if log.status.terminal else None,
            reason=log.reason,
            reason_code=log.code,
            shape="v2",
        )
        if listed.rows > 1:
            self._recent.keep(listed.body, look)
        return look

    async def _standing(self, known: Known) -> tuple[Standing, datetime, _Total]:
        """The status, when it was asked for, and how many calls were over after that."""
        if known.look is not None and self._sparing.may_ask_less(known):
            over = await self._total(known.batch_id, 1, completed="true")
            if self._sparing.goes_on(known, over.total):
                return Standing(status=known.look.status), over.at, over
        answer = await self._account.get(
            f"/v2/batches/{part(known.batch_id)}/logs",
            {"take": _LOG_ENTRIES if known.look else _LOG_ENTRIES_AT_FIRST},
        )
        log = standing(read(LOG, answer.body, "a batch's log").data, answer.sent_at)
        over = await self._total(known.batch_id, 1, completed="true")
        self._sparing.read(known, log.status, over.total)
        return log, answer.sent_at, over

    async def _label(self, batch_id: str) -> Label:
        answer = await self._account.get(f"/v2/batches/{part(batch_id)}")
        try:
            label = v2_label(read(V2, answer.body, "a batch").data, answer.sent_at)
        except ValueError as error:
            raise ProviderError("garbage", "a batch: the answer has no id in it") from error
        if label.batch_id != batch_id:
            raise ProviderError("garbage", "a batch: the answer is not about the batch asked for")
        return label

    async def _listed(self, batch_id: str, rows: int) -> _Total:
        """How many calls there are, with those that changed last where these can be had."""
        if rows > 1:
            try:
                return await self._total(batch_id, rows, sort_by="updated_at", ascending="false")
            except ProviderError as error:
                if error.kind not in _OF_THE_ROWS:
                    raise
        return await self._total(batch_id, 1)

    async def _total(self, batch_id: str, rows: int, **asked: str) -> _Total:
        """How many calls of the batch match, told with so many of their rows."""
        params: dict[str, str | int] = {"batch_id": batch_id, **asked, "limit": rows}
        answer = await self._account.get("/v1/calls", params)
        told = read(_COUNT, answer.body, "the count of calls")
        total = whole(told.total_count)
        # ``count`` is of the rows in this answer, of which few were asked for.
        total = 0 if total is None and whole(told.count) == 0 else total
        return _Total(total, answer.sent_at, answer.body, rows)


def _ended_by_hand(look: Batch, before: Batch | None) -> Batch:
    """The look at a batch that somebody stopped through Offhook, which Bland had confirmed.

    What a stopped batch says of itself is not documented. The first generation calls whatever
    is over completed; the second may write a word that is no status we know, or nothing: then
    it is over with its last call, once nothing has moved since the look before.
    """
    match look.status:
        case BatchStatus.UNKNOWN:
            over = word(look.raw_status) in STOPPED
        case BatchStatus.COMPLETED:
            over = look.shape == "v1"
        case BatchStatus.RUNNING | BatchStatus.SCHEDULED:
            still = before is not None and before.counts == look.counts
            over = still and look.counts.live == 0
        case _:
            over = False
    if not over:
        return look
    return replace(look, status=BatchStatus.CANCELLED, raw_status=None)


def _kept(before: Batch) -> Label:
    return Label(batch_id=before.batch_id, name=before.name, created_at=before.created_at)


def _counts(log: Standing, before: Counts, listed: int | None, over: int | None) -> Counts:
    """The vendor's counts.

    ``total`` is what the log says was accepted, as calls may be listed only once they are
    dispatched; ``waiting`` what is accepted and not listed. When all are listed, the rows tell
    who waits. The closing event counts what is finished, also calls that never were completed.
    """
    requested = log.requested if log.requested is not None else before.requested
    rejected = before.rejected
    if requested is not None and log.validated is not None:
        rejected = max(requested - log.validated, 0)
    accepted = requested - rejected if requested is not None and rejected is not None else None
    total = log.total
    if total is None:
        known = [count for count in (listed, accepted) if count is not None]
        total = max(known) if known else None
    finished = over
    if log.succeeded is not None and log.failed is not None:
        finished = log.succeeded + log.failed
    return Counts(
        total=total,
        finished=finished,
        succeeded=log.succeeded,
        failed=log.failed,
        live=max(listed - finished, 0) if listed is not None and finished is not None else None,
        waiting=total - listed if total and listed is not None and total > listed else None,
        requested=requested,
        rejected=rejected,
    )
