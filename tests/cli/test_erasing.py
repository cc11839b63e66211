"""``offhook erase``: what it shows, asks, does and says, beside a database in use."""

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from monitor.config.keys import KEY_FILE
from monitor.core.erasing import is_stub
from monitor.core.model import Item
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.providers.phones import Phones
from monitor.store import audit, batches, inbox, snapshot
from monitor.store.coding import encode
from monitor.store.engine import open_engine
from tests.builders import NOON, make_batch, make_call, make_contact
from tests.cli.conftest import Offhook
from tests.notices import arrived

KEY = b"the key of this installation"
NUMBER = "+14155550123"


@pytest.fixture
def database(tmp_path: Path, config: Path) -> Iterator[Engine]:
    """One person who was called; another holds the file open, as a daemon does."""
    path = tmp_path / "data" / "offhook.db"
    engine = open_engine(path, create=True)
    (path.parent / KEY_FILE).write_bytes(KEY)
    (path.parent / KEY_FILE).chmod(0o600)
    told = Phones(KEY).read(NUMBER)
    contact = make_contact(contact_id="con_1", phone_hash=told.hash, phone=told.masked)
    with engine.begin() as conn:
        row = take_look(conn, make_batch(), baseline=False)
        item = Item(contact, (make_call(call_id="call_1", contact_id="con_1"),))
        take_items(conn, replace(row, listed_at=NOON), [item], NOON)
    with engine.connect():
        yield engine
    engine.dispose()


def contacts(engine: Engine) -> list[str]:
    with engine.begin() as conn:
        row = batches.find(conn, "renewals", "b1")
        assert row is not None
        return [each.contact_id for each in snapshot.every_contact(conn, row.id)]


@pytest.mark.parametrize("given", [NUMBER, "+1 (415) 555-0123", "0014155550123"])
def test_a_number_in_any_whole_spelling_is_erased(
    offhook: Offhook, database: Engine, given: str
) -> None:
    ran = offhook("erase", given, "--yes", "--author", "ada")

    assert ran.status == 0
    assert "Renewals May (b1) at renewals: con_1, 1 call" in ran.out
    assert "erased; whenever a vendor tells of them again, they are forgotten again" in ran.out
    assert "backups made before now" in ran.out
    assert "sent" not in ran.out
    assert list(map(is_stub, contacts(database))) == [True]
    with database.begin() as conn:
        (deed,) = audit.load(conn)
    assert (deed.who, deed.what, deed.detail) == (
        "ada",
        "person.erase",
        "1 batch, 1 call, 0 texts",
    )
    assert "nothing is known of this person" in offhook("erase", NUMBER, "--dry-run").out


def test_a_preview_changes_nothing(offhook: Offhook, database: Engine) -> None:
    shown = offhook("erase", NUMBER, "--dry-run", "--json")

    assert shown.json["erased"] is False
    assert shown.json["places"][0]["contact_id"] == "con_1"
    assert contacts(database) == ["con_1"]


def test_a_number_may_come_by_the_standard_input(
    offhook: Offhook, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{NUMBER}\n"))

    assert offhook("erase", "-", "--yes", "--json").json["erased"] is True
    assert list(map(is_stub, contacts(database))) == [True]


def test_somebody_without_a_number_is_named_by_batch_and_contact(
    offhook: Offhook, database: Engine
) -> None:
    assert offhook("erase", "--contact", "renewals/b1/con_1", "--yes").status == 0
    assert list(map(is_stub, contacts(database))) == [True]


def test_whoever_only_a_webhook_has_told_of_is_known(offhook: Offhook, database: Engine) -> None:
    number = "+14155550199"
    told = Phones(KEY).read(number)
    contact = make_contact(contact_id="con_9", phone_hash=told.hash, phone=told.masked)
    item = Item(contact, (make_call(call_id="call_9", contact_id="con_9"),))
    notice = Notice(event="call", proves=Proof.CALL, batch_id="b1", item=item)
    with database.begin() as conn:
        inbox.put(conn, [arrived("call", "b1", "call_9", encode(notice))])

    ran = offhook("erase", number, "--yes")

    assert "nothing is known" not in ran.out
    assert "told of by 1 webhook not taken in yet" in ran.out
    with database.begin() as conn:
        (kept,) = inbox.waiting(conn, 9)
    assert "con_9" not in (kept.told or "con_9")


@pytest.mark.parametrize("contact_id", ["con/1", "a/b/c", '50%/ü"x"'])
def test_an_id_may_have_slashes_of_its_own(
    offhook: Offhook, database: Engine, contact_id: str
) -> None:
    with database.begin() as conn:
        row = batches.find(conn, "renewals", "b1")
        assert row is not None
        take_items(conn, row, [Item(make_contact(contact_id=contact_id))], NOON)

    ran = offhook("erase", "--contact", f"renewals/b1/{contact_id}", "--yes", "--json")

    assert [each["contact_id"] for each in ran.json["places"]] == [contact_id]
    assert contact_id not in contacts(database)
    again = offhook("erase", "--contact", f"renewals/b1/{contact_id}", "--yes")
    assert (again.status, "nothing is known" in again.out) == (0, True)


@pytest.mark.parametrize("written", ["4155550123", "(415) 555-0123", "04155550123"])
def test_a_number_is_found_where_a_vendor_leaves_its_country_out(
    offhook: Offhook, database: Engine, written: str
) -> None:
    told = Phones(KEY).read(written)
    with database.begin() as conn:
        row = batches.find(conn, "renewals", "b1")
        assert row is not None
        short = make_contact(contact_id="con_2", phone_hash=told.hash, phone=told.masked)
        take_items(conn, row, [Item(short)], NOON)

    ran = offhook("erase", NUMBER, "--yes", "--json")

    assert {each["contact_id"] for each in ran.json["places"]} == {"con_1", "con_2"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name either a number or a contact"),
        ((NUMBER, "--contact", "renewals/b1/con_1"), "name either a number or a contact"),
        (("4155550123",), "that is no whole number"),
        (("+12",), "that is no whole number"),
        (
            ("--contact", "con_1"),
            "is not PROVIDER/BATCH/CONTACT of a known batch; providers are: renewals",
        ),
        (("--contact", "other/b1/con_1"), "providers are: renewals"),
        (("--contact", "renewals/b2/con_1"), "of a known batch"),
        ((NUMBER,), "nobody can be asked here; to do it without asking: --yes"),
    ],
)
def test_what_is_not_clear_is_not_done(
    offhook: Offhook, database: Engine, arguments: tuple[str, ...], says: str
) -> None:
    ran = offhook("erase", *arguments)

    assert (ran.status, says in ran.err) == (2, True), ran.err
    assert contacts(database) == ["con_1"]


def test_without_the_key_nobody_is_said_to_be_erased(
    offhook: Offhook, database: Engine, tmp_path: Path
) -> None:
    key = tmp_path / "data" / KEY_FILE
    key.unlink()

    ran = offhook("erase", NUMBER, "--yes")

    assert (ran.status, "bring it back from a backup" in ran.err) == (2, True)
    assert (contacts(database), key.exists()) == (["con_1"], False)
    assert offhook("erase", "--contact", "renewals/b1/con_1", "--yes").status == 0


def test_without_a_database_no_key_is_made(offhook: Offhook, tmp_path: Path, config: Path) -> None:
    assert offhook("erase", NUMBER, "--yes").status == 2
    assert not (tmp_path / "data" / KEY_FILE).exists()


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_somebody_is_asked(
    offhook: Offhook,
    database: Engine,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    status: int,
) -> None:
    typed = io.StringIO(answer)
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", typed)

    ran = offhook("erase", NUMBER, "--json")

    assert (ran.status, "con_1" in ran.err) == (status, True)
    assert ran.out == "" if status else ran.json["erased"]
    assert list(map(is_stub, contacts(database))) == [status == 0]


def test_a_journal_that_somebody_reads_is_told_of(
    offhook: Offhook, database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "data"
    monkeypatch.setattr("monitor.cli.places.open_engine", partial(open_engine, busy_ms=1))
    with database.connect().execution_options(read_only=True) as conn, conn.begin():
        batches.find(conn, "renewals", "b1")  # a snapshot of before
        ran = offhook("erase", NUMBER, "--yes")

    assert ran.status == 1
    assert "it could not be cleaned" in ran.err
    assert list(map(is_stub, contacts(database))) == [True]
    held = [file for file in directory.iterdir() if b"call_1" in file.read_bytes()]
    assert held, "or there was nothing to tell of"
    assert offhook("erase", NUMBER, "--yes").status == 0  # of what is no longer known
    assert [file for file in directory.iterdir() if b"call_1" in file.read_bytes()] == []
