"""Every parameter of every rule can be changed in the file, and counts once it is reloaded."""

import asyncio
import dataclasses
import os
import signal
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import rules
from monitor.app.context import context_to_read
from monitor.app.daemon import _Daemon
from monitor.app.ruletest.configured import own_config
from monitor.app.ruletest.files import Story, read_tests
from monitor.app.ruletest.play import Played, course, play
from monitor.app.ruletest.run import Runner, runner
from monitor.clock import SystemClock
from monitor.config import load
from monitor.config.document import Document
from monitor.config.rules import parameters_of
from monitor.core.instance import RuleInstance
from monitor.core.rule import Holds, Rule
from monitor.evaluation.context import Context
from monitor.evaluation.judging import Opinion
from tests.app.assembled import CONFIG

# What a rule says nothing without, and values of parameters for which no other follows from
# the default.
BASES: Mapping[str, Mapping[str, Any]] = {
    "expression": {"when": "failed > 3"},
    "outcome_rate": {"outcome": ["voicemail"]},
}
ONE_OF = {"outcome", "hangup", "disposition", "error", "sentiment"}
OTHERS: Mapping[str, Any] = {
    "at": "19:00",
    "budget": "7 USD",
    "by": "batch",
    "calls_per_day": 7,
    "compare": "siblings",
    "confidence": 0.95,
    "currency": "EUR",
    "direction": "below",
    "disposition": ["dnc"],
    "error": ["SIP *"],
    "finish_by": "18:00",
    "goal": ["sold"],
    "hangup": ["busy"],
    "hours": ["daily 10:00-18:00"],
    "least": "7 USD",
    "max_duration": "7h",
    "max_retries": 7,
    "opt_out": ["disposition=stop"],
    "outcome": ["busy"],
    "among": ["busy", "completed"],
    "per_completed": "7 USD",
    "per_hour": "7 USD",
    "recover": 0.11,
    "says": "{failed} of them",
    "sentiment": ["negative"],
    "severity_by_status": {"failed": "info"},
    "statuses": ["cancelled"],
    "when": "failed > 4",
}
PARAMETERS = [
    (name, key) for name, rule in sorted(rules.catalogue().items()) for key in parameters_of(rule)
]


def other(rule: type[Rule], key: str) -> Any:
    """A value that is not the default, as it is written in TOML."""
    if key in OTHERS:
        return OTHERS[key]
    default = parameters_of(rule)[key]
    if isinstance(default, timedelta):
        return f"{2 * default // timedelta(seconds=1)}s"
    if isinstance(default, bool):
        return not default
    return default + 1 if isinstance(default, int) else default * 0.75


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {toml(each)}' for name, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def table(rule: str, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What one instance's table says of the rule, and what it says with the key changed."""
    before = dict(BASES.get(rule, {}))
    after = {} if rule == "outcome_rate" and key in ONE_OF else dict(before)
    return before, after | {key: other(rules.catalogue()[rule], key)}


def written() -> str:
    """An instance for each parameter of each rule; an override of each with the same."""
    parts = []
    for rule, key in PARAMETERS:
        before, after = table(rule, key)
        for name, given in ((f"t_{rule}_{key}", after), (f"o_{rule}_{key}", before)):
            lines = [f"[rules.{name}]", f'rule = "{rule}"']
            parts += [*lines, *(f"{each} = {toml(value)}" for each, value in given.items())]
        if set(before) <= set(after):
            parts += [f"[[rules.o_{rule}_{key}.override]]", 'match = ["batch_name=VIP"]']
            parts += [f"{each} = {toml(value)}" for each, value in after.items()]
    return "\n".join(parts)


def differing(one: Rule, two: Rule) -> set[str]:
    """The parameters in which they differ."""
    names = (each.name for each in dataclasses.fields(one))
    return {each for each in names if getattr(one, each) != getattr(two, each)}


def check(instances: Mapping[str, RuleInstance]) -> None:
    """Each instance differs from the rule's defaults in its one parameter, and in no other."""
    for rule, key in PARAMETERS:
        usual = instances[f"o_{rule}_{key}"]
        given = instances[f"t_{rule}_{key}"].settings.rule
        expected = {key, "outcome"} if rule == "outcome_rate" and key in ONE_OF else {key}
        assert differing(usual.settings.rule, given) == expected, (rule, key)
        plain = other(rules.catalogue()[rule], key)
        if isinstance(plain, int | float):
            assert getattr(given, key) == plain, (rule, key)
        if usual.overrides:
            for_vips = usual.settings_for({"batch_name": "VIP"})
            assert for_vips is not None
            assert for_vips.rule == given, (rule, key)
            assert usual.settings_for({"batch_name": "June"}) is usual.settings


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[_Daemon]:
    """A daemon that reads this file; what it would ask is not there."""
    daemon = _Daemon(load(path, environ={}), path, SystemClock())
    work = asyncio.create_task(daemon.run())
    try:
        async with asyncio.timeout(20):
            while not hasattr(daemon, "_runtime"):  # noqa: ASYNC110 - it tells nobody that it began
                await asyncio.sleep(0.01)
        yield daemon
    finally:
        daemon._stop.set()
        await work


async def context_after(daemon: _Daemon, before: Context) -> Context:
    """That of the next configuration."""
    async with asyncio.timeout(20):
        while daemon._runtime.judge.context is before:  # noqa: ASYNC110 - nor of a reload
            await asyncio.sleep(0.01)
    return daemon._runtime.judge.context


def by_name(context: Context) -> dict[str, RuleInstance]:
    return {each.name: each for each in context.instances}


async def test_every_parameter_of_every_rule_counts_when_the_file_is_saved_or_by_a_signal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    quiet = CONFIG + '[web]\nlisten = "127.0.0.1:0"\n'
    path.write_text(quiet)
    path.chmod(0o600)
    async with running(path) as daemon:
        first = daemon._runtime.judge.context
        path.write_text(quiet + written())

        saved = await context_after(daemon, first)
        check(by_name(saved))
        assert saved.people is first.people

        path.write_text(f"{quiet}[rules.error_spike]\nthreshold = 0.2\n")
        os.kill(os.getpid(), signal.SIGHUP)
        signalled = await context_after(daemon, saved)
        spike: Any = by_name(signalled)["error_spike"].settings.rule
        assert spike.threshold == 0.2
        assert not any(name.startswith("t_") for name in by_name(signalled))
        assert signalled.people is first.people


# For each rule that has a story in which it fires: a table with which it would not, or not so.
OTHERWISE: Mapping[str, Mapping[str, Any]] = {
    "agent_broken": {"shorter_than": "1s"},
    "answer_rate_drop": {"threshold": 0.01},
    "balance_low": {"least": "5 USD"},
    "batch_completed": {"confirm_after": "1h"},
    "batch_failed": {"severity_by_status": {"failed": "info"}, "undialled": 0.9},
    "batch_not_started": {"after": "2h"},
    "batch_overdue": {"finish_by": "23:00"},
    "batch_paused": {"after": "5h"},
    "batch_stalled": {"idle": "5h"},
    "batch_vanished": {"lasting": "5h"},
    "call_stuck": {"longest": "5h"},
    "called_after_opt_out": {"opt_out": ["disposition=stop"]},
    "cost_overrun": {"budget": "500 USD"},
    "duplicate_contact": {"min_people": 50, "share": 0.9},
    "error_spike": {"threshold": 0.9},
    "expression": {"when": "failed_share > 0.9"},
    "lines_idle": {"busy": 0.1},
    "never_dialled": {"min_contacts": 50, "share": 0.9},
    "outcome_rate": {"threshold": 0.95},
    "outside_calling_hours": {"hours": ["daily 00:00-24:00"]},
    "pace_drop": {"keeps": 0.01},
    "provider_blind": {"critical_after": "5h"},
    "retries_exhausted": {"share": 0.99, "early": 0},
    "retry_drift": {"earlier": "5h"},
    "stalled_retries": {"overdue": "5h"},
    "too_many_attempts": {"max_attempts": 40, "min_gap": "0s", "after_success": "0s"},
    "too_many_retries": {"max_retries": 9},
    "transfers_failing": {"threshold": 0.95},
}
CASES = Path(__file__).with_name("cases")


@pytest.fixture(scope="module")
def played() -> Iterator[Runner]:
    with runner() as made:
        yield made


def tuned(path: Path, test: Story, name: str, keys: Mapping[str, Any]) -> tuple[RuleInstance, ...]:
    """The instance as the file's own configuration has it with other keys."""
    values = tomllib.loads(path.read_text())
    tables = values.setdefault("rules", {})
    tables[name] = {**tables.get(name, {}), **keys}
    vendor = values["test"][0].get("vendor", values.get("vendor"))
    config = own_config(Document(str(path), values, {}), vendor)
    context = context_to_read(config, test.origin.start)
    return tuple(each for each in context.instances if each.name == name)


def said(opinions: Iterator[tuple[frozenset[str], Opinion]], name: str) -> list[tuple[str, Any]]:
    """What the instance says of whom it holds, and how grave it is."""
    return [
        (min(who), each.verdict.finding.severity)
        for who, each in opinions
        if each.instance.name == name and isinstance(each.verdict, Holds)
    ]


@pytest.mark.parametrize("rule", OTHERWISE)
def test_a_changed_limit_is_judged_by_at_once_and_what_was_remembered_is_no_hindrance(
    rule: str, played: Runner
) -> None:
    path = CASES / f"{rule}.toml"
    test = read_tests(path, None)[0]
    name = next(each.name for each in test.config.rules if each.settings.rule.id == rule)
    context = played._context(test)
    after = replace(
        context, instances=tuned(path, test, name, OTHERWISE[rule]), calls=type(context.calls)()
    )
    moments = {at for each in test.expected for at in (each.when.start, each.when.last)}
    with played._engine.connect() as conn:
        for now, watch in course(conn, context, test, Played()):
            if not any(now <= at < now + test.tick for at in moments):
                continue
            before = said(watch.opinions(now), name)
            if before and said(watch.opinions(now, after), name) != before:
                assert said(watch.opinions(now), name) == before
                return
    pytest.fail(f"{rule} says the same with {OTHERWISE[rule]}")


def test_the_day_is_reported_at_another_time(played: Runner) -> None:
    path = CASES / "daily_report.toml"
    test = read_tests(path, None)[0]
    context = played._context(test)
    later = tuned(path, test, "daily_report", {"at": "23:00"})
    reports = []
    for instances in (context.instances, later):
        with played._engine.connect() as conn:
            of = replace(context, instances=instances)
            reports.append(len(play(conn, of, test, ()).transitions))

    assert reports == [1, 0]
