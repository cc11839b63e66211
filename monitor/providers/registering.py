"""Vendors that let a program enter where their webhooks go: what stands there, and what would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One address that the vendor has. ``address`` may hold somebody's secret: show its host."""

    name: str
    address: str = field(repr=False)
    ours: bool
    used: bool  # the calls of the account are told of there
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that would be made; what is known only later stands in angle brackets."""

    method: str
    url: str
    body: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is there now, what would be asked, and what is left to people."""

    now: tuple[Registered, ...]
    requests: tuple[Request, ...]
    notes: tuple[str, ...] = ()
    makes_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of a plan. ``secret`` is told once, where the vendor made one."""

    secret: str | None = field(default=None, repr=False)
    failed: str | None = None  # what of the plan could not be done


class Registrar(Protocol):
    """One account at a vendor with such an API. Every method may raise ProviderError."""

    async def plan(self, url: str) -> Plan:
        """What registering this address would take; changes nothing."""
        ...

    async def register(self, plan: Plan) -> Made:
        """Do what the plan says, as far as it can be done."""
        ...
