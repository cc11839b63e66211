"""What the daemon told, as it arrived: each Slack message, edit and reply, and each e-mail."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.simulator.mail import Mail
from monitor.simulator.slack_store import Post, Slack

How = Literal["message", "edit", "reply", "mail"]

FOOTER = re.compile(r"rule (\S+) · provider (\S+)(?: · batch (\S+))? · key (\S+)")
STATE = re.compile(r"\b(FIRING|RESOLVED|INFO)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One arrival. ``key`` is empty for what is not about an alert; ``t`` is since 1970."""

    t: float
    receiver: str
    how: How
    rule: str
    state: str
    batch: str
    key: str
    text: str = ""  # everything that a person can read in it
    post: Post | None = None
    mail: Mail | None = None
    settling: bool = False


Hear = Callable[[Told], None]


def from_slack(
    slack: Slack, receivers: dict[str, str], now: Callable[[], float], hear: Hear
) -> None:
    """Hear of everything that arrives in these channels (channel id to receiver)."""

    def heard(what: str, post: Post) -> None:
        if what == "deleted" or post.channel not in receivers:
            return
        how: How = "edit" if what == "edited" else "reply" if post.thread_ts else "message"
        footer, state = FOOTER.search(post.shown), STATE.search(post.shown)
        rule, _, batch, key = footer.groups() if footer else ("", "", "", "")
        hear(
            Told(
                t=now(),
                receiver=receivers[post.channel],
                how=how,
                rule=rule,
                state=state.group() if state else "",
                batch="" if batch in {None, "-"} else batch,
                key=key,
                text=post.shown,
                post=post,
                settling="settling" in post.shown,
            )
        )

    slack.listeners.append(heard)


def from_mail(receiver: str, batches: Sequence[str], hear: Hear) -> Callable[[Mail], None]:
    """A listener for a mailbox; e-mails name one of these batches by its id."""

    def heard(mail: Mail) -> None:
        body = mail.message.get_body(("plain",))
        text = body.get_content() if body else ""
        header = mail.message.get
        hear(
            Told(
                t=mail.at,
                receiver=receiver,
                how="mail",
                rule=str(header("X-Offhook-Rule", "")),
                state=str(header("X-Offhook-State", "")),
                batch=next((batch for batch in batches if batch in text), ""),
                key=str(header("X-Offhook-Key", "")),
                text=text,
                mail=mail,
                settling="settling" in text,
            )
        )

    return heard
