"""Deeds without an intention, and what can be done to an operation: commands, one action, cancel, retry, wait."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from controller.choosing import Choosing, Previews, check_words
from controller.deeds import Busy, Choice, CommandWish, InDoubt, Invalid, NotThere, Plan
from controller.desk import Desk
from controller.exporter_client import ExporterClient, ExporterError
from controller.model import (
    OPEN_STATES,
    RESULT_STATES,
    Actor,
    Cause,
    Operation,
    Result,
    ResultState,
    Wanted,
    new_id,
)
from controller.operations import Running, left_to_retry, summary
from controller.overriding import Overriding
from controller.plans import Would, plan_of, skip_reason
from controller.powers import present_w
from controller.reconciler import A_PIECE, Reconciler
from controller.watched import Errand, Watched
from controller.wording import text_of, worded
from miners.actions import Action, Locate, Reboot, action_name
from miners.apply import writer_for
from miners.errors import HashyardError
from miners.model import PollFailure, Snapshot
from miners.proof import objection

POLLS_AT_ONCE: Final = 20
LIGHT_OFF: Final = "locate off"
"""How an operation that switches the light off is called; `locate` switches it on."""
_SOURCES: Final[Mapping[str, str]] = {
    "schedule": worded("schedule"),
    "override": worded("override"),
    "default": worded("default"),
}
"""By what a profile is wanted, in a sentence."""


class Commanding:
    """What people do with miners beside overrides."""

    def __init__(
        self,
        desk: Desk,
        reconciler: Reconciler,
        choosing: Choosing,
        previews: Previews,
        overriding: Overriding,
        exporter: ExporterClient | None,
    ) -> None:
        """See Desk. `exporter`: reads miners so that the reading enters history."""
        self._desk, self._reconciler, self._choosing = desk, reconciler, choosing
        self._previews, self._overriding, self._exporter = previews, overriding, exporter
        self._polls: set[asyncio.Task[None]] = set()
        # Held while a deed is begun: whoever comes meanwhile finds its miners busy.
        self._beginning = asyncio.Lock()

    async def close(self) -> None:
        """End polls under way."""
        for task in tuple(self._polls):
            task.cancel()
        await asyncio.gather(*self._polls, return_exceptions=True)

    async def plan(self, wish: CommandWish) -> Plan:
        """Return what this deed would do."""
        return self._previews.remember(*await self._planned(wish, self._choosing.miners(wish.choice)))

    async def command(
        self, wish: CommandWish, actor: Actor, request_id: str | None, address: str | None
    ) -> Operation:
        """Begin a deed on many miners."""
        desk = self._desk
        meant = self._choosing.miners(wish.choice)
        miners = [one for one in meant if one.known.miner.active]
        if wish.deed != "poll":
            self._choosing.refuse_observed(wish.choice, miners)
            miners = [one for one in miners if one.container.control == "enforce"]
            self._refuse_in_doubt(miners)
        self._previews.check(wish.plan, *await self._planned(wish, meant))
        light_off = wish.deed == "locate" and not wish.locate_on
        operation = Operation(
            id=new_id("op"),
            cause="command",
            action=LIGHT_OFF if light_off else wish.deed,
            state="queued",
            created_by=actor,
            created_at=desk.now,
            reason=wish.reason,
            stagger=wish.stagger,
        )
        async with self._beginning:
            self._refuse_busy(miners)
            running = await desk.operations.begin(
                operation, _results(miners), request_id=request_id, address=address
            )
            self._set_off(running, miners)
        return running.now

    def _set_off(self, running: Running, miners: Iterable[Watched]) -> None:
        """Have each miner of an operation seen to that has no outcome yet."""
        desk, operation = self._desk, running.operation
        action = _action(operation.action)
        chosen = [one for one in miners if running.results[one.id].state in OPEN_STATES]
        if operation.action == "poll":
            self._begin_polls(running, chosen)
            return
        for watched in chosen:
            if action is not None:
                watched.errand = Errand(operation.id, action)
            else:
                self._follow_anew(watched, operation.id)
        desk.look(chosen)
        desk.operations.end_if_done()

    def _follow_anew(self, watched: Watched, operation_id: str) -> None:
        """Forget that tries of a miner's order failed, and have its outcome noted in this operation."""
        desk = self._desk
        if watched.wanted.profile is None:
            desk.operations.mark(
                operation_id, watched.id, "skipped", detail=worded("nothing is wanted of it")
            )
            return
        if watched.operation_id is not None and watched.operation_id != operation_id:
            desk.operations.mark(
                watched.operation_id,
                watched.id,
                "skipped",
                detail=worded("it was taken over by a newer operation"),
            )
        watched.operation_id = operation_id
        record = watched.record
        failed = record.last_outcome not in ("applied", "unchanged", None)
        desk.note(watched, attempts=0, not_before=None if failed else record.not_before, unverified_at=None)

    async def act(self, miner_id: str, action: Action, actor: Actor, reason: str) -> Result:
        """Do one action on one miner and wait for its outcome."""
        desk = self._desk
        watched = desk.roster.get(miner_id)
        if watched is None:
            raise NotThere(worded("there is no miner %(miner_id)s", miner_id=miner_id))
        self._choosing.refuse_observed(Choice(miners=(miner_id,)), [watched])
        check_words(reason, None)
        self._refuse_in_doubt([watched])
        snapshot = watched.known.snapshot
        writer = writer_for(watched.known.target, None if snapshot is None else snapshot.driver)
        if writer is None:
            raise Invalid(
                worded("nothing is known that writes to %(miner_id)s", miner_id=miner_id), "/action"
            )
        wrong = objection(writer, action)
        if wrong is not None:
            raise Invalid(str(wrong), "/action")
        wanted = watched.wanted
        if wanted.profile is not None and not isinstance(action, Locate | Reboot):
            raise Invalid(
                worded(
                    "%(miner_id)s is held to %(profile)s by the %(source)s, which would put it right at once: put an override, such as a profile until a time",
                    miner_id=miner_id,
                    profile=wanted.profile,
                    source=_SOURCES.get(wanted.source, wanted.source),
                ),
                "/action",
            )
        operation = Operation(
            id=new_id("op"),
            cause="command",
            action=action_name(action),
            state="queued",
            created_by=actor,
            created_at=desk.now,
            reason=reason,
        )
        async with self._beginning:
            self._refuse_busy([watched])
            running = await desk.operations.begin(operation, _results([watched]))
            watched.errand = Errand(operation.id, action)
        desk.look((watched,))
        await running.ended.wait()
        return running.results[miner_id]

    async def cancel(
        self, operation_id: str, *, undo: bool, actor: Actor, request_id: str | None
    ) -> Operation:
        """Send nothing more; with `undo`, end the override and bring changed miners back."""
        desk = self._desk
        running = desk.operations.get(operation_id)
        operation = await self._known(operation_id)
        override = desk.intentions.override(operation.override_id or "")
        if running is None and not (undo and override is not None):
            raise Invalid(
                worded(
                    "the operation %(operation_id)s has ended already: there is nothing to cancel",
                    operation_id=operation_id,
                )
            )
        if operation.intent and override is None:
            raise Invalid(
                worded(
                    "the schedule would order it again at once: hold the container, or put an override above the schedule"
                )
            )
        brings_about = override is not None and await self._origin(operation) == "override"
        stopped: list[str] = []
        if running is not None:
            stopped = [miner for miner, one in running.results.items() if one.state == "waiting"]
        try:
            if running is not None:
                for miner in stopped:
                    self._stop(miner, operation_id)
                await desk.operations.cancelling(running)
                await desk.recorder.keep(
                    desk.event(
                        "command",
                        "operation.cancelled",
                        actor,
                        operation_id=operation_id,
                        params={**summary(operation), "undo": undo, "stopped": len(stopped)},
                        request_id=request_id,
                    )
                )
            if override is not None and brings_about:
                if undo:
                    await self._overriding.end(override.id, actor, request_id)
                elif stopped:
                    await self._overriding.narrow(override, stopped, actor)
            await self._reconciler.ordering.work_out()
        finally:  # also where the database is away: else nothing would be written to them until the next start
            for miner in stopped:
                watched = desk.roster.get(miner)
                if watched is not None:
                    watched.stopped = False
                    desk.look((watched,))
        return running.now if running is not None else operation

    async def _origin(self, operation: Operation) -> Cause:
        """Return why an operation was begun; of one that tries another again, why that was."""
        while operation.cause == "retry" and operation.retry_of is not None:
            operation = await self._known(operation.retry_of)
        return operation.cause

    def _stop(self, miner: str, operation_id: str) -> None:
        watched = self._desk.roster.get(miner)
        if watched is None:
            return
        watched.stopped = True
        if watched.errand is not None and watched.errand.operation_id == operation_id:
            watched.errand = None
        if watched.operation_id == operation_id:
            watched.operation_id = None

    async def retry(
        self, operation_id: str, states: Sequence[ResultState], actor: Actor, request_id: str | None
    ) -> Operation:
        """Try the failures of an operation again, in one of its own."""
        desk = self._desk
        before = await self._known(operation_id)
        strange = [state for state in states if state not in RESULT_STATES or state in OPEN_STATES]
        if strange:
            raise Invalid(
                worded("%(strange)s is no outcome that can be tried again", strange=strange[0]), "/states"
            )
        results = await self._results_of(operation_id)
        left = left_to_retry(before, results, states, self._wanted_of)
        miners = [watched for miner in left if (watched := desk.roster.get(miner)) is not None]
        if not miners:
            raise Invalid(
                worded("nothing is left to try again: no miner of it has such an outcome and the same order"),
                "/states",
            )
        if before.action != "poll":
            self._refuse_in_doubt(miners)
        operation = Operation(
            id=new_id("op"),
            cause="retry",
            action=before.action,
            state="queued",
            created_by=actor,
            created_at=desk.now,
            reason=before.reason,
            profile=before.profile,
            override_id=before.override_id,
            retry_of=before.id,
            intent=before.intent,
            stagger=before.stagger,
        )
        async with self._beginning:
            self._refuse_busy(miners)
            running = await desk.operations.begin(operation, _results(miners), request_id=request_id)
            self._set_off(running, miners)
        return running.now

    async def wait(self, operation_id: str, timeout_s: float) -> Operation | None:
        """Wait until an operation has ended, at most so long (seconds of the wall); return it as it is then."""
        running = self._desk.operations.lately(operation_id)
        if running is None:
            return await self._desk.storage.operations.get(operation_id)
        ended = asyncio.ensure_future(running.ended.wait())
        await asyncio.wait((ended,), timeout=timeout_s)
        ended.cancel()
        return running.now

    async def poll(self, miner_id: str) -> Snapshot | PollFailure:
        """Have the exporter read a miner now."""
        watched = self._desk.roster.get(miner_id)
        if watched is None:
            raise NotThere(worded("there is no miner %(miner_id)s", miner_id=miner_id))
        if self._exporter is None or not self._exporter.configured:
            raise InDoubt(worded("there is no exporter that could read it: name one with --exporter"))
        try:
            reading = await self._exporter.poll(watched.container.name, watched.known.miner.name)
        except ExporterError as error:
            raise InDoubt(text_of(error)) from error
        self._desk.live.put(miner_id, reading)
        return reading

    def _begin_polls(self, running: Running, miners: Sequence[Watched]) -> None:
        """Read miners, some at once."""
        places = asyncio.Semaphore(POLLS_AT_ONCE)

        async def read(watched: Watched) -> None:
            operation_id, began = running.operation.id, self._desk.clock.now()
            async with places:
                if self._desk.operations.get(operation_id) is not running:
                    return
                self._desk.operations.mark(operation_id, watched.id, "sending", started_at=self._desk.now)
                try:
                    reading = await self.poll(watched.id)
                except HashyardError as error:
                    state: ResultState = "refused"
                    detail = text_of(error)
                else:
                    state, detail = "applied", worded("it was read")
                    if isinstance(reading, PollFailure):
                        state, detail = "unreachable", reading.detail
                self._desk.operations.mark(
                    operation_id,
                    watched.id,
                    state,
                    detail=detail,
                    attempts=1,
                    duration_s=self._desk.clock.now() - began,
                )

        for watched in miners:
            task = asyncio.create_task(read(watched))
            self._polls.add(task)
            task.add_done_callback(self._polls.discard)

    async def _planned(self, wish: CommandWish, miners: Sequence[Watched]) -> tuple[Plan, frozenset[str]]:
        check_words(wish.reason, wish.stagger)
        action = _action(LIGHT_OFF if wish.deed == "locate" and not wish.locate_on else wish.deed)
        wishes: list[Would] = []
        for start in range(0, len(miners), A_PIECE):
            piece = miners[start : start + A_PIECE]
            wishes += [self._would(wish, watched, action) for watched in piece]
            await asyncio.sleep(0)
        return await asyncio.to_thread(
            plan_of,
            wishes,
            starts_at=self._desk.now,
            over_s=None if wish.stagger is None else wish.stagger.over_s,
        )

    def _would(self, wish: CommandWish, watched: Watched, action: Action | None) -> Would:
        view = self._desk.views.of(watched)
        if wish.deed == "poll":
            against = None if watched.known.miner.active else skip_reason(view, held=False, in_doubt=None)
        elif wish.deed == "reapply":
            return self._choosing.would(watched, watched.wanted.profile)
        else:
            against = self._choosing.skipped(watched, view)
            snapshot = view.last_snapshot
            writer = writer_for(watched.known.target, None if snapshot is None else snapshot.driver)
            if against is None and action is not None and writer is not None:
                wrong = objection(writer, action)
                against = None if wrong is None else ("unsupported", str(wrong))
            elif against is None and writer is None:
                against = "unsupported", worded("nothing is known that writes to it")
        if against is not None:
            return Would(
                view=view, step=view.step, against=against[0], detail=against[1], power_changes=False
            )
        return Would(view=view, step=view.step, power_changes=False)

    def _refuse_in_doubt(self, miners: Sequence[Watched]) -> None:
        """Raise InDoubt if nothing could be written to any of these miners now."""
        everywhere = self._reconciler.doubting.everywhere
        if everywhere:
            raise InDoubt(worded("nothing is written now: %(everywhere)s", everywhere=everywhere[0]))
        holds = [self._desk.intentions.hold_on(watched.container.id) for watched in miners]
        if holds and all(hold is not None for hold in holds) and holds[0] is not None:
            raise InDoubt(
                worded(
                    "all writing is stopped there: %(reason)s; release the hold first", reason=holds[0].reason
                )
            )

    def _refuse_busy(self, miners: Iterable[Watched]) -> None:
        """Raise Busy if a deed waits for one of these miners already."""
        for watched in miners:
            if watched.errand is not None:
                raise Busy(
                    worded(
                        "%(watched)s is part of a running operation: wait for its end, or cancel it",
                        watched=watched.id,
                    ),
                    watched.errand.operation_id,
                )

    async def _known(self, operation_id: str) -> Operation:
        running = self._desk.operations.lately(operation_id)
        found = running.now if running else await self._desk.storage.operations.get(operation_id)
        if found is None:
            raise NotThere(worded("there is no operation %(operation_id)s", operation_id=operation_id))
        return found

    def _wanted_of(self, miner_id: str) -> Wanted | None:
        watched = self._desk.roster.get(miner_id)
        return None if watched is None else watched.wanted

    async def _results_of(self, operation_id: str) -> Sequence[Result]:
        running = self._desk.operations.lately(operation_id)
        if running is not None:
            return list(running.results.values())
        return await self._desk.storage.operations.all_results(operation_id)


def _action(name: str) -> Action | None:
    """Return the action that an operation of this name does to each miner; None for one that follows the orders."""
    if name == "reboot":
        return Reboot()
    if name in ("locate", LIGHT_OFF):
        return Locate(on=name != LIGHT_OFF)
    return None


def _results(miners: Iterable[Watched]) -> list[Result]:
    return [
        Result(miner=one.id, power_before_w=present_w(one.known.miner, one.known.snapshot, one.record))
        for one in miners
    ]
