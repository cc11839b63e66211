"""What the HTTP server answers, asked in process and over a real socket."""

import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from monitor.core.hearing import Delays
from monitor.core.model import AccountState, Cap
from monitor.core.traffic import Allowance, Asked, Traffic
from monitor.errors import OffhookError, StoreError
from monitor.store.webhook_views import WebhooksView
from monitor.web.metrics import CONTENT_TYPE, Numbers, render
from monitor.web.receiver import Taken
from monitor.web.server import application, serving

NOW = datetime(2026, 5, 10, 12, 0, tzinfo=UTC)
ASKED = Asked(
    seconds=60.0, requests=12, received=3456, not_modified=2, waited_s=1.5, errors={"server": 4}
)
TRAFFIC = Traffic(
    at=NOW,
    total=ASKED,
    hour=ASKED,
    allowance=Allowance(
        per_minute=600.0, ceiling=1200.0, waiting=3, quiet_s=7.0, refused="rate_limited"
    ),
)
ACCOUNT = AccountState(
    seen_at=NOW,
    balance_micros=1_250_000,
    caps=(Cap(name="calls today", limit=2000, used=120), Cap(name="calls at once", limit=10)),
)
WEBHOOKS = WebhooksView(
    heard_at=NOW,
    refused_at=None,
    unreadable=2,
    ends_named=True,
    both=95,
    missed=5,
    alone=1,
    late=19,
    missed_share=0.05,
    late_share=0.2,
    webhook_delays=Delays(p50_s=1.5, p95_s=4),
    poll_delays=Delays(p50_s=15, p95_s=29),
)
# Hints: they name nothing that ended.
NONE_CAME = WebhooksView(
    heard_at=None,
    refused_at=None,
    unreadable=2,
    ends_named=False,
    both=0,
    missed=0,
    alone=0,
    late=0,
    missed_share=None,
    late_share=None,
    webhook_delays=None,
    poll_delays=None,
)
NUMBERS = Numbers(now=NOW, version="1.2.3", ready=True)


def app(*, late: tuple[str, ...] = (), token: str | None = None, broken: bool = False) -> Starlette:
    async def problems() -> tuple[str, ...]:
        return late

    async def numbers() -> Numbers:
        if broken:
            raise StoreError("the database is damaged")
        return NUMBERS

    return application(problems=problems, numbers=numbers, token=token)


async def ask(
    application: Starlette, path: str, method: str = "GET", **headers: str
) -> httpx.Response:
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, path, headers=headers)


async def test_it_is_ready_while_nothing_is_late() -> None:
    answer = await ask(app(), "/-/ready")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "problems": []}


async def test_what_is_late_is_named_and_the_answer_is_503() -> None:
    answer = await ask(app(late=("the evaluation makes no progress",)), "/-/ready")

    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "problems": ["the evaluation makes no progress"]}
    assert (await ask(app(late=("late",)), "/-/healthy")).status_code == 200


async def test_metrics_of_a_database_that_cannot_be_read_say_so() -> None:
    answer = await ask(app(broken=True), "/metrics")

    assert (answer.status_code, answer.text) == (503, "the database is damaged\n")


@pytest.mark.parametrize("path", ["/-/ready", "/metrics"])
@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param({}, 401, id="none"),
        pytest.param({"authorization": "Bearer wrong"}, 401, id="wrong"),
        pytest.param({"authorization": "Bearer "}, 401, id="empty"),
        pytest.param({"authorization": "Basic s3cret-token"}, 401, id="another scheme"),
        pytest.param({"authorization": "Bearer s3cret-tokens"}, 401, id="longer"),
        pytest.param({"authorization": "Bearer s3cret-token"}, 200, id="right"),
        pytest.param({"authorization": "bearer s3cret-token"}, 200, id="in lower case"),
    ],
)
async def test_beyond_loopback_a_token_is_needed(
    path: str, given: dict[str, str], status: int
) -> None:
    answer = await ask(app(token="s3cret-token"), path, **given)

    assert answer.status_code == status
    assert "s3cret" not in answer.text
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_liveness_needs_no_token_and_changes_nothing() -> None:
    guarded = app(token="s3cret-token")

    assert (await ask(guarded, "/-/healthy")).text == "alive\n"
    assert (await ask(guarded, "/-/healthy", "POST")).status_code == 405
    assert (await ask(guarded, "/nothing")).status_code == 401
    assert (await ask(app(), "/nothing")).status_code == 404


def test_every_number_is_in_the_exposition_and_any_label_parses() -> None:
    name = 'odd "name"\\ with\nall'
    numbers = Numbers(
        now=NOW,
        version="1.2.3",
        ready=False,
        fresh_at={name: NOW, "never": None},
        complete_at={name: NOW - timedelta(hours=1), "never": None},
        open_batches={name: 3},
        traffic={name: TRAFFIC},
        accounts={name: ACCOUNT},
        webhooks={name: WEBHOOKS, "silent": NONE_CAME},
        received={name: Taken(accepted=9, repeated=3, rejected=2, poison=1)},
        firing={"error_spike": 2},
        owed={"ops": 4},
        oldest_owed_at={"ops": NOW - timedelta(seconds=90), "later": NOW + timedelta(seconds=90)},
        dead_letters=1,
        connections_closed=8,
        job_failures={f"poll {name}": 7},
        reload_ok=False,
    )

    families = list(text_string_to_metric_families(render(numbers).decode()))
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }

    assert found == {
        ("offhook_build_info", "1.2.3"): 1,
        ("offhook_ready",): 0,
        ("offhook_http_connections_closed_total",): 8,
        ("offhook_provider_last_answer_timestamp_seconds", name): NOW.timestamp(),
        ("offhook_provider_last_complete_sweep_timestamp_seconds", name): NOW.timestamp() - 3600,
        ("offhook_provider_requests_total", name): 12,
        ("offhook_provider_received_bytes_total", name): 3456,
        ("offhook_provider_not_modified_total", name): 2,
        ("offhook_provider_budget_wait_seconds_total", name): 1.5,
        ("offhook_provider_errors_total", "server", name): 4,
        ("offhook_provider_budget_requests_per_second", name): 10,
        ("offhook_provider_budget_ceiling_requests_per_second", name): 20,
        ("offhook_provider_budget_waiting_requests", name): 3,
        ("offhook_provider_budget_pause_seconds", name): 7,
        ("offhook_provider_account_last_read_timestamp_seconds", name): NOW.timestamp(),
        ("offhook_provider_account_balance", "USD", name): 1.25,
        ("offhook_provider_account_cap_limit", "calls today", name): 2000,
        ("offhook_provider_account_cap_limit", "calls at once", name): 10,
        ("offhook_provider_account_cap_used", "calls today", name): 120,
        ("offhook_webhooks_total", name, "accepted"): 9,
        ("offhook_webhooks_total", name, "repeated"): 3,
        ("offhook_webhooks_total", name, "rejected"): 2,
        ("offhook_webhooks_total", name, "poison"): 1,
        ("offhook_webhook_last_timestamp_seconds", name): NOW.timestamp(),
        ("offhook_webhook_unreadable", name): 2,
        ("offhook_webhook_unreadable", "silent"): 2,
        ("offhook_webhook_ends", "both", name): 95,
        ("offhook_webhook_ends", "missed", name): 5,
        ("offhook_webhook_ends", "alone", name): 1,
        ("offhook_webhook_ends", "late", name): 19,
        ("offhook_webhook_missed_ratio", name): 0.05,
        ("offhook_webhook_late_ratio", name): 0.2,
        ("offhook_webhook_delay_seconds", name, "0.5", "webhook"): 1.5,
        ("offhook_webhook_delay_seconds", name, "0.95", "webhook"): 4,
        ("offhook_webhook_delay_seconds", name, "0.5", "poll"): 15,
        ("offhook_webhook_delay_seconds", name, "0.95", "poll"): 29,
        ("offhook_open_batches", name): 3,
        ("offhook_alerts_firing", "error_spike"): 2,
        ("offhook_outbox_owed", "ops"): 4,
        ("offhook_outbox_oldest_age_seconds", "ops"): 90,
        ("offhook_outbox_oldest_age_seconds", "later"): 0,
        ("offhook_dead_letters",): 1,
        ("offhook_config_last_reload_successful",): 0,
        ("offhook_job_failures_total", f"poll {name}"): 7,
    }
    assert all(family.documentation for family in families)


async def test_it_serves_on_a_free_port_of_loopback() -> None:
    async with (
        serving(app(), "127.0.0.1", 0) as port,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")

    assert answer.headers["content-type"] == CONTENT_TYPE
    assert "server" not in answer.headers
    assert "\noffhook_ready 1.0\n" in answer.text


async def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OffhookError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*\[web\]"):
            async with serving(app(), "127.0.0.1", port):
                pass
