"""What happens in each scenario, in seconds; the same for Alertmanager and for Offhook.

Waits are short so that the real one can be run: a message for a group after 2 s, news of it
after 6 s, a repeat after 17 s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

LAST = 64
MINUTE_AT = 40  # when a wall-clock minute ends, for what is muted until then
RESTART_AT = 12

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """A route. ``hours``: always or never, and until or from the end of the minute."""

    to: tuple[str, ...] = ("x",)
    match: tuple[str, ...] = ()
    goes_on: bool = False
    group_by: tuple[str, ...] = ("batch",)
    wait: int = 2
    interval: int = 6
    repeat: int = 600
    mute: Literal["always", "never", "until", "from"] | None = None
    active: Literal["always", "never", "until", "from"] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """At a second something is said of an alert or done about a silence."""

    at: int
    what: Literal["fire", "end", "silence", "expire"]
    name: str
    labels: Labels = field(default_factory=dict)  # of an alert
    matchers: tuple[str, ...] = ()  # of a silence
    until: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """An inhibition."""

    source: str
    target: str
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """``differs`` says why Offhook does something else, where it does."""

    steps: tuple[Step, ...]
    ways: tuple[Way, ...] = (Way(),)
    holds: tuple[Hold, ...] = ()
    restarts: bool = False
    no_ends: bool = False  # the receiver x wants none
    differs: str = ""

    @property
    def last(self) -> int:
        """After this second nothing happens any more."""
        timed = any(each.mute or each.active or each.repeat < LAST for each in self.ways)
        return LAST if timed else max(max(each.at, each.until) for each in self.steps) + 10


def fire(at: int, name: str = "a", **labels: str) -> Step:
    return Step(at, "fire", name, {"batch": "b1", **labels})


def end(at: int, name: str = "a", **labels: str) -> Step:
    return Step(at, "end", name, {"batch": "b1", **labels})


def silence(at: int, until: int, *matchers: str) -> Step:
    return Step(at, "silence", "s", matchers=matchers, until=until)


TO_X_ELSE_Y = (Way(match=("team=a",)), Way(to=("y",)))
TOLD_TWICE = "a receiver that several routes lead to hears once; who wants copies names two"
SUMMARY = "what was already owed is said in one message, as over before it could be told"
NEVER_OPEN = "a route without an open hour is refused; if there were one, nothing would be lost"
NO_SILENT_END = "whoever heard of the beginning hears of the end, once nothing holds it back"

SCENARIOS: dict[str, Scenario] = {
    # Routes.
    "first-match-wins": Scenario(
        (fire(0, "a", team="a"), fire(0, "b", team="b")), ways=TO_X_ELSE_Y
    ),
    "continue": Scenario(
        (fire(0, "a", team="a"), fire(0, "b", team="b")),
        ways=(Way(match=("team=a",), goes_on=True), Way(to=("y",))),
    ),
    "route-not-equal": Scenario(
        (fire(0, "a", team="a"), fire(0, "b", team="b")),
        ways=(Way(match=("team!=a",)), Way(to=("y",))),
    ),
    "route-pattern-is-anchored": Scenario(
        (fire(0, "a", team="ab"), fire(0, "b", team="ba")),
        ways=(Way(match=("team=~a.*",)), Way(to=("y",))),
    ),
    "route-not-like": Scenario(
        (fire(0, "a", team="ab"), fire(0, "b", team="ba")),
        ways=(Way(match=("team!~a.*",)), Way(to=("y",))),
    ),
    "route-missing-label-is-empty": Scenario(
        (fire(0, "a"), fire(0, "b", team="b")), ways=(Way(match=("team=",)), Way(to=("y",)))
    ),
    "route-not-something": Scenario(
        (fire(0, "a"), fire(0, "b", team="b")), ways=(Way(match=("team!~.+",)), Way(to=("y",)))
    ),
    "route-two-matchers": Scenario(
        (fire(0, "a", team="a", zone="1"), fire(0, "b", team="a", zone="2")),
        ways=(Way(match=("team=a", "zone=1")), Way(to=("y",))),
    ),
    "two-receivers": Scenario((fire(0),), ways=(Way(to=("x", "y")),)),
    "two-routes-to-one-receiver": Scenario(
        (fire(0),), ways=(Way(goes_on=True), Way(match=("rule=a",), wait=4)), differs=TOLD_TWICE
    ),
    "no-route": Scenario((fire(0),), ways=(Way(match=("team=a",)),)),
    "three-routes-go-on": Scenario(
        (fire(0, "a", team="a"),),
        ways=(
            Way(match=("team=a",), goes_on=True),
            Way(to=("y",), match=("team=b",), goes_on=True),
            Way(to=("z",)),
        ),
    ),
    # Groups.
    "company-in-time": Scenario((fire(0, "a"), fire(1, "b"))),
    "other-group": Scenario((fire(0, "a"), fire(0, "b", batch="b2"))),
    "company-later": Scenario((fire(0, "a"), fire(4, "b"))),
    "company-much-later": Scenario((fire(0, "a"), fire(11, "b"))),
    "all-in-one-group": Scenario(
        (fire(0, "a"), fire(0, "b", batch="b2")), ways=(Way(group_by=()),)
    ),
    "grouped-by-what-is-missing": Scenario(
        (fire(0, "a"), fire(1, "b"), fire(0, "c", team="c")), ways=(Way(group_by=("team",)),)
    ),
    "graver-company": Scenario(
        (fire(0, "a", severity="warning"), fire(4, "b", severity="critical"))
    ),
    "groups-end-apart": Scenario(
        (fire(0, "a"), fire(0, "b", batch="b2"), end(4, "a"), end(20, "b", batch="b2"))
    ),
    # Waits.
    "no-wait": Scenario((fire(0),), ways=(Way(wait=0),)),
    "over-before-the-first-message": Scenario((fire(0), end(1)), differs=SUMMARY),
    "recovers": Scenario((fire(0), end(4))),
    "one-of-two-recovers": Scenario((fire(0, "a"), fire(0, "b"), end(4, "a"))),
    "both-recover": Scenario((fire(0, "a"), fire(0, "b"), end(4, "a"), end(5, "b"))),
    "both-recover-apart": Scenario((fire(0, "a"), fire(0, "b"), end(4, "a"), end(12, "b"))),
    "recovers-and-fires-again": Scenario(
        (fire(0), end(4), fire(5)),
        differs="a recovery that was told is followed by the next episode; flapping is its own",
    ),
    "repeat": Scenario(
        (fire(0),), ways=(Way(repeat=17),), differs="each repeat waits twice as long"
    ),
    "members-are-repeated": Scenario(
        (fire(0, "a"), fire(4, "b"), end(30, "a"), end(30, "b")),
        ways=(Way(repeat=17),),
        differs="each alert is repeated by its own age and weight, not with its group",
    ),
    "repeat-between-two-beats": Scenario((fire(0), end(30)), ways=(Way(repeat=20),)),
    "recovers-before-its-repeat": Scenario((fire(0), end(17)), ways=(Way(repeat=17),)),
    "no-ends-wanted": Scenario((fire(0), end(4)), no_ends=True),
    "an-end-without-a-beginning": Scenario((end(2),)),
    "the-same-again": Scenario((*(fire(at) for at in (0, 1, 3, 5, 9, 13)), end(16))),
    "the-end-again": Scenario((fire(0), end(4), end(6), end(13))),
    # Silences.
    "silenced": Scenario((silence(0, 90, "rule=a"), fire(1, "a"), fire(1, "b"))),
    "silenced-not-equal": Scenario((silence(0, 90, "rule!=a", "batch=b1"), fire(1), fire(1, "b"))),
    "silenced-like": Scenario((silence(0, 90, "rule=~a|c"), fire(1, "a"), fire(1, "b"))),
    "silenced-not-like": Scenario(
        (silence(0, 90, "rule!~a|c", "batch=b1"), fire(1, "a"), fire(1, "b"))
    ),
    "silenced-by-two-matchers": Scenario(
        (silence(0, 90, "rule=~a|c", "batch=b2"), fire(1, "a"), fire(1, "c", batch="b2"))
    ),
    "silence-ends-and-it-still-fires": Scenario((silence(0, 20, "rule=a"), fire(1))),
    "silence-is-ended-and-it-still-fires": Scenario(
        (silence(0, 90, "rule=a"), fire(1), Step(13, "expire", "s"))
    ),
    "began-and-ended-in-a-silence": Scenario((silence(0, 20, "rule=a"), fire(1), end(9))),
    "told-then-ended-in-a-silence": Scenario(
        (fire(0), silence(4, 20, "rule=a"), end(9)), differs=NO_SILENT_END
    ),
    "told-then-silenced-and-still-there": Scenario(
        (fire(0), silence(4, 14, "rule=a"), end(60)),
        differs="after a silence what is still wrong is said once, and that the silence ended",
    ),
    "silence-of-something-else": Scenario((silence(0, 90, "rule=b"), fire(1))),
    "no-repeat-in-a-silence": Scenario(
        (fire(0), silence(10, 90, "rule=a")), ways=(Way(repeat=17),)
    ),
    # Inhibition.
    "held-back": Scenario(
        (fire(0, "src"), fire(1, "dst")), holds=(Hold("rule=src", "rule=dst", ("batch",)),)
    ),
    "not-held-back-by-another-batch": Scenario(
        (fire(0, "src"), fire(1, "dst", batch="b2")),
        holds=(Hold("rule=src", "rule=dst", ("batch",)),),
    ),
    "held-back-by-what-both-lack": Scenario(
        (fire(0, "src"), fire(1, "dst")),
        holds=(Hold("rule=src", "rule=dst", ("team",)),),
        differs="a label that both lack is nothing they have in common",
    ),
    "told-when-its-source-is-over": Scenario(
        (fire(0, "src"), fire(1, "dst"), end(12, "src")),
        holds=(Hold("rule=src", "rule=dst", ("batch",)),),
    ),
    "ended-while-held-back": Scenario(
        (fire(0, "src"), fire(1, "dst"), end(9, "dst")),
        holds=(Hold("rule=src", "rule=dst", ("batch",)),),
    ),
    "told-then-ended-while-held-back": Scenario(
        (fire(0, "dst"), fire(4, "src"), end(9, "dst")),
        holds=(Hold("rule=src", "rule=dst", ("batch",)),),
        differs=NO_SILENT_END,
    ),
    "never-held-back-by-itself": Scenario(
        (fire(0),), holds=(Hold("rule=~.+", "rule=~.+", ("batch",)),)
    ),
    "two-that-would-hold-back-each-other": Scenario(
        (fire(0, "a"), fire(0, "b")), holds=(Hold("rule=~a|b", "rule=~a|b", ("batch",)),)
    ),
    "two-that-hold-back-each-other-by-two-rules": Scenario(
        (fire(0, "a"), fire(0, "b")),
        holds=(
            Hold("rule=a", "rule=b", ("batch",)),
            Hold("rule=b", "rule=a", ("batch",)),
        ),
        differs="two that explain each other explain nothing, and both are told",
    ),
    # Hours.
    "always-muted": Scenario((fire(0),), ways=(Way(mute="always"),), differs=NEVER_OPEN),
    "never-muted": Scenario((fire(0),), ways=(Way(mute="never"),)),
    "always-active": Scenario((fire(0),), ways=(Way(active="always"),)),
    "never-active": Scenario((fire(0),), ways=(Way(active="never"),), differs=NEVER_OPEN),
    "still-fires-when-the-mute-ends": Scenario((fire(5),), ways=(Way(mute="until"),)),
    "began-and-ended-in-a-mute": Scenario((fire(5), end(20)), ways=(Way(mute="until"),)),
    "not-told-once-the-mute-began": Scenario((fire(45),), ways=(Way(mute="from"),)),
    "told-before-the-mute": Scenario((fire(30), end(50)), ways=(Way(mute="from"),)),
    # Restarts, at second 12; Alertmanager is told again of what fires.
    "restart-repeats-nothing": Scenario((fire(0), fire(14), fire(16)), restarts=True),
    "restart-before-the-first-message": Scenario(
        (fire(11), fire(14)), ways=(Way(wait=4),), restarts=True
    ),
    "ends-after-a-restart": Scenario((fire(0), fire(14), end(20)), restarts=True),
    "silence-outlives-a-restart": Scenario(
        (silence(0, 90, "rule=a"), fire(5), fire(14), fire(20, "b")), restarts=True
    ),
}
