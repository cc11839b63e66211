import ast
import inspect
from dataclasses import fields, is_dataclass
from datetime import UTC
from pathlib import Path

import pytest

import rules
from monitor.core.day import DayFacts
from monitor.core.facts import BatchFacts, Facts, ProviderFacts, SystemFacts
from monitor.core.model import BatchStatus
from monitor.core.rule import Clear, Holds, Rule, SubjectKind, Unknown
from tests.builders import (
    HOUR,
    NOON,
    make_batch,
    make_certainty,
    make_expectation_facts,
    make_facts,
    make_provider_facts,
)

FILES = sorted(path.stem for path in Path(rules.__path__[0]).glob("[!_]*.py"))
RULES = [pytest.param(rule, id=name) for name, rule in sorted(rules.catalogue().items())]
FACTS: dict[SubjectKind, Facts] = {
    SubjectKind.BATCH: make_facts(),
    SubjectKind.PROVIDER: make_provider_facts(),
    SubjectKind.SYSTEM: SystemFacts(now=NOON),
    SubjectKind.DAY: DayFacts(now=NOON, start=NOON - 24 * HOUR, end=NOON, zone=UTC),
    SubjectKind.EXPECTATION: make_expectation_facts(),
}
EXPECTED = {
    "agent_broken",
    "answer_rate_drop",
    "outcome_rate",
    "transfers_failing",
    "balance_low",
    "batch_completed",
    "batch_expected",
    "batch_failed",
    "batch_not_started",
    "batch_overdue",
    "batch_paused",
    "batch_reopened",
    "batch_stalled",
    "batch_vanished",
    "call_stuck",
    "called_after_opt_out",
    "cost_overrun",
    "count_mismatch",
    "daily_report",
    "duplicate_contact",
    "error_spike",
    "expression",
    "lines_idle",
    "never_dialled",
    "outside_calling_hours",
    "pace_drop",
    "provider_blind",
    "retries_exhausted",
    "retry_drift",
    "self_batch_unread",
    "self_clock_jumped",
    "self_clock_skewed",
    "self_config_rejected",
    "self_delivery_failed",
    "self_given_up",
    "self_list_unread",
    "self_rule_failed",
    "self_unknown_status",
    "self_watching",
    "self_webhook_rejected",
    "self_webhook_silent",
    "stalled_retries",
    "too_many_attempts",
    "too_many_retries",
}


def catalogue_of(kind: SubjectKind) -> list[type[Rule]]:
    return [rule for _, rule in sorted(rules.catalogue().items()) if rule.subject is kind]


def source(rule: type[Rule]) -> Path:
    return Path(inspect.getfile(rule))


def test_every_file_is_one_rule_of_its_name() -> None:
    assert sorted(rules.catalogue()) == FILES
    assert set(FILES) == EXPECTED


@pytest.mark.parametrize("rule", RULES)
def test_its_id_is_its_files_name_and_its_class_is_called_after_it(rule: type[Rule]) -> None:
    assert source(rule).stem == rule.id
    assert rule.__name__ == "".join(word.capitalize() for word in rule.id.split("_"))


@pytest.mark.parametrize("rule", RULES)
def test_it_has_a_test_file_of_its_name(rule: type[Rule]) -> None:
    assert Path(__file__).with_name(f"test_{rule.id}.py").exists()


@pytest.mark.parametrize("rule", RULES)
def test_its_file_says_what_it_is_when_it_fires_and_what_to_do(rule: type[Rule]) -> None:
    said = inspect.getdoc(inspect.getmodule(rule)) or ""
    what, when, todo = said.split("\n\n")

    assert "\n" not in what
    assert what.endswith(".")
    assert "Fires when" in when or "Report" in when
    assert any(word in when for word in ("Not ", "not ", "nothing", "no "))
    assert todo.startswith("What to do: ")


@pytest.mark.parametrize("rule", RULES)
def test_it_is_a_frozen_value_that_runs_with_its_defaults(rule: type[Rule]) -> None:
    made = rule()

    assert is_dataclass(made)
    assert made == rule()
    assert isinstance(hash(made), int)
    with pytest.raises(AttributeError):
        made.anything = 1  # type: ignore[attr-defined]  # that is what must not work


@pytest.mark.parametrize("rule", RULES)
def test_its_parameters_say_their_type(rule: type[Rule]) -> None:
    assert all(field.type is not None and field.kw_only for field in fields(rule()))


@pytest.mark.parametrize("rule", RULES)
def test_it_imports_the_standard_library_and_the_core_only(rule: type[Rule]) -> None:
    known = {
        "monitor.core",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "functools",
        "typing",
    }
    tree = ast.parse(source(rule).read_text())
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert all(any(m == k or m.startswith(f"{k}.") for k in known) for m in modules)


@pytest.mark.parametrize("rule", RULES)
def test_its_code_is_short(rule: type[Rule]) -> None:
    text = source(rule).read_text()
    tree = ast.parse(text)
    aside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            aside.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            said = node.body[0]
            aside.update(range(said.lineno, (said.end_lineno or said.lineno) + 1))
    lines = enumerate(text.splitlines(), start=1)

    assert sum(1 for n, line in lines if line.strip() and n not in aside) <= 60


@pytest.mark.parametrize("rule", RULES)
def test_when_there_is_nothing_to_tell_it_does_not_hold(rule: type[Rule]) -> None:
    assert isinstance(rule().evaluate(FACTS[rule.subject]), Clear | Unknown)


@pytest.mark.parametrize("rule", RULES)
def test_it_refuses_facts_about_another_kind_of_subject(rule: type[Rule]) -> None:
    other = next(facts for kind, facts in FACTS.items() if kind is not rule.subject)

    with pytest.raises(TypeError, match=rule.id):
        rule().evaluate(other)


@pytest.mark.parametrize("status", [pytest.param(s, id=s) for s in BatchStatus])
@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, id=rule.id)
        for kind in (SubjectKind.BATCH, SubjectKind.PROVIDER, SubjectKind.SYSTEM)
        for rule in catalogue_of(kind)
    ],
)
def test_it_judges_whatever_little_is_known(rule: type[Rule], status: BatchStatus) -> None:
    bare: dict[SubjectKind, Facts] = {
        SubjectKind.BATCH: make_facts(
            batch=make_batch(status=status, name=None),
            certainty=make_certainty(swept_at=None, complete_at=None),
            first_seen_at=None,
            moved_at=None,
            vendor="",
        ),
        SubjectKind.PROVIDER: make_provider_facts(fresh_at=None, started_at=NOON),
        SubjectKind.SYSTEM: SystemFacts(now=NOON),
        SubjectKind.DAY: FACTS[SubjectKind.DAY],
        SubjectKind.EXPECTATION: make_expectation_facts(occurrence=None, usual=None),
    }

    assert isinstance(rule().evaluate(bare[rule.subject]), Holds | Clear | Unknown)


@pytest.mark.parametrize(
    "rule", [pytest.param(r, id=r.id) for r in catalogue_of(SubjectKind.BATCH)]
)
def test_it_says_nothing_of_a_batch_that_is_not_fresh(rule: type[Rule]) -> None:
    stale = make_facts(certainty=make_certainty(fresh=False), default_zone="Europe/Berlin")

    assert rule().evaluate(stale) == Unknown("no fresh answer since 14:00")


def test_the_facts_of_each_kind_are_told_apart() -> None:
    assert isinstance(FACTS[SubjectKind.BATCH], BatchFacts)
    assert isinstance(FACTS[SubjectKind.PROVIDER], ProviderFacts)
