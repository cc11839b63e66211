"""Silences as every way of asking shows them: plain values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from monitor.core.silence import BatchRun, Silence
from monitor.core.wish import text_of
from monitor.store import silences
from monitor.store.holding import Held


class Standing(StrEnum):
    """Whether it has begun, and whether it is over."""

    PENDING = "pending"
    STANDING = "standing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceView:
    """A silence, or with ``alert`` the acknowledgement of the alert with that key.

    ``matchers`` are as people write them.
    """

    id: str
    state: Standing
    author: str
    source: str
    comment: str
    matchers: tuple[str, ...]
    alert: str | None
    created_at: datetime
    starts_at: datetime
    ends_at: datetime | None
    until_end_of: BatchRun | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldView:
    """What was made, and what it holds back now: the keys of the alerts, and in words.

    ``left_out`` are keys of alerts that it fits, and whose rule it would have to name.
    ``made`` is False where nothing was: asked for a preview, or acknowledged already.
    """

    silence: SilenceView
    holds_back: tuple[str, ...]
    left_out: tuple[str, ...]
    text: str
    made: bool


def view(silence: Silence, now: datetime) -> SilenceView:
    """As it stands now."""
    return SilenceView(
        id=silence.id,
        state=_state(silence, now),
        author=silence.author,
        source=silence.source,
        comment=silence.comment,
        matchers=tuple(map(text_of, silence.matchers)),
        alert=silence.alert,
        created_at=silence.created_at,
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        until_end_of=silence.until_end_of,
        ended_at=silence.ended_at,
    )


def load_views(
    conn: Connection, now: datetime, *, ended: bool = False, limit: int = 200
) -> tuple[SilenceView, ...]:
    """Those that stand or are to begin, with ``ended`` all of them; the newest first."""
    found = (view(each, now) for each in silences.load(conn, ended=ended, limit=limit))
    # What ended since the last round is not marked yet.
    return tuple(each for each in found if ended or each.state is not Standing.ENDED)


def held_view(held: Held, now: datetime, *, made: bool) -> HeldView:
    """What somebody hears who asked for it."""
    return HeldView(
        silence=view(held.silence, now),
        holds_back=tuple(each.key for each in held.alerts),
        left_out=tuple(each.key for each in held.left_out),
        text=held.text,
        made=made and held.new,
    )


def _state(silence: Silence, now: datetime) -> Standing:
    if silence.stands(now):
        return Standing.STANDING
    over = silence.over_at()
    return Standing.ENDED if over is not None and over <= now else Standing.PENDING
