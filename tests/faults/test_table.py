"""The table itself: nothing is left out in silence, and the document says what it says."""

from monitor.simulator.faults.vendors import SHAPES
from rules import catalogue
from tests.faults import document
from tests.faults.table import ELSEWHERE, OF_WEBHOOKS, ROWS, share
from tests.faults.worlds import VENDORS


def test_the_document_is_what_the_tests_run() -> None:
    assert document.PLACE.read_text() == document.text(), "run python -m tests.faults.document"


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_every_alert_of_the_table_is_a_rule() -> None:
    named = {row.of(vendor).alert for row in ROWS for vendor in VENDORS}

    assert {each for each in named if each} <= catalogue().keys()


def test_what_a_vendor_lacks_is_in_the_table() -> None:
    known = {row.id for row in ROWS}

    assert {row for shape in SHAPES.values() for row in shape.lacks} <= known


def test_the_share_of_the_suite_has_every_row_at_one_vendor() -> None:
    shared = [(row.id, vendor) for vendor in VENDORS for row in share(vendor)]

    assert sorted(row for row, _ in shared) == sorted(row.id for row in ROWS)
    assert {vendor for _, vendor in shared} == set(VENDORS)


def test_what_is_tested_elsewhere_is_tested() -> None:
    root = document.PLACE.parents[1]

    assert all((root / path).exists() for _, _, path in (*OF_WEBHOOKS, *ELSEWHERE))
