"""The tables of a configured vendor: what is refused, and what is claimed to be seen."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.config import load
from monitor.config.secrets import secrets_of
from monitor.errors import ConfigError
from monitor.providers.http_json import capabilities_of
from monitor.providers.http_json.settings import HttpJsonSettings
from tests.providers.test_http_json import settings, table

AUTH = {"header": "x-api-key"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param([("fields.call.id", "a..b")], "not a JMESPath expression", id="expression"),
        pytest.param([("fields.call.id", " ")], "JMESPath expression in quotes", id="blank"),
        pytest.param([("fields.call.idd", "a")], "fields.call.idd", id="misspelt"),
        pytest.param([("fields.call.status", None)], "needs status", id="call without status"),
        pytest.param([("fields.call.id", None)], "needs id: which call", id="call without id"),
        pytest.param(
            [("fields.call", {}), ("fields.contact", {})], "contact.id or call.id", id="nobody"
        ),
        pytest.param(
            [("fields.call", {}), ("fields.contact.status", None)],
            "needs contact.status",
            id="person without status",
        ),
        pytest.param([("list", None), ("batch", None)], "needs list or batch", id="no batches"),
        pytest.param([("list", None)], "batches must name", id="nothing to watch"),
        pytest.param([("batch", None), ("looks", "batch")], "needs the table batch", id="looks"),
        pytest.param([("items.path", "/x")], "items needs {batch_id}", id="items of nobody"),
        pytest.param([("batch.path", "/x/{id}")], "no other braces", id="other braces"),
        pytest.param([("batch.path", "x")], "begins with one /", id="relative"),
        pytest.param([("batch.path", "//evil.example/")], "begins with one /", id="another host"),
        pytest.param([("batch.path", "/x?a=b")], "write params", id="query in the path"),
        pytest.param([("items.body", {"a": 1})], 'method = "POST"', id="body of a GET"),
        pytest.param([("api_key", "k")], "go together", id="key that nobody sees"),
        pytest.param([("auth", AUTH)], "go together", id="auth without a key"),
        pytest.param([("api_key", "k"), ("auth", {})], "exactly one of", id="no way"),
        pytest.param(
            [("api_key", "k"), ("auth", AUTH | {"query": "k"})], "exactly one of", id="two ways"
        ),
        pytest.param(
            [("api_key", "k"), ("auth", {"bearer": True, "prefix": "T"})],
            "prefix is for header",
            id="prefix",
        ),
        pytest.param([("headers", {"a b": "c"})], "headers", id="header name"),
        pytest.param([("headers", {"a": "c\r\nd: e"})], "headers", id="header text"),
        pytest.param([("fields.call.cost", "price")], "units.currency", id="cost of no currency"),
        pytest.param([("trusted", ["live"])], "trusted names live", id="trusted"),
        pytest.param([("units.times", "rfc")], "is one of epoch_ms", id="times"),
        pytest.param([("units.times", "%d.%m.%Y")], "need zone", id="form without zone"),
        pytest.param([("units.zone", "Mars/Base")], "not a time zone", id="zone"),
        pytest.param([("words.batch", {"x": "complete"})], "words.batch.x", id="our word"),
        pytest.param(
            [("headers", {"a": {"env": "A", "file": "b"}})], "a secret is a text", id="how"
        ),
        pytest.param([("headers", {"a": {"env": "NOBODY_SET_IT"}})], "NOBODY_SET_IT", id="env"),
        pytest.param([("headers", {"a": 1})], "headers", id="number as a header"),
        pytest.param(
            [("items.paging", {"style": "link"}), ("items.method", "POST")],
            "a link is followed with GET",
            id="link of a POST",
        ),
        pytest.param([("items.paging", {"style": "pages"})], "items.paging.style", id="style"),
        pytest.param([("items.paging", {"style": "page"})], "needs param", id="page"),
        pytest.param(
            [("items.paging", {"style": "none", "param": "p"})], "takes no param", id="param"
        ),
        pytest.param(
            [("items.paging", {"style": "cursor", "param": "c"})], "needs next", id="cursor"
        ),
        pytest.param(
            [("items.paging", {"style": "page", "param": "p", "next": "n"})],
            "next is for cursor and link",
            id="next",
        ),
        pytest.param(
            [("items.paging", {"style": "link", "total": "n"})],
            "total is for offset and page",
            id="total",
        ),
        pytest.param(
            [("items.paging", {"style": "none", "size": 0})], "items.paging.size", id="size"
        ),
        pytest.param([("vendor_name", "Acme Inc")], "vendor_name", id="name"),
        pytest.param([("calling_code", "+91")], "calling_code", id="calling code"),
    ],
)
def test_a_table_with_a_mistake_is_refused(changes: list[tuple[str, Any]], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        settings(table(*changes))
    assert words in str(caught.value)


def test_nothing_is_claimed_that_no_path_leads_to() -> None:
    plain = capabilities_of(settings(table()))
    assert plain.discovery
    assert plain.calls
    assert plain.in_flight
    assert not (plain.cost)
    assert not (plain.retries)
    assert not (plain.call_times)
    assert not (plain.voicemail)
    assert plain.trusted == {"total"}
    assert "retries" in plain.blind_to
    assert "phone numbers" not in plain.blind_to


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ([("fields.call.started_at", "t")], "call_times"),
        ([("fields.contact.attempts", "n")], "retries"),
        ([("fields.call.cost", "c"), ("units.currency", "EUR")], "cost"),
        ([("fields.call.sentiment", "s")], "sentiment"),
        ([("words.contact", {"mailbox": "voicemail"})], "voicemail"),
        (
            [("fields.call.answered_by", "a"), ("words.answered_by", {"amd": "voicemail"})],
            "voicemail",
        ),
    ],
)
def test_what_a_path_leads_to_is_claimed(changes: list[tuple[str, Any]], name: str) -> None:
    assert getattr(capabilities_of(settings(table(*changes))), name) is True


def test_only_what_is_trusted_is_held_against_the_lists() -> None:
    counts = {"total": "a", "finished": "b", "live": "c", "failed": "d"}
    every = settings(table(("fields.batch.counts", counts)))
    one = settings(table(("fields.batch.counts", counts), ("trusted", ["live"])))
    assert capabilities_of(every).trusted == {"total", "finished", "live"}
    assert capabilities_of(one).trusted == {"live"}


def test_a_settings_object_shows_no_key() -> None:
    made = settings(table(("api_key", "verysecret"), ("auth", AUTH)))
    assert "verysecret" not in repr(made)
    assert isinstance(made, HttpJsonSettings)


# The sample


CONFIG = """\
[receivers.ops]
kind = "slack"
webhook_url = "https://hooks.slack.com/services/T/B/x"
[providers.jobs]
vendor = "http_json"
base_url = "https://api.example.com"
[providers.jobs.list]
path = "/jobs"
rows = "data.jobs"
paging = { style = "page", param = "p", more = "data.more", total = "data.total" }
[providers.jobs.batch]
path = "/jobs/{batch_id}"
row = "data"
[providers.jobs.items]
path = "/jobs/{batch_id}/rows"
rows = "data.rows"
calls = "tries"
[providers.jobs.fields.batch]
id = "id"
status = "state"
[providers.jobs.fields.batch.counts]
total = "size"
[providers.jobs.fields.contact]
id = "person"
status = "state"
[providers.jobs.fields.call]
id = "call"
status = "result"
error = "why"
[providers.jobs.words.batch]
going = "running"
[providers.jobs.words.contact]
done = "completed"
[providers.jobs.words.call]
ok = "completed"
[providers.jobs.sample]
list = "list.json"
batch = "batch.json"
items = "items.json"
"""
JOB = {"id": "j1", "state": "going", "size": 2}
SAMPLE: dict[str, Any] = {
    "list": {"data": {"jobs": [JOB], "more": False, "total": 1}},
    "batch": {"data": JOB},
    "items": {
        "data": {
            "rows": [
                {"person": "p1", "state": "done", "tries": []},
                {
                    "person": "p2",
                    "state": "done",
                    "tries": [{"call": "c", "result": "ok", "why": "w"}],
                },
            ]
        }
    },
}


def checked(tmp_path: Path, config: str = CONFIG, **changes: Any) -> list[str]:
    for name, answer in (SAMPLE | changes).items():
        if answer is not None:
            text = answer if isinstance(answer, str) else json.dumps(answer)
            (tmp_path / f"{name}.json").write_text(text)
    path = tmp_path / "config.toml"
    path.write_text(config)
    path.chmod(0o600)
    try:
        load(path, environ={})
    except ConfigError as error:
        return [str(each).removeprefix(f"{path}:") for each in error.problems]
    return []


def test_a_sample_in_which_everything_is_found_is_good(tmp_path: Path) -> None:
    assert checked(tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        (
            'error = "whi"',
            'error = "why"',
            (
                "providers.jobs.fields.call.error: 'whi' finds nothing in the sample items.json"
                ' (did you mean "why"?)'
            ),
        ),
        (
            'total = "counts.size"',
            'total = "size"',
            (
                "providers.jobs.fields.batch.counts.total: 'counts.size' finds nothing in the"
                " sample list.json and batch.json (known: id, size, state)"
            ),
        ),
        (
            'rows = "data.job"',
            'rows = "data.jobs"',
            (
                "providers.jobs.list.rows: 'data.job' finds nothing in the sample list.json"
                ' (did you mean "jobs"?)'
            ),
        ),
        (
            'more = "data.mor"',
            'more = "data.more"',
            (
                "providers.jobs.list.paging.more: 'data.mor' finds nothing in the sample list.json"
                ' (did you mean "more"?)'
            ),
        ),
        (
            'row = "dat"',
            'row = "data"',
            (
                "providers.jobs.batch.row: 'dat' finds nothing in the sample batch.json"
                ' (did you mean "data"?)'
            ),
        ),
        (
            'calls = "trys"',
            'calls = "tries"',
            (
                "providers.jobs.items.calls: 'trys' finds nothing in the sample items.json"
                ' (did you mean "tries"?)'
            ),
        ),
        (
            'donne = "completed"',
            'done = "completed"',
            (
                "providers.jobs.words.contact: lists no 'done', which the sample items.json has"
                ' (did you mean "donne"?)'
            ),
        ),
    ],
)
def test_a_path_that_finds_nothing_is_named_with_key_and_line(
    tmp_path: Path, wrong: str, right: str, said: str
) -> None:
    config = CONFIG.replace(f"\n{right}", f"\n{wrong}").replace(f", {right}", f", {wrong}")
    (problem,) = checked(tmp_path, config)
    line = next(n for n, text in enumerate(config.splitlines(), start=1) if wrong in text)
    if "lists no" in said:
        line -= 1  # the table stands above the word that is missing in it
    assert problem == f"{line}: {said}"


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            '[providers.jobs.fields.contact]\nlast_attempt_at = "since"',
            "'since' finds no time, as units.times has them in",
        ),
        ('[providers.jobs.fields.contact]\nattempts = "state"', "finds no whole number in"),
        ('[providers.jobs.fields.contact]\nphone = "state"', "finds no phone number in"),
        ('[providers.jobs.fields.call]\nduration = "result"', "finds no length of time in"),
        (
            '[providers.jobs.units]\ncurrency = "EUR"\n[providers.jobs.fields.call]\ncost = "why"',
            "finds no amount of money in",
        ),
    ],
)
def test_a_path_to_what_cannot_be_read_is_named(tmp_path: Path, added: str, said: str) -> None:
    header = added.splitlines()[-2]
    config = CONFIG.replace(header, added)
    rows = SAMPLE["items"]["data"]["rows"]
    since = [each | {"since": 1778414400} for each in rows]
    (problem,) = checked(tmp_path, config, items={"data": {"rows": since}})
    assert said in problem


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": None}, "providers.jobs.sample.batch: "),
        ({"batch": "{"}, "batch.json: the answer is broken off, or not JSON"),
        ({"items": {"data": {"rows": []}}}, "items.rows: finds an empty list"),
        ({"list": {"data": {"more": True, "total": 1}}}, "list.rows: 'data.jobs' finds nothing"),
    ],
)
def test_a_sample_that_cannot_be_used_says_so(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    assert any(said in each for each in checked(tmp_path, **changes))


@pytest.mark.parametrize(
    ("key", "paging", "following", "said"),
    [
        pytest.param(
            "items",
            'style = "cursor", param = "after", next = "data.nxt"',
            {"next": None},
            "'data.nxt' finds nothing in the sample items.json (did you mean \"next\"?)",
            id="cursor",
        ),
        pytest.param(
            "items",
            'style = "link", next = "data.nxt"',
            {"next": "/x"},
            "'data.nxt' finds nothing in the sample items.json (did you mean \"next\"?)",
            id="link",
        ),
        pytest.param(
            "items",
            'style = "cursor", param = "after", next = "data.more && data.nxt"',
            {"more": True, "next": "a"},
            "'data.more && data.nxt' finds nothing in the sample items.json",
            id="two names",
        ),
        pytest.param(
            "items",
            'style = "cursor", param = "after", next = "data.next"',
            {"next": {"id": 1}},
            "'data.next' finds no cursor or address in the sample items.json",
            id="a table",
        ),
    ],
)
def test_a_path_to_what_follows_is_tried_too(
    tmp_path: Path, key: str, paging: str, following: dict[str, Any], said: str
) -> None:
    rows = f"[providers.jobs.{key}]\npaging = {{ {paging} }}"
    config = CONFIG.replace(f"[providers.jobs.{key}]", rows)
    (problem,) = checked(tmp_path, config, items={"data": SAMPLE["items"]["data"] | following})
    assert problem.partition(": ")[2] == f"providers.jobs.items.paging.next: {said}"


@pytest.mark.parametrize(
    ("next_", "following"),
    [
        ("data.next", {"next": None}),
        ("data.next", {"next": 7}),
        ("data.next", {"next": ""}),
        ("data.more && data.next", {"more": False}),
        ("data.more && data.next", {"more": True, "next": "a"}),
        ("data.gone || `false`", {}),
    ],
)
def test_a_path_to_what_follows_may_find_an_end(
    tmp_path: Path, next_: str, following: dict[str, Any]
) -> None:
    paging = f'paging = {{ style = "cursor", param = "after", next = "{next_}" }}'
    config = CONFIG.replace("[providers.jobs.items]", f"[providers.jobs.items]\n{paging}")
    assert checked(tmp_path, config, items={"data": SAMPLE["items"]["data"] | following}) == []


def warned(tmp_path: Path, config: str = CONFIG, **changes: Any) -> list[str]:
    assert checked(tmp_path, config, **changes) == []
    path = tmp_path / "config.toml"
    found = [str(each).removeprefix(f"{path}:") for each in load(path, environ={}).warnings]
    return [each.partition(": ")[2] for each in found if "providers.jobs" in each]


DONE = CONFIG.replace('going = "running"', 'going = "running"\nover = "completed"')


def test_words_without_an_end_are_warned_of(tmp_path: Path) -> None:
    bare, _, _ = CONFIG.partition("[providers.jobs.sample]")
    assert warned(tmp_path, DONE) == []
    for config in (CONFIG, bare.replace('[providers.jobs.words.batch]\ngoing = "running"', "")):
        (warning,) = warned(tmp_path, config)
        assert warning.startswith("providers.jobs.words")
        assert 'no word means "completed", so no batch can ever complete' in warning


@pytest.mark.parametrize("said", ["lead_4155552671", "call-14155552671", 14155552671])
def test_ids_that_look_like_phone_numbers_are_warned_of(tmp_path: Path, said: str | int) -> None:
    tries = [{"call": said, "result": "ok", "why": "w"}]
    items = {"data": {"rows": [{"person": "p", "state": "done", "tries": tries}]}}
    (warning,) = warned(tmp_path, DONE, items=items)
    assert warning.startswith("providers.jobs.fields.call.id: 'call' finds what may be a phone")
    assert str(said) not in warning


# Secrets beside the key


SECRETS = """
headers = { X-Org = "acme", X-Pass = { env = "PASS" }, X-File = { file = "pass.txt" } }
batches = ["j1"]
"""


def test_headers_and_params_take_secrets_that_are_hidden(tmp_path: Path) -> None:
    config = DONE.replace(
        'base_url = "https://api.example.com"',
        f'{SECRETS}\
base_url = "https://api.example.com"',
    ).replace(
        'path = "/jobs"\n',
        'path = "/jobs"\nparams = { state = "any", n = 1, token = { env = "TOKEN" } }\n',
    )
    checked(tmp_path, config)
    (tmp_path / "pass.txt").write_text("filesecret\n")
    (tmp_path / "pass.txt").chmod(0o600)
    made = load(tmp_path / "config.toml", environ={"PASS": "passsecret", "TOKEN": "tokensecret"})
    secrets = {"passsecret", "filesecret", "tokensecret"}
    assert secrets <= set(secrets_of(made))
    assert "acme" not in secrets_of(made)
    assert not [each for each in secrets if each in repr(made)]


def test_a_credential_in_a_header_is_warned_of_outside_the_service(tmp_path: Path) -> None:
    config = DONE.replace(
        'base_url = "https://api.example.com"',
        'base_url = "https://api.example.com"\nheaders = { X-Pass = { credential = "pass" } }',
    )
    checked(tmp_path, config)
    made = load(tmp_path / "config.toml", environ={}, in_service=False)
    assert any("headers.X-Pass: credential 'pass'" in str(each) for each in made.warnings)
