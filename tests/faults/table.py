"""The whole table, and which row there can be at which vendor."""

from collections.abc import Iterator
from typing import get_args

from monitor.simulator.faults.vendors import SHAPES
from monitor.simulator.ids import Vendor
from tests.faults.data_rows import COUNTS, FIELDS, LISTS, TIMES, WORDS
from tests.faults.rows import Row
from tests.faults.wire_rows import BODIES, CONNECTIONS, LIMITS, REFUSALS

CHAPTERS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    ("Limits", LIMITS),
    ("Refusals", REFUSALS),
    ("Connections", CONNECTIONS),
    ("Answers that cannot be read", BODIES),
    ("Fields", FIELDS),
    ("Words", WORDS),
    ("Times", TIMES),
    ("Lists", LISTS),
    ("Counts, ends and caches", COUNTS),
)
ROWS: tuple[Row, ...] = tuple(row for _, rows in CHAPTERS for row in rows)

# What can go wrong with webhooks, and the test that shows what happens then.
OF_WEBHOOKS = (
    (
        "webhooks stop while polls see changes",
        "polls go on, and `self_webhook_silent` tells with the likely reason",
        "tests/rules/test_self_webhook_silent.py",
    ),
    (
        "signatures of webhooks fail",
        "401, nothing is kept, polls go on; where ends are missed, `self_webhook_rejected` tells",
        "tests/scheduler/test_hearing.py",
    ),
    (
        "a webhook about a batch that is not known",
        "asked for, again for two minutes while the vendor does not know it; news if it matches",
        "tests/scheduler/test_drain.py",
    ),
    (
        "a valid webhook whose content cannot be read",
        "set aside with its digest and the names of its keys; the others go on",
        "tests/scheduler/test_drain.py",
    ),
)

# What no single answer shows, or only a vendor that is configured so; and the test of each.
ELSEWHERE = (
    (
        "a batch that has ended runs again",
        (
            "a new run once two looks agree, and its end is told like the first; where no list"
            " tells how batches stand, those let go of are looked at every half an hour, one a"
            " minute"
        ),
        "tests/faults/test_reopened.py",
    ),
    (
        "a batch runs and ends again between two looks",
        "found among those that ended lately, where the vendor lists them",
        "tests/scheduler/test_poller.py",
    ),
    (
        "a link to the next page leads to another host",
        "never followed, so that the key goes nowhere else; the list counts as unread",
        "tests/providers/test_http_json.py",
    ),
)


def lacks(row: Row, vendor: Vendor) -> str | None:
    """Why there can be no such fault at this vendor; None where there can."""
    return SHAPES[vendor].lacks.get(row.id)


def applies(row: Row, vendor: Vendor) -> bool:
    """Whether there can be such a fault at this vendor."""
    return lacks(row, vendor) is None


def cases(vendor: Vendor) -> Iterator[Row]:
    """Every row of which there can be a fault at this vendor."""
    return (row.of(vendor) for row in ROWS if applies(row, vendor))


def share(vendor: Vendor) -> Iterator[Row]:
    """The rows that are tried at this vendor when not all are: each at one vendor, in turn."""
    for number, row in enumerate(ROWS):
        there = [each for each in get_args(Vendor) if applies(row, each)]
        if vendor == there[number % len(there)]:
            yield row.of(vendor)
