"""What happens in the demo, and how the daemon is configured to see it within a minute.

The spans are those of a real day made short: calls last a second instead of minutes, windows
are seconds wide. Nothing else is different from a daemon in production.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import Template

from monitor.simulator.answers import Manners
from monitor.simulator.demo.courier import SECRET
from monitor.simulator.demo.verdict import first_message
from monitor.simulator.script import (
    DialStop,
    End,
    ErrorBurst,
    Incident,
    Mix,
    Plan,
    RetriesStall,
)
from monitor.simulator.vendors import vendor_table
from monitor.simulator.world import RunningBatch, World

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
# Too long to end in a demo: Vogent shows calls under way on no list, so that its completion is
# told only once none can be left, ten minutes later at the earliest.
REMINDERS = Plan(
    name="Appointment reminders",
    contacts=400,
    starts_after=math.inf,  # until somebody starts it
    concurrency=4,
    pace=0.4,
    ring=(0.2, 0.5),
    talk=(0.5, 1.2),
    mix=Mix(no_answer=0.15, voicemail=0.1, failed=0.02),
)
FEEDBACK = Plan(
    name="Service feedback",
    contacts=45,
    concurrency=4,
    pace=0.5,
    ring=(0.2, 0.5),
    talk=(0.5, 1.2),
    mix=Mix(no_answer=0.15, failed=0.02),
)
# Svalync says that a batch is completed before its own numbers do.
MANNERS = {"feedback": Manners(counts_lag=4.0)}
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
        account = self.world.account
        renewals = account("renewals", "graine", "gat_simulated")
        surveys = account("surveys", "bland", "sk-simulated")
        reminders = account("reminders", "vogent", "vogent-simulated")
        feedback = account("feedback", "svalync", "svalync-simulated")
        burst = ErrorBurst(after=8.0, lasts=9.0, share=0.8, error=BLOCKED)
        source = "Entry #7 did not have a phone number."
        failure = End(after=22.0, code="source_invalid", reason=source)
        self.scenes = (
            Scene(renewals.open(LONG_LIST, held=True), (burst,)),
            Scene(renewals.open(LADDER, held=True), (RetriesStall(after=4.0, lasts=26.0),)),
            Scene(renewals.open(SHORT_LIST, held=True)),
            Scene(surveys.open(SURVEY, held=True), (failure,)),
            Scene(surveys.open(FOLLOW_UP, held=True)),
            Scene(reminders.open(REMINDERS, held=True), (DialStop(after=6.0, lasts=17.0),)),
            Scene(feedback.open(FEEDBACK, held=True)),
        )
        people = sum(scene.batch.plan.contacts for scene in self.scenes)
        self.first_message = first_message(now.timestamp(), len(self.scenes), people)
        self.began: float | None = None

    def begin(self, now: datetime) -> None:
        """Dialling starts, and the incidents' times count from here."""
        self.world.advance(now)
        self.began = now.timestamp()
        for scene in self.scenes:
            for incident in scene.incidents:
                scene.batch.script(incident)
            scene.batch.let_go()
            scene.batch.begin()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the simulated services listen."""

    vendors: Mapping[str, str]  # by the account's name
    slack: str
    hook: str
    smtp_port: int


def config_text(data_dir: Path, at: Addresses, world: World) -> str:
    """The daemon's configuration: the real keys, with short times."""
    tables = (
        vendor_table(account, at.vendors[name], *QUICK, *MORE.get(account.vendor, ()))
        for name, account in world.accounts.items()
    )
    return CONFIG.substitute(
        data_dir=data_dir.as_posix(),
        providers="\n".join(tables),
        slack=at.slack,
        hook=at.hook,
        bot_channel=BOT_CHANNEL,
        smtp_port=at.smtp_port,
        settle=f"{SETTLE_S:.0f}",
    )


QUICK = ('poll_every = "1s"', 'discover_every = "3s"')
# These two do not tell in their lists what a call costs; the first one sends webhooks.
RATES = 'rates = { minute = "0.09 USD" }'
MORE = {"bland": (RATES, f'webhook_secret = "{SECRET}"'), "vogent": (RATES,)}
TELLS = "surveys"  # the account that sends webhooks

CONFIG = Template("""\
# Written by the demo. The times are short so that a day fits into a minute.
[monitor]
data_dir = "$data_dir"
timezone = "UTC"
hash_key = "the demo has nothing to hide"
log = "json"

[web]
listen = "127.0.0.1:0"

$providers
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

[rules.agent_broken]
enabled = false

[rules.stalled_retries]
overdue = "5s"
min_contacts = 3

[rules.batch_stalled]
match = ["provider=reminders"]
idle = "4s"
gap_factor = 0

[rules.too_many_attempts]
max_attempts = 50

[rules.outside_calling_hours]
hours = ["daily 00:00-24:00"]

[rules.batch_completed]
confirm_after = "2s"
settle_after = "${settle}s"
""")
