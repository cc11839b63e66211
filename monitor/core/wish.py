"""What somebody asks for, before it is a silence: the one check for every way of asking.

The command line, the API, Slack and the status page all come through here, so that what one
of them refuses no other lets in.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from monitor.core.alert import Alert
from monitor.core.compose import plain
from monitor.core.identity import silence_id
from monitor.core.instance import RuleInstance
from monitor.core.pattern import pattern_problem
from monitor.core.route import LABELS, Matcher, parse_matcher
from monitor.core.rule import Severity
from monitor.core.silence import LONGEST, BatchRun, Silence, Source
from monitor.core.text import one_line
from monitor.core.wording import counted

SHORTEST = timedelta(seconds=1)
LATEST = timedelta(days=30)  # how far ahead one may begin
MOST_MATCHERS = 10
MOST_TEXT = 300  # of a value, and of a comment
MOST_NAME = 80
_SHOWN = 3


class SilenceError(ValueError):
    """It cannot be done as asked; the text says why and what to write, ``hint`` more of it."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class NoSuchError(SilenceError):
    """There is no silence, alert or batch of this name, or there are several."""


class OverError(SilenceError):
    """What it is about is over already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A silence as asked for. Its end: after ``lasts``, at ``ends_at``, or with the run."""

    author: str
    source: Source
    comment: str
    matchers: tuple[Matcher, ...] = ()
    starts_at: datetime | None = None
    lasts: timedelta | None = None
    ends_at: datetime | None = None
    until_end_of: BatchRun | None = None


def granted(wish: Wish, now: datetime, labels: Collection[str] = ()) -> Silence:
    """The silence that is wished for; SilenceError says what keeps it from being one.

    ``labels`` are the names that exist, where the caller knows them. One until the end of a
    batch holds back only what is of that batch.
    """
    author, comment = checked_name(wish.author), checked_text(wish.comment)
    if not comment:
        raise SilenceError("say why, for those who come after you", "give a comment")
    matchers = _of_batch(wish)
    _check_matchers(matchers, labels, wish.until_end_of)
    starts_at = max(wish.starts_at or now, now)
    ends_at = _end(wish, starts_at, now)
    made = [author, wish.source, comment, now.isoformat(), starts_at.isoformat(), str(ends_at)]
    return Silence(
        id=silence_id(*made, *map(text_of, matchers), str(wish.until_end_of)),
        author=author,
        source=wish.source,
        comment=comment,
        created_at=now,
        starts_at=starts_at,
        matchers=matchers,
        ends_at=ends_at,
        until_end_of=wish.until_end_of,
    )


def acknowledgement(
    alert: Alert, *, by: str, source: Source, comment: str, now: datetime
) -> Silence:
    """The acknowledgement of an open alert; SilenceError for a bad name or comment."""
    author, comment = checked_name(by), checked_text(comment)
    return Silence(
        id=silence_id("ack", alert.key, author, source, now.isoformat()),
        author=author,
        source=source,
        comment=comment,
        created_at=now,
        starts_at=now,
        alert=alert.key,
    )


def checked_name(name: str) -> str:
    """Who asks, on one line; SilenceError when nobody says it or it is no name."""
    author = one_line(name)
    if not author:
        raise SilenceError("say who you are", "give an author")
    if len(author) > MOST_NAME:
        raise SilenceError(f"the author is longer than {MOST_NAME} characters")
    return author


def checked_text(text: str) -> str:
    """A comment on one line; SilenceError when it is too long."""
    comment = one_line(text)
    if len(comment) > MOST_TEXT:
        raise SilenceError(f"the comment is longer than {MOST_TEXT} characters")
    return comment


def read_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Matchers as people write them; SilenceError when one cannot be read."""
    return tuple(map(_matcher, texts))


def _matcher(text: str) -> Matcher:
    if len(text) > 2 * MOST_TEXT:
        raise SilenceError(f"a matcher is longer than {2 * MOST_TEXT} characters")
    try:
        return parse_matcher(text)
    except (OverflowError, RecursionError) as error:
        raise SilenceError("the pattern repeats or nests too much to be read") from error
    except ValueError as error:
        raise SilenceError(str(error)) from error


def read_time(text: str, zone: tzinfo, now: datetime) -> datetime:
    """A time as people write it, in the zone where it names none; SilenceError if it is none.

    An hour alone is the next one to come.
    """
    try:
        if hour := _HOUR.fullmatch(text.strip()):
            local = now.astimezone(zone).replace(second=0, microsecond=0)
            found = local.replace(hour=int(hour[1]), minute=int(hour[2]), fold=0)
            return found.astimezone(UTC) if found > now else _next_day(found)
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SilenceError(
            f"{one_line(text)[:40]!r} is not a time", 'write "18:00" or "2026-05-10 18:00"'
        ) from error


_HOUR = re.compile(r"(\d{1,2}):(\d{2})")


def _next_day(local: datetime) -> datetime:
    return (local + timedelta(days=1)).astimezone(UTC)  # the same hour on the wall


def known_labels(instances: Iterable[RuleInstance]) -> frozenset[str]:
    """The labels that an alert can have, with those that rules add."""
    tables = [
        settings
        for each in instances
        for settings in (each.settings, *(other for _, other in each.overrides))
    ]
    return frozenset({*LABELS, *(label for each in tables for label in each.labels)})


def text_of(matcher: Matcher) -> str:
    """A matcher as people write it."""
    return f"{matcher.label}{matcher.operator}{matcher.value}"


def in_words(silence: Silence) -> str:
    """What it silences and until when, for people; times in UTC."""
    what = " ".join(map(text_of, silence.matchers)) or f"alert {silence.alert}"
    ends = []
    if silence.ends_at is not None:
        ends.append(f"{silence.ends_at:%Y-%m-%d %H:%M:%S} UTC")
    if silence.until_end_of is not None:
        ends.append(f"batch {silence.until_end_of.batch} ends")
    return f"{what} until {' or '.join(ends) or 'it ends'}: {silence.comment}"


def preview_text(alerts: Iterable[Alert], left_out: Sequence[Alert] = ()) -> str:
    """What a silence holds back now, for people: "holds back 2 alerts now: …".

    ``left_out`` are those that it fits and does not hold back, as it does not name their rules.
    """
    found = tuple(alerts)
    text = "holds back no alert now"
    if found:
        text = f"holds back {counted(len(found), 'alert')} now: {_named(found)}"
    critical = sum(each.severity is Severity.CRITICAL for each in found)
    text += f"; {critical} of them critical" if critical else ""
    if not left_out:
        return text
    how = (
        "name that rule to silence it" if len(left_out) == 1 else "name those rules to silence them"
    )
    return f"{text}, and not {_named(left_out)}: {how}"


def _named(alerts: Iterable[Alert]) -> str:
    """The heaviest of them, and how many more."""
    found = sorted(alerts, key=lambda each: -each.severity.weight)
    names = [f"{one_line(each.subject.title)} ({each.instance})" for each in found[:_SHOWN]]
    more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return ", ".join(names + more)


def _of_batch(wish: Wish) -> tuple[Matcher, ...]:
    run = wish.until_end_of
    if run is None:
        return wish.matchers
    # As labels are shown to matchers.
    named = {"provider": plain(run.provider, MOST_TEXT), "batch": plain(run.batch, MOST_TEXT)}
    others = [each for each in wish.matchers if each.label not in named or each.operator != "="]
    for each in wish.matchers:
        if each.label in named and each.operator == "=" and each.value != named[each.label]:
            raise SilenceError(
                f"{text_of(each)} is not of the batch {run.batch} that it is to end with",
                "name one batch only",
            )
    return (*(Matcher(label, "=", value) for label, value in named.items()), *others)


def _check_matchers(
    matchers: tuple[Matcher, ...], labels: Collection[str], run: BatchRun | None
) -> None:
    if not matchers:
        raise SilenceError("say what is to be silent", 'write for example "rule=error_spike"')
    if len(matchers) > MOST_MATCHERS:
        raise SilenceError(f"there are more than {MOST_MATCHERS} matchers")
    for each in matchers:
        if labels and each.label not in labels:
            known = ", ".join(sorted(labels))
            raise SilenceError(f"there is no label {each.label!r}", f"there are: {known}")
        if len(each.value) > MOST_TEXT:
            raise SilenceError(f"{each.label}: the value is longer than {MOST_TEXT} characters")
        if each.operator.endswith("~") and (problem := pattern_problem(each.value)):
            raise SilenceError(f"{each.label}: {problem}")
    if run is None and not any(_selects(each) for each in matchers):
        raise SilenceError(
            "this would silence everything",
            'name what is to be silent, for example "rule=error_spike" or "batch=btc_1"',
        )


def _selects(matcher: Matcher) -> bool:
    """Whether it leaves out more than what it names: not everything, and not all but one."""
    if matcher.operator.startswith("!"):
        return False
    probes = ("", *_PROBES.get(matcher.label, _ANYTHING))
    found = [matcher.matches({matcher.label: each}) for each in probes]
    return not found[0] and not all(found[1:])


# Values as unlike each other as those of a label are, and none shorter than such are.
_ANYTHING = ("0f8e2a51-9c3d", "btc_xyz001", "Renewals May 2", "Ünïcode ☎", "x" * 100)
_PROBES = {
    "severity": tuple(Severity),
    "rule": ("error_spike", "batch_failed", "stalled_retries", "self_config_rejected", "my_own"),
    "provider": ("renewals", "zz_9", "north_2"),
    "vendor": ("graine", "bland", "vogent", "svalync", "http_json"),
}


def _end(wish: Wish, starts_at: datetime, now: datetime) -> datetime | None:
    if wish.lasts is not None and wish.ends_at is not None:
        raise SilenceError("give one end: a length or a time")
    if starts_at - now > LATEST:
        raise SilenceError(f"it may begin at most {LATEST.days} days from now")
    if wish.lasts is None and wish.ends_at is None:
        if wish.until_end_of is None:
            raise SilenceError(
                "a silence needs an end",
                'give a length such as "2h", a time, or the batch that it is to end with',
            )
        return None
    lasts = wish.lasts if wish.ends_at is None else wish.ends_at - starts_at
    if lasts is None or lasts < SHORTEST:
        raise SilenceError("it would end before it begins", 'give a length such as "2h"')
    if lasts > LONGEST:
        raise SilenceError(
            f"a silence lasts at most {LONGEST.days} days", "make it anew when it has ended"
        )
    return starts_at + lasts
