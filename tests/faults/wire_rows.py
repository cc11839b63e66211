"""Faults of connections, statuses and bytes: the same at every vendor."""

from datetime import timedelta
from typing import Any

from monitor.bodies import MIB
from monitor.simulator.faults import bodies, lines, refusals
from monitor.simulator.faults.server import Door, Fault
from monitor.simulator.faults.shapes import Kind, about, of_kind
from tests.faults.rows import MINUTE, STEP, Row, Scene, always, in_turn

FROZEN = "what is known stays as it is; nothing fires and nothing resolves"
DISCARDED = f"the answer is discarded whole; {FROZEN}"
REFUSED = f"it is asked less and less often, and not about each batch; {FROZEN}"
BLIND: dict[str, Any] = {
    "alert": "provider_blind",
    "after": 5 * MINUTE,
    "lasts": timedelta(seconds=330),
}
# The second refusal confirms the first.
AT_ONCE: dict[str, Any] = {
    "alert": "provider_blind",
    "after": MINUTE,
    "noticed": MINUTE,
    "step": timedelta(seconds=30),
    "lasts": 5 * MINUTE,
}


def _items_fail(scene: Scene) -> Fault:
    wrong = of_kind(scene.shape, Kind.ITEMS)
    return Fault(reply=refusals.refused(500), to=wrong)


def _discovery_fails(scene: Scene) -> Fault:
    return Fault(reply=refusals.refused(500), to=of_kind(scene.shape, Kind.BATCHES))


def _one_batch_fails(scene: Scene) -> Fault:
    return Fault(reply=refusals.refused(500), to=about(scene.shape, scene.ids["Ending"]))


# Where only single batches are asked for, what is refused may concern them alone.
SLOWLY: dict[str, Any] = {"after": 5 * MINUTE, "step": STEP, "lasts": 10 * MINUTE}

LIMITS = (
    Row(
        id="limit_seconds",
        fault="429 with Retry-After in seconds",
        behaviour=f"the key is left alone for as long as was asked; {FROZEN}",
        make=always(refusals.refused(429, retry_after="120")),
        **BLIND,
    ),
    Row(
        id="limit_date",
        fault="429 with Retry-After as a date",
        behaviour=f"the key is left alone until then; {FROZEN}",
        make=always(refusals.patience_until(timedelta(seconds=120))),
        **BLIND,
    ),
    Row(
        id="limit_bare",
        fault="429 without Retry-After",
        behaviour=REFUSED,
        make=always(refusals.refused(429)),
        **BLIND,
    ),
    Row(
        id="limit_garbage",
        fault="429 with a Retry-After that says nothing",
        behaviour=REFUSED,
        make=in_turn(*(refusals.refused(429, retry_after=text) for text in ("soon", "-1", ""))),
        **BLIND,
    ),
)

REFUSALS = (
    Row(
        id="server_error",
        fault="500, 502, 503 and 504",
        behaviour=REFUSED,
        make=in_turn(*map(refusals.refused, (500, 502, 503, 504))),
        **BLIND,
    ),
    Row(
        id="server_error_lists",
        fault="500 to the lists of batches alone",
        behaviour="known batches are looked at as before; new ones cannot be found",
        make=_discovery_fails,
        alert="provider_blind",
        after=5 * MINUTE,
        noticed=3 * MINUTE,
    ),
    Row(
        id="server_error_people",
        fault="500 to the lists of people alone",
        behaviour="batches are looked at as before; rules about calls say nothing",
        make=_items_fail,
        alert="self_list_unread",
        after=5 * MINUTE,
        noticed=5 * MINUTE,
        lasts=14 * MINUTE,
        lasting=True,
        doubted=frozenset({"Ending"}),
        at={"vogent": {"alert": "provider_blind"}, "bland": {"noticed": 10 * MINUTE}},
    ),
    Row(
        id="server_error_one_batch",
        fault="500 to all that concerns one batch",
        behaviour="that batch stays as it is; the others are watched as before",
        make=_one_batch_fails,
        alert="self_batch_unread",
        after=5 * MINUTE,
        noticed=5 * MINUTE,
        lasts=14 * MINUTE,
        lasting=True,
        at={vendor: {"alert": "self_list_unread"} for vendor in ("graine", "elevenlabs")},
    ),
    Row(
        id="unauthorised",
        fault="401",
        behaviour=f"one question in five minutes at most; {FROZEN}",
        make=always(refusals.refused(401)),
        **AT_ONCE,
    ),
    Row(
        id="unpaid",
        fault="402",
        behaviour=f"one question in five minutes at most; {FROZEN}",
        make=always(refusals.refused(402)),
        **AT_ONCE,
    ),
    Row(
        id="forbidden",
        fault="403",
        behaviour=f"one question in five minutes at most; {FROZEN}",
        make=always(refusals.refused(403)),
        at={"svalync": SLOWLY},
        **AT_ONCE,
    ),
    Row(
        id="retired",
        fault="410",
        behaviour=f"no batch is taken to be gone; {FROZEN}",
        make=always(refusals.refused(410)),
        **BLIND,
    ),
    Row(
        id="redirected",
        fault="301, 302, 303, 307 and 308 to another host",
        behaviour=f"never followed, so that the key goes nowhere else; {FROZEN}",
        make=in_turn(*map(refusals.redirected, (301, 302, 303, 307, 308))),
        **BLIND,
    ),
    Row(
        id="nothing_found",
        fault="404 to everything",
        behaviour=f"no batch is taken to be gone; {FROZEN}",
        make=always(refusals.refused(404)),
        **BLIND,
    ),
)

CONNECTIONS = (
    Row(
        id="refused_connection",
        fault="nobody listens",
        behaviour=REFUSED,
        wire=True,
        make=always(lines.silent, door=Door.CLOSED),
        **BLIND,
    ),
    Row(
        id="unknown_name",
        fault="its name is not known",
        behaviour=REFUSED,
        wire=True,
        make=always(lines.silent, known=False),
        **BLIND,
    ),
    Row(
        id="untrusted",
        fault="a certificate that nobody vouches for",
        behaviour=f"nothing is sent, the key least of all; {FROZEN}",
        wire=True,
        make=always(lines.silent, door=Door.UNTRUSTED),
        tls=True,
        **AT_ONCE,
    ),
    Row(
        id="no_tls",
        fault="no TLS where there was TLS",
        behaviour=f"nothing is sent, the key least of all; {FROZEN}",
        wire=True,
        make=always(lines.silent, door=Door.NO_TLS),
        tls=True,
        **BLIND,
    ),
    Row(
        id="reset_before",
        fault="the connection is reset before an answer",
        behaviour=f"asked once more, as a kept connection may have been closed; {REFUSED}",
        wire=True,
        make=always(lines.reset_before),
        **BLIND,
    ),
    Row(
        id="reset_amid",
        fault="the connection is reset within the body",
        behaviour=DISCARDED,
        wire=True,
        make=always(lines.reset_amid),
        **BLIND,
    ),
    Row(
        id="silence",
        fault="no answer at all",
        behaviour=f"given up at the total deadline; {FROZEN}",
        wire=True,
        make=always(lines.silent, hangs=True),
        **BLIND,
    ),
    Row(
        id="stall",
        fault="an answer that stops within its body",
        behaviour=f"given up at the total deadline; {DISCARDED}",
        wire=True,
        make=always(lines.stall, hangs=True),
        **BLIND,
    ),
    Row(
        id="drip",
        fault="an answer that comes byte by byte",
        behaviour=f"given up at the total deadline; {DISCARDED}",
        wire=True,
        make=always(lines.drip, hangs=True),
        **BLIND,
    ),
    Row(
        id="other_protocol",
        fault="an answer that is no HTTP",
        behaviour=FROZEN,
        wire=True,
        make=always(lines.no_http),
        **BLIND,
    ),
)

BODIES = (
    Row(
        id="length_too_long",
        fault="a Content-Length beyond the body",
        behaviour=DISCARDED,
        wire=True,
        make=always(lines.claim_more),
        **BLIND,
    ),
    Row(
        id="length_too_short",
        fault="a Content-Length short of the body",
        behaviour=DISCARDED,
        wire=True,
        make=always(lines.claim_less),
        **BLIND,
    ),
    Row(
        id="truncated",
        fault="JSON that is broken off",
        behaviour=DISCARDED,
        make=always(bodies.truncated),
        **BLIND,
    ),
    Row(
        id="invalid",
        fault="a body that is almost JSON",
        behaviour=DISCARDED,
        make=always(bodies.invalid),
        **BLIND,
    ),
    Row(
        id="web_page",
        fault="a web page with 200",
        behaviour=DISCARDED,
        make=always(bodies.html),
        **BLIND,
    ),
    Row(
        id="other_type",
        fault="true JSON that calls itself a web page in another alphabet",
        behaviour="read as before: the body says what it is",
        make=always(bodies.other_type),
    ),
    Row(
        id="empty",
        fault="an empty body with 200",
        behaviour=f"never taken for an empty list; {FROZEN}",
        make=always(bodies.empty),
        **BLIND,
    ),
    Row(
        id="null",
        fault="null with 200",
        behaviour=f"never taken for an empty list; {FROZEN}",
        make=always(bodies.null),
        **BLIND,
    ),
    Row(
        id="turned",
        fault="an object for a list, and a list for an object",
        behaviour=DISCARDED,
        make=always(bodies.turned),
        **BLIND,
    ),
    Row(
        id="error_object",
        fault="an error object with 200",
        behaviour=DISCARDED,
        make=always(bodies.error_object),
        **BLIND,
    ),
    Row(
        id="nested",
        fault="JSON that is nested a hundred thousand deep",
        behaviour=DISCARDED,
        make=always(bodies.nested),
        **BLIND,
    ),
    Row(
        id="gigantic_answer",
        fault="an answer larger than the limit",
        behaviour=f"reading stops at the limit; {DISCARDED}",
        wire=True,
        make=always(lines.gigantic(MIB)),
        **BLIND,
    ),
    Row(
        id="bomb",
        fault="a small answer that unpacks without end",
        behaviour=f"unpacking stops at the limit; {DISCARDED}",
        wire=True,
        make=always(lines.bomb(8 * MIB)),
        **BLIND,
    ),
    Row(
        id="encoding",
        fault="an encoding that nobody asked for",
        behaviour=DISCARDED,
        wire=True,
        make=always(lines.encoded),
        **BLIND,
    ),
    Row(
        id="broken_gzip",
        fault="gzip that is broken off",
        behaviour=DISCARDED,
        wire=True,
        make=always(lines.broken_gzip),
        **BLIND,
    ),
)
