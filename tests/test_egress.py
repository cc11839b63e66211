"""Which hosts are reached by the proxy, and what is the address of one."""

import pytest

from monitor.egress import DIRECT, Egress, check_direct, check_proxy

PROXY = "http://user:secret@proxy.example.com:3128"
DIRECTLY = (
    "hooks.corp.example",
    ".intern.example.",
    "10.0.0.0/8",
    "fd00::/8",
    "B\u00fccher.example",
    "2001:DB8::7",
)
EGRESS = Egress(PROXY, tuple(map(check_direct, DIRECTLY)))


@pytest.mark.parametrize(
    ("host", "direct"),
    [
        ("api.bland.ai", False),
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("hooks.corp.example", True),
        ("HOOKS.corp.example", True),
        ("other.corp.example", False),
        ("deep.hooks.corp.example", False),
        ("a.intern.example", True),
        ("a.b.intern.example", True),
        ("intern.example", True),
        ("notintern.example", False),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("fd00::5", True),
        ("10.example.com", False),
        ("hooks.corp.example.", True),
        ("localhost.", True),
        ("b\u00fccher.example", True),
        ("xn--bcher-kva.example", True),
        ("2001:db8::7", True),
        ("2001:db8::8", False),
    ],
)
def test_the_proxy_takes_what_is_outside(host: str, direct: bool) -> None:
    assert EGRESS.proxy_for(host) == (None if direct else PROXY)
    assert DIRECT.proxy_for(host) is None


def test_who_is_connected_to_is_named_without_the_password() -> None:
    assert EGRESS.named("api.bland.ai") == "the proxy proxy.example.com"
    assert EGRESS.named("10.1.2.3") == "10.1.2.3"
    assert "secret" not in repr(EGRESS)


@pytest.mark.parametrize(
    "text",
    ["http://proxy:3128", "https://proxy.example.com", "http://u:p@10.0.0.1:80/", "http://[::1]:1"],
)
def test_the_address_of_a_proxy(text: str) -> None:
    assert check_proxy(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "proxy:3128",
        "socks5://proxy:1080",
        "http://",
        "http://proxy:port",
        "http://proxy:0",
        "http://proxy:99999",
        "http://proxy:3128/path",
        "http://proxy?x=1",
        "http://[::1",
        "http://proxy:3128\t",
        "http://pro xy:3128",
    ],
)
def test_what_is_no_address_of_a_proxy_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="http://host:port") as error:
        check_proxy(text)

    assert text in {"", "http://"} or text not in str(error.value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Hooks.Example.com", "hooks.example.com"),
        (" .example.com", ".example.com"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.168.1.7", "192.168.1.7"),
    ],
)
def test_what_is_reached_directly(text: str, kept: str) -> None:
    assert check_direct(text) == kept


@pytest.mark.parametrize("text", ["", ".", "*.example.com", "host:80", "10.0.0.1/8", "a b", "a/b"])
def test_what_names_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|no network"):
        check_direct(text)


@pytest.mark.parametrize("text", ["http://robot@proxy:3128", "http://:secret@proxy:3128"])
def test_a_user_has_a_password(text: str) -> None:
    with pytest.raises(ValueError, match="a proxy's user has a password") as error:
        check_proxy(text)

    assert "robot" not in str(error.value)
