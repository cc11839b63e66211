"""Which words are taken out of which texts."""

import json
from collections.abc import Mapping

import pytest

from monitor.core.unnaming import Place, Unnaming, Words

HERE, THERE = ("renewals", "b1"), ("renewals", "b2")


def made(ids: Mapping[Place, Mapping[str, str]], *masked: str) -> Unnaming:
    return Unnaming(Words(frozenset(masked), ids))


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("••4567 got 9 calls", "[erased] got 9 calls"),
        ("••45678 got 9 calls", "••45678 got 9 calls"),
        ("see call_9f1, please", "see X, please"),
        ("call_9f1-b", "call_9f1-b"),
        ("call_9f1.2 call_9f1", "B X"),
        ("12 renewals of con_1", "12 renewals of con_1"),
        ("", ""),
    ],
)
def test_in_a_sentence_only_what_nobody_else_is_called_is_taken_out(text: str, after: str) -> None:
    ids = {"call_9f1": "X", "call_9f1.2": "B", "12": "Y", "renewals": "Z", "con_1": "C"}

    assert made({HERE: ids}, "••4567").text(text, HERE, named=False) == after


@pytest.mark.parametrize(
    ("about", "named", "after"),
    [
        (HERE, False, ["X", "L", "112"]),
        (THERE, False, ["7", "L", "112"]),
        (("renewals", None), False, ["X", "L", "112"]),
        (("bulk", None), False, ["7", "L", "112"]),
        (None, False, ["7", "L", "112"]),
        (THERE, True, ["X", "L", "112"]),
    ],
)
def test_a_short_id_is_theirs_beside_their_batch_or_their_number(
    about: Place | None, *, named: bool, after: list[str]
) -> None:
    unnaming = made({HERE: {"7": "X", "call_9f12": "L"}})
    finding = json.dumps({"summary": "7 calls", "evidence": ["7", "call_9f12", "112"]})

    new = json.loads(unnaming.text(finding, about, named=named))
    assert new == {"summary": "7 calls", "evidence": after}
    assert json.loads(unnaming.ids('["7","call_9f12","112"]', about, named=named)) == after


def test_of_two_contacts_with_one_id_each_has_its_own_stub_beside_its_batch() -> None:
    unnaming = made({HERE: {"con_000007": "X"}, THERE: {"con_000007": "Y"}})

    assert unnaming.ids('["con_000007"]', HERE, named=True) == '["X"]'
    assert unnaming.ids('["con_000007"]', THERE, named=True) == '["Y"]'


def test_what_names_a_batch_or_a_rule_stays() -> None:
    unnaming = made({HERE: {"batch-2026-11": "X"}}, "••4567")
    message = {
        "batch": "batch-2026-11",
        "labels": {"batch": "batch-2026-11", "batch_name": "to ••4567"},
        "evidence": ["batch-2026-11"],
        "acts": ["pause"],
    }

    new = json.loads(unnaming.text(json.dumps(message), HERE, named=False))
    assert new == {
        "batch": "batch-2026-11",
        "labels": {"batch": "batch-2026-11", "batch_name": "to [erased]"},
        "evidence": ["X"],
        "acts": ["pause"],
    }


@pytest.mark.parametrize(
    "word", ['con "7"/50%', "con\\7-üß", "[con] {7}", "con  two\tspaces", "c" * 300]
)
def test_an_id_of_any_letters_is_found_as_it_is_shown(word: str) -> None:
    unnaming = made({HERE: {word: "X"}})
    shown = json.dumps(["see", word], ensure_ascii=False)
    words = Words(ids={HERE: {word: "X"}}).everything()

    assert any(each in shown for each in words)
    assert json.loads(unnaming.ids(shown, HERE, named=False)) == ["see", "X"]
    clipped = json.dumps(
        [" ".join(word.split())[:99] + "…" if len(word) > 100 else " ".join(word.split())]
    )
    assert unnaming.ids(clipped, HERE, named=False) == '["X"]'


def test_what_is_no_json_is_read_as_a_sentence() -> None:
    assert made({HERE: {"call_9f1": "X"}}).text("[call_9f1 is gone", HERE, named=False) == (
        "[X is gone"
    )


def test_nothing_to_take_out_leaves_the_text() -> None:
    assert made({}).text("as it was", None, named=True) == "as it was"
