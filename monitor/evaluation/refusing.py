"""Which calls are opt-outs by the rules that are configured: retention keeps these."""

from collections.abc import Sequence
from functools import partial

from monitor.core.instance import RuleInstance
from monitor.core.limits import OptOuts
from monitor.evaluation.placing import refusal
from monitor.store.retention import Refusal
from rules.called_after_opt_out import CalledAfterOptOut


def refusals(instances: Sequence[RuleInstance]) -> Refusal | None:
    """What finds a person's opt-out by any instance and override; None where nothing asks."""
    settings = [
        each
        for instance in instances
        for each in (instance.settings, *(settings for _, settings in instance.overrides))
    ]
    checks = {
        OptOuts(each.rule.opt_out) for each in settings if isinstance(each.rule, CalledAfterOptOut)
    }
    return partial(refusal, sorted(checks, key=lambda check: check.matchers)) if checks else None
