"""From a vendor's webhook to Slack, in the real daemon: nobody waits for a poll."""

import json
from dataclasses import dataclass
from hmac import digest
from typing import Any

import httpx
import pytest

from monitor.providers.signing import path_secret
from monitor.simulator.script import Plan
from tests.app.site import BLAND_KEY, GRAINE_KEY, Daemon, Place, Site, until

OLD, NEW, PATH = "the secret of last year", "the secret of this year", "a secret for an address"
RARELY = 'poll_every = "10m"\ndiscover_every = "10m"\nblind_after = "1h"\n'
PLAN = Plan(name="Survey", contacts=40, concurrency=4)


def tables(site: Site, secrets: str) -> dict[str, str]:
    return {
        "providers.surveys": f'vendor = "bland"\napi_key = "{BLAND_KEY}"\n'
        f'base_url = "{site.urls["bland"]}"\n{RARELY}webhook_secret = {secrets}\n',
        "providers.renewals": f'vendor = "graine"\napi_key = "{GRAINE_KEY}"\n'
        f'base_url = "{site.urls["graine"]}/api/v1"\n{RARELY}webhook_secret = "{PATH}"\n',
    }


@dataclass(frozen=True)
class Listening:
    place: Place
    daemon: Daemon
    batch_id: str

    def send(self, provider: str, body: dict[str, Any], secret: str | None = NEW) -> int:
        """What one webhook is answered."""
        raw = json.dumps(body).encode()
        signed = "" if secret is None else digest(secret.encode(), raw, "sha256").hex()
        return self.post(f"/webhooks/{provider}", raw, {"X-Webhook-Signature": signed}).status_code

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        url = f"http://127.0.0.1:{self.daemon.port}{path}"
        return self.daemon.client.post(url, content=body, headers=headers)

    def record(self, number: int) -> dict[str, Any]:
        """The record of one call that failed just now."""
        now = self.place.site.clock.now().isoformat()
        return {
            "call_id": f"call-{number}",
            "batch_id": self.batch_id,
            "to": f"+1555010{number:04}",
            "completed": False,
            "status": "failed",
            "queue_status": "call_error",
            "error_message": "608 Rejected",
            "created_at": now,
            "end_at": now,
            "summary": "Ada Example will pay on Monday",
            "concatenated_transcript": "it is Ada Example",
        }


@pytest.fixture(scope="module")
def listening(shared: Place) -> Listening:
    """A daemon that has looked once and will not look again by itself for minutes."""
    site = shared.site
    batch = site.run(lambda: site.surveys.open(PLAN, held=True))
    shared.configure(**tables(site, f'["{OLD}", "{NEW}"]'))
    daemon = shared.start()
    until(lambda: daemon.rows("select 1 from providers where baseline_at is not null limit 2"))
    until(lambda: daemon.rows("select 1 from batches where listed_at is not null"))
    return Listening(shared, daemon, batch.batch_id)


def test_what_is_not_proven_is_refused_like_a_provider_that_is_not_there(
    listening: Listening,
) -> None:
    body = listening.record(0)

    answers = {
        listening.send("surveys", body, secret=None),
        listening.send("surveys", body, secret="another secret of somebody"),
        listening.send("nobody", body),
    }

    assert answers == {401}
    assert listening.daemon.rows("select * from inbox") == []


def test_records_of_calls_become_an_alert_in_slack_without_a_question(
    listening: Listening,
) -> None:
    site, daemon = listening.place.site, listening.daemon

    answers = [listening.send("surveys", listening.record(n), OLD) for n in range(12)]
    until(lambda: site.posts("FIRING", "error_spike", "Survey"))

    assert answers == [200] * 12
    until(lambda: daemon.rows("select distinct state, told from inbox") == [("done", None)])
    assert daemon.get("/-/ready").json() == {"ready": True, "problems": []}


def test_what_comes_again_is_taken_and_changes_nothing(listening: Listening) -> None:
    daemon = listening.daemon
    known = daemon.rows("select key, state, episode from alerts")
    record = listening.record(50)

    answers = [listening.send("surveys", record) for _ in range(3)]

    assert answers == [200] * 3
    until(lambda: not daemon.rows("select 1 from inbox where state in ('new', 'asked')"))
    assert daemon.rows("select count(*) from inbox where call_id = 'call-50'") == [(1,)]
    assert daemon.rows("select key, state, episode from alerts") == known


def test_a_batch_that_is_first_heard_of_by_its_webhook_is_looked_at_at_once(
    listening: Listening,
) -> None:
    site, daemon = listening.place.site, listening.daemon
    batch = site.run(lambda: site.surveys.open(Plan(name="Another", contacts=5), held=True))
    status = {"batch_id": batch.batch_id, "status": "in_progress", "timestamp": "2026-01-01"}

    assert listening.send("surveys", status) == 200
    until(lambda: daemon.rows(f"select 1 from batches where batch_id = '{batch.batch_id}'"))

    assert daemon.rows(f"select news from batches where batch_id = '{batch.batch_id}'") == [(1,)]


def test_what_cannot_be_read_is_set_aside_and_shown_and_the_rest_goes_on(
    listening: Listening,
) -> None:
    daemon = listening.daemon

    assert listening.send("surveys", {"surprise": "Ada Example", "batch": 3}) == 200
    assert listening.send("surveys", {"batch_id": "late", "status": "x", "timestamp": "y"}) == 200
    assert listening.send("surveys", listening.record(70)) == 200
    until(lambda: daemon.rows("select 1 from inbox where call_id = 'call-70' and state = 'done'"))
    until(lambda: daemon.rows("select 1 from inbox where state = 'poison'"))
    # The vendor does not know the batch, not yet perhaps: it is asked for again.
    until(lambda: daemon.rows("select 1 from inbox where batch_id = 'late' and state = 'asked'"))
    shown = listening.place.offhook("status", "--json").stdout

    kept = json.loads(shown)["quarantine"]
    assert [each["why"] for each in kept] == [
        "it is no event that is documented; its keys: 'surprise', 'batch'",
    ]
    assert "Ada" not in shown


def test_who_knows_the_address_may_hint_and_is_believed_nothing(listening: Listening) -> None:
    site, daemon = listening.place.site, listening.daemon
    batch = site.run(lambda: site.renewals.open(Plan(name="Renewals", contacts=5), held=True))
    path = f"/webhooks/renewals/{path_secret('renewals', PATH)}"
    body = json.dumps({"batch_id": batch.batch_id, "status": "failed"}).encode()

    assert listening.post("/webhooks/renewals", body, {}).status_code == 401
    assert listening.post(f"{path}x", body, {}).status_code == 401
    assert listening.post(path, body, {}).status_code == 200
    until(lambda: daemon.rows(f"select 1 from batches where batch_id = '{batch.batch_id}'"))

    assert site.posts("batch_failed") == []


def test_a_secret_that_is_taken_out_is_valid_no_longer_and_nothing_stops_meanwhile(
    listening: Listening,
) -> None:
    place, daemon = listening.place, listening.daemon

    place.configure(**tables(place.site, f'"{NEW}"'))
    until(lambda: daemon.logged("reloaded"))
    until(lambda: listening.send("surveys", listening.record(80), OLD) == 401)

    assert listening.send("surveys", listening.record(81), NEW) == 200
    until(lambda: daemon.rows("select 1 from inbox where call_id = 'call-81' and state = 'done'"))


def test_webhooks_that_are_refused_while_good_ones_come_are_counted_and_no_alert(
    listening: Listening,
) -> None:
    site, daemon = listening.place.site, listening.daemon

    answers = {listening.send("surveys", listening.record(n), OLD) for n in range(90, 100)}
    until(lambda: daemon.rows("select 1 from providers where refused_at is not null"))
    told = daemon.get("/metrics").text

    assert answers == {401}
    assert not site.posts("self_webhook_rejected")
    assert 'offhook_webhooks_total{provider="surveys",result="rejected"} 1' in told
    assert 'offhook_webhook_last_timestamp_seconds{provider="surveys"}' in told
    ((n,),) = daemon.rows("select count(*) from arrivals where webhook_at is not null")
    assert n >= 15
    assert f'offhook_webhook_ends{{heard="alone",provider="surveys"}} {n}.0' in told


def test_nothing_that_was_said_and_no_secret_is_kept_or_logged(listening: Listening) -> None:
    place, daemon = listening.place, listening.daemon

    assert daemon.stop() == 0
    kept = b"".join(path.read_bytes() for path in place.database.parent.glob("offhook.db*"))
    kept += daemon.log.read_bytes()

    for secret in (OLD, NEW, PATH, path_secret("renewals", PATH), "Ada", "Monday", "+1555010"):
        assert secret.encode() not in kept, secret
