"""Every kind of receiver through the commands: checked, rendered, tried and told."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.simulator.alertmanager import Peer
from monitor.simulator.pagerduty import ROUTING_KEY, Service
from monitor.simulator.serving import serve_in_thread
from tests.cli.conftest import Offhook, write_config

KINDS = ("program", "pager", "prometheus", "phone")


@dataclass
class Elsewhere:
    """Every receiver that is no chat, behind one address."""

    pager: Service = field(default_factory=Service)
    prometheus: Peer = field(default_factory=Peer)
    heard: list[bytes] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path
        if path.startswith("/api/"):
            status, content = self.prometheus.answer(request.method, path, body)
            return JSONResponse(content, status)
        if path.startswith("/v2/"):
            status, content, headers = self.pager.answer(path, body)
            return JSONResponse(content, status, headers)
        self.heard += [body] if request.method == "POST" else []
        return Response(status_code=200)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    """They listen, and a configuration names them all."""
    made = Elsewhere()
    methods = ["GET", "POST", "OPTIONS"]
    app = Starlette(routes=[Route("/{path:path}", made.take, methods=methods)])
    with serve_in_thread(app) as url:
        path = write_config(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9/services/T/B/x")
        path.write_text(
            path.read_text()
            + f"""
[receivers.program]
kind = "webhook"
url = "{url}/hook"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
[receivers.pager]
kind = "pagerduty"
routing_key = "{ROUTING_KEY}"
api_url = "{url}"
[receivers.prometheus]
kind = "alertmanager"
urls = ["{url}"]
[receivers.phone]
kind = "apprise"
url = "{url.replace("http:", "json:")}/phone"
"""
        )
        yield made


def test_every_kind_is_checked_and_rendered(offhook: Offhook, elsewhere: Elsewhere) -> None:
    ran = offhook("check-config", "--json")

    assert ran.status == 0
    assert ran.json["receivers"] == ["ops", *KINDS]
    assert ran.json["rendered"] % 5 == 0
    assert elsewhere.heard == []


def test_a_test_message_reaches_every_kind(offhook: Offhook, elsewhere: Elsewhere) -> None:
    told = {each["receiver"]: each["ok"] for each in offhook("notify", "test", "--json").json}

    assert told == {"ops": False} | dict.fromkeys(KINDS, True)
    assert elsewhere.pager.incidents == {}, "a test calls nobody at night"
    assert len(elsewhere.pager.changes) == len(elsewhere.prometheus.active()) == 1
    assert len(elsewhere.heard) == 2
    assert json.loads(elsewhere.heard[0])["messages"][0]["marks"] == ["test"]


def test_doctor_tries_every_kind(offhook: Offhook, elsewhere: Elsewhere) -> None:
    looks = {each["what"]: each for each in offhook("doctor", "--online", "--json").json}

    assert {name: looks[f"receiver {name}"]["verdict"] for name in KINDS} == dict.fromkeys(
        KINDS, "ok"
    )
    assert elsewhere.heard == []
