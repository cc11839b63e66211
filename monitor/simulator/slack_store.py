"""The channels of a simulated Slack workspace and what stands in them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from monitor.clock import Clock


@dataclass(slots=True)
class Revision:
    """What a message said before it was changed."""

    ts: str  # of the change
    text: str
    blocks: list[dict[str, Any]]


@dataclass(slots=True)
class Post:
    """One message as it stands now; ``edits`` are what it said before, oldest first."""

    channel: str
    ts: str
    via: str  # webhook, bot
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    broadcast: bool = False
    edits: list[Revision] = field(default_factory=list)
    deleted: bool = False

    @property
    def shown(self) -> str:
        """Everything that a person can read in it: the text, then the texts of its blocks."""
        return "\n".join([self.text, *texts(self.blocks)])


@dataclass(slots=True)
class Channel:
    """One channel; the bot may read and write only where it is a member."""

    channel_id: str
    name: str
    member: bool = True
    archived: bool = False


Listener = Callable[[str, Post], None]


class Slack:
    """A workspace. ``listeners`` hear of every "posted", "edited" and "deleted" message."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.channels: dict[str, Channel] = {}
        self.posts: list[Post] = []
        self.listeners: list[Listener] = []
        self._last = 0

    def channel(self, name: str) -> Channel:
        """The channel of that name, made when it is asked for first."""
        for known in self.channels.values():
            if known.name == name:
                return known
        made = Channel(f"C0SIM{len(self.channels) + 1:05d}", name)
        self.channels[made.channel_id] = made
        return made

    def new_ts(self) -> str:
        """The time as Slack names messages by it: never the same twice."""
        self._last = max(self._last + 1, int(self.clock.now().timestamp() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def add(self, post: Post) -> Post:
        """Put a message into its channel."""
        self.posts.append(post)
        self._tell("posted", post)
        return post

    def edit(self, post: Post, text: str, blocks: list[dict[str, Any]]) -> None:
        """Change a message; what it said before is kept."""
        post.edits.append(Revision(self.new_ts(), post.text, post.blocks))
        post.text, post.blocks = text, blocks
        self._tell("edited", post)

    def delete(self, post: Post) -> None:
        """Take a message away."""
        post.deleted = True
        self._tell("deleted", post)

    def find(self, channel: str, ts: str) -> Post | None:
        """The message with this name, unless it was deleted."""
        return next((p for p in self.standing(channel) if p.ts == ts), None)

    def standing(self, channel: str) -> list[Post]:
        """What is in a channel now, threads included, oldest first."""
        return [post for post in self.posts if post.channel == channel and not post.deleted]

    def replies(self, root: Post) -> list[Post]:
        """What stands in a message's thread, oldest first."""
        return [post for post in self.standing(root.channel) if post.thread_ts == root.ts]

    def _tell(self, what: str, post: Post) -> None:
        for listener in self.listeners:
            listener(what, post)


def texts(value: Any) -> Iterable[str]:
    """Every text inside blocks, in reading order."""
    if isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, str):
            yield text
        for key, inner in value.items():
            if key != "text" or not isinstance(text, str):
                yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
