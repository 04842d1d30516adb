"""Keeping at it: who has to be looked at now, what is judged of him, and who is written to.

A miner is looked at when something about it has changed (a reading, an order, a mark, the end of a command) and when the
last judgement said so; nothing goes round over all miners. Long work is cut into pieces with the event loop's turn in
between.
"""

import asyncio
import heapq
from collections.abc import Iterable
from typing import Final

import structlog

from controller.desk import Desk
from controller.doubting import Doubting
from controller.model import SCHEDULE, Actor
from controller.ordering import Ordering
from controller.outcomes import Outcomes
from controller.presets import Presets
from controller.readings import STALE_INTERVALS
from controller.reconcile import (
    LONG_S,
    LOOK_AGAIN_S,
    Judgement,
    Situation,
    judge,
    restarts_spent,
    standing_against,
    within_reach,
)
from controller.releasing import Releasing
from controller.sending import Apply, Finished, Order, Sender
from controller.steps import Steps, needs_presets
from controller.storage.faults import StorageAway
from controller.watched import Watched
from controller.wording import worded
from miners.actions import Action
from miners.model import Snapshot

A_PIECE: Final = 100
"""Miners judged without the event loop's turn in between."""

LONGEST_NAP_S: Final = 5.0
"""So seldom at least everything that goes by the clock is looked at: it may have been set."""

AGAIN_S: Final = 1.0
"""On the wall, after a turn that failed."""

_log = structlog.get_logger(__name__)


class Reconciler:
    """Takes its turns. `last_turn_at`: when the last ended (clock's seconds), None before the first."""

    def __init__(self, desk: Desk, apply: Apply) -> None:
        """`apply`: what writes to a miner."""
        self._desk = desk
        self.steps = Steps()
        self.outcomes = Outcomes(desk)
        self.doubting = Doubting(desk)
        self.sender = Sender(
            live=desk.live,
            recorder=desk.recorder,
            clock=desk.clock,
            apply=apply,
            counts=desk.counts,
            most_at_once=desk.settings.max_writes,
            gate=self._gate,
            on_state=self._under_way,
            done=self._done,
        )
        self.ordering = Ordering(desk, self.steps, self.sender)
        self.releasing = Releasing(desk, self.steps)
        self._presets = Presets(desk.clock, lambda watched: desk.look((watched,)))
        self._seen = 0
        self._heap: list[tuple[float, str]] = []
        self._look_at: dict[str, float] = {}
        self.last_turn_at: float | None = None

    async def run(self) -> None:
        """Take turns until cancelled."""
        follower = asyncio.create_task(self._follow_readings(), name="follow readings")
        try:
            while True:
                if follower.done():  # a mistake of ours: without it no reading would be looked at any more
                    _log.error("following the readings ended", exc_info=follower.exception())
                    follower = asyncio.create_task(self._follow_readings(), name="follow readings")
                try:
                    nap_s = await self._turn()
                except StorageAway:
                    await asyncio.sleep(AGAIN_S)
                except Exception:  # noqa: BLE001  # one mistake must not end the control of the fleet
                    _log.exception("a turn of the reconciler failed")
                    await asyncio.sleep(AGAIN_S)
                else:
                    await self._nap(nap_s)
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)

    async def close(self) -> None:
        """End what is under way."""
        await self._presets.close()
        await self.sender.close()

    async def _nap(self, seconds: float) -> None:
        """Wait until something has changed, or so many seconds of the clock have passed."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.ensure_future(self._desk.woken())
        slept = asyncio.ensure_future(self._desk.clock.sleep(min(seconds, LONGEST_NAP_S)))
        try:
            await asyncio.wait((woken, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()
            await asyncio.gather(woken, slept, return_exceptions=True)

    async def _follow_readings(self) -> None:
        """Have every miner looked at whose reading has changed."""
        live, desk = self._desk.live, self._desk
        while True:
            version = live.version
            changed = [
                watched
                for miner_id in live.changes_since(self._seen)
                if (watched := desk.roster.get(miner_id)) is not None
            ]
            self._seen = version
            if changed:
                desk.views.touch(changed)
                desk.look(changed)
            await live.changed(version, 60.0)

    async def _turn(self) -> float:
        """Do what is to be done now; return after how many seconds of the clock something is to be done again."""
        desk = self._desk
        if self.doubting.look():
            desk.look(desk.roster)
        if self.ordering.due():
            await self.ordering.work_out()
        now = desk.clock.now()
        while self._heap and self._heap[0][0] <= now:
            at, miner_id = heapq.heappop(self._heap)
            watched = desk.roster.get(miner_id)
            if self._look_at.get(miner_id) == at and watched is not None:
                desk.due[miner_id] = watched
        due, desk.due = desk.due, {}
        for at, watched in enumerate(due.values(), start=1):
            if desk.roster.get(watched.id) is watched:
                try:
                    self._judge(watched)
                except Exception:  # noqa: BLE001  # one miner that we stumble over must not keep the others from their turn
                    _log.exception("a miner could not be judged", miner=watched.id)
            if at % A_PIECE == 0:
                await asyncio.sleep(0)
        next_at = await self._release()
        self.last_turn_at = now = desk.clock.now()
        moments = [self._heap[0][0]] if self._heap else []
        moments += [] if next_at is None else [next_at]
        if self.ordering.next_moment is not None:
            moments.append(self.ordering.next_moment.timestamp())
        return min((at - now for at in moments), default=LONGEST_NAP_S)

    async def _release(self) -> float | None:
        """Write to whoever may be written to now; return when the next may be."""
        free = self.sender.free
        released, next_at = self.releasing.release(free)
        orders: list[Order] = []
        for watched in released:
            try:
                order = self._order(watched)
            except Exception:  # noqa: BLE001  # as above
                _log.exception("a miner could not be given its order", miner=watched.id)
                continue
            if order is not None:
                orders.append(order)
        self.sender.start(orders)
        return next_at

    def situation(self, watched: Watched) -> Situation:
        """Return all that the decision about a miner looks at, as it is now."""
        desk, known = self._desk, watched.known
        if isinstance(known.reading, Snapshot):
            self._presets.check(watched, known.reading)
        # Where the clock was set back since, the next reading is a fresh one.
        watched.settled_at = min(watched.settled_at, desk.clock.now())
        watched.step, writer = self.steps.of(desk.inventory, watched, watched.wanted.profile)
        return Situation(
            now=desk.clock.now(),
            container=known.container,
            miner=known.miner,
            wanted=watched.wanted,
            step=watched.step,
            writer=writer,
            reading=known.reading,
            snapshot=known.snapshot,
            read_at=known.read_at,
            stale=desk.live.is_stale(known),
            record=watched.record,
            settled_at=watched.settled_at,
            needs_presets=needs_presets(watched, watched.step, writer),
            service=desk.intentions.marks.get(watched.id),
            holds=desk.intentions.holds,
            doubts=self.doubting.against(watched),
            busy=watched.task is not None,
            emergency=watched.emergency,
            restarts_a_day=desk.settings.restarts_a_day,
        )

    def _judge(self, watched: Watched) -> None:
        self.doubting.identify(watched)
        self.outcomes.reconsider(watched)
        self._keep_within_reach(watched)
        case = self.situation(watched)
        judgement = judge(case)
        if judgement.verdict == "send" and watched.interlock is not None and watched.not_before_s > case.now:
            judgement = Judgement("wait", "interlock", watched.interlock, judgement.matches)
        if judgement.reason == "presets" and case.writer is not None:
            self._presets.ask(watched, case.writer)
        self.outcomes.judged(watched, judgement)
        if watched.errand is not None and watched.task is None:
            against = standing_against(case)
            if against is not None:
                self.outcomes.errand_blocked(watched, against)
        due = watched.errand is not None or judgement.verdict == "send"
        if due and watched.task is None and watched.not_before_s <= case.now:
            self.releasing.add(watched)
        else:
            self.releasing.drop(watched)
        self._look_again(watched, judgement)
        # Made here, piece by piece, so that who asks for all of them finds them ready.
        desk = self._desk
        desk.views.of(watched)
        desk.views.figures(watched)

    def _keep_within_reach(self, watched: Watched) -> None:
        """Wait no longer than ever is waited: the clock may have been set back since it was said until when."""
        desk, settings = self._desk, self._desk.settings
        now = desk.clock.now()
        record = within_reach(
            watched.record, now, give_up_s=settings.give_up_s, cool_down_s=settings.cool_down_s
        )
        if record is not watched.record:
            desk.note(watched, not_before=record.not_before, unverified_at=record.unverified_at)
        watched.not_before_s = min(watched.not_before_s, now + LONG_S)

    def _look_again(self, watched: Watched, judgement: Judgement) -> None:
        """Note when a miner is to be looked at next if nothing happens to it."""
        now = self._desk.clock.now()
        moments = [] if judgement.until is None else [judgement.until]
        known = watched.known
        if not known.stale:
            moments.append(known.read_at + STALE_INTERVALS * known.container.interval_s + 0.001)
        if judgement.reason in ("unread", "stale") and watched.operation_id is not None:
            moments.append(now + known.container.interval_s)
        if watched.not_before_s > now:
            moments.append(watched.not_before_s)
        unverified_at = watched.record.unverified_at
        if unverified_at is not None and not watched.drifting:
            moments.append(unverified_at.timestamp() + LOOK_AGAIN_S)
        at = min((one for one in moments if one > now), default=None)
        before = self._look_at.get(watched.id)
        if at is None:
            self._look_at.pop(watched.id, None)
        elif before is None or not now < before <= at:
            self._look_at[watched.id] = at
            heapq.heappush(self._heap, (at, watched.id))

    def _order(self, watched: Watched) -> Order | None:
        """Return what is to be done with a miner that may be written to now."""
        desk, errand = self._desk, watched.errand
        _step, writer = self.steps.of(desk.inventory, watched, watched.wanted.profile)
        if errand is not None:
            running = desk.operations.get(errand.operation_id)
            if running is None:
                watched.errand = None
                return None
            return Order(
                watched=watched,
                actor=running.operation.created_by,
                writer=writer,
                why="command",
                operation_id=errand.operation_id,
                errand=errand,
            )
        return Order(
            watched=watched,
            actor=self._by(watched),
            writer=writer,
            why=_why(watched),
            profile=watched.wanted.profile,
            operation_id=watched.operation_id,
            emergency=watched.emergency,
        )

    def _by(self, watched: Watched) -> Actor:
        override_id = watched.wanted.override_id
        override = None if override_id is None else self._desk.intentions.override(override_id)
        return SCHEDULE if override is None else override.created_by

    def _gate(self, order: Order, action: Action) -> str | None:
        """Return what stands against a command in the moment it would leave; None: nothing."""
        watched = order.watched
        running = self._desk.operations.get(order.operation_id)
        if running is not None and running.operation.state == "cancelling":
            return worded("the operation was cancelled")
        if order.operation_id is not None and running is None and order.errand is not None:
            return worded("the operation has ended")
        case = self.situation(watched)
        against = standing_against(case)
        if against is not None:
            return against.detail
        if order.errand is None:
            if watched.wanted.profile != order.profile or watched.step is None:
                return worded("something else is wanted of it now")
            if action not in watched.step.actions:
                return worded("its profile has changed meanwhile")
            if not watched.sent:  # it is counted already once its intent is written down
                ability = None if order.writer is None else order.writer.abilities.get(type(action))
                spent = restarts_spent(case, action, ability)
                if spent is not None:
                    return spent
        return self.releasing.objection(watched)

    def _under_way(self, order: Order, state: str) -> None:
        watched = order.watched
        if state == "verifying":  # its place is free for another
            self._desk.wake()
        running = self._desk.operations.get(order.operation_id)
        found = None if running is None else running.results.get(watched.id)
        if found is None:
            return
        started_at = found.started_at or self._desk.now
        if state == "sending":
            self._desk.operations.mark(
                order.operation_id, watched.id, "sending", detail="", started_at=started_at
            )
        else:
            self._desk.operations.mark(
                order.operation_id, watched.id, "verifying", detail="", started_at=started_at
            )

    def _done(self, finished: Finished) -> None:
        self.outcomes.finished(finished)

    def forget(self, gone: Iterable[Watched]) -> None:
        """Follow another inventory: drop the miners that are gone from it."""
        self.releasing.clear()
        for watched in gone:
            self._look_at.pop(watched.id, None)
            self.sender.cut(watched)
            errand_of = watched.errand.operation_id if watched.errand is not None else None
            for operation_id in (watched.operation_id, errand_of):
                self._desk.operations.mark(
                    operation_id, watched.id, "cancelled", detail=worded("it has left the inventory")
                )


def _why(watched: Watched) -> str:
    """Return why a miner is written to, for the record."""
    if watched.record.attempts:
        return "retry"
    if watched.departed:
        return "departed"
    return "late" if watched.missed else "order"
