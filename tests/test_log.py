import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from monitor import log

SECRET = "gat_very-secret-word"
PHONES = ["+1 415 555 0123", "+14155550123", "(415) 555-0123", "415.555.0123", "4155550123"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    log.forget()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def heard() -> Callable[[], list[dict[str, Any]]]:
    stream = io.StringIO()
    log.configure("auto", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_without_a_terminal_each_record_is_one_line_of_json(
    heard: Callable[[], list[dict[str, Any]]],
) -> None:
    with structlog.contextvars.bound_contextvars(batch="btc_1"):
        structlog.get_logger("monitor.ingest").info("swept", pages=3, evil="a\r\nb\x1b[2J")

    (record,) = heard()
    assert record["event"] == "swept"
    assert record["level"] == "info"
    assert record["logger"] == "monitor.ingest"
    assert record["batch"] == "btc_1"
    assert record["pages"] == 3
    assert record["timestamp"].endswith("Z")
    assert record["evil"] == "a\r\nb\x1b[2J"


def test_the_journal_is_told_how_grave_each_record_is() -> None:
    stream = io.StringIO()
    log.configure("auto", stream=stream, journal=True)
    logger = structlog.get_logger()
    for say in (logger.critical, logger.error, logger.warning, logger.info):
        say("x")
    logging.getLogger("uvicorn").error("y")
    try:
        int("x")
    except ValueError:
        log.configure("console", stream=stream, journal=True)
        logger.exception("z")

    beginnings = [line[:3] for line in stream.getvalue().splitlines()]
    assert beginnings[:5] == ["<2>", "<3>", "<4>", "<6>", "<3>"]
    assert len(beginnings) > 7
    assert set(beginnings[5:]) == {"<3>"}


def test_records_of_libraries_go_through_the_same_chain(
    heard: Callable[[], list[dict[str, Any]]],
) -> None:
    log.hide([SECRET])
    logging.getLogger("some.library").warning("asked %s with %s", "https://x.example", SECRET)
    logging.getLogger("httpx").info("GET https://hooks.example.com/services/T/B/x")
    logging.getLogger("apscheduler.executors").info("running a job")

    (record,) = heard()
    assert record["logger"] == "some.library"
    assert SECRET not in json.dumps(record)


@pytest.mark.parametrize(
    ("event", "more"),
    [
        pytest.param("failed", {"error": f"401 for {SECRET}"}, id="in an error"),
        pytest.param(f"asked with {SECRET}", {}, id="in the event"),
        pytest.param("x", {"anything": {"deep": [SECRET]}}, id="deep inside"),
        pytest.param("x", {"headers": {"authorization": "abcdefgh"}}, id="by its key"),
        pytest.param("x", {"api_key": "abcdefgh"}, id="api_key"),
        pytest.param("x", {"value": SecretStr("abcdefgh")}, id="a secret value"),
        pytest.param("x", {"url": "https://hooks.slack.com/services/abcdefgh"}, id="webhook"),
        pytest.param("x", {"url": "https://u:abcdefgh@example.com/"}, id="user in an address"),
        pytest.param("x", {"text": "Bearer abcdefgh"}, id="bearer"),
        pytest.param("x", {"text": "xoxb-123-abcdefgh"}, id="Slack token"),
    ],
)
def test_no_secret_is_printed(
    heard: Callable[[], list[dict[str, Any]]], event: str, more: dict[str, Any]
) -> None:
    log.hide([SECRET])
    structlog.get_logger().info(event, **more)

    printed = json.dumps(heard())
    assert SECRET not in printed
    assert "abcdefgh" not in printed


@pytest.mark.parametrize("phone", PHONES)
def test_no_phone_number_is_printed_in_free_text(
    heard: Callable[[], list[dict[str, Any]]], phone: str
) -> None:
    structlog.get_logger().info("failed", error=f"could not call {phone}, sorry")

    (record,) = heard()
    assert record["error"] == "could not call …23, sorry"


def test_ids_and_times_are_left_as_they_are(heard: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger().info(
        "moved", batch="20260510123456", error="at 2026-05-10 12:34:56 it was 42 of 1000"
    )

    (record,) = heard()
    assert record["batch"] == "20260510123456"
    assert record["error"] == "at 2026-05-10 12:34:56 it was 42 of 1000"
    assert record["timestamp"][:2] == "20"


@pytest.mark.parametrize("stream", [io.StringIO, Terminal], ids=["json", "console"])
def test_a_traceback_has_no_local_variables_and_no_secret(
    stream: Callable[[], io.StringIO],
) -> None:
    out = stream()
    log.configure("auto", stream=out)
    log.hide([SECRET])
    local = "value-of-a-local"

    def fail() -> None:
        word = local
        raise RuntimeError(f"refused {SECRET} for +14155550123\nforged line {len(word)}")

    try:
        fail()
    except RuntimeError:
        structlog.get_logger().exception("crashed")

    printed = out.getvalue()
    assert "RuntimeError" in printed
    assert local not in printed
    assert SECRET not in printed
    assert "4155550123" not in printed
    assert not any(line.startswith("forged") for line in printed.splitlines())


def test_on_a_terminal_a_record_is_text_and_moves_no_cursor() -> None:
    out = Terminal()
    log.configure("auto", stream=out)
    structlog.get_logger().info("swept\r\nforged", name="a\x1b[2Jb")

    (line,) = out.getvalue().splitlines()
    assert "swept" in line
    assert "\x1b" not in line
    assert "\\x1b[2J" in line
