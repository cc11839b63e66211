"""Faults inside a vendor's JSON: fields, words, times, lists and counts."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from monitor.simulator.answers import Manners
from monitor.simulator.faults import edits, lines, lists
from monitor.simulator.faults.edits import Edit, edited, leaving_out, more_by, putting
from monitor.simulator.faults.server import Fault
from monitor.simulator.faults.shapes import Kind, Part, Shape, of_kind
from tests.faults.rows import MINUTE, Row, Scene, always
from tests.faults.worlds import VENDORS

AS_BEFORE = "read as before"
UNREAD: dict[str, Any] = {
    "alert": "self_list_unread",
    "after": 5 * MINUTE,
    "noticed": 5 * MINUTE,
    "lasts": 14 * MINUTE,
    "lasting": True,
    "doubted": frozenset({"Ending"}),
}
# Who brings the calls that changed last along has its lists read less often.
SELDOM: Mapping[str, Mapping[str, Any]] = {"bland": {"noticed": 10 * MINUTE}}
LISTS_FAIL: dict[str, Any] = {
    "alert": "provider_blind",
    "noticed": 3 * MINUTE,
    "manners": Manners(max_limit=1),
}
SMALL_PAGES = Manners(max_limit=3)


def _edit(edit: Edit, *kinds: Kind, only: str | None = None) -> Callable[[Scene], Fault]:
    """Edit answers of these kinds (all of them, when none is named), of one batch or of all."""

    def make(scene: Scene) -> Fault:
        batch = None if only is None else scene.ids[only]
        to = of_kind(scene.shape, *(kinds or tuple(Kind)))
        return Fault(reply=edited(scene.shape, edit, batch), to=to)

    return make


def _listing(reply: Callable[[Shape], Any]) -> Callable[[Scene], Fault]:
    def make(scene: Scene) -> Fault:
        return Fault(reply=reply(scene.shape))

    return make


def _ids(part: Part) -> tuple[str, ...]:
    return part.ids


def _optional(part: Part) -> tuple[str, ...]:
    return part.optional


def _times(part: Part) -> tuple[str, ...]:
    return part.times


def _texts(part: Part) -> tuple[str, ...]:
    return part.texts


FIELDS = (
    Row(
        id="extra_fields",
        fault="fields that nobody has heard of, everywhere",
        behaviour=AS_BEFORE,
        make=_edit(edits.adding),
    ),
    Row(
        id="optional_missing",
        fault="optional fields are missing",
        behaviour="unknown, which no rule takes for good or bad",
        make=_edit(leaving_out(_optional)),
    ),
    Row(
        id="optional_mistyped",
        fault="optional fields hold lists and objects",
        behaviour="unknown, which no rule takes for good or bad",
        make=_edit(putting(_optional, lambda _: [{"value": None}])),
    ),
    Row(
        id="id_missing",
        fault="rows of people without an id",
        behaviour="the rows are left unread; rules about calls say nothing",
        make=_edit(leaving_out(_ids), Kind.ITEMS),
        at=SELDOM,
        **UNREAD,
    ),
    Row(
        id="id_mistyped",
        fault="rows of people whose id is an object",
        behaviour="the rows are left unread; rules about calls say nothing",
        make=_edit(putting(_ids, lambda value: {"id": value}), Kind.ITEMS),
        at=SELDOM,
        **UNREAD,
    ),
    Row(
        id="gigantic_value",
        fault="texts of twenty thousand characters",
        behaviour="cut before they are kept",
        make=_edit(putting(_texts, lambda _: "x" * 20_000)),
    ),
)

WORDS = (
    Row(
        id="batch_word",
        fault="a batch has a status never seen before",
        behaviour="kept open, neither good nor bad",
        make=_edit(
            putting(lambda part: part.batch_status, lambda _: "hibernating", anew=True),
            only="Ending",
        ),
        alert="self_unknown_status",
        subject="renewals batch hibernating",
        news=True,
    ),
    Row(
        id="person_word",
        fault="people have a status never seen before",
        behaviour="kept open, neither good nor bad",
        make=_edit(
            putting(lambda part: part.contact_status, lambda _: "meditating"), only="Ending"
        ),
        alert="self_unknown_status",
        subject="renewals contact meditating",
        noticed=3 * MINUTE,
        may=frozenset({"self_unknown_status"}),
        news=True,
    ),
    Row(
        id="call_word",
        fault="calls have a status never seen before",
        behaviour="kept open, neither good nor bad",
        make=_edit(putting(lambda part: part.call_status, lambda _: "levitating"), only="Ending"),
        alert="self_unknown_status",
        subject="renewals call levitating",
        noticed=3 * MINUTE,
        may=frozenset({"self_unknown_status"}),
        news=True,
    ),
)

TIMES = (
    Row(
        id="times_naive",
        fault="times without a zone",
        behaviour="unknown: nothing is guessed",
        make=_edit(putting(_times, edits.naive)),
    ),
    Row(
        id="times_milliseconds",
        fault="times in milliseconds since 1970",
        behaviour=AS_BEFORE,
        make=_edit(putting(_times, edits.milliseconds)),
    ),
    Row(
        id="times_zero",
        fault="times in 1970",
        behaviour="unknown",
        make=_edit(putting(_times, edits.zero)),
    ),
    Row(
        id="times_far",
        fault="times in the year 9999",
        behaviour="unknown",
        make=_edit(putting(_times, edits.far)),
    ),
    Row(
        id="times_missing",
        fault="no times at all",
        behaviour="unknown",
        make=_edit(leaving_out(_times)),
    ),
    Row(
        id="times_disordered",
        fault="times in the wrong order, three hours apart: ends before their beginnings",
        behaviour="no negative durations; nothing ended later than it was seen",
        make=_edit(edits.disordered),
    ),
    Row(
        id="clock_skewed",
        fault="its clock is ten minutes ahead",
        behaviour="ages are measured by our own clock",
        make=always(lines.skewed(timedelta(minutes=10, seconds=7))),
        alert="self_clock_skewed",
        step=timedelta(seconds=30),
        lasts=5 * MINUTE,
        at={vendor: {"subject": f"clock of {vendor}"} for vendor in VENDORS},
        after=MINUTE,
        noticed=3 * MINUTE,
    ),
)

LISTS = (
    Row(
        id="page_drift",
        fault="rows move between two pages, so that some are passed over",
        behaviour="who is not listed is not gone; the next reading finds them",
        make=_listing(lambda shape: lists.shifted(shape, 1)),
        manners=SMALL_PAGES,
        doubted=frozenset({"Ending"}),
    ),
    Row(
        id="duplicates",
        fault="rows come twice, at the end of one page and on the next",
        behaviour="counted once",
        make=_listing(lambda shape: lists.shifted(shape, -1)),
        manners=SMALL_PAGES,
    ),
    Row(
        id="twins",
        fault="rows come twice on one page, and the second says less",
        behaviour="counted once, and what was said stays",
        make=_listing(lambda shape: lists.twins(shape, leaving_out(_optional))),
    ),
    Row(
        id="disorder",
        fault="rows come in another order",
        behaviour=AS_BEFORE,
        make=_listing(lists.upside_down),
        may=frozenset({"self_list_unread"}),
    ),
    Row(
        id="first_page_only",
        fault="whatever page is asked for, the first one comes",
        behaviour="noticed and given up; the list counts as unread",
        make=_listing(lists.first_page_only),
        manners=SMALL_PAGES,
        at=SELDOM,
        **UNREAD,
    ),
    Row(
        id="endless",
        fault="a list without an end: after the last row comes the first again",
        behaviour="read as far as there are people by the vendor's own count; each counts once",
        make=_listing(lists.endless),
        manners=SMALL_PAGES,
    ),
    Row(
        id="cursor_loop",
        fault="a cursor that leads to its own page",
        behaviour="noticed and given up; the list counts as unread",
        make=_listing(lists.looping),
        manners=SMALL_PAGES,
        at={"elevenlabs": LISTS_FAIL},
        may=frozenset({"self_batch_unread"}),
        **UNREAD,
    ),
    Row(
        id="empty_pages",
        fault="empty pages that each name a next one",
        behaviour="noticed and given up; the list counts as unread",
        make=_listing(lists.empty_pages),
        manners=SMALL_PAGES,
        at={"elevenlabs": LISTS_FAIL},
        may=frozenset({"self_batch_unread"}),
        **UNREAD,
    ),
    Row(
        id="no_batches",
        fault="the list of batches is suddenly empty",
        behaviour="no batch is taken to be gone or to have ended",
        make=_listing(lambda shape: lists.emptied(shape, Kind.BATCHES)),
    ),
    Row(
        id="no_people",
        fault="lists of people are suddenly empty",
        behaviour="nobody is taken to be gone",
        make=_listing(lambda shape: lists.emptied(shape, Kind.ITEMS)),
        doubted=frozenset({"Ending"}),
    ),
)


def _kept(scene: Scene) -> Fault:
    return Fault(reply=lists.kept(scene.given))


def _kept_by_turns(scene: Scene) -> Fault:
    return Fault(reply=lists.kept(scene.given, every=2))


def _gone(scene: Scene) -> Fault:
    return Fault(reply=lists.without(scene.shape, scene.ids["Ending"]))


def _ended(scene: Scene) -> Fault:
    return Fault(reply=edited(scene.shape, _said_to_have_ended(scene.shape), scene.ids["Ending"]))


def _said_to_have_ended(shape: Shape) -> Edit:
    def edit(asked: Any, part: Part, value: Any) -> Any:
        return shape.ended(asked, value) if part.kind in {Kind.BATCH, Kind.BATCHES} else value

    return edit


COUNTS = (
    Row(
        id="counts_disagree",
        fault="counts that disagree with the lists",
        behaviour="a completion is held back",
        make=_edit(putting(lambda part: part.finished, more_by(9)), only="Stuck"),
        alert="count_mismatch",
        subject="Stuck",
        after=10 * MINUTE,
        noticed=5 * MINUTE,
        lasts=17 * MINUTE,
        lasting=True,
        moves_stuck=True,
        at={"svalync": {"alert": None}},  # of its counts only two are believed
    ),
    Row(
        id="counts_backward",
        fault="counts that go backward",
        behaviour="the change is told, and a completion is held back",
        make=_edit(putting(lambda part: part.finished, more_by(-999)), only="Stuck"),
        alert="count_mismatch",
        subject="Stuck",
        after=10 * MINUTE,
        noticed=8 * MINUTE,
        lasts=21 * MINUTE,
        lasting=True,
        moves_stuck=True,
    ),
    Row(
        id="counts_missing",
        fault="counts that a completion goes by are missing",
        behaviour="a doubt: a completion is held back, and told as unverified after 15 minutes",
        make=_edit(leaving_out(lambda part: (*part.totals, *part.finished)), only="Ending"),
        doubted=frozenset({"Ending"}),
    ),
    Row(
        id="ended_while_calling",
        fault="a batch is said to have completed while calls are open",
        behaviour="no completion is reported; after 15 minutes one that is marked unverified",
        make=_ended,
        alert="batch_completed",
        subject="Ending",
        after=15 * MINUTE,
        news=True,
        lasts=17 * MINUTE,
        lasting=True,
        doubted=frozenset({"Ending"}),
    ),
    Row(
        id="batch_gone",
        fault="404 to all that concerns one batch",
        behaviour="only after several looks, and only while others are answered",
        make=_gone,
        alert="batch_vanished",
        subject="Ending",
        after=10 * MINUTE,
        noticed=3 * MINUTE,
        lasts=17 * MINUTE,
        lasting=True,
    ),
    Row(
        id="stale",
        fault="old answers, as from a cache",
        behaviour="nothing old takes the place of something newer",
        make=_kept,
        alert="provider_blind",
        after=5 * MINUTE,
        noticed=5 * MINUTE,
        lasts=14 * MINUTE,
    ),
    Row(
        id="stale_by_turns",
        fault="old and new answers by turns",
        behaviour="nothing old takes the place of something newer",
        make=_kept_by_turns,
        may=frozenset({"self_batch_unread", "self_list_unread", "provider_blind"}),
    ),
)
