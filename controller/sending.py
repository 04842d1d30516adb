"""Bringing one miner to its step, or doing one errand on it: lease, intent on the disk, command, read-back, outcome.

A command leaves only after its event `command.sent` is durable, and nothing that has come up until then (a hold, a
service mark, a doubt, a newer order) is overlooked: it is asked for again at the last moment. Only so many miners are
written to at once; one that is merely waited for, until its readings show what it was told, takes no place.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import msgspec
import structlog

from controller.exporter_client import LeaseBusy
from controller.figures import CommandCounts
from controller.live import Live
from controller.model import Actor, MinerRecord
from controller.patience import Patience, Slots
from controller.profiles import next_action
from controller.reconcile import day_of, restarts_today
from controller.recording import Recorder
from controller.telling import event, shown, told
from controller.watched import Errand, Watched, moment
from controller.wording import worded
from miners.actions import Action, Outcome, Sleep, action_name
from miners.apply import Applied
from miners.clock import Clock
from miners.errors import HashyardError
from miners.model import Identity, Snapshot
from miners.writing import Ability, Writer

Apply: TypeAlias = Callable[..., Coroutine[Any, Any, Applied]]
"""`miners.apply.apply`, or what a test puts in its place."""

MINERS_A_LEASE: Final = 50
"""Leased together: the slowest poll under way among them delays all."""

LEASE_HELD_S: Final = 45.0
"""How long, on the wall, a lease is kept up for miners that take their time: history would have a gap."""

IN_FLIGHT: Final = worded("a command is on its way, and its readings do not show yet what came of it")

LOST: Final = worded(
    "a command was on its way when the controller ended; its readings will tell what came of it"
)
"""As above, once the record of events says so."""

_log = structlog.get_logger(__name__)


class Withheld(HashyardError):
    """Something stands against the command now that it is about to leave."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done with one miner: follow its step, or one errand. `why`: for the record."""

    watched: Watched
    actor: Actor
    writer: Writer | None
    why: str
    profile: str | None = None
    operation_id: str | None = None
    errand: Errand | None = None
    emergency: bool = False


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order. `outcome` None: nothing was tried, `withheld` says why. `power_…`: W before and after.

    `remembered`: the miner's record as it was when the order began, None where it did not.
    """

    order: Order
    outcome: Outcome | None = None
    withheld: str | None = None
    retry_after_s: float = 0.0
    commands: int = 0
    duration_s: float = 0.0
    power_before_w: float | None = None
    power_after_w: float | None = None
    remembered: MinerRecord | None = None


class Sender:
    """Writes to miners. `gate` says what stands against a command in the moment it would leave; `done` is told the end."""

    def __init__(
        self,
        *,
        live: Live,
        recorder: Recorder,
        clock: Clock,
        apply: Apply,
        counts: CommandCounts,
        most_at_once: int,
        gate: Callable[[Order, Action], str | None],
        on_state: Callable[[Order, Literal["sending", "verifying"]], None],
        done: Callable[[Finished], None],
    ) -> None:
        """`most_at_once`: miners written to at the same time. `on_state` is told how far an order has come."""
        self._live, self._recorder, self._clock, self._apply = live, recorder, clock, apply
        self._counts, self._gate, self._on_state, self._done = counts, gate, on_state, done
        self._slots = Slots(most_at_once)
        self._patience: dict[str, Patience] = {}
        self._rounds: set[asyncio.Task[None]] = set()

    @property
    def free(self) -> int:
        """How many more orders can be taken now."""
        return self._slots.free

    def start(self, orders: Sequence[Order]) -> None:
        """Begin with these orders: no more than `free`, one a miner at a time."""
        by_container: dict[str, list[Order]] = {}
        for order in orders:
            self._slots.take_now()
            order.watched.sent = False
            self._patience[order.watched.id] = Patience(
                self._clock, self._slots, partial(self._on_state, order, "verifying")
            )
            by_container.setdefault(order.watched.container.id, []).append(order)
        for found in by_container.values():
            for start in range(0, len(found), MINERS_A_LEASE):
                task = asyncio.create_task(self._round(found[start : start + MINERS_A_LEASE]))
                for order in found[start : start + MINERS_A_LEASE]:
                    order.watched.task = task
                self._rounds.add(task)
                task.add_done_callback(self._rounds.discard)

    def cut(self, watched: Watched) -> None:
        """Stop waiting for a miner to show what it was told: something else is wanted of it now."""
        patience = self._patience.get(watched.id)
        if patience is not None:
            patience.cut()

    async def close(self) -> None:
        """Cancel what is under way: whatever has left has its event, and is looked into after the next start."""
        for task in tuple(self._rounds):
            task.cancel()
        await asyncio.gather(*self._rounds, return_exceptions=True)

    async def _round(self, orders: Sequence[Order]) -> None:
        """Write to some miners of a container under one lease."""
        tasks: list[asyncio.Task[None]] = []
        try:
            async with self._live.leased([order.watched.id for order in orders]):
                tasks = [asyncio.create_task(self._follow(order)) for order in orders]
                await asyncio.wait(tasks, timeout=LEASE_HELD_S)
            await asyncio.wait(tasks)
        except LeaseBusy as busy:
            for order in orders:
                self._finish(Finished(order=order, withheld=str(busy), retry_after_s=busy.retry_after_s))
        except Exception:  # noqa: BLE001  # a lease that fails by our mistake must not keep its miners busy for ever
            _log.exception("miners could not be leased", miners=len(orders))
            await asyncio.gather(*tasks, return_exceptions=True)  # what is on its way finishes
            for order in orders[len(tasks) :]:
                self._finish(
                    Finished(order=order, withheld=worded("it could not be leased"), retry_after_s=30.0)
                )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, order: Order) -> None:
        finished = Finished(order=order, withheld=worded("it was interrupted"))
        try:
            finished = await self._do(order)
        except Exception as error:  # noqa: BLE001  # one miner's trouble must not end the control of the others
            _log.exception("an order could not be carried out", miner=order.watched.id)
            finished = Finished(
                order=order,
                withheld=worded("it failed (%(name)s)", name=type(error).__name__),
                retry_after_s=30.0,
            )
        finally:
            self._finish(finished)

    def _finish(self, finished: Finished) -> None:
        watched = finished.order.watched
        patience = self._patience.pop(watched.id, None)
        if patience is not None:
            patience.close()
        watched.task, watched.sent = None, False
        self._done(finished)

    async def _do(self, order: Order) -> Finished:
        """Send the actions that are due, one after the other, each proved before the next."""
        began, remembered = self._clock.now(), order.watched.record
        before: Snapshot | None = None
        first: Snapshot | None = None
        done: list[Action] = []
        outcome: Outcome | None = None
        commands = 0
        while True:
            action = self._next(order, before, done)
            if action is None:
                break
            self._on_state(order, "sending")
            applied = await self._one(order, action, before)
            if isinstance(applied, str):
                return Finished(order=order, withheld=applied, commands=commands, remembered=remembered)
            first = first or applied.before
            before = applied.after or applied.before
            commands += applied.outcome.sent
            if outcome is None or outcome.status == "unchanged" or applied.outcome.status != "unchanged":
                outcome = applied.outcome
            if applied.outcome.status not in ("applied", "unchanged") or order.errand is not None:
                break
            done.append(action)
        return Finished(
            order=order,
            outcome=outcome,
            withheld=None if outcome is not None else worded("nothing is left to send"),
            commands=commands,
            duration_s=max(self._clock.now() - began, 0.0),
            power_before_w=None if first is None else first.power_w,
            power_after_w=None if before is None else before.power_w,
            remembered=remembered,
        )

    def _next(self, order: Order, before: Snapshot | None, done: list[Action]) -> Action | None:
        """Return what is to be sent next. `done`: what need not be said again where readings cannot tell meanwhile."""
        if order.errand is not None:
            return order.errand.action
        snapshot = before if before is not None else order.watched.known.snapshot
        step, writer = order.watched.step, order.writer
        if step is None or snapshot is None or writer is None:
            return None
        # One that was awake is not to be woken because its mining begins anew and looks like a fault until then.
        done += [action for action in step.actions if writer.shows(action, snapshot, None)]
        return next_action(step, snapshot, writer, sent=done)

    async def _one(self, order: Order, action: Action, before: Snapshot | None) -> Applied | str:
        """Send one action and note what came of it. Returns why not, where nothing was tried."""
        watched, record = order.watched, order.watched.record
        patience = self._patience[watched.id]
        withheld: list[str] = []
        ability = None if order.writer is None else order.writer.abilities.get(type(action))

        def ask() -> None:
            against = self._gate(order, action)
            if against is not None:
                withheld.append(against)
                raise Withheld(against)

        async def on_sent() -> None:
            ask()
            await self._intend(order, action, ability)
            ask()  # A hold or a newer order may have come while the disk was waited for.

        command = asyncio.create_task(
            self._apply(
                watched.known.target,
                action,
                writer=order.writer,
                session=watched.session,
                memory=self._live.memory(watched.id),
                clock=patience,
                before=before,
                expected=Identity(mac=record.mac, serial=record.serial),
                on_sent=on_sent,
            )
        )
        began = self._clock.now()
        try:
            applied = await command
        except asyncio.CancelledError:
            if not patience.is_cut or not command.cancelled():
                command.cancel()
                await asyncio.gather(command, return_exceptions=True)
                raise
            applied = Applied(
                outcome=Outcome(
                    action=action,
                    status="accepted_unverified",
                    detail=worded("something else was wanted of it before its readings showed this"),
                    duration_s=max(self._clock.now() - began, 0.0),
                    sent=True,
                )
            )
        if not applied.outcome.sent:
            self._take_back(watched, record)
        if withheld and not watched.sent:
            return withheld[0]
        if withheld:
            detail = worded("nothing was sent: %(withheld)s", withheld=withheld[0])
            applied = msgspec.structs.replace(
                applied, outcome=msgspec.structs.replace(applied.outcome, detail=detail)
            )
        self._note(order, applied, intended=watched.sent)
        watched.sent = False
        return withheld[0] if withheld else applied

    def _take_back(self, watched: Watched, before: MinerRecord) -> None:
        """Remember no command of one that did not leave: it has restarted nothing, and nobody waits for it."""
        now = watched.record
        if now.last_detail == IN_FLIGHT:
            watched.remember(
                not_before=before.not_before,
                last_outcome=before.last_outcome,
                last_detail=before.last_detail,
            )
        watched.remember(restarts=before.restarts, restarts_on=before.restarts_on)
        if watched.record != now:
            self._recorder.later(miners=(watched.id,))

    async def _intend(self, order: Order, action: Action, ability: Ability | None) -> None:
        """Write down that a command leaves now, and what must not be forgotten of it. Raises StorageAway."""
        watched, now = order.watched, self._clock.now()
        within_s = 0.0 if ability is None else ability.within_s
        changes: dict[str, object] = {
            "not_before": moment(now + within_s),
            "last_outcome": None,
            "last_detail": IN_FLIGHT,
        }
        if ability is not None and ability.restarts_mining and not isinstance(action, Sleep):
            changes["restarts"] = restarts_today(watched.record, watched.container, now) + 1
            changes["restarts_on"] = day_of(watched.container, now)
        watched.remember(**changes)
        watched.settled_at = now
        known = watched.known
        sent = event(
            now,
            "command",
            "command.sent",
            order.actor,
            watched=watched,
            operation_id=order.operation_id,
            params={
                **told(action),
                "profile": None if order.errand is not None else watched.wanted.profile,
                "override_id": None if order.errand is not None else watched.wanted.override_id,
                "why": order.why,
                "attempt": watched.record.attempts + 1,
            },
            before=shown(known.snapshot),
        )
        await self._recorder.keep(sent, miners=(watched.id,))
        watched.sent = True

    def _note(self, order: Order, applied: Applied, *, intended: bool) -> None:
        """Write down what came of a command, and let everybody see what the miner showed then.

        `intended`: there is a `command.sent` before it, which did not leave after all if `sent` is False.
        """
        watched, outcome = order.watched, applied.outcome
        container = watched.container
        self._counts.count(
            container.client, container.name, action_name(outcome.action), outcome.status, outcome.duration_s
        )
        reading = applied.after or applied.before
        if reading is not None:
            self._live.put(watched.id, reading)
        self._recorder.later(
            event(
                self._clock.now(),
                "command",
                "command.finished",
                order.actor,
                watched=watched,
                operation_id=order.operation_id,
                params={
                    **told(outcome.action),
                    "intended": intended,
                    "sent": outcome.sent,
                    "detail": outcome.detail,
                    "duration_s": round(outcome.duration_s, 3),
                },
                before=shown(applied.before),
                after=shown(applied.after),
                outcome=outcome.status,
            )
        )
