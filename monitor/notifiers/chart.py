"""Outcomes over time as a small picture, and as one line of text.

Everything in it is counted by Offhook: no name and no word of a vendor is ever drawn. The
picture has a ground of its own, so that it reads the same on a light screen and a dark one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from monitor.core.text import clip
from monitor.core.wording import span, zone_named

Slot = tuple[int, int, int, int]  # from (seconds since 1970), completed, other, failed

MOST_SLOTS = 40
WIDTH, HEIGHT = 640, 240
_SCALE = 2  # drawn so much larger, for sharp screens
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 34, 28
_GROUND, _INK, _LINE = "#ffffff", "#3c4043", "#dadce0"
# Told apart without seeing colours too: light, middle and dark, stacked in one order.
_KINDS = (("completed", "#5aae61"), ("no answer, busy, mailbox", "#c9ced6"), ("failed", "#b2182b"))
_BARS = "▁▂▃▄▅▆▇█"
_TEXT = 200
_MINUTE = 60  # seconds


def chart(series: Sequence[Slot], zone: str = "UTC") -> bytes:
    """The picture, as PNG. ``series`` are equally long slots without a gap, at least one."""
    slots = _drawable(series)
    image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), _GROUND)
    draw = ImageDraw.Draw(image)
    top = _round_up(max((sum(slot[1:]) for slot in slots), default=1))
    _grid(draw, top)
    for place, slot in enumerate(slots):
        _bar(draw, place, len(slots), slot, top)
    _legend(draw, slots)
    _times(draw, slots, zone_named(zone))
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def sparkline(series: Sequence[Slot], zone: str = "UTC") -> str:
    """The same for those who cannot be sent a picture: how many of all failed, slot by slot."""
    slots = _drawable(series)
    if not slots:
        return ""
    bars = "".join(_share(slot) for slot in slots)
    failed, calls = sum(slot[3] for slot in slots), sum(sum(slot[1:]) for slot in slots)
    start, end = _ends(slots)
    when = zone_named(zone)
    length = _length(slots)
    first, last = (_clock(at, when, length) for at in (start, end))
    text = f"failed {bars} {failed:,} of {calls:,} calls, {first} to {last}"
    return clip(f"{text}, {span(timedelta(seconds=length))} a bar", _TEXT)


def _drawable(series: Sequence[Slot]) -> list[Slot]:
    """The newest of them, no count below nothing."""
    return [
        (slot[0], max(slot[1], 0), max(slot[2], 0), max(slot[3], 0))
        for slot in series[-MOST_SLOTS:]
    ]


def _share(slot: Slot) -> str:
    """One of the eight bars: the lowest when none failed, the highest when all did."""
    calls = sum(slot[1:])
    if not calls:
        return "·"
    return _BARS[max(slot[3] > 0, round(slot[3] / calls * (len(_BARS) - 1)))]


def _length(slots: Sequence[Slot]) -> int:
    """Seconds of one slot."""
    return max(slots[1][0] - slots[0][0], 1) if len(slots) > 1 else 60


def _ends(slots: Sequence[Slot]) -> tuple[int, int]:
    return slots[0][0], slots[-1][0] + _length(slots)


def _clock(at: int, zone: tzinfo, length: int) -> str:
    """With seconds, where slots are so short."""
    try:
        local = datetime.fromtimestamp(at, UTC).astimezone(zone)
        return f"{local:%H:%M}" if length % _MINUTE == 0 else f"{local:%H:%M:%S}"
    except (OverflowError, OSError, ValueError):  # at the edge of the calendar
        return "--:--"


def _zone_name(at: int, zone: tzinfo) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).astimezone(zone).tzname() or ""
    except (OverflowError, OSError, ValueError):
        return ""


def _round_up(n: int) -> int:
    """The next number that reads well on an axis, and halves."""
    step = 1
    while True:
        for factor in (2, 4, 6, 10):
            if factor * step >= n:
                return factor * step
        step *= 10


@cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * _SCALE)


def _text(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, *, anchor: str = "lm"
) -> None:
    draw.text((at[0] * _SCALE, at[1] * _SCALE), text, fill=_INK, font=_font(11), anchor=anchor)


def _y(n: float, top: int) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * n / top


def _grid(draw: ImageDraw.ImageDraw, top: int) -> None:
    for n in (0, top // 2, top):
        y = _y(n, top)
        ends = (_LEFT * _SCALE, y * _SCALE, (WIDTH - _RIGHT) * _SCALE, y * _SCALE)
        draw.line(ends, fill=_LINE, width=_SCALE)
        _text(draw, (_LEFT - 6, y), f"{n:,}", anchor="rm")


def _bar(draw: ImageDraw.ImageDraw, place: int, of: int, slot: Slot, top: int) -> None:
    room = (WIDTH - _LEFT - _RIGHT) / max(of, 8)
    left = _LEFT + room * (place + 0.12)
    below = 0
    for n, (_, colour) in zip(slot[1:], _KINDS, strict=True):
        if n:
            box = (left, _y(below + n, top), left + room * 0.76, _y(below, top))
            draw.rectangle([round(edge * _SCALE) for edge in box], fill=colour)
        below += n


def _legend(draw: ImageDraw.ImageDraw, slots: Sequence[Slot]) -> None:
    x = float(_LEFT)
    for kind, (name, colour) in enumerate(_KINDS, start=1):
        box = (x, 10, x + 10, 20)
        draw.rectangle([round(edge * _SCALE) for edge in box], fill=colour, outline=_INK)
        text = f"{name}: {sum(slot[kind] for slot in slots):,}"
        _text(draw, (x + 16, 15), text)
        x += 16 + draw.textlength(text, font=_font(11)) / _SCALE + 18


def _times(draw: ImageDraw.ImageDraw, slots: Sequence[Slot], zone: tzinfo) -> None:
    if not slots:
        return
    start, end = _ends(slots)
    name, length = _zone_name(start, zone), _length(slots)
    room = (WIDTH - _LEFT - _RIGHT) / max(len(slots), 8) * len(slots)
    y = HEIGHT - _BOTTOM / 2
    _text(draw, (_LEFT, y), f"{_clock(start, zone, length)} {name}")
    right = min(_LEFT + room, WIDTH - _RIGHT)
    if room > 380:
        _text(draw, (right, y), _clock(end, zone, length), anchor="rm")
        each = span(timedelta(seconds=length))
        _text(draw, ((_LEFT + right) / 2, y), f"calls ended in {each} each", anchor="mm")
