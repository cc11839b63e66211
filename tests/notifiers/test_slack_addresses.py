"""Addresses that come in from outside are Slack's, or the override's, or are not asked."""

import pytest

from monitor.notifiers.slack.addresses import (
    is_reply_address,
    is_socket_address,
    is_upload_address,
)

SLACK = "https://slack.com/api"
FAKE = "http://127.0.0.1:8080/api"


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://hooks.slack.com/actions/T/B/x", SLACK),
        ("https://hooks.slack.com:443/actions/T/B/x", SLACK),
        ("https://HOOKS.slack.com/actions/T/B/x", SLACK),
        ("https://hooks.slack-gov.com/actions/T/B/x", "https://slack-gov.com/api"),
        ("http://127.0.0.1:8080/actions/x", FAKE),
        ("https://hooks.slack.com/actions/T/B/x", FAKE),
    ],
)
def test_slacks_own_addresses_are_answered(url: str, api: str) -> None:
    assert is_reply_address(url, api)


FOREIGN = [
    "http://hooks.slack.com/actions/x",
    "https://hooks.slack.com:8443/x",
    "https://hooks.slack.com@evil.example/x",
    "https://user:pass@hooks.slack.com/x",
    "https://hooks.slack.com.evil.example/x",
    "https://evil.example/hooks.slack.com",
    "https://evilslack.com/x",
    "https://evil.example\\@hooks.slack.com/x",
    "https://evil.example#@hooks.slack.com/x",
    "https://hooks.slack.com\t.evil.example/x",
    "https://hooks.slack.com\n/x",
    "https://hooks.slack.c\u03bfm/x",
    "https://169.254.169.254/latest/meta-data",
    "http://127.0.0.1:8420/api/v1",
    "http://localhost:8080/x",
    "http://[::1]:8080/x",
    "https://hooks.slack.com:99999/x",
    "https://[hooks.slack.com/x",
    "file:///etc/passwd",
    "//hooks.slack.com/x",
    "",
]


@pytest.mark.parametrize("url", FOREIGN)
@pytest.mark.parametrize("ask", [is_reply_address, is_upload_address, is_socket_address])
def test_no_other_address_is(ask: object, url: str) -> None:
    assert callable(ask)
    assert not ask(url, SLACK)
    assert not ask(url, FAKE)


@pytest.mark.parametrize(
    ("ask", "url", "api"),
    [
        (is_upload_address, "https://files.slack.com/upload/v1/x", SLACK),
        (is_socket_address, "wss://wss-primary.slack.com/link/?ticket=x", SLACK),
        (is_upload_address, "http://127.0.0.1:8080/upload/v1/x", FAKE),
        (is_socket_address, "ws://127.0.0.1:8080/link/x", FAKE),
    ],
)
def test_files_and_sockets_have_addresses_of_their_own(ask: object, url: str, api: str) -> None:
    assert callable(ask)
    assert ask(url, api)
    assert not is_reply_address(url, SLACK)
