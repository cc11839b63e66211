"""How one receiver has fared: when it is left alone, and when somebody is to hear of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from monitor.clock import Clock
from monitor.dispatcher.schedule import PROBE_EVERY, PROBE_URGENT, Timing
from monitor.errors import DeliveryError, Sent

_LONGEST_PAUSE = timedelta(seconds=30)
# A trouble stands for at least so long, so that somebody hears of it who looks every 10 s.
_LEAST_TOLD = timedelta(seconds=20)
# So long without any answer, and it is away: chats are tried again twice until then.
_AWAY_AFTER_S = 10.0
# So many refusals of one message with the same word, while others are taken, are its own fault.
POISON_AFTER = 5


@dataclass(frozen=True, slots=True)
class Failing:
    """Why a receiver gets no messages, for people; ``critical``: it never will by itself.

    ``partly``: it takes messages, and something or somebody of them is refused.
    """

    text: str
    critical: bool = False
    partly: bool = False


OnTrouble = Callable[[str, Failing | None], Awaitable[None]]


class Condition:
    """One receiver's, as this process has seen it."""

    def __init__(self, name: str, kind: str, clock: Clock, timing: Timing, tell: OnTrouble) -> None:
        self._name = name
        self._kind = kind
        self._clock = clock
        self._timing = timing
        self._tell = tell
        self._paused_until = float("-inf")
        self._failing_since: float | None = None
        self._refused_in_a_row = 0
        self._unanswered = False  # the last attempt
        self._refused_at = float("-inf")
        self._refused_since: dict[int, float] = {}  # by row
        self._taken_at = float("-inf")
        self._told: Failing | None = None
        self._told_at = float("-inf")
        self._unknown = True  # nothing has been seen of it yet
        self._coming: tuple[float, Failing | None] | None = None  # what is to be told, and when

    @property
    def fails(self) -> bool:
        """Whether nothing was taken since something failed."""
        return self._failing_since is not None

    @property
    def is_away(self) -> bool:
        """Whether nothing reaches it, as far as is known already: it may be a moment's trouble."""
        if self._refused_in_a_row > 0:
            return True
        since = self._failing_since if self._unanswered else None
        return since is not None and self._clock.monotonic() - since >= _AWAY_AFTER_S

    def pause_left(self) -> float:
        """Seconds for which the receiver is to be left alone."""
        return self._paused_until - self._clock.monotonic()

    def pause(self, wait: timedelta) -> None:
        """Leave it alone for so long."""
        self._paused_until = self._clock.monotonic() + wait.total_seconds()

    @property
    def may_be_mended(self) -> bool:
        """Whether it was refused for good so long ago that what is urgent may be tried."""
        waited = self._clock.monotonic() - self._refused_at
        return self._refused_in_a_row > 1 and waited >= PROBE_URGENT.total_seconds()

    def watch_in(self) -> float | None:
        """Seconds until ``watch`` has something to tell."""
        return max(self._coming[0] - self._clock.monotonic(), 0.0) if self._coming else None

    async def watch(self) -> None:
        """Tell what is due to be told, although nothing was sent meanwhile."""
        if self._coming and self._clock.monotonic() >= self._coming[0]:
            coming, self._coming = self._coming[1], None
            await self._say(coming)

    async def failed(self, error: DeliveryError, wait: timedelta) -> None:
        """It did not take a message, and is to be tried again in ``wait``."""
        now = self._fails_at()
        self._refused_in_a_row = 0
        # Who asks to wait has answered.
        lags = error.certainty is Sent.RETRY
        self._unanswered = not lags
        if error.retry_after is not None:
            self.pause(wait)
        elif error.certainty is Sent.NOT_SENT:
            self.pause(min(wait, _LONGEST_PAUSE))
        if error.word == "tls":
            await self._say(Failing(error.text))
            return
        patience = self._timing.lag_after(self._kind) if lags else self._timing.trouble_after
        failing = Failing(f"no message has been taken for minutes: {error.text}")
        self._coming = (now + patience.total_seconds(), failing)
        await self.watch()

    async def refused(self, error: DeliveryError, row: int) -> None:
        """It takes nothing until somebody changes something: it is probed, and not pressed.

        After one refusal others get their try soon, as it may be the fault of that message.
        """
        self._refused_since.setdefault(row, self._clock.monotonic())
        self._fails_at()
        self._refused_in_a_row += 1
        self._refused_at = self._clock.monotonic()
        self.pause(_LONGEST_PAUSE if self._refused_in_a_row == 1 else PROBE_EVERY)
        await self._say(Failing(f"messages are refused: {error.text}", critical=True))

    def is_poison(self, row: int, refusals: int) -> bool:
        """Whether it is the message: refused again and again while others are taken."""
        since = self._refused_since.get(row, float("inf"))
        return refusals >= POISON_AFTER and self._taken_at > since

    async def gave_up(self, text: str, row: int) -> None:
        """A message is dead."""
        self._refused_since.pop(row, None)
        await self._say(Failing(f"a message was given up: {text}"))

    async def took(self, remark: str | None) -> None:
        """It takes messages, perhaps not for everybody."""
        self._taken_at = self._clock.monotonic()
        self._failing_since, self._coming = None, None
        self._refused_in_a_row, self._unanswered = 0, False
        if remark:
            await self._say(Failing(remark, partly=True))
        elif self._told is not None or self._unknown:
            until = self._told_at + _LEAST_TOLD.total_seconds()
            self._coming = (until, None)
            await self.watch()

    def _fails_at(self) -> float:
        """Since when it has been failing."""
        if self._failing_since is None:
            self._failing_since = self._clock.monotonic()
        return self._failing_since

    async def _say(self, failing: Failing | None) -> None:
        self._coming = None
        if failing is not None and self._told is not None:
            graver = failing.critical and not self._told.critical
            if not graver and failing.partly == self._told.partly:
                return  # known, and no worse
        elif failing is None and self._told is None and not self._unknown:
            return
        self._told, self._told_at, self._unknown = failing, self._clock.monotonic(), False
        await self._tell(self._name, failing)
