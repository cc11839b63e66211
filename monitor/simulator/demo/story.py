"""What happens in the demo, and how the daemon is configured to see it within a minute.

The spans are those of a real day made short: calls last a second instead of minutes, windows
are seconds wide. Nothing else is different from a daemon in production.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import Template

from monitor.simulator.script import End, ErrorBurst, Incident, Mix, Plan, RetriesStall
from monitor.simulator.world import RunningBatch, World

GRAINE_KEY = "gat_simulated"
BLAND_KEY = "sk-simulated"
CHANNEL = "calls-ops"
BOT_CHANNEL = "calls-bot"
SEED = 20

# The last thing that is scripted happens before this, counted from the beginning.
STORY_S = 42.0
# By then everything must have been told.
DEADLINE_S = 80.0
# After everything was told: a double would come now.
QUIET_S = 4.0
SETTLE_S = 4.0

LONG_LIST = Plan(
    name="Renewals May",
    contacts=1200,
    concurrency=10,
    pace=0.12,
    ring=(0.2, 0.5),
    talk=(0.5, 1.2),
    mix=Mix(no_answer=0.15, busy=0.05, failed=0.03),
)
LADDER = Plan(
    name="Lapsed policies",
    contacts=60,
    concurrency=8,
    pace=0.15,
    ring=(0.2, 0.5),
    talk=(0.5, 1.2),
    mix=Mix(no_answer=0.8, busy=0.05, failed=0.0),
    max_retries=40,
    cooldown=6.0,
)
SHORT_LIST = Plan(
    name="Welcome calls",
    contacts=40,
    concurrency=4,
    pace=0.5,
    ring=(0.2, 0.5),
    talk=(0.5, 1.2),
    mix=Mix(no_answer=0.15, busy=0.05, failed=0.0),
    details_after=3.0,
    max_retries=1,
    cooldown=2.0,
)
SURVEY = Plan(
    name="Customer survey",
    contacts=150,
    concurrency=4,
    pace=0.3,
    ring=(0.2, 0.5),
    talk=(0.5, 1.2),
    mix=Mix(no_answer=0.15, voicemail=0.2, failed=0.02),
    from_numbers=3,
)
FOLLOW_UP = Plan(
    name="Delivery follow-up",
    contacts=70,
    concurrency=4,
    pace=0.5,
    ring=(0.2, 0.5),
    talk=(0.5, 1.2),
    mix=Mix(no_answer=0.15, voicemail=0.1, failed=0.02),
    legacy=True,
)
BLOCKED = "carrier_blocked_608"


@dataclass(frozen=True, slots=True)
class Scene:
    """One batch of the demo, and what befalls it."""

    batch: RunningBatch
    incidents: tuple[Incident, ...] = ()


class Story:
    """The world of the demo. Its batches stand open, and nobody is dialled before ``begin``."""

    def __init__(self, now: datetime) -> None:
        self.world = World(SEED, now)
        self.renewals = self.world.account("renewals", "graine", GRAINE_KEY)
        self.surveys = self.world.account("surveys", "bland", BLAND_KEY)
        burst = ErrorBurst(after=8.0, lasts=9.0, share=0.8, error=BLOCKED)
        source = "Entry #7 did not have a phone number."
        failure = End(after=22.0, code="source_invalid", reason=source)
        self.scenes = (
            Scene(self.renewals.open(LONG_LIST, held=True), (burst,)),
            Scene(self.renewals.open(LADDER, held=True), (RetriesStall(after=4.0, lasts=26.0),)),
            Scene(self.renewals.open(SHORT_LIST, held=True)),
            Scene(self.surveys.open(SURVEY, held=True), (failure,)),
            Scene(self.surveys.open(FOLLOW_UP, held=True)),
        )
        self.began: float | None = None

    @property
    def legacy(self) -> RunningBatch:
        """The batch that no list shows, so that its id must be configured."""
        return self.scenes[-1].batch

    def begin(self, now: datetime) -> None:
        """Dialling starts, and the incidents' times count from here."""
        self.world.advance(now)
        self.began = now.timestamp()
        for scene in self.scenes:
            for incident in scene.incidents:
                scene.batch.script(incident)
            scene.batch.let_go()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the simulated services listen."""

    graine: str
    bland: str
    slack: str
    hook: str
    smtp_port: int


def config_text(data_dir: Path, at: Addresses, legacy: str) -> str:
    """The daemon's configuration: the real keys, with short times."""
    return CONFIG.substitute(
        data_dir=data_dir.as_posix(),
        graine=at.graine,
        graine_key=GRAINE_KEY,
        bland=at.bland,
        bland_key=BLAND_KEY,
        slack=at.slack,
        hook=at.hook,
        bot_channel=BOT_CHANNEL,
        smtp_port=at.smtp_port,
        legacy=legacy,
        settle=f"{SETTLE_S:.0f}",
    )


CONFIG = Template("""\
# Written by the demo. The times are short so that a day fits into a minute.
[monitor]
data_dir = "$data_dir"
timezone = "UTC"
hash_key = "the demo has nothing to hide"
log = "json"

[web]
listen = "127.0.0.1:0"

[providers.renewals]
vendor = "graine"
api_key = "$graine_key"
base_url = "$graine/api/v1"
poll_every = "1s"
discover_every = "3s"

[providers.surveys]
vendor = "bland"
api_key = "$bland_key"
base_url = "$bland"
poll_every = "1s"
discover_every = "3s"
batches = ["$legacy"]  # of the first generation: no list shows it
rates = { minute = "0.09 USD" }

[receivers.ops]
kind = "slack"
webhook_url = "$hook"

[receivers.ops_bot]
kind = "slack"
bot_token = "xoxb-simulated"
channel = "$bot_channel"
api_url = "$slack/api"

[receivers.oncall]
kind = "email"
smtp_url = "smtp+plain://127.0.0.1:$smtp_port"
from = "offhook@example.com"
to = ["oncall@example.com"]

[[routes]]
match = ["severity=critical"]
receivers = ["ops", "ops_bot", "oncall"]
group_wait = "0s"
group_interval = "1s"

[[routes]]
receivers = ["ops", "ops_bot"]
group_wait = "0s"
group_interval = "1s"

[rules.error_spike]
window = "12s"
min_calls = 15
for = "1s"

[rules.stalled_retries]
overdue = "5s"
min_contacts = 3

[rules.batch_completed]
confirm_after = "2s"
settle_after = "${settle}s"
""")
