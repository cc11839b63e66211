"""What a straightforward developer writes for the same result. A fixed file.

Every page is validated into models; everything known is loaded through an ORM, compared
attribute by attribute and flushed with the changes; the rules ask with GROUP BY.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Engine, ForeignKey, create_engine, event, func, insert, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

WINDOW = timedelta(minutes=10)
_KEY = b"k" * 32


class CallModel(BaseModel):
    """One attempt, as the vendor writes it."""

    execution_id: str
    call_status: str
    duration_seconds: int = 0
    sentiment: str | None = None
    hangup_by: str | None = None
    hangup_reason: str | None = None
    total_cost: float | None = None
    retry_count: int = 0
    is_follow_up: bool = False
    created_at: datetime | None = None


class PersonModel(BaseModel):
    """One person, as the vendor writes them."""

    contact_id: str
    phone_number: str
    status: str
    retry_count: int
    follow_up_count: int
    last_attempted_at: datetime | None
    next_retry_at: datetime | None
    call_records: list[CallModel]


_page = TypeAdapter(list[PersonModel]).validate_json


class Base(DeclarativeBase):
    """The tables below."""


class Person(Base):
    """One person as kept."""

    __tablename__ = "person"
    contact_id: Mapped[str] = mapped_column(primary_key=True)
    phone_hash: Mapped[bytes]
    status: Mapped[str] = mapped_column(index=True)
    retry_count: Mapped[int]
    follow_up_count: Mapped[int]
    last_attempted_at: Mapped[datetime | None]
    next_retry_at: Mapped[datetime | None] = mapped_column(index=True)
    calls: Mapped[list["Call"]] = relationship(back_populates="person")


class Call(Base):
    """One attempt as kept."""

    __tablename__ = "call"
    execution_id: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[str] = mapped_column(ForeignKey("person.contact_id"), index=True)
    call_status: Mapped[str]
    duration_seconds: Mapped[int]
    sentiment: Mapped[str | None]
    hangup_by: Mapped[str | None]
    hangup_reason: Mapped[str | None]
    total_cost: Mapped[float | None]
    retry_count: Mapped[int]
    is_follow_up: Mapped[bool]
    created_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    person: Mapped[Person] = relationship(back_populates="calls")


class Event(Base):
    """One change."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str | None]


_PERSON = ("status", "retry_count", "follow_up_count", "last_attempted_at", "next_retry_at")
_CALL = (
    "call_status",
    "duration_seconds",
    "sentiment",
    "hangup_by",
    "hangup_reason",
    "total_cost",
    "retry_count",
    "is_follow_up",
    "created_at",
)


def open_database(file: Path) -> Engine:
    """The database, with settings that lose nothing at a power cut."""
    engine = create_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        del record
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-65536")

    Base.metadata.create_all(engine)
    return engine


def poll(engine: Engine, pages: Iterable[bytes], now: datetime) -> Counter[str]:
    """One poll, from page bytes to what the rules go by: people and calls by status."""
    with Session(engine) as session:
        query = select(Person).options(selectinload(Person.calls))
        known = {person.contact_id: person for person in session.scalars(query)}
        for page in pages:
            for seen in _page(page):
                _take(session, known, seen)
        session.commit()
        return _counters(session, now)


def fill(engine: Engine, pages: Iterable[bytes]) -> None:
    """What a first poll leaves in an empty database, in bulk: that poll is not measured."""
    with engine.begin() as conn:
        for page in pages:
            seen = _page(page)
            people = [
                {
                    "contact_id": each.contact_id,
                    "phone_hash": _digest(each),
                    **{name: _naive(getattr(each, name)) for name in _PERSON},
                }
                for each in seen
            ]
            calls = [
                {
                    "contact_id": each.contact_id,
                    "ended_at": _naive(_ended(record)),
                    "execution_id": record.execution_id,
                    **{name: _naive(getattr(record, name)) for name in _CALL},
                }
                for each in seen
                for record in each.call_records
            ]
            events = [
                *(("contact", each.contact_id, each.status) for each in seen),
                *(("call", call["execution_id"], call["call_status"]) for call in calls),
            ]
            told = [{"kind": kind, "subject": of, "after": now} for kind, of, now in events]
            for table, rows in ((Person, people), (Call, calls), (Event, told)):
                if rows:
                    conn.execute(insert(table), rows)


def _digest(seen: PersonModel) -> bytes:
    return hmac.digest(_KEY, seen.phone_number.encode(), hashlib.sha256)


def _ended(record: CallModel) -> datetime | None:
    at = record.created_at
    return at and at + timedelta(seconds=record.duration_seconds)


def _take(session: Session, known: dict[str, Person], seen: PersonModel) -> None:
    person = known.get(seen.contact_id)
    if person is None:
        person = Person(contact_id=seen.contact_id, phone_hash=_digest(seen))
        session.add(person)
        known[seen.contact_id] = person
        _copy(person, seen, _PERSON)
        session.add(Event(kind="contact", subject=seen.contact_id, after=seen.status))
    else:
        before = person.status
        _copy(person, seen, _PERSON)
        if person.status != before:
            _tell(session, "contact", seen.contact_id, before, person.status)
    calls = {call.execution_id: call for call in person.calls}
    for record in seen.call_records:
        call = calls.get(record.execution_id)
        if call is None:
            call = Call(execution_id=record.execution_id, call_status="")
            person.calls.append(call)
        before = call.call_status
        _copy(call, record, _CALL)
        ended = _naive(_ended(record))
        if call.ended_at != ended:
            call.ended_at = ended
        if call.call_status != before:
            _tell(session, "call", record.execution_id, before or None, call.call_status)


def _copy(kept: Person | Call, seen: BaseModel, names: tuple[str, ...]) -> None:
    for name in names:
        value = _naive(getattr(seen, name))
        if getattr(kept, name) != value:
            setattr(kept, name, value)


def _naive(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _tell(session: Session, kind: str, subject: str, before: str | None, after: str) -> None:
    session.add(Event(kind=kind, subject=subject, before=before, after=after))


def _counters(session: Session, now: datetime) -> Counter[str]:
    people = select(Person.status, func.count()).group_by(Person.status)
    calls = select(Call.call_status, func.count()).group_by(Call.call_status)
    found = Counter({f"contact.{status}": n for status, n in session.execute(people)})
    found.update({f"call.{status}": n for status, n in session.execute(calls)})
    window = calls.where(Call.ended_at > _naive(now - WINDOW), Call.ended_at <= _naive(now))
    found.update({f"window.{status}": n for status, n in session.execute(window)})
    late = select(func.count()).where(
        Person.status == "retrying", Person.next_retry_at < _naive(now)
    )
    found["late"] = session.execute(late).scalar_one()
    return found
