"""Who watches history being read, and remembers what was shown."""

from dataclasses import dataclass, field


@dataclass
class Seen:
    """What a person watching would have seen."""

    found: list[int] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    done: int = 0
    waited: list[float] = field(default_factory=list)


class Watcher:
    def __init__(self) -> None:
        self.seen = Seen()

    def found(self, provider: str, batches: int) -> None:
        self.seen.found.append(batches)

    def reading(self, provider: str, title: str, people: int) -> None:
        self.seen.titles.append(title)

    def read(self, provider: str) -> None:
        self.seen.done += 1

    def waits(self, provider: str, seconds: float, why: str) -> None:
        self.seen.waited.append(seconds)
