"""docs/rules.md is what the rules say of themselves."""

import rules
from tests.rules import document


def test_the_reference_is_written_from_the_rules() -> None:
    assert document.PLACE.read_text() == document.text(), "run python -m tests.rules.document"


def test_every_rule_has_a_table_in_the_example_and_a_section_in_the_reference() -> None:
    assert set(document.tables()) == set(rules.catalogue())
    assert all(f"\n### `{name}`\n" in document.text() for name in rules.catalogue())


def test_where_a_vendor_tells_no_cost_it_says_that_rates_will_do() -> None:
    row = next(line for line in document.text().splitlines() if "[`cost_overrun`]" in line)

    assert row.endswith("| ✓ | with `rates` | with `rates` | with `rates` | ✓ | no |")
