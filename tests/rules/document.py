"""Writes docs/rules.md from the rules themselves: ``python -m tests.rules.document``.

A rule's words are its docstring, its keys and their reasons the table of config.example.toml,
and where it can hold follows from what the adapters say that their vendors tell.
"""

import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import rules
from monitor.config.document import Document
from monitor.config.reading import Reading
from monitor.config.rules import read_rules
from monitor.core.model import Rates
from monitor.core.names import MINUTES, MONEY, SHARE, TRUTH
from monitor.core.rule import Rule, SubjectKind, told_as
from monitor.core.vocabulary import NAMES
from monitor.core.wording import span
from monitor.evaluation.context import ProviderView
from monitor.evaluation.reach import blindness
from monitor.providers.build import capabilities
from monitor.simulator.vendors import vendor_table
from monitor.simulator.world import World
from rules.batch_expected import BatchExpected
from rules.expression import Expression
from rules.outcome_rate import OutcomeRate
from tests.providers.supported import ROWS, Watched, settings_at
from tests.simulator.hand import START

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "docs" / "rules.md"
EXAMPLE = ROOT / "config.example.toml"

_HEAD = """# The rules

Written from the rules' own files and from `config.example.toml` by
`python -m tests.rules.document`; a test fails when they differ.

A rule answers in one of three ways: it holds, it is clear, or it cannot be said. What cannot
be said (too few calls, a vendor that does not answer, a closed calling window) leaves an alert
as it is: nothing resolves because a window ran empty. `offhook rules explain RULE` says what a
rule would answer now, each number beside its limit.

Every rule also takes `enabled`, `severity`, `match`, `for`, `keep_firing_for`, `labels`,
`runbook_url` and `override`; they stand with `error_spike` in
[config.example.toml](../config.example.toml). All thresholds can be changed while Offhook
runs: `systemctl reload offhook`, or save the file.
"""
_KINDS = {
    SubjectKind.BATCH: "About batches",
    SubjectKind.PROVIDER: "About providers",
    SubjectKind.SYSTEM: "About Offhook itself",
    SubjectKind.DAY: "About a day",
    SubjectKind.EXPECTATION: "About what is expected",
}
_AT_VENDORS = {SubjectKind.BATCH, SubjectKind.PROVIDER}
_ANY_KIND = OutcomeRate(hangup=frozenset({"*"}))
_RATES = Rates(currency="USD", minute=Decimal("0.09"))
_TABLE = re.compile(
    r"^\[rules\.(?P<name>\w+)\]\n(?P<body>.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL
)
_FIRES = re.compile(r"^(What to do): ", re.MULTILINE)


def text() -> str:
    """The whole document."""
    parts = [_HEAD.strip(), "## Where each rule can hold", _where()]
    for kind in SubjectKind:
        of_kind = [rule for _, rule in sorted(rules.catalogue().items()) if rule.subject is kind]
        parts += [f"## {_KINDS[kind]}"] if of_kind else []
        parts += [_section(rule) for rule in of_kind]
    return "\n\n".join(parts) + "\n"


def _section(rule: type[Rule]) -> str:
    parts = [f"### `{rule.id}`", ", ".join(_marks(rule)) + ".", _words(rule)]
    if (body := tables().get(rule.id)) is not None:
        parts.append(f"```toml\n[rules.{rule.id}]\n{body}\n```")
    if rule is Expression:
        parts.append(_names())
    if rule is BatchExpected:
        parts.append(f"```toml\n{_expect()}\n```")
    return "\n\n".join(parts)


def _marks(rule: type[Rule]) -> Iterator[str]:
    yield (
        f"Severity {rule.severity}"
        if rule.weighed_by is None
        else f"Weighed by `{rule.weighed_by}`"
    )
    yield "only where it is written" if rule.written_only else "on without being written"
    if rule.one_shot:
        yield "told once"
    if rule.pending_for:
        yield f"must hold for {span(rule.pending_for)}"
    if rule.compliance:
        yield "never muted, put into a digest or made to wait by a route, silenced only by its name"
    if rule.calm:
        yield "goes to the daily digest where no routes are written"
    if rule.cause:
        yield f"shares a conversation with the others of cause `{rule.cause}`"
    if rule.needs:
        yield f"needs to see {', '.join(map(told_as, sorted(rule.needs)))}"


def _words(rule: type[Rule]) -> str:
    said = inspect.getdoc(inspect.getmodule(rule)) or ""
    return _FIRES.sub(r"**\1:** ", said.replace("``", "`"))


def _names() -> str:
    """What a written condition may name."""
    units = {SHARE: "share, 0 to 1", MINUTES: "minutes", MONEY: "money", TRUTH: "true or false"}
    lines = [_line(("Name", "Is", "Means")), _line(["---"] * 3)]
    lines += [
        _line([f"`{each.name}`", units.get(each.unit, "number"), each.meaning])
        for each in NAMES.values()
    ]
    return "\n".join(lines)


def _expect() -> str:
    """The table that announces a batch, without the marks of a remark."""
    _, _, rest = EXAMPLE.read_text().partition("#[[expect]]")
    return "[[expect]]" + rest.partition("\n\n")[0].replace("\n#", "\n")


def tables() -> dict[str, str]:
    """Every rule's table of the example, by its name."""
    return {each["name"]: each["body"].strip() for each in _TABLE.finditer(EXAMPLE.read_text())}


def _where() -> str:
    heads = ("Rule", *(row.title for row in ROWS))
    views = [(_view(row), _view(row, rates=_RATES)) for row in ROWS]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for name, rule in sorted(written().items()):
        if rule.subject in _AT_VENDORS and not name.startswith("self_"):
            cells = [_can(rule, *view) for view in views]
            lines.append(_line([f"[`{name}`](#{name})", *cells]))
    return "\n".join(lines)


@cache
def written() -> Mapping[str, Rule]:
    """Every rule as the example writes it."""
    values = {"rules": tomllib.loads(EXAMPLE.read_text())["rules"]}
    found = read_rules(Reading(Document("the example", values, {}), {}))
    return {each.name: each.settings.rule for each in found}


def _can(rule: Rule, bare: ProviderView, priced: ProviderView) -> str:
    if not blindness(rule, bare, START):
        return "✓"
    if isinstance(rule, OutcomeRate) and not blindness(_ANY_KIND, bare, START):
        return "✓ but `voicemail`"
    return "no" if blindness(rule, priced, START) else "with `rates`"


def _view(row: Watched, rates: Rates | None = None) -> ProviderView:
    account = World(1, START).account("account", row.vendor, "key")
    account.open(row.plan)
    settings = settings_at(vendor_table(account, "http://127.0.0.1:9"))
    settings = settings.model_copy(update={"rates": rates}) if rates else settings
    return ProviderView(
        name="account",
        vendor=row.vendor,
        capabilities=capabilities(settings),
        blind_after=timedelta(minutes=5),
    )


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PLACE.write_text(text())
