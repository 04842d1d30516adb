"""Who of those that are due may be written to now: ramps, and the interlocks on raising power.

Lowering power waits for its ramp alone, and in an emergency not even for that. Raising it also asks whether the container
overheats or is not seen well enough, and whether it, its feed and what they were let rise to before stay within limits.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import msgspec
import structlog

from controller.desk import Desk
from controller.model import SYSTEM
from controller.powers import change_w, expected_w, nominal_w, present_w, raises, told_w
from controller.ramps import History, Pending, Taken, allowed, slowed
from controller.safety import (
    Drawn,
    over_container_limit,
    over_feed_limit,
    raise_refused,
    raise_refused_for,
    together,
)
from controller.steps import Steps
from controller.watched import Watched
from miners.actions import Locate, Reboot, Sleep
from miners.inventory.fleet import Container, Ramp
from miners.model import Reading

_log = structlog.get_logger(__name__)

FEED_RAMP: Final = Ramp(batch=1_000_000)
"""Of a feed that says nothing: power steps as in a container, and how many miners is the containers' business."""

AGAIN_S: Final = 10.0
"""How long after an interlock has stopped a raise it is looked at again."""

LONGEST_RAMP_S: Final = 3600.0
"""For so long it may count that an emergency has let somebody through."""

KEPT_S: Final = 1.0
"""How long what was found of a container holds, on the clock."""

_ANY_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Handed to the interlocks as the present: whether a reading is fresh has been told by our own clock before."""


class Releasing:
    """Holds who is due, and lets through who may go."""

    def __init__(self, desk: Desk, steps: Steps) -> None:
        """See Desk."""
        self._desk, self._steps = desk, steps
        self._ready: dict[str, dict[str, Watched]] = {}
        self._rush: dict[str, Watched] = {}
        self._rushed: list[Taken] = []
        self._history = History()
        self._found: dict[str, tuple[float, str | None]] = {}
        self._stopped: dict[str, str] = {}

    @property
    def waiting(self) -> int:
        """How many miners are due and not let through yet."""
        return len(self._rush) + sum(map(len, self._ready.values()))

    def add(self, watched: Watched) -> None:
        """Have a miner let through when it may be."""
        if self._pending(watched).waits_for_nothing:
            self.drop(watched)
            self._rush[watched.id] = watched
        else:
            self._rush.pop(watched.id, None)
            self._ready.setdefault(watched.container.id, {}).setdefault(watched.id, watched)

    def clear(self) -> None:
        """Let all go: the inventory has changed, and everybody is judged anew."""
        self._rush.clear()
        self._ready.clear()

    def drop(self, watched: Watched) -> None:
        """Let a miner go that is not due any more."""
        self._rush.pop(watched.id, None)
        queue = self._ready.get(watched.container.id)
        if queue is not None:
            queue.pop(watched.id, None)

    def release(self, most: int) -> tuple[list[Watched], float | None]:
        """Return miners that may be written to now, and when to ask again (clock's seconds; None: when one is due).

        `most`: how many are wanted. With more containers than that it may be one of each.
        """
        self._ready = {id_: queue for id_, queue in self._ready.items() if queue}
        if most <= 0 or not (self._ready or self._rush):
            return [], None
        now = self._desk.clock.now()
        released: list[Watched] = []
        for watched in list(islice(self._rush.values(), most)):
            change = self._sound(watched)
            if change is None:
                continue
            released.append(watched)
            self._rushed.append(Taken(now, change.container, change.feed, change.size_w))
        again_at = None
        if len(released) < most and self._ready:
            more, again_at = self._ramped(most - len(released), now)
            released += more
        for watched in released:
            self.drop(watched)
            watched.committed_w, watched.interlock = self._expected(watched) or 0.0, None
        return released, now if released and self.waiting else again_at

    def _ramped(self, most: int, now: float) -> tuple[list[Watched], float | None]:
        """Return who may go by the ramps, some of each container, and when more may."""
        share = max(most // len(self._ready), 1)
        waiting: list[Pending] = []
        offered: dict[str, Watched] = {}
        committed: dict[str, float] = {}
        for queue in tuple(self._ready.values()):
            for watched in list(islice(queue.values(), share)):
                change = self._sound(watched)
                if change is None:
                    continue
                rises = change.up and self._raises(watched)
                against = self._against_raise(watched, committed) if rises else None
                if against is not None:
                    self._hold_back(watched, against, now)
                    continue
                waiting.append(change)
                offered[watched.id] = watched
        history, self._rushed = self._history, [one for one in self._rushed if one.at > now - LONGEST_RAMP_S]
        if self._rushed:
            history = msgspec.structs.replace(history, taken=(*history.taken, *self._rushed))
            self._rushed = []
        found = allowed(waiting, history, self._ramps(), self._feed_ramps(), now)
        self._history = found.history
        if not waiting and self.waiting:
            return [], now
        return [offered[change.miner] for change in found.now], found.look_again_at

    def objection(self, watched: Watched) -> str | None:
        """Return why a miner that was let through must not be told after all: raising power has been stopped since."""
        if not self._raises(watched):
            return None
        return self._seen_well(watched)

    async def limits_exceeded(self, profiles: Mapping[str, str]) -> str | None:
        """Return which limit would be exceeded were these miners (ids) ordered to these profiles, None if none."""
        roster = self._desk.roster
        met = {watched.container.id for id_ in profiles if (watched := roster.get(id_)) is not None}
        containers = [one for id_, one in roster.containers.items() if id_ in met]
        for container in containers:
            if container.power_limit_w is not None:
                miners = roster.of_container(container.id)
                against = over_container_limit(
                    container, self._ordered(miners, profiles), self._drawn(miners)
                )
                if against is not None:
                    return against
                await asyncio.sleep(0)
        for name in {one.feed for one in containers if one.feed is not None}:
            feed = self._desk.inventory.feeds.get(name)
            if feed is not None and feed.power_limit_w is not None:
                all_there = list(self._of_feed(name))
                against = over_feed_limit(feed, self._ordered(all_there, profiles), self._drawn(all_there))
                if against is not None:
                    return against
                await asyncio.sleep(0)
        return None

    def _sound(self, watched: Watched) -> Pending | None:
        """Return what waits of a miner; None, and it is let go, where we stumble over it: others must have their turn."""
        try:
            return self._pending(watched)
        except Exception:  # noqa: BLE001  # a mistake of ours, whatever it is
            _log.exception("a miner could not be released", miner=watched.id)
            self.drop(watched)
            return None

    def _pending(self, watched: Watched) -> Pending:
        container = watched.container
        change: float | None
        if watched.errand is None:
            change = self._change(watched)
            up = self._raises(watched)
        else:
            action = watched.errand.action
            change = 0.0 if isinstance(action, Locate) else None
            up = not isinstance(action, Sleep | Locate)
        return Pending(
            miner=watched.id,
            container=container.id,
            feed=container.feed,
            change_w=change,
            up=up,
            emergency=watched.emergency and watched.errand is None,
        )

    def _raises(self, watched: Watched) -> bool:
        """Return whether what is due may make a miner draw more than it does."""
        if watched.errand is not None:
            return not isinstance(watched.errand.action, Sleep | Locate | Reboot)
        known = watched.known
        return watched.step is not None and raises(watched.step, known.miner, known.snapshot, watched.record)

    def _change(self, watched: Watched) -> float:
        """Return by how much power steps: one whose mining begins anew draws almost nothing for some minutes."""
        known, ability = watched.known, watched.judgement.ability
        if watched.step is None:
            return 0.0
        change = change_w(watched.step, known.miner, known.snapshot, watched.record)
        if ability is not None and ability.restarts_mining:
            return max(abs(change), self._drawn_by(watched) or 0.0)
        return change

    def _expected(self, watched: Watched) -> float | None:
        known = watched.known
        if watched.errand is not None:
            return told_w(watched.errand.action, nominal_w(known.miner, known.snapshot, watched.record))
        if watched.step is None or watched.step.problem is not None:
            return None
        return expected_w(watched.step, nominal_w(known.miner, known.snapshot, watched.record))

    def _seen_well(self, watched: Watched) -> str | None:
        """Return why nothing is raised in a miner's container, or at the miner: too hot, or not seen well enough."""
        container = watched.container
        return raise_refused_for(container, self._fresh(watched), _ANY_TIME) or self._kept(
            f"seen {container.id}",
            lambda: raise_refused(
                container,
                [
                    self._fresh(one)
                    for one in self._desk.roster.of_container(container.id)
                    if one.known.miner.active
                ],
                _ANY_TIME,
            ),
        )

    def _against_raise(self, watched: Watched, committed: dict[str, float]) -> str | None:
        """Return why a miner must not draw more now, None if it may.

        `committed`: what each container and feed with a limit draws or was let rise to, W, with what may rise now; filled
        in as it is asked for, once for all that are due together.
        """
        container = watched.container
        against = self._seen_well(watched) or self._kept(
            f"target {container.id}", lambda: self._target_over_limit(container)
        )
        if against is not None:
            return against
        rise = max((self._expected(watched) or 0.0) - self._committed(watched), 0.0)
        after: dict[str, float] = {}
        if container.power_limit_w is not None:
            name = f"container {container.id}"
            if name not in committed:
                committed[name] = self._committed_by(self._desk.roster.of_container(container.id))
            after[name] = committed[name] + rise
            against = over_container_limit(container, Drawn(after[name]))
        feed = self._desk.inventory.feeds.get(container.feed or "")
        if against is None and feed is not None and feed.power_limit_w is not None:
            name = f"feed {feed.name}"
            if name not in committed:
                committed[name] = self._committed_by(self._of_feed(feed.name))
            after[name] = committed[name] + rise
            against = over_feed_limit(feed, Drawn(after[name]))
        if against is None:
            committed.update(after)
        return against

    def _target_over_limit(self, container: Container) -> str | None:
        """Return why the orders of a container, or of all on its feed, come to too much altogether."""
        roster = self._desk.roster
        if container.power_limit_w is not None:
            against = over_container_limit(container, self._ordered(roster.of_container(container.id), {}))
            if against is not None:
                return against
        feed = self._desk.inventory.feeds.get(container.feed or "")
        if feed is None or feed.power_limit_w is None:
            return None
        return over_feed_limit(feed, self._ordered(self._of_feed(feed.name), {}))

    def _of_feed(self, name: str) -> Iterable[Watched]:
        roster = self._desk.roster
        for container in roster.containers.values():
            if container.feed == name:
                yield from roster.of_container(container.id)

    def _ordered(self, miners: Iterable[Watched], profiles: Mapping[str, str]) -> Drawn:
        """Return what miners would draw under their orders, or under these profiles in their place."""
        powers: list[float | None] = []
        for watched in miners:
            if not watched.known.miner.active:
                continue
            profile = profiles.get(watched.id, watched.wanted.profile)
            step, _writer = self._steps.of(self._desk.inventory, watched, profile)
            expected = None
            if step is not None and step.problem is None:
                expected = expected_w(
                    step, nominal_w(watched.known.miner, watched.known.snapshot, watched.record)
                )
            powers.append(expected if expected is not None else self._drawn_by(watched))
        return together(powers)

    def _drawn(self, miners: Iterable[Watched]) -> Drawn:
        return together(self._drawn_by(one) for one in miners if one.known.miner.active)

    def _drawn_by(self, watched: Watched) -> float | None:
        known = watched.known
        present = present_w(known.miner, known.snapshot, watched.record)
        return present if present is not None else nominal_w(known.miner, known.snapshot, watched.record)

    def _committed_by(self, miners: Iterable[Watched]) -> float:
        return sum(self._committed(one) for one in miners if one.known.miner.active)

    def _committed(self, watched: Watched) -> float:
        """Return what a miner draws, or was let rise to and may not show yet."""
        drawn = self._drawn_by(watched) or 0.0
        if watched.task is not None or watched.record.applied_profile == watched.wanted.profile:
            return max(drawn, watched.committed_w)
        return drawn

    def _fresh(self, watched: Watched) -> Reading | None:
        known = watched.known
        return None if self._desk.live.is_stale(known) else known.reading

    def _kept(self, name: str, find: Callable[[], str | None]) -> str | None:
        """Return what was found a moment ago, or find it anew, and tell when it begins and ends."""
        now = self._desk.clock.now()
        found = self._found.get(name)
        if found is None or not found[0] <= now < found[0] + KEPT_S:
            found = self._found[name] = (now, find())
            self._tell(name, found[1])
        return found[1]

    def _tell(self, name: str, against: str | None) -> None:
        container = self._desk.roster.containers.get(name.partition(" ")[2])
        before = self._stopped.get(name)
        if (before is None) == (against is None):
            return
        kind = "interlock.begun" if against is not None else "interlock.ended"
        self._desk.tell(
            "state",
            kind,
            SYSTEM,
            container=container,
            params={"detail": against if against is not None else before},
        )
        if against is None:
            del self._stopped[name]
        else:
            self._stopped[name] = against

    def _hold_back(self, watched: Watched, against: str, now: float) -> None:
        self.drop(watched)
        if watched.errand is None:
            watched.not_before_s, watched.interlock = now + AGAIN_S, against
            self._desk.operations.mark(watched.operation_id, watched.id, "waiting", detail=against)
        else:  # a deed without an intention does not wait for better times
            self._desk.operations.mark(watched.errand.operation_id, watched.id, "skipped", detail=against)
            watched.errand = None
        self._desk.look((watched,))

    def _ramps(self) -> dict[str, Ramp]:
        """Return the ramp of each container, slowed by the operations that run there.

        Of all, for what has stepped in a container where nobody is due now still counts when the next one is.
        """
        ramps = {id_: container.ramp for id_, container in self._desk.roster.containers.items()}
        for running in self._desk.operations.all():
            stagger = running.operation.stagger
            if stagger is None:
                continue
            for id_, ramp in tuple(ramps.items()):
                miners = running.miners_of(id_)
                if miners:
                    ramps[id_] = slowed(ramp, over_s=stagger.over_s, batch=stagger.batch, miners=miners)
        return ramps

    def _feed_ramps(self) -> dict[str, Ramp]:
        return {name: feed.ramp or FEED_RAMP for name, feed in self._desk.inventory.feeds.items()}
