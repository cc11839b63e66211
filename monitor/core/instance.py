"""A rule as one configuration runs it: parameters, matchers, timing, overrides."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.core.alert import Timing
from monitor.core.route import Matcher, all_match
from monitor.core.rule import Rule, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for the subjects that one set of matchers selects."""

    rule: Rule
    severity: Severity
    timing: Timing = field(default_factory=Timing)
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInstance:
    """One ``[rules.<name>]`` table, or a rule that runs because no table turns it off.

    ``overrides`` are tried in order, the first that matches wins; identity never depends on
    which one did, so it is still one alert.
    """

    name: str
    settings: Settings
    match: tuple[Matcher, ...] = ()
    overrides: tuple[tuple[tuple[Matcher, ...], Settings], ...] = ()

    def settings_for(self, labels: Mapping[str, str]) -> Settings | None:
        """What to run for a subject with these labels; None when it is none of its business."""
        if self.match and not all_match(self.match, labels):
            return None
        for match, settings in self.overrides:
            if all_match(match, labels):
                return settings
        return self.settings
