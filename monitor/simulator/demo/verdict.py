"""The world's truth beside what was told: missing, doubled, false, or right."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.core.model import BatchStatus, ContactStatus, Outcome
from monitor.simulator.demo.told import Told
from monitor.simulator.truth import Entry, Truth, What

EVERYBODY = ("ops", "ops_bot")
ONCALL = (*EVERYBODY, "oncall")
FIRING, RESOLVED = ("FIRING",), ("RESOLVED",)
REPORT = ("INFO",)

# What happens, and as what it must be told: words, rule, states, receivers.
TOLD: dict[tuple[What, str], tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    (What.INCIDENT_BEGAN, "ErrorBurst"): ("calls begin to fail", "error_spike", FIRING, ONCALL),
    (What.INCIDENT_ENDED, "ErrorBurst"): ("calls work again", "error_spike", RESOLVED, ONCALL),
    (What.INCIDENT_BEGAN, "RetriesStall"): ("retries stall", "stalled_retries", FIRING, EVERYBODY),
    (What.INCIDENT_ENDED, "RetriesStall"): (
        "retries go on",
        "stalled_retries",
        RESOLVED,
        EVERYBODY,
    ),
    (What.INCIDENT_BEGAN, "DialStop"): ("dialling stops", "batch_stalled", FIRING, ONCALL),
    (What.INCIDENT_ENDED, "DialStop"): ("dialling goes on", "batch_stalled", RESOLVED, ONCALL),
    (What.BATCH, BatchStatus.COMPLETED): ("batch completes", "batch_completed", REPORT, EVERYBODY),
    (What.BATCH, BatchStatus.FAILED): ("vendor fails it", "batch_failed", FIRING, ONCALL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Something that happened, and who must hear of it, once each."""

    t: float
    happened: str
    batch: str
    rule: str
    states: tuple[str, ...]
    receivers: tuple[str, ...]
    says: str = ""  # numbers that the message must give


@dataclass(slots=True)
class Judged:
    """One expectation with what came of it: seconds from the truth to each receiver."""

    expected: Expected
    seconds: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Everybody heard of it once, with the right numbers."""
        return not self.missing and not self.doubled and not self.wrong


def expectations(truth: Truth) -> list[Expected]:
    """What people must hear of, from all that has happened so far, in its order."""
    found = []
    for entry in truth.entries:
        word = entry.after if entry.what is What.BATCH else entry.note
        if told := TOLD.get((entry.what, word)):
            happened, rule, states, receivers = told
            found.append(
                Expected(
                    t=entry.t,
                    happened=happened,
                    batch=entry.batch,
                    rule=rule,
                    states=states,
                    receivers=receivers,
                    says=_numbers(truth, entry) if entry.what is What.BATCH else "",
                )
            )
    return found


def first_message(at: float, batches: int, people: int) -> Expected:
    """What everybody hears once, when the daemon has read everything for the first time."""
    return Expected(
        t=at,
        happened="the daemon starts",
        batch="",
        rule="self_watching",
        states=REPORT,
        receivers=EVERYBODY,
        says=f" {batches} open batches, {people:,} people",
    )


def _numbers(truth: Truth, end: Entry) -> str:
    """What the report of a batch's end must say: people reached, or people never dialled."""
    people = truth.contacts(end.batch, end.at)
    reached = truth.calls(end.batch, end.at)[Outcome.COMPLETED]
    if end.after == BatchStatus.FAILED:
        return f" {people[ContactStatus.PENDING]} of {people.total()} people were never dialled"
    return f" {reached} of {people.total()} people reached"


def judge(expected: Expected, told: Sequence[Told]) -> Judged:
    """What came of one expectation."""
    judged = Judged(expected)
    about = [one for one in told if _is_about(one, expected)]
    for receiver in expected.receivers:
        mine = [one for one in about if one.receiver == receiver]
        if not mine:
            judged.missing.append(receiver)
            continue
        judged.seconds[receiver] = min(one.t for one in mine) - expected.t
        if _copies(mine) > 1:
            judged.doubled.append(receiver)
        # What is told as an estimate must be true as well.
        if not all(expected.says in one.text.replace("about ", "") for one in mine):
            judged.wrong.append(receiver)
    return judged


def unexpected(expected: Sequence[Expected], told: Sequence[Told]) -> list[Told]:
    """What was told of an alert although nothing of the kind had happened."""
    return [
        one
        for one in told
        if one.key
        and not any(_is_about(one, each) and one.receiver in each.receivers for each in expected)
    ]


def _is_about(told: Told, expected: Expected) -> bool:
    return (
        told.rule == expected.rule
        and told.batch == expected.batch
        and told.state in expected.states
        and told.t >= expected.t
    )


def _copies(told: Sequence[Told]) -> int:
    """How often one thing was told: edits change a message, they do not repeat it.

    A report may be told twice to an incoming webhook, which cannot edit: while its numbers
    settle and once they have.
    """
    keys = {one.key for one in told}
    messages = [one for one in told if one.how in {"message", "mail"} and not one.settling]
    settling = [one for one in told if one.how == "message" and one.settling]
    replies = [one for one in told if one.how == "reply"]
    return max(len(keys), len(messages), len(settling), len(replies))
