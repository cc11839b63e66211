"""Every template with made-up messages, friendly and hostile ones, before it is needed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from monitor.config import Config
from monitor.core.compose import LINES, SENTENCE, TEXT, TITLE
from monitor.core.message import Message
from monitor.core.route import Receiver
from monitor.errors import Problem
from monitor.notifiers.grammar import TemplateFault
from monitor.notifiers.templates import Template, Written, body_of, templated, title_of, view

_View = Mapping[str, Any]
_Render = Callable[[Written | None, _View], str]

# What a name or a vendor's word may be made of: markup of every channel, mentions, another
# template, letters that turn the reading direction or cannot be seen, and none that stays.
_MARKUP = (
    "<!channel> <@U1> @here *b* _i_ `c` <b>&amp;</b><script>x</script> {{ 7 * 7 }} {% if %} "
    "]]> --\r\nBcc: x@example.com\x00 | <https://x.example|y>"
)
_TURNING = "\u202eabc\u2066\u200b\u2069\ud800\U000e0041 \U0001f4de é 漢"


def faults(config: Config, messages: Iterable[Message]) -> list[Problem]:
    """What fails of which template, each once, at its line of the file."""
    samples = tuple(messages)
    found: dict[tuple[int | None, str], Problem] = {}
    for template in config.templates:
        for message in _reached(template, samples, tuple(config.receivers)):
            for kind, each in hostile(message):
                for problem in _problems(template, kind, each):
                    found.setdefault((problem.line, problem.key), problem)
    return list(found.values())


def in_all_words(config: Config, receiver: str, messages: Iterable[Message]) -> Iterator[Message]:
    """The messages as one receiver gets them; where a template speaks, hostile ones, too."""
    about = Receiver(name=receiver, kind=config.receivers[receiver].kind)
    for message in messages:
        covered = any(each.covers(message, receiver) for each in config.templates)
        for _, each in hostile(message) if covered else (("", message),):
            yield templated(each, about, config.templates)[0]


def _reached(
    template: Template, samples: Iterable[Message], receivers: Iterable[str]
) -> Iterator[Message]:
    for message in samples:
        if any(template.covers(message, name) for name in receivers):
            yield message


def _problems(template: Template, kind: str, message: Message) -> Iterator[Problem]:
    seen = view(message)
    if (problem := _tried(template.title, title_of, seen, kind)) is not None:
        yield problem
    if (problem := _tried(template.body, body_of, seen, kind)) is not None:
        yield problem


def _tried(written: Written | None, render: _Render, seen: _View, kind: str) -> Problem | None:
    try:
        render(written, seen)
    except TemplateFault as fault:
        if written is not None:
            text = f"{fault}, with {kind}"
            return replace(written.place, text=text, hint=fault.hint)
    return None


def hostile(message: Message) -> Iterator[tuple[str, Message]]:
    """The message as it is, and as it would be at the worst; what each is, for people."""
    yield f"a message of {message.rule}", message
    yield "long texts", _filled(message, lambda limit: "W" * limit)
    yield "markup in its texts", _filled(message, lambda limit: (_MARKUP * 9)[:limit])
    yield "odd letters in its texts", _filled(message, lambda limit: (_TURNING * 40)[:limit])
    yield "values that are missing", _emptied(message)


def _filled(message: Message, text: Callable[[int], str]) -> Message:
    """Every text as long as composing lets it be; labels of lines are Offhook's own words."""
    lines = [(label, text(TEXT)) for label, _ in message.lines]
    lines += [(text(20) + str(place), text(TEXT)) for place in range(LINES - len(lines))]
    return replace(
        message,
        sentence=text(SENTENCE),
        title=text(TITLE),
        batch=text(100) if message.batch else "",
        lines=tuple(lines),
        todo=text(TEXT),
        evidence=(text(100),) * 3,
        marks=(text(40),) * 4,
        labels={name: text(TEXT) for name in message.labels},
        acknowledged=text(TEXT),
        fired_at=message.at - timedelta(hours=1),
        repeat=99,
    )


def _emptied(message: Message) -> Message:
    """What any message may lack."""
    return replace(
        message,
        title="Offhook",
        batch="",
        lines=(),
        todo=None,
        evidence=(),
        marks=(),
        link=None,
        runbook_url=None,
        acknowledged="",
        fired_at=None,
    )
