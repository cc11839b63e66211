"""The question whether somebody is to hear of an alert now, and the shapes of its answers."""

from dataclasses import dataclass
from datetime import datetime

from monitor.core.alert import Alert, AlertState
from monitor.core.decision import Decision, Group, Home, Part, Told, Why
from monitor.core.digest import next_slot
from monitor.core.flapping import LASTING, next_telling
from monitor.core.held import Circumstances, opening, opens_at
from monitor.core.route import Digest, Receiver, Route
from monitor.core.rule import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The question: one alert, one receiver, now."""

    alert: Alert
    receiver: Receiver
    route: Route | None
    told: Told
    group: Group
    now: datetime
    around: Circumstances

    @property
    def digest(self) -> Digest | None:
        """The digest that it goes into."""
        return None if self.route is None or self.around.compliance else self.route.digest

    @property
    def flaps(self) -> bool:
        """Whether it comes and goes, and people know."""
        flap, fired = self.around.flap, self.alert.fired_at
        if flap is None or fired is None or self.around.compliance:
            return False
        if fired != flap.tipped_at:
            return fired > flap.tipped_at
        # The firing that made it flap is told as ever; that it is over is not.
        closed = self.alert.state is not AlertState.FIRING
        return closed and self.told.delivered and not self.told.waiting

    @property
    def closed_until(self) -> datetime | None:
        """Until when the route is closed; None when it is open."""
        if self.route is None or self.around.compliance:
            return None
        until = opens_at(self.route, self.now)
        return None if until is None or until <= self.now else until

    @property
    def edits(self) -> bool:
        """Whether what was told can be put right in its place, which calls nobody."""
        return self.receiver.amendable and self.told.delivered and not self.told.waiting

    def no(self, why: Why, detail: str = "", until: datetime | None = None) -> Decision:
        """Nothing is told."""
        return Decision(
            alert=self.alert.key,
            receiver=self.receiver.name,
            why=why,
            detail=detail,
            until=until,
        )

    def yes(
        self,
        why: Why,
        transition: str,
        *,
        due: datetime | None = None,
        home: Home = Home.GROUP,
        slot: datetime | None = None,
        repeat: int = 0,
    ) -> Decision:
        """It is told; what is loud calls people."""
        loud = why in {Why.ESCALATED, Why.UNHEARD} or (why is Why.FIRST and self._is_graver)
        return Decision(
            alert=self.alert.key,
            receiver=self.receiver.name,
            why=why,
            transition=transition,
            parts=self._parts(),
            due=max(due or self.now, self.now),
            home=home,
            slot=slot,
            repeat=repeat,
            loud=loud and home is not Home.DIGEST,
            untold=why is Why.SUMMARY and not self.told.delivered,
        )

    @property
    def _is_graver(self) -> bool:
        """Whether it makes its conversation graver than it was: what merely joins calls nobody.

        What the law asks for does, in whatever company, unless it is an estimate's warning.
        """
        if self.around.compliance and self.alert.severity is Severity.CRITICAL:
            return True
        heaviest = self.group.severity if self.group.rooted else None
        return heaviest is None or self.alert.severity.weight > heaviest.weight

    def edit(self, why: Why, transition: str) -> Decision:
        """What stands is changed in its place."""
        return Decision(
            alert=self.alert.key,
            receiver=self.receiver.name,
            why=why,
            transition=transition,
            parts=(Part.ROOT,) if self.receiver.edits else (Part.MESSAGE,),
            due=self.now,
            home=Home.STANDING,
        )

    def in_time(self, why: Why, transition: str, due: datetime, *, repeat: int = 0) -> Decision:
        """Told when the digest or the hour comes, if there is one to wait for; else at ``due``."""
        if self.digest is not None:
            slot = opening(self.route, next_slot(self.digest, self.now))
            return self.yes(why, transition, due=slot, home=Home.DIGEST, slot=slot, repeat=repeat)
        if self.flaps and why in {Why.FIRST, Why.SUMMARY, Why.RESOLVED}:
            slot = next_telling(self.now)
            lasting = (self.alert.fired_at or self.now) + LASTING
            due = min(slot, lasting) if why is Why.FIRST else slot
            return self.yes(why, transition, due=self._open(due), home=Home.FLAP, slot=slot)
        return self.yes(why, transition, due=self._open(due), repeat=repeat)

    def _open(self, due: datetime) -> datetime:
        """When the route is open; what would wait into a mute goes before it."""
        if self.around.compliance or opening(self.route, due) == due:
            return due
        return opening(self.route, self.now)

    def _parts(self) -> tuple[Part, ...]:
        if not self.receiver.edits:
            return (Part.MESSAGE,)
        return (Part.ROOT, Part.THREAD) if self.group.rooted else (Part.ROOT,)
