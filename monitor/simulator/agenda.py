"""What will happen, in the order of its time; running it costs what happens, not what waits."""

import heapq
from collections.abc import Callable

Act = Callable[[int], None]


class Agenda:
    """A clock that stands still until it is told how late it is (seconds since 1970)."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._due: list[tuple[float, int, Act, int]] = []
        self._count = 0

    def at(self, t: float, act: Act, arg: int = 0) -> None:
        """Do ``act(arg)`` at ``t``; what is due at one instant happens in the order of asking."""
        self._count += 1
        heapq.heappush(self._due, (max(self.now, t), self._count, act, arg))

    def run(self, until: float) -> int:
        """Let everything happen up to and including ``until``; how much that was."""
        done = 0
        due = self._due
        while due and due[0][0] <= until:
            self.now, _, act, arg = heapq.heappop(due)
            act(arg)
            done += 1
        self.now = max(self.now, until)
        return done
