"""The line to one provider: its key's budget, conditional requests, and a count of it all.

Adapters ask through it and know nothing of it.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from monitor.bodies import MIB
from monitor.clock import Clock
from monitor.core.traffic import Allowance, Count, Traffic
from monitor.errors import HttpError, ProviderError
from monitor.http import Answer, Asks
from monitor.providers.answers import no_answer, refusal
from monitor.providers.budget import Budget, turn

# What is kept in memory of answers that may be asked for again with a condition, in bytes.
REMEMBERED = 16 * MIB
# A vendor that wrongly says "not modified" is believed for so long.
BELIEVED_S = 600.0

Key = tuple[str, bytes]  # a host, and a digest of the key that is used there
_Question = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    conditions: Mapping[str, str] = field(repr=False)
    came: float  # monotonic, when the whole of it last came


class _Memory:
    """The latest answers that named a version, the longest unused forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[_Question, _Kept] = OrderedDict()
        self._size = 0

    def find(self, question: _Question, now: float) -> _Kept | None:
        """The answer to ask by; None where the whole is wanted again."""
        kept = self._kept.get(question)
        if kept is None or now - kept.came > BELIEVED_S:
            return None
        self._kept.move_to_end(question)
        return kept

    def keep(self, question: _Question, answer: Answer, now: float) -> None:
        """Remember the answer if it can be asked for with a condition, else forget the old one."""
        self._forget(question)
        conditions = _conditions(answer.headers)
        if answer.status != 200 or not conditions or len(answer.body) > self._most:
            return
        self._kept[question] = _Kept(answer, conditions, now)
        self._size += len(answer.body)
        while self._size > self._most:
            self._forget(next(iter(self._kept)))

    def _forget(self, question: _Question) -> None:
        kept = self._kept.pop(question, None)
        if kept is not None:
            self._size -= len(kept.answer.body)


def _conditions(headers: Mapping[str, str]) -> dict[str, str]:
    pairs = (("if-none-match", "etag"), ("if-modified-since", "last-modified"))
    return {ask: headers[told] for ask, told in pairs if headers.get(told)}


class Line:
    """Asks over HTTP for one provider, within what its key may ask.

    Waiting for the turn is no part of a request's deadline. While the key is left alone,
    ProviderError tells the reason that it is.
    """

    def __init__(
        self,
        http: Asks,
        budget: Budget,
        clock: Clock,
        *,
        every: timedelta,
        count: Count | None = None,
        remembered: int = REMEMBERED,
    ) -> None:
        self.budget = budget
        self.count = count or Count(clock.monotonic())
        self._http = http
        self._clock = clock
        self._every = every
        self._memory = _Memory(remembered)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        deadline: float = 30.0,
        limit: int = 16 * MIB,
    ) -> Answer:
        """Ask once, when it is this request's turn; HttpError when there is no answer."""
        question = _question(method, url, params)
        kept = self._memory.find(question, self._clock.monotonic()) if question else None
        async with self.budget.circuit.passing():
            waited = await self.budget.turn(turn.get())
            self.budget.circuit.check()  # it may have been refused meanwhile
            try:
                answer = await self._http.request(
                    method,
                    url,
                    headers={**(headers or {}), **(kept.conditions if kept else {})},
                    params=params,
                    json=json,
                    content=content,
                    deadline=deadline,
                    limit=limit,
                )
            except HttpError as error:
                self._failed(no_answer(error), error.received, waited)
                raise
            if kept is not None and answer.status == 304:
                return self._not_modified(kept, answer, waited)
            self._answered(answer, waited)
        if question is not None:
            self._memory.keep(question, answer, self._clock.monotonic())
        return answer

    def traffic(self) -> Traffic:
        """What was asked so far, and what may be."""
        now, budget = self._clock.monotonic(), self.budget
        refused = budget.circuit.refused
        return Traffic(
            at=self._clock.now(),
            total=self.count.total(now),
            hour=self.count.hour(now),
            allowance=Allowance(
                per_minute=round(budget.per_minute, 1),
                ceiling=budget.ceiling,
                waiting=budget.waiting,
                quiet_s=round(budget.circuit.quiet_s, 1),
                refused=refused.kind if refused else None,
            ),
        )

    def _not_modified(self, kept: _Kept, answer: Answer, waited: float) -> Answer:
        now = self._clock.monotonic()
        self.count.add(now, received=answer.received, waited_s=waited, not_modified=True)
        self._good()
        return replace(kept.answer, sent_at=answer.sent_at, received=answer.received)

    def _answered(self, answer: Answer, waited: float) -> None:
        error = refusal(answer)
        if error is None:
            now = self._clock.monotonic()
            self.count.add(now, received=answer.received, waited_s=waited)
            self._good()
        else:
            self._failed(error, answer.received, waited)

    def _good(self) -> None:
        self.budget.good()
        self.budget.circuit.answered()

    def _failed(self, error: ProviderError, received: int, waited: float) -> None:
        now = self._clock.monotonic()
        self.count.add(now, received=received, waited_s=waited, error=error.kind)
        if error.kind != "rate_limited":
            self.budget.circuit.failed(error, self._every)
        elif self.budget.circuit.refuse(error, self._every):
            # Requests that were on their way together were one time too many.
            self.budget.halve()


def _question(method: str, url: str, params: Mapping[str, str | int] | None) -> _Question | None:
    """What is asked, if it is a thing that may be asked with a condition."""
    if method != "GET":
        return None
    return url, tuple(sorted((name, str(value)) for name, value in (params or {}).items()))


class Lines:
    """The budgets by key and the counts by provider: they outlive a reload of the configuration."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budgets: dict[Key, Budget] = {}
        self._counts: dict[str, Count] = {}

    def budget(self, key: Key, ceiling: float) -> Budget:
        """The one budget of a key, with its present ceiling in requests a minute."""
        if key not in self._budgets:
            self._budgets[key] = Budget(self._clock, ceiling)
        self._budgets[key].limit(ceiling)
        return self._budgets[key]

    def line(self, name: str, http: Asks, budget: Budget, every: timedelta) -> Line:
        """The line of a provider."""
        count = self._counts.setdefault(name, Count(self._clock.monotonic()))
        return Line(http, budget, self._clock, every=every, count=count)
