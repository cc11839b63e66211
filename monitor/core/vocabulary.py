"""What a written condition may name of a batch: each name with its unit and its meaning.

Counts and shares without ``all_`` are of the calls that ended within the rule's ``window``,
and since the batch last stood still.
"""

from collections.abc import Mapping

from monitor.core.completion import ended_calls
from monitor.core.model import FAILED, ContactStatus, Outcome, Sentiment
from monitor.core.money import completed, dialled, left
from monitor.core.names import (
    COUNT,
    HOUR,
    MINUTES,
    MONEY,
    SHARE,
    TRUTH,
    WEEKDAY,
    Name,
    an_hour,
    count_of,
    count_of_all,
    done,
    for_each,
    idle,
    late_minutes,
    lines_busy,
    of_people,
    retries,
    running,
    sentiment,
    share_of,
    share_of_all,
    share_of_people,
    spent,
    spent_lately,
    to_closing,
)
from monitor.core.tally import people

_WAYS = (
    ("completed", "that a person answered", (Outcome.COMPLETED,)),
    ("failed", "that failed", tuple(sorted(FAILED))),
    ("no_answer", "that nobody answered", (Outcome.NO_ANSWER,)),
    ("busy", "that met a busy line", (Outcome.BUSY,)),
    ("voicemail", "that a machine answered", (Outcome.VOICEMAIL,)),
    ("cancelled", "that were cancelled", (Outcome.CANCELLED,)),
)


def _shown(outcomes: tuple[Outcome, ...]) -> frozenset[Outcome]:
    """What ended so may be shown as evidence; that something went well is none."""
    return frozenset(outcomes) - {Outcome.COMPLETED}


_CALLS = (
    Name("finished", COUNT, "calls that ended in the window", count_of()),
    *(
        Name(w, COUNT, f"calls in the window {text}", count_of(*o), _shown(o))
        for w, text, o in _WAYS
    ),
    *(
        Name(
            f"{w}_share", SHARE, f"share of the calls in the window {text}", share_of(*o), _shown(o)
        )
        for w, text, o in _WAYS
    ),
    Name("calls_per_hour", COUNT, "calls ended in an hour of permitted time", an_hour),
    Name("all_finished", COUNT, "calls that ended since the batch began", count_of_all()),
    *(
        Name(f"all_{w}", COUNT, f"calls since the batch began {text}", count_of_all(*o))
        for w, text, o in _WAYS
    ),
    *(
        Name(f"all_{w}_share", SHARE, f"share of all calls of the batch {text}", share_of_all(*o))
        for w, text, o in _WAYS
    ),
    Name(
        "positive_share",
        SHARE,
        "share of the conversations that went well",
        sentiment(Sentiment.POSITIVE),
    ),
    Name(
        "negative_share",
        SHARE,
        "share of the conversations that went badly",
        sentiment(Sentiment.NEGATIVE),
    ),
)

_PEOPLE = (
    Name("people", COUNT, "people in the batch", of_people(lambda f: f.people)),
    Name(
        "people_called",
        COUNT,
        "people called at least once",
        of_people(lambda f: dialled(f.tally)),
    ),
    Name(
        "people_completed", COUNT, "people who completed", of_people(lambda f: completed(f.tally))
    ),
    Name(
        "people_left",
        COUNT,
        "people who wait for a call, now or later",
        of_people(lambda f: left(f.batch.counts, f.tally)),
    ),
    Name(
        "people_exhausted",
        COUNT,
        "people whose retries are used up",
        of_people(lambda f: people(f.tally, ContactStatus.EXHAUSTED)),
    ),
    Name("waiting", COUNT, "people to be called now", of_people(lambda f: f.waiting)),
    Name("done_share", SHARE, "share of the people who are done", share_of_people(done)),
    Name(
        "retries_late",
        COUNT,
        "people whose retry is overdue",
        retries(lambda f: f.retries.overdue(f.now).n),
    ),
    Name(
        "retries_unplanned",
        COUNT,
        "people who wait for a retry that nobody planned",
        retries(lambda f: f.retries.unscheduled(f.now).n),
    ),
    Name(
        "retries_planned",
        COUNT,
        "people with a retry in the future",
        retries(lambda f: f.retries.scheduled_after(f.now)),
    ),
    Name("lines_busy", COUNT, "lines in use", lines_busy),
    Name("lines", COUNT, "lines that the batch may use", lambda s: s.facts.batch.concurrency),
    Name("lines_free", COUNT, "lines that nobody talks on", lambda s: s.facts.free_lines),
)

_TIME_AND_MONEY = (
    Name("idle_minutes", MINUTES, "permitted time since anything moved", idle),
    Name("running_minutes", MINUTES, "permitted time since the batch began", running),
    Name(
        "late_retry_minutes",
        MINUTES,
        "permitted time by which the oldest retry is late",
        late_minutes,
    ),
    Name("closing_minutes", MINUTES, "time until no calls may be made any more", to_closing),
    Name(
        "hour",
        HOUR,
        "hour of the day where the batch is, 0 to 23",
        lambda s: s.facts.now.astimezone(s.facts.zone).hour,
    ),
    Name(
        "weekday",
        WEEKDAY,
        "day of the week there, 1 is Monday",
        lambda s: s.facts.now.astimezone(s.facts.zone).isoweekday(),
    ),
    Name("open", TRUTH, "whether calls may be made now", lambda s: s.facts.open_now),
    Name("spent", MONEY, "what the batch has cost", spent),
    Name("spent_lately", MONEY, "what the calls in the window cost", spent_lately),
    Name(
        "spent_per_person",
        MONEY,
        "what each person who was called has cost",
        for_each(spent, lambda f: dialled(f.tally)),
    ),
    Name(
        "spent_per_completed",
        MONEY,
        "what each person who completed has cost",
        for_each(spent, lambda f: completed(f.tally)),
    ),
    Name(
        "spent_per_call",
        MONEY,
        "what a call has cost",
        for_each(spent, lambda f: ended_calls(f.tally)),
    ),
)

NAMES: Mapping[str, Name] = {each.name: each for each in (*_CALLS, *_PEOPLE, *_TIME_AND_MONEY)}
