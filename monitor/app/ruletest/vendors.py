"""The vendors of a story: their batches, what their accounts tell, and whether they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.app.ruletest.batch import BatchWorld
from monitor.app.ruletest.deeds import Deed
from monitor.app.ruletest.described import Described
from monitor.app.ruletest.lines import Line, Origin
from monitor.app.ruletest.values import micros, whole
from monitor.config.hints import hint_for
from monitor.core.facts import Failure
from monitor.core.model import AccountState, Cap
from monitor.evaluation.context import ProviderView

_KINDS = {"401": "auth", "403": "auth", "402": "payment"}


class Vendors:
    """What is true at every vendor at one time of the story."""

    def __init__(
        self, views: Mapping[str, ProviderView], batches: Sequence[Described], origin: Origin
    ) -> None:
        self._views = views
        self._accounts: dict[str, AccountState] = {}
        self._blind: dict[str, str] = {}
        self.moved: set[str] = set()  # providers whose account is another since it was asked
        self.worlds = {
            each.name: BatchWorld(
                each, views[each.provider].capabilities, views[each.provider].vendor, origin
            )
            for each in batches
        }

    def do(self, deed: Deed) -> None:
        """Let one thing happen."""
        match deed.what:
            case "nothing":
                return
            case "vendor":
                name = self._provider(deed)
                self._blind.pop(name, None)
                if deed.word == "blind":
                    self._blind[name] = deed.given["text"]
                self.moved.add(name)
            case "balance" | "cap":
                name = self._provider(deed)
                known = self._accounts.get(name) or AccountState(seen_at=deed.at)
                self._accounts[name] = _told(known, deed)
                self.moved.add(name)
            case _:
                self._world(deed.where, deed.line).do(deed, self._world)

    def failure(self, provider: str) -> Failure | None:
        """Why the vendor does not answer; None where it does."""
        text = self._blind.get(provider)
        if text is None:
            return None
        return Failure(kind=_KINDS.get(text[:3], "unreachable"), text=text)

    def account(self, provider: str, now: datetime) -> AccountState | None:
        """What it tells of the account."""
        can = self._views[provider].capabilities
        known = self._accounts.get(provider) if can.account else None
        return None if known is None else replace(known, seen_at=now)

    def is_one_gone(self, provider: str) -> bool:
        """Whether it does not know one of its batches."""
        worlds = (each for each in self.worlds.values() if each.gone)
        return any(each.described.provider == provider for each in worlds)

    def _provider(self, deed: Deed) -> str:
        if deed.where in self._views:
            return deed.where
        if deed.where in self.worlds:
            return self.worlds[deed.where].described.provider
        if deed.where:
            known = (*self._views, *self.worlds)
            hint = hint_for(deed.where, known)
            deed.line.refuse(f"there is no provider or batch {deed.where!r}", hint)
        used = {each.described.provider for each in self.worlds.values()}
        if len(used) != 1:
            deed.line.refuse("say which provider", f"such as {next(iter(self._views))}: …")
        return used.pop()

    def _world(self, name: str, line: Line) -> BatchWorld:
        if not name and len(self.worlds) == 1:
            return next(iter(self.worlds.values()))
        if not name:
            line.refuse("say which batch", f"such as {next(iter(self.worlds))}: …")
        if name not in self.worlds:
            line.refuse(f"there is no batch {name!r}", hint_for(name, self.worlds))
        return self.worlds[name]


def _told(known: AccountState, deed: Deed) -> AccountState:
    if deed.what == "balance":
        amount = micros(deed.given["amount"], deed)
        return replace(known, balance_micros=amount, currency=deed.word)
    used = deed.given.get("used")
    cap = Cap(name=deed.word, limit=deed.n, used=None if used is None else whole(used, deed))
    return replace(known, caps=(*(each for each in known.caps if each.name != cap.name), cap))
