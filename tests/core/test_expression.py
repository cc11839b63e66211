"""A written condition as a tree: what it is of values some of which are unknown."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.expression import (
    AND,
    COMPARES,
    COUNTS,
    LITERAL,
    MINUS,
    NAME,
    NOT,
    OR,
    Condition,
    Node,
    Says,
    Value,
)

A, B = Node(NAME, name="a"), Node(NAME, name="b")


def of(tree: Node, **values: Value) -> bool | None:
    return Condition("written", tree, tuple(values)).of(values)


def number(value: float) -> Node:
    return Node(LITERAL, literal=value)


@pytest.mark.parametrize(
    ("op", "a", "b", "is_so"),
    [
        pytest.param(AND, True, True, True, id="both"),
        pytest.param(AND, True, False, False, id="one"),
        pytest.param(AND, True, None, None, id="one, the other unknown"),
        pytest.param(AND, None, None, None, id="both unknown"),
        pytest.param(OR, True, None, True, id="certain whatever the unknown is"),
        pytest.param(OR, False, None, None, id="the unknown decides"),
        pytest.param(OR, False, False, False, id="neither"),
    ],
)
def test_and_and_or_of_what_is_unknown(op: str, a: Value, b: Value, is_so: Value) -> None:
    assert of(Node(op, (A, B)), a=a, b=b) is is_so
    assert of(Node(op, (B, A)), a=a, b=b) is is_so


def test_what_is_false_beside_something_unknown_is_not_called_false() -> None:
    # logic would say false; the share of an empty window is what is unknown here
    assert of(Node(AND, (A, B)), a=False, b=None) is None


def test_what_is_certain_without_the_unknown_is_true() -> None:
    no = Node(NOT, (Node(AND, (A, B)),))

    assert of(no, a=False, b=None) is True
    assert of(no, a=True, b=None) is None


@pytest.mark.parametrize("op", COMPARES)
def test_comparing_with_the_unknown_is_unknown(op: str) -> None:
    assert of(Node(op, (A, number(1))), a=None) is None
    assert of(Node(op, (number(1), A)), a=None) is None


@pytest.mark.parametrize(
    ("op", "result"), [("+", 8.0), ("-", 4.0), ("*", 12.0), ("/", 3.0)], ids=list(COUNTS)
)
def test_counting(op: str, result: float) -> None:
    assert of(Node("==", (Node(op, (A, B)), number(result))), a=6.0, b=2.0) is True


def test_so_many_for_each_of_none_is_unknown() -> None:
    assert of(Node(">", (Node("/", (A, B)), number(1))), a=6.0, b=0.0) is None


def test_minus_turns_a_number_round() -> None:
    assert of(Node("<", (Node(MINUS, (A,)), number(0))), a=6.0) is True


TREES = st.recursive(
    st.sampled_from([A, B, Node(NAME, name="c")]),
    lambda inner: st.one_of(
        inner.map(lambda one: Node(NOT, (one,))),
        st.tuples(st.sampled_from([AND, OR]), inner, inner).map(lambda t: Node(t[0], t[1:])),
    ),
    max_leaves=8,
)


@given(TREES, st.fixed_dictionaries({name: st.sampled_from([True, False, None]) for name in "abc"}))
def test_it_is_only_called_what_it_is_whatever_the_unknown_turn_out_to_be(
    tree: Node, values: dict[str, Value]
) -> None:
    unknown = [name for name, value in values.items() if value is None]
    said = Condition("written", tree, tuple(values)).of(values)
    outcomes = {
        of(tree, **values | dict(zip(unknown, turned, strict=True)))
        for turned in product([True, False], repeat=len(unknown))
    }

    assert said is None or outcomes == {said}
    assert said is not False or not unknown


def test_the_first_limit_is_found_whichever_way_round_it_is_written() -> None:
    first = Node(">", (A, number(0.2)))
    turned = Node("<", (number(0.2), A))

    assert Condition("", Node(AND, (first, B)), ("a", "b")).limit() == ("a", 0.2, False)
    assert Condition("", turned, ("a",)).limit() == ("a", 0.2, False)
    assert Condition("", Node(NOT, (turned,)), ("a",)).limit() == ("a", 0.2, True)
    assert Condition("", Node("<=", (A, number(0.2))), ("a",)).limit() == ("a", 0.2, True)
    assert Condition("", Node("!=", (A, number(0.2))), ("a",)).limit() == ("a", 0.2, False)
    assert Condition("", Node("==", (A, Node(LITERAL, literal=True))), ("a",)).limit() is None
    assert Condition("", Node(">", (A, B)), ("a", "b")).limit() is None


def test_the_only_number_may_be_another() -> None:
    tree = Node(">", (A, number(30)))
    one = Condition("a > 30", tree, ("a",))
    two = Condition("a > 30 and b2 < 4", Node(AND, (tree, B)), ("a", "b2"))

    assert (one.lone_limit(), two.lone_limit()) == (30, None)
    assert one.with_lone_limit(12.345) == "a > 12.3"
    assert one.with_lone_limit(12_345.6) == "a > 12346"
    assert one.with_lone_limit(0) == "a > 0"


def test_a_sentence_has_every_value_in_its_place() -> None:
    says = Says("{a} of {b} failed", (("", "a"), (" of ", "b"), (" failed", "")))

    assert says.with_values({"a": "3", "b": "4"}) == "3 of 4 failed"
    assert says.names == ("a", "b")
    assert (str(says), str(Condition("a > 1", A, ("a",)))) == ("{a} of {b} failed", "a > 1")
