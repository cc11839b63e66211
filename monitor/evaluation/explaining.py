"""Which alerts explain others, as far as they have to be looked up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import starmap

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import labels_of
from monitor.core.explained import Explained, held_by
from monitor.core.identity import alert_key, fingerprint
from monitor.core.inhibit import BUILT_IN, Inhibition
from monitor.core.instance import RuleInstance
from monitor.core.rule import SubjectKind
from monitor.evaluation.firing import Firing
from monitor.store import alerts

_OF_ONE_BATCH = {"provider", "batch"}


def held_back(
    conn: Connection,
    concerned: Sequence[Alert],
    beside: Iterable[Alert],
    instances: Iterable[RuleInstance],
    configured: Sequence[Inhibition],
    everywhere: Firing | None = None,
) -> dict[str, str]:
    """By alert key, why those that fire are held back by others.

    ``concerned`` are of one subject, ``beside`` its open alerts. ``everywhere``, what fires
    anywhere, counts only for what the configuration says of other subjects.
    """
    firing = [alert for alert in concerned if alert.state is AlertState.FIRING]
    if not firing:
        return {}
    labelled = [(alert, labels_of(alert)) for alert in firing]
    others = [*beside, *_near(conn, labelled, instances)]
    every = (*BUILT_IN, *configured)
    explained = any(any(starmap(each.is_target, labelled)) for each in configured)
    if explained and any(map(_reaches_out, configured)):  # a circle may lead through any
        known = (everywhere or Firing()).now(conn, every)
    else:
        known = Explained(every)
    with _also(known, others):
        found = [(alert.key, held_by(alert, known)) for alert in firing]
    return {key: why for key, why in found if why is not None}


@contextmanager
def _also(known: Explained, others: Sequence[Alert]) -> Iterator[None]:
    """While asked for one subject, its own alerts as they are, and what is near it."""
    passing = [each.key for each in others if each.key not in known]
    for each in others:
        known.put(each)
    yield
    for key in passing:
        known.drop(key)


def _near(
    conn: Connection,
    firing: Sequence[tuple[Alert, Mapping[str, str]]],
    instances: Iterable[RuleInstance],
) -> list[Alert]:
    one, _ = firing[0]
    subject = one.subject
    found = []
    if subject.kind is not SubjectKind.PROVIDER and subject.provider:
        found += alerts.load_open(conn, subject.provider, SubjectKind.PROVIDER, subject.provider)
    if any(each.reports and any(starmap(each.is_target, firing)) for each in BUILT_IN):
        found += alerts.load_keys(conn, _reports(one, instances))
    return found


def _reports(alert: Alert, instances: Iterable[RuleInstance]) -> list[str]:
    """The keys of what could be reported of the batch's present run."""
    subject = alert.subject
    if subject.kind is not SubjectKind.BATCH:
        return []
    of_subject = f"{subject.kind}:{subject.id}"
    return [
        alert_key(fingerprint(subject.provider, each.name, of_subject), subject.run)
        for each in instances
        if each.settings.rule.one_shot
    ]


def _reaches_out(inhibition: Inhibition) -> bool:
    return not set(inhibition.equal) >= _OF_ONE_BATCH
