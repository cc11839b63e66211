from typing import Any

import pytest

from monitor.core.model import Capabilities
from monitor.core.people import Overlap
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.duplicate_contact import DuplicateContact
from tests.builders import ListedPeople, make_facts

RULE = DuplicateContact()


def judged(n: int, of: int, rule: DuplicateContact = RULE, **changes: Any) -> Verdict:
    whole = changes.pop("whole", True)
    batches = (("Renewals B", n),) if n else ()
    shared = Overlap(n=n, of=of, batches=batches, evidence=("p1", "p2")[:n], whole=whole)
    return rule.evaluate(make_facts(persons=ListedPeople(shared=shared), **changes))


@pytest.mark.parametrize(
    ("n", "of", "kind"),
    [
        pytest.param(0, 0, Clear, id="nobody at all"),
        pytest.param(0, 1000, Clear, id="nobody"),
        pytest.param(4, 1000, Clear, id="few of many"),
        pytest.param(5, 1000, Holds, id="enough"),
        pytest.param(1, 101, Clear, id="just below the share"),
        pytest.param(1, 100, Holds, id="the share"),
        pytest.param(900, 1000, Holds, id="a list uploaded twice"),
    ],
)
def test_the_limits(n: int, of: int, kind: type[Verdict]) -> None:
    assert isinstance(judged(n, of), kind)


@pytest.mark.parametrize(
    ("rule", "n"),
    [
        pytest.param(DuplicateContact(min_people=0), 9, id="only a share"),
        pytest.param(DuplicateContact(share=0, min_people=11), 10, id="only a number"),
    ],
)
def test_each_limit_can_be_turned_off(rule: DuplicateContact, n: int) -> None:
    assert isinstance(judged(n, 1000, rule), Clear)
    assert isinstance(judged(n + 1, 1000, rule), Holds)


def test_the_sentence_names_the_other_batch() -> None:
    verdict = judged(38, 400)

    assert isinstance(verdict, Holds)
    finding: Finding = verdict.finding
    assert finding.summary == (
        "38 people (10 % of this batch) are yet to be dialled in Renewals B, too"
    )
    assert (finding.affected, finding.total, finding.evidence) == (38, 400, ("p1", "p2"))


def test_nothing_is_clear_before_everybody_was_looked_at() -> None:
    assert isinstance(judged(4, 1000, whole=False), Unknown)
    assert isinstance(judged(5, 1000, whole=False), Holds)


def test_where_nobody_is_listed_it_says_nothing() -> None:
    assert isinstance(judged(9, 10, capabilities=Capabilities(calls=True)), Unknown)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"share": 1.5}, id="more than all"),
        pytest.param({"min_people": 0, "share": 0}, id="never"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DuplicateContact(**wrong)
