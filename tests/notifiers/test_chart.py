"""A small picture of counts, and the same as a line of text."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor.notifiers.chart import HEIGHT, MOST_SLOTS, WIDTH, chart, sparkline

START = 1_781_092_800  # 2026-06-10 12:00 UTC
BAD = tuple((START + 300 * n, 20, 4, 0 if n < 6 else n) for n in range(12))
GREEN, GREY, RED = (90, 174, 97), (201, 206, 214), (178, 24, 43)


def shown(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content)).convert("RGB")


def area(image: Image.Image, colour: tuple[int, int, int]) -> int:
    """So many points have this colour, the legend's included."""
    found = image.getcolors(maxcolors=100_000) or []
    return sum(n for n, each in found if each == colour)


def test_it_is_a_small_picture_with_a_ground_of_its_own() -> None:
    content = chart(BAD, "Europe/Berlin")
    image = shown(content)

    assert content.startswith(b"\x89PNG")
    assert len(content) < 60_000
    assert image.size == (2 * WIDTH, 2 * HEIGHT)
    corners = [(0, 0), (2 * WIDTH - 1, 0), (0, 2 * HEIGHT - 1), (2 * WIDTH - 1, 2 * HEIGHT - 1)]
    assert {image.getpixel(corner) for corner in corners} == {(255, 255, 255)}


def test_what_is_drawn_is_as_large_as_what_was_counted() -> None:
    without = shown(chart([(at, ok, other, 0) for at, ok, other, _ in BAD]))
    image = shown(chart(BAD))

    legend = area(without, RED)
    failed, completed = area(image, RED) - legend, area(image, GREEN) - legend
    counted = sum(slot[3] for slot in BAD) / sum(slot[1] for slot in BAD)
    assert failed / completed == pytest.approx(counted, rel=0.05)
    assert area(image, GREY) > legend


def test_the_line_counts_names_the_times_and_marks_what_is_empty() -> None:
    text = sparkline(((START, 3, 0, 1), (START + 60, 0, 0, 0), (START + 120, 0, 1, 4)), "UTC")

    assert text == "failed ▃·▇ 5 of 9 calls, 12:00 to 12:03, 1 min a bar"
    assert sparkline(BAD, "Europe/Berlin").endswith("14:00 to 15:00, 5 min a bar")
    assert sparkline(()) == ""


def test_the_line_of_a_young_batch_names_seconds() -> None:
    series = tuple((START + 5 * n, 0, 0, n // 4) for n in range(6))

    assert sparkline(series) == "failed ····██ 2 of 2 calls, 12:00:00 to 12:00:30, 5 s a bar"
    assert len(chart(series)) < 60_000


NUMBERS = st.integers(-(10**12), 10**12)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=60), st.text(max_size=20))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_any_numbers_can_be_drawn(series: list[tuple[int, int, int, int]], zone: str) -> None:
    assert shown(chart(series, zone)).size == (2 * WIDTH, 2 * HEIGHT)
    text = sparkline(series, zone)
    assert len(text) <= 200
    assert sum(letter in "▁▂▃▄▅▆▇█·" for letter in text) == min(len(series), MOST_SLOTS)
