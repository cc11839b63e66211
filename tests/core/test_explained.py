"""The lists say what looking at every pair of alerts says."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import labels_of
from monitor.core.explained import Explained, inhibited_by
from monitor.core.inhibit import Inhibition
from monitor.core.route import Matcher
from tests.delivering import make_alert, make_subject

RULES = ("a", "b", "c")


def by_pairs(alert: Alert, others: Sequence[Alert], every: Sequence[Inhibition]) -> bool:
    """Whether the alert is held back: the definition, word by word."""

    def explains(one: Alert, other: Alert) -> bool:
        mine, theirs = labels_of(one), labels_of(other)
        return any(
            each.is_source(one, mine)
            and each.is_target(other, theirs)
            and all(mine.get(name) and mine[name] == theirs.get(name) for name in each.equal)
            for each in every
        )

    def leads(first: Alert, last: Alert) -> bool:
        met, ahead = {first.key}, [first]
        while ahead:
            found = [each for each in (last, *others) if explains(ahead[0], each)]
            del ahead[0]
            if any(each.key == last.key for each in found):
                return True
            ahead += [each for each in found if each.key not in met]
            met.update(each.key for each in found)
        return False

    sources = [each for each in others if each.key != alert.key and explains(each, alert)]
    return any(not leads(alert, each) for each in sources)


matchers = st.builds(
    lambda names: (Matcher("rule", "=~", "|".join(sorted(names))),),
    st.sets(st.sampled_from(RULES), min_size=1),
)
inhibitions = st.lists(
    st.builds(
        Inhibition,
        source=matchers,
        target=matchers,
        equal=st.lists(st.sampled_from(["batch", "team"]), unique=True).map(tuple),
    ),
    min_size=1,
    max_size=4,
)
alerts = st.lists(
    st.builds(
        lambda rule, batch, team, state: make_alert(
            rule,
            rule=rule,
            subject=make_subject(id=batch),
            labels={"team": team} if team else {},
            state=state,
        ),
        st.sampled_from(RULES),
        st.sampled_from(["1", "2"]),
        st.sampled_from(["", "x", "y"]),
        st.sampled_from([AlertState.FIRING, AlertState.FIRING, AlertState.PENDING]),
    ),
    max_size=7,
    unique_by=lambda each: each.key,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(alerts, inhibitions)
def test_the_lists_say_what_every_pair_says(
    found: list[Alert], configured: list[Inhibition]
) -> None:
    for alert in found:
        held = inhibited_by(alert, found, configured) is not None
        assert held is by_pairs(alert, found, configured)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(alerts, inhibitions, st.lists(st.tuples(st.integers(0, 6), st.booleans())))
def test_what_comes_and_goes_leaves_the_lists_as_they_were(
    found: list[Alert], configured: list[Inhibition], moves: list[tuple[int, bool]]
) -> None:
    lists = Explained(configured)
    there: dict[str, Alert] = {}
    for number, stays in moves:
        if number < len(found):
            alert = found[number]
            if stays:
                there[alert.key] = replace(alert, labels={"team": "x"})
                lists.put(alert)
                lists.put(there[alert.key])
            else:
                there.pop(alert.key, None)
                lists.drop(alert.key)
    anew = Explained(configured)
    for alert in there.values():
        anew.put(alert)
    for alert in found:
        one, other = lists.source_of(alert), anew.source_of(alert)
        assert (one is None) is (other is None)
        assert one is None or one.key in there
