"""What Vogent's webhooks say: which dial, and whether it has ended; never how."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from monitor.http import HttpClient
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.providers.vogent import Vogent, VogentSettings
from tests.loopback import NOW, StillClock


def receive(event: str, **payload: Any) -> Notice:
    settings = VogentSettings(vendor="vogent", api_key=SecretStr("k"))
    vogent = Vogent("offers", settings, HttpClient(StillClock()), b"k" * 32)
    body = {"event": event, "payload": {"dial_id": "d-1"} | payload}
    return vogent.receive(json.dumps(body).encode(), NOW)


@pytest.mark.parametrize(
    ("event", "payload", "ended"),
    [
        pytest.param("dial.updated", {"status": "completed"}, True, id="ended"),
        pytest.param("dial.updated", {"status": "in-progress"}, False, id="goes on"),
        pytest.param("dial.updated", {"status": "never seen before"}, False, id="another word"),
        pytest.param("dial.updated", {"status": {"is": "completed"}}, False, id="no word"),
        pytest.param("dial.updated", {}, False, id="nothing said"),
        pytest.param("dial.created", {"status": "completed"}, False, id="another event"),
    ],
)
def test_an_event_says_at_most_that_its_dial_has_ended(
    event: str, payload: dict[str, Any], ended: bool
) -> None:
    notice = receive(event, **payload)

    assert (notice.call_id, notice.ended) == ("d-1", ended)
    assert notice.item is None
    assert notice.proves is (Proof.CALL_STATUS if event == "dial.updated" else Proof.HINT)
