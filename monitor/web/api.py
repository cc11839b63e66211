"""``/api/v1/…``: what the status page shows and does, for programs."""

from dataclasses import replace

from sqlalchemy import Connection

from monitor.core.duration import parse_duration
from monitor.core.silence import Source
from monitor.core.wish import NoSuchError, SilenceError, Wish, read_matchers
from monitor.evaluation.lookback import Reported
from monitor.store import alert_views, provider_views, runs, views
from monitor.store.alert_views import AlertLife, AlertNow, Wanted
from monitor.store.audit import Deed
from monitor.store.provider_views import ProviderView
from monitor.store.silence_views import HeldView, SilenceView, held_view, load_views, view
from monitor.store.views import BatchView, DeliveryView
from monitor.web.asking import (
    AckRequest,
    AlertQuery,
    AuditQuery,
    BatchQuery,
    DeliveryQuery,
    EndQuery,
    Replayed,
    ReplayRequest,
    ReportQuery,
    SilenceQuery,
    SilenceRequest,
    Which,
)
from monitor.web.endpoints import BASE, Call, Endpoint


async def _alerts(call: Call) -> tuple[AlertNow, ...]:
    query: AlertQuery = call.query
    opened, closed = alert_views.OPEN, alert_views.CLOSED
    named = {Which.OPEN: opened, Which.CLOSED: closed, Which.ALL: (*opened, *closed)}
    wanted = Wanted(
        states=named.get(query.state, (query.state,)),
        provider=query.provider,
        severity=query.severity,
        rule=query.rule,
        batch=query.batch,
        limit=query.limit,
    )
    return await call.read(lambda conn: alert_views.load(conn, wanted, call.now))


async def _alert(call: Call) -> AlertLife:
    found = await call.read(lambda conn: alert_views.load_life(conn, call.name, call.now))
    if found is None:
        raise NoSuchError("there is no such alert, or several keys begin so", f"GET {BASE}/alerts")
    return found


async def _ack(call: Call) -> HeldView:
    body: AckRequest = call.body
    held = await call.hands.acknowledge(call.name, body.author, body.comment)
    return held_view(held, call.now, made=True)


async def _report(call: Call) -> Reported:
    query: ReportQuery = call.query
    run = await call.read(lambda conn: runs.find_run(conn, call.name, query.provider))
    found = await call.desk.reported(run.provider, run.batch)
    if found is None:
        raise NoSuchError("its provider is not configured", f"GET {BASE}/providers")
    return found


async def _batches(call: Call) -> tuple[BatchView, ...]:
    query: BatchQuery = call.query
    return await call.read(
        lambda conn: views.load_batches(
            conn, provider=query.provider, ended=query.ended, limit=query.limit
        )
    )


async def _providers(call: Call) -> tuple[ProviderView, ...]:
    return await call.read(provider_views.load_providers)


async def _silences(call: Call) -> tuple[SilenceView, ...]:
    query: SilenceQuery = call.query
    return await call.read(
        lambda conn: load_views(conn, call.now, ended=query.ended, limit=query.limit)
    )


async def _silence(call: Call) -> HeldView:
    body: SilenceRequest = call.body
    if body.provider is not None and body.batch is None:
        # Read otherwise, it would silence more than was meant.
        hint = f'to silence one provider, write the matcher "provider={body.provider}"'
        raise SilenceError("provider says whose the batch is, and no batch is given", hint)

    def asked(conn: Connection) -> Wish:
        wish = Wish(
            author=body.author,
            source=Source.API,
            comment=body.comment,
            matchers=read_matchers(body.matchers),
            starts_at=body.starts_at,
            lasts=None if body.duration is None else parse_duration(body.duration),
            ends_at=body.ends_at,
        )
        if body.batch is None:
            return wish
        return replace(wish, until_end_of=runs.find_run(conn, body.batch, body.provider))

    held = await (call.hands.preview(asked) if body.dry_run else call.hands.silence(asked))
    return held_view(held, call.now, made=not body.dry_run)


async def _end(call: Call) -> SilenceView:
    query: EndQuery = call.query
    return view(await call.hands.end(call.name, query.author), call.now)


async def _audit(call: Call) -> tuple[Deed, ...]:
    query: AuditQuery = call.query
    return await call.read(
        lambda conn: alert_views.load_deeds(
            conn, alert=query.alert, target=query.target, limit=query.limit
        )
    )


async def _deliveries(call: Call) -> tuple[DeliveryView, ...]:
    query: DeliveryQuery = call.query
    state = None if query.state == "all" else query.state
    return await call.read(
        lambda conn: views.load_deliveries(
            conn, state=state, receiver=query.receiver, limit=query.limit
        )
    )


async def _replay(call: Call) -> Replayed:
    body: ReplayRequest = call.body
    key, parts = await call.hands.replay(call.name, body.author)
    return Replayed(key, parts)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/alerts",
        summary="The alerts, the heaviest first; the open ones unless asked otherwise.",
        handle=_alerts,
        answer=tuple[AlertNow, ...],
        query=AlertQuery,
    ),
    Endpoint(
        method="GET",
        path="/alerts/{key}",
        summary="One alert with every move, what was told of it, and what people did about it.",
        handle=_alert,
        answer=AlertLife,
    ),
    Endpoint(
        method="POST",
        path="/alerts/{key}/ack",
        summary="Acknowledge an open alert: no repeats until it closes.",
        handle=_ack,
        answer=HeldView,
        asks=AckRequest,
    ),
    Endpoint(
        method="GET",
        path="/batches",
        summary="The watched batches, the last moved first.",
        handle=_batches,
        answer=tuple[BatchView, ...],
        query=BatchQuery,
    ),
    Endpoint(
        method="GET",
        path="/batches/{batch}/report",
        summary="How a batch went, or goes: result, ladder, pace, cost, causes, alerts.",
        handle=_report,
        answer=Reported,
        query=ReportQuery,
    ),
    Endpoint(
        method="GET",
        path="/providers",
        summary="How each provider stands.",
        handle=_providers,
        answer=tuple[ProviderView, ...],
    ),
    Endpoint(
        method="GET",
        path="/silences",
        summary="Silences and acknowledgements, the newest first.",
        handle=_silences,
        answer=tuple[SilenceView, ...],
        query=SilenceQuery,
    ),
    Endpoint(
        method="POST",
        path="/silences",
        summary="Make a silence, or with dry_run see what it would hold back now.",
        handle=_silence,
        answer=HeldView,
        asks=SilenceRequest,
    ),
    Endpoint(
        method="DELETE",
        path="/silences/{id}",
        summary="End a silence or an acknowledgement.",
        handle=_end,
        answer=SilenceView,
        query=EndQuery,
    ),
    Endpoint(
        method="GET",
        path="/audit",
        summary="What people did, the newest first.",
        handle=_audit,
        answer=tuple[Deed, ...],
        query=AuditQuery,
    ),
    Endpoint(
        method="GET",
        path="/deliveries",
        summary="Messages, the newest first; those that were given up unless asked otherwise.",
        handle=_deliveries,
        answer=tuple[DeliveryView, ...],
        query=DeliveryQuery,
    ),
    Endpoint(
        method="POST",
        path="/deliveries/{key}/replay",
        summary="Send a message again that was given up.",
        handle=_replay,
        answer=Replayed,
        asks=ReplayRequest,
    ),
)
