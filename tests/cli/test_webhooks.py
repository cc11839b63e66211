"""``offhook webhooks``: what is to be registered where, and what is wrong on the way."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.providers.signing import path_secret
from tests.app.site import Daemon, Place, Site
from tests.cli.conftest import GRAINE_KEY, Offhook
from tests.loopback import Asked, Loopback, Reply, serving

SECRET = "whsec_verysecret_0123456789"
PUBLIC = "https://offhook.example.com"
OPS = '[receivers.ops]\nkind = "slack"\nwebhook_url = "http://127.0.0.1:9/services/T/B/x"\n'
VENDORS = {
    "renewals": f'vendor = "graine"\napi_key = "{GRAINE_KEY}"\n',
    "sales": 'vendor = "bland"\napi_key = "sk-1"\n',
    "surveys": 'vendor = "vogent"\napi_key = "elto_1"\n',
    "flows": 'vendor = "svalync"\npath = "results"\nbatches = ["b"]\n',
}


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration with these providers, their secret and the public address."""

    def write(
        *names: str, public: str | None = PUBLIC, secret: str | None = f'"{SECRET}"', more: str = ""
    ) -> Path:
        web = "" if public is None else f'[web]\npublic_url = "{public}"\n'
        secrets = "" if secret is None else f"webhook_secret = {secret}\n"
        tables = [f"[providers.{name}]\n{VENDORS[name]}{secrets}" for name in names]
        path = tmp_path / "config.toml"
        path.touch(mode=0o600)
        path.write_text('[monitor]\ndata_dir = "data"\n' + web + "".join(tables) + more + OPS)
        return path

    return write


@contextlib.contextmanager
def answering(answer: Callable[[Asked], Any]) -> Iterator[Loopback]:
    """A server in a thread of its own."""
    loop = asyncio.new_event_loop()
    there: list[Loopback] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with serving(answer) as server:
            there.append(server)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield there[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def test_each_provider_is_told_where_its_webhooks_go(
    offhook: Offhook, configured: Callable[..., Path]
) -> None:
    configured(*VENDORS)

    ran = offhook("webhooks")

    assert ran.status == 0, ran.err
    assert f"{PUBLIC}/webhooks/sales\n" in ran.out
    assert f"{PUBLIC}/webhooks/surveys\n" in ran.out
    assert f"{PUBLIC}/webhooks/renewals/…" in ran.out
    assert "x-webhook-signature" in ran.out
    assert "providers.sales.webhook_secret (set)" in ran.out
    assert "dial.updated: how the call stands" in ran.out
    assert "  dashboard   https://app.vogent.ai\n" in ran.out
    assert "the status of a batch is sent once" in ran.out
    assert "status_webhook" in ran.out
    assert SECRET not in ran.out
    for name in VENDORS:
        assert path_secret(name, SECRET) not in ran.out + ran.err


def test_a_kind_that_is_known_in_several_ways_is_listed_once(
    offhook: Offhook, configured: Callable[..., Path]
) -> None:
    configured("sales")

    lines = offhook("webhooks").out.splitlines()
    kinds = [line.split(":")[0] for line in lines if line.startswith("  understood")]

    assert kinds
    assert len(kinds) == len(set(kinds))


def test_an_address_that_no_vendor_reaches_is_said(
    offhook: Offhook, configured: Callable[..., Path]
) -> None:
    path = configured("surveys")
    words = "public_url in [web] leads to this machine: no vendor can reach it"
    assert words not in offhook("webhooks").out

    path.write_text(path.read_text().replace(PUBLIC, "http://127.0.0.1:8420"))
    assert words in offhook("webhooks").out


def test_an_address_that_is_a_secret_is_shown_only_on_request(
    offhook: Offhook, configured: Callable[..., Path]
) -> None:
    configured("renewals", "sales")

    ran = offhook("webhooks", "--show-secrets", "--json")
    masked = offhook("webhooks", "--json").json

    renewals, sales = ran.json
    assert renewals["secret_url"] == (
        f"{PUBLIC}/webhooks/renewals/{path_secret('renewals', SECRET)}"
    )
    assert renewals["url"] is None
    assert sales["url"] == f"{PUBLIC}/webhooks/sales"
    assert masked[0]["secret_url"] == f"{PUBLIC}/webhooks/renewals/…"
    assert SECRET not in ran.out


def test_the_first_of_several_secrets_is_the_one_to_register(
    offhook: Offhook, configured: Callable[..., Path]
) -> None:
    configured("renewals", secret=f'["{SECRET}", "the old one, still valid"]')

    assert "2 are valid, register the first" in offhook("webhooks").out
    shown = offhook("webhooks", "--show-secrets").out
    assert path_secret("renewals", SECRET) in shown


def test_what_is_missing_is_said_by_its_key(
    offhook: Offhook, configured: Callable[..., Path]
) -> None:
    configured("surveys", public=None, secret=None)

    ran = offhook("webhooks")

    assert ran.status == 0, ran.err
    assert 'public_url = "https://…" in [web]' in ran.out
    assert 'webhook_secret = { env = "…" } in [providers.surveys]' in ran.out
    assert "(not set)" in ran.out


def test_to_look_no_secret_is_needed(offhook: Offhook, configured: Callable[..., Path]) -> None:
    configured("renewals", secret='{ env = "NOT_SET_HERE" }')

    ran = offhook("webhooks")

    assert ran.status == 0, ran.err
    assert f"{PUBLIC}/webhooks/renewals/…" in ran.out


def test_a_secret_that_only_the_service_can_read_is_not_guessed(
    offhook: Offhook, configured: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    configured("renewals", secret='{ credential = "hook" }')

    for arguments in (("--show-secrets",), ("test", "renewals")):
        ran = offhook("webhooks", *arguments)
        assert ran.status == 2
        assert "only the service can read" in ran.err


@pytest.mark.parametrize("name", VENDORS)
def test_where_no_api_is_documented_the_way_by_hand_is_told(
    offhook: Offhook, configured: Callable[..., Path], name: str
) -> None:
    configured(name)

    ran = offhook("webhooks", "register", name, "--yes")

    assert ran.status == 1
    assert "no API for it is" in ran.err
    assert "by hand: " in ran.err


@pytest.mark.parametrize("command", ["register", "test"])
def test_an_unknown_provider_is_wrong_use(
    offhook: Offhook, configured: Callable[..., Path], command: str
) -> None:
    configured("sales")

    ran = offhook("webhooks", command, "nobody")

    assert ran.status == 2
    assert "no provider 'nobody'; known: sales" in ran.err


@pytest.mark.parametrize(
    ("changes", "arguments", "words"),
    [
        pytest.param({"secret": None}, (), "webhook_secret", id="no secret"),
        pytest.param({"public": None}, (), "public_url", id="no address"),
        pytest.param({}, ("--url", "http://example.com"), "plain http", id="in the open"),
        pytest.param({}, ("--url", "nonsense"), "http or https address", id="no address at all"),
    ],
)
def test_a_test_that_cannot_be_made_is_wrong_use(
    offhook: Offhook,
    configured: Callable[..., Path],
    changes: dict[str, Any],
    arguments: tuple[str, ...],
    words: str,
) -> None:
    configured("sales", **changes)

    ran = offhook("webhooks", "test", "sales", *arguments)

    assert ran.status == 2
    assert words in ran.err


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(Reply(b"not accepted\n", 401), "its webhook_secret differs", id="secret"),
        pytest.param(Reply(b"<html>", 401), "asks for a login", id="login"),
        pytest.param(Reply(b"<html>", 404), "must forward /webhooks/", id="not forwarded"),
        pytest.param(Reply(b"<html>welcome", 200), "this is not Offhook's answer", id="a page"),
        pytest.param(Reply(b"", 502), "cannot reach the daemon", id="daemon down"),
        pytest.param(Reply(b"", 413), "allow 256 KiB", id="limit"),
        pytest.param(
            Reply(b"", 301, {"location": "https://elsewhere.example/x?token=t0ken"}),
            "redirected to elsewhere.example;",
            id="redirect",
        ),
        pytest.param(Reply(b"", 307, {"location": "http://[x"}), "is none", id="bad redirect"),
    ],
)
def test_what_stands_in_the_way_is_told(
    offhook: Offhook, configured: Callable[..., Path], reply: Reply, words: str
) -> None:
    configured("renewals")

    with answering(lambda asked: reply) as server:
        ran = offhook("webhooks", "test", "renewals", "--url", server.url)

    assert ran.status == 1
    assert words in ran.out
    assert "t0ken" not in ran.out
    assert path_secret("renewals", SECRET) not in ran.out + ran.err
    assert server.paths() == [f"/webhooks/renewals/{path_secret('renewals', SECRET)}"]


def test_nobody_there_is_told_with_what_to_look_at(
    offhook: Offhook, configured: Callable[..., Path]
) -> None:
    configured("sales")

    ran = offhook("webhooks", "test", "sales", "--url", "http://127.0.0.1:9")

    assert ran.status == 1
    assert "127.0.0.1 refused the connection; does the daemon run" in ran.out


def test_an_answer_without_a_database_beside_it_is_no_proof(
    offhook: Offhook, configured: Callable[..., Path]
) -> None:
    configured("surveys")

    with answering(lambda asked: Reply(b"kept\n")) as server:
        ran = offhook("webhooks", "test", "surveys", "--url", server.url, "--json")

    assert ran.status == 1
    steps = ran.json[0]["steps"]
    assert [(each["name"], each["ok"]) for each in steps] == [("answered", True), ("kept", False)]
    assert "it cannot be followed here" in steps[1]["text"]
    (asked,) = server.asked
    assert asked.path == "/webhooks/surveys"
    assert json.loads(asked.body)["payload"]["dial_id"].startswith("offhook-test-")


class Workspace:
    """A workspace at ElevenLabs, as far as its webhooks go."""

    def __init__(self, *, used: str | None = None, refuses: str | None = None) -> None:
        self.webhooks: list[dict[str, Any]] = []
        self.used = used
        self.refuses = refuses

    def __call__(self, asked: Asked) -> Any:
        assert asked.headers["xi-api-key"] == "xi_verysecret"
        if asked.method == self.refuses:
            return Reply({"detail": "no"}, 403)
        match (asked.method, asked.path):
            case ("GET", "/v1/workspace/webhooks"):
                return {"webhooks": self.webhooks}
            case ("GET", "/v1/convai/settings"):
                return {"webhooks": {"post_call_webhook_id": self.used}}
            case ("POST", "/v1/workspace/webhooks"):
                made = json.loads(asked.body)["settings"]
                assert made.pop("auth_type") == "hmac"
                self.webhooks.append({"webhook_id": "w-1", **made})
                return {"webhook_id": "w-1", "webhook_secret": "wsec_verysecret"}
            case ("PATCH", "/v1/convai/settings"):
                self.used = json.loads(asked.body)["webhooks"]["post_call_webhook_id"]
                return {}
        return Reply({}, 404)


@pytest.fixture
def elevenlabs(configured: Callable[..., Path]) -> Callable[..., Path]:
    """A configuration with the tables that are shipped, at another address."""
    shipped = Path(__file__).parents[2] / "monitor/providers/http_json/vendors/elevenlabs.toml"

    def write(url: str, public: str | None = PUBLIC) -> Path:
        text = shipped.read_text().replace("https://api.elevenlabs.io", url)
        text = text.replace('{ env = "ELEVENLABS_API_KEY" }', '"xi_verysecret"')
        tables = text[text.index("\n[providers.elevenlabs]") : text.index("\n[receivers.ops]")]
        return configured(public=public, more=f"{tables}\n")

    return write


def test_a_registration_is_shown_before_it_is_made(
    offhook: Offhook, elevenlabs: Callable[..., Path]
) -> None:
    workspace = Workspace()
    workspace.webhooks.append(
        {
            "webhook_id": "w-0",
            "webhook_url": "https://hooks.example/t0ken",
            "name": "crm",
            "is_auto_disabled": True,
        }
    )

    with answering(workspace) as server:
        elevenlabs(server.url)
        ran = offhook("webhooks", "register", "elevenlabs")
        data = offhook("webhooks", "register", "elevenlabs", "--json").json

    assert ran.status == 0, ran.err
    assert "registered now: 'crm' at hooks.example ElevenLabs switched it off" in ran.out
    assert "would ask: POST" in ran.out
    assert "would ask: PATCH" in ran.out
    assert f"{PUBLIC}/webhooks/elevenlabs" in ran.out
    assert "t0ken" not in ran.out
    assert "verysecret" not in ran.out
    assert {asked.method for asked in server.asked} == {"GET"}
    assert [each["method"] for each in data["requests"]] == ["POST", "PATCH"]
    assert data["now"][0]["host"] == "hooks.example"


def test_a_registration_keeps_the_secret_in_a_file_of_its_own(
    offhook: Offhook, elevenlabs: Callable[..., Path], tmp_path: Path
) -> None:
    workspace = Workspace()
    secret = tmp_path / "elevenlabs.secret"

    with answering(workspace) as server:
        elevenlabs(server.url)
        bare = offhook("webhooks", "register", "elevenlabs", "--yes")
        ran = offhook("webhooks", "register", "elevenlabs", "--yes", "--secret-file", str(secret))
        again = offhook(
            "webhooks", "register", "elevenlabs", "--yes", "--secret-file", str(tmp_path / "b")
        )

    assert bare.status == 2
    assert "--secret-file" in bare.err
    assert ran.status == 0, ran.err
    assert secret.read_text() == "wsec_verysecret"
    assert secret.stat().st_mode & 0o077 == 0
    assert "verysecret" not in ran.out + ran.err
    assert f'webhook_secret = {{ file = "{secret}" }}' in ran.out
    (made,) = workspace.webhooks
    assert made["webhook_url"] == f"{PUBLIC}/webhooks/elevenlabs"
    assert workspace.used == "w-1"
    assert "there is nothing to do" in again.out
    assert not (tmp_path / "b").exists()


def test_another_webhook_that_is_told_of_calls_is_left_alone(
    offhook: Offhook, elevenlabs: Callable[..., Path], tmp_path: Path
) -> None:
    workspace = Workspace(used="w-0")

    with answering(workspace) as server:
        elevenlabs(server.url)
        ran = offhook(
            "webhooks", "register", "elevenlabs", "--yes", "--secret-file", str(tmp_path / "s")
        )

    assert ran.status == 0, ran.err
    assert "which is left as it is" in ran.out
    assert workspace.used == "w-0"
    assert len(workspace.webhooks) == 1


@pytest.mark.parametrize(
    ("refuses", "kept"),
    [pytest.param("POST", False, id="nothing made"), pytest.param("PATCH", True, id="half made")],
)
def test_a_secret_is_not_lost_with_a_registration_that_breaks_off(
    offhook: Offhook, elevenlabs: Callable[..., Path], tmp_path: Path, refuses: str, *, kept: bool
) -> None:
    secret = tmp_path / "s"

    with answering(Workspace(refuses=refuses)) as server:
        elevenlabs(server.url)
        ran = offhook("webhooks", "register", "elevenlabs", "--yes", "--secret-file", str(secret))

    assert ran.status == 1
    assert secret.exists() is kept
    assert ("calls are not told there yet" in ran.err) is kept
    assert "verysecret" not in ran.out + ran.err


def test_a_file_that_is_there_already_is_not_written_over(
    offhook: Offhook, elevenlabs: Callable[..., Path], tmp_path: Path
) -> None:
    workspace = Workspace()
    secret = tmp_path / "s"
    secret.write_text("precious")

    with answering(workspace) as server:
        elevenlabs(server.url)
        ran = offhook("webhooks", "register", "elevenlabs", "--yes", "--secret-file", str(secret))

    assert ran.status == 2
    assert secret.read_text() == "precious"
    assert workspace.webhooks == []


def test_an_address_without_tls_is_not_registered(
    offhook: Offhook, elevenlabs: Callable[..., Path]
) -> None:
    elevenlabs("http://127.0.0.1:9", public="http://127.0.0.1:8420")

    ran = offhook("webhooks", "register", "elevenlabs")

    assert ran.status == 2
    assert "https addresses only" in ran.err


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Daemon]]:
    """A daemon that takes webhooks, and polls accounts in which nothing happens."""
    with Site().up() as site:
        place = Place(site, tmp_path_factory.mktemp("webhooks"))
        text = place.configure()
        for name in ("renewals", "surveys"):
            head = f"[providers.{name}]\n"
            text = text.replace(head, f'{head}webhook_secret = "{SECRET}"\n')
        place.write(text.replace("[web]\n", f'[web]\npublic_url = "{PUBLIC}"\n'))
        daemon = place.start()
        try:
            yield place, daemon
        finally:
            daemon.stop()


def test_a_sample_is_followed_to_the_outbox_and_nobody_is_told(
    offhook: Offhook, at_work: tuple[Place, Daemon]
) -> None:
    place, daemon = at_work
    url = f"http://127.0.0.1:{daemon.port}"
    there = ("--config", str(place.config), "--url", url)

    ran = offhook("webhooks", "test", "surveys", *there, "--json")
    people = offhook("webhooks", "test", "renewals", *there)

    assert ran.status == 0, ran.out + ran.err
    signed, hint = ran.json
    assert signed["address"] == f"{url}/webhooks/surveys"
    assert hint["address"] == f"{url}/webhooks/surveys/…"
    for steps in (signed["steps"], hint["steps"]):
        assert [each["name"] for each in steps] == ["answered", "kept", "taken in", "outbox"]
        assert all(each["ok"] for each in steps)
        assert [each["after_s"] is not None for each in steps] == [True, True, True, False]
    assert people.status == 0, people.out + people.err
    assert "ok  taken in" in people.out
    named = "substr(coalesce(batch_id, call_id), 1, 13)"
    assert daemon.rows(f"select distinct state, {named} from inbox") == [("done", "offhook-test-")]
    assert daemon.rows("select rule from alerts where rule <> 'self_watching'") == []
    assert daemon.rows("select * from batches") == []
    told = ran.out + ran.err + people.out + people.err + daemon.log.read_text()
    for secret in (SECRET, path_secret("renewals", SECRET), path_secret("surveys", SECRET)):
        assert secret not in told


def test_a_secret_that_differs_is_told(offhook: Offhook, at_work: tuple[Place, Daemon]) -> None:
    place, daemon = at_work
    other = place.directory / "other.toml"
    other.touch(mode=0o600)
    other.write_text(place.config.read_text().replace(SECRET, "another_0123456789"))

    url = f"http://127.0.0.1:{daemon.port}"
    ran = offhook("webhooks", "test", "surveys", "--config", str(other), "--url", url)

    assert ran.status == 1
    assert "its webhook_secret differs from the one here" in ran.out
