"""Operations while they run: a result for each miner, counts that move, the end; what a restart goes on with.

Counts are kept as results change, never counted anew. What changed is handed to the recorder a few times a second, the
end at once. When an operation has ended it is the database's alone.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from controller.model import FAILED_STATES, OPEN_STATES, Actor, Event, Operation, Result, ResultState, Wanted
from controller.recording import Recorder
from controller.storage.storage import Storage
from controller.telling import event
from controller.watched import moment
from controller.wording import worded
from miners.clock import Clock

FLUSH_S: Final = 0.5
"""How often results are handed on, in seconds of the wall."""

A_PIECE: Final = 500
"""Results seen to without the event loop's turn in between."""

KEPT: Final = 200
"""So many operations that have ended can still be looked up without the database, for those who wait for them."""

RESULTS_KEPT: Final = 50_000
"""And of those no more than have so many results together, or the newest alone."""


class Running(msgspec.Struct, eq=False):
    """One operation under way. `changed`: results not handed on."""

    operation: Operation
    results: dict[str, Result]
    counts: Counter[str]
    ended: asyncio.Event
    changed: set[str] = msgspec.field(default_factory=set)
    by_container: dict[str, list[str]] = {}

    def __post_init__(self) -> None:
        """Sort its miners into their containers (a miner's id begins with its container's): they stay what they are."""
        for miner in self.results:
            self.by_container.setdefault(miner.partition(".")[0], []).append(miner)

    def miners_in(self, container_id: str) -> Sequence[str]:
        """Return which of its miners stand in a container."""
        return self.by_container.get(container_id, ())

    def miners_of(self, container_id: str) -> int:
        """Return how many of its miners stand in a container."""
        return len(self.miners_in(container_id))

    @property
    def now(self) -> Operation:
        """The operation with its counts as they are."""
        return msgspec.structs.replace(
            self.operation, counts={state: n for state, n in self.counts.items() if n}
        )


class Operations:
    """The operations that run. `version` grows with every change, `on_change` is told."""

    def __init__(
        self, storage: Storage, recorder: Recorder, clock: Clock, on_change: Callable[[], None]
    ) -> None:
        """None runs: `load` fetches those that a restart goes on with."""
        self._storage, self._recorder, self._clock, self._on_change = storage, recorder, clock, on_change
        self._running: dict[str, Running] = {}
        self._ended: dict[str, Running] = {}
        self._dirty: set[str] = set()
        self._changed = asyncio.Event()

    async def load(self) -> Sequence[Running]:
        """Go on with the operations that carry an intention; mark the others as interrupted. Return those that go on."""
        for operation in await self._storage.operations.unfinished():
            results = await self._storage.operations.all_results(operation.id)
            if operation.intent and operation.state != "cancelling":
                self._take(operation, results)
                continue
            state = "cancelled" if operation.state == "cancelling" else "interrupted"
            left = [
                msgspec.structs.replace(one, state="cancelled", detail="the controller was started anew")
                for one in results
                if one.state in OPEN_STATES
            ]
            counts = Counter[str](one.state for one in results if one.state not in OPEN_STATES)
            counts["cancelled"] += len(left)
            done = msgspec.structs.replace(
                operation,
                state=state,
                ended_at=moment(self._clock.now()),
                counts={name: n for name, n in counts.items() if n},
            )
            self._recorder.operation(done, left)
            self._recorder.later(self._event(done, f"operation.{state}", operation.created_by))
        return list(self._running.values())

    async def begin(
        self,
        operation: Operation,
        results: Iterable[Result],
        *events: Event,
        request_id: str | None = None,
        address: str | None = None,
        also: Callable[[Connection], None] | None = None,
    ) -> Running:
        """Keep a new operation with a result for each miner; it runs when this returns. All is kept or nothing.

        `events` are written with that of its start, and so is what `also` does. `request_id`, `address`: of the request
        that it comes from.
        """
        found = list(results)
        operation = msgspec.structs.replace(
            operation, total=len(found), counts=dict(Counter(one.state for one in found))
        )
        started = self._event(operation, "operation.started", operation.created_by)
        adding = self._storage.operations.adding(operation, found)

        def work(connection: Connection) -> None:
            if also is not None:
                also(connection)
            adding(connection)

        await self._storage.events.add_with(
            work, *events, msgspec.structs.replace(started, request_id=request_id, address=address)
        )
        return self._take(operation, found)

    def _take(self, operation: Operation, results: Sequence[Result]) -> Running:
        by_miner = {
            one.miner: msgspec.structs.replace(one, state="waiting") if one.state in OPEN_STATES else one
            for one in results
        }
        running = Running(
            operation,
            by_miner,
            Counter(one.state for one in by_miner.values()),
            asyncio.Event(),
        )
        self._running[operation.id] = running
        self._on_change()
        return running

    def get(self, operation_id: str | None) -> Running | None:
        """Return a running operation."""
        return None if operation_id is None else self._running.get(operation_id)

    def all(self) -> Collection[Running]:
        """Return the running operations."""
        return self._running.values()

    def lately(self, operation_id: str) -> Running | None:
        """Return an operation that runs or has ended a short while ago."""
        return self._running.get(operation_id) or self._ended.get(operation_id)

    def open_of(self, running: Running) -> list[str]:
        """Return the miners that have no outcome yet."""
        return [miner for miner, one in running.results.items() if one.state in OPEN_STATES]

    def mark(self, operation_id: str | None, miner: str, state: ResultState, **fields: object) -> None:
        """Note how it stands with one miner. A result that is an outcome stays as it is."""
        running = self.get(operation_id)
        if running is None:
            return
        before = running.results.get(miner)
        if before is None or before.state not in OPEN_STATES:
            return
        after = msgspec.structs.replace(before, state=state, **fields)
        if after == before:
            return
        running.results[miner] = after
        running.counts[before.state] -= 1
        running.counts[state] += 1
        running.changed.add(miner)
        self._note_dirty(running)
        self._on_change()
        if running.operation.state == "queued" and state in ("sending", "verifying"):
            running.operation = msgspec.structs.replace(
                running.operation, state="running", started_at=moment(self._clock.now())
            )
        self._end_if_done(running)

    def _note_dirty(self, running: Running) -> None:
        self._dirty.add(running.operation.id)
        self._changed.set()

    async def cancelling(self, running: Running) -> None:
        """Stop an operation: whoever was not reached is cancelled, what is on its way finishes."""
        running.operation = msgspec.structs.replace(running.operation, state="cancelling")
        self._note_dirty(running)
        stopped = [miner for miner, one in running.results.items() if one.state == "waiting"]
        for at, miner in enumerate(stopped, start=1):
            self.mark(running.operation.id, miner, "cancelled", detail=worded("cancelled before it was sent"))
            if at % A_PIECE == 0:
                await asyncio.sleep(0)
        self._end_if_done(running)

    def end_if_done(self) -> None:
        """End the operations that nothing is left to do for, also those that began so."""
        for running in tuple(self._running.values()):
            self._end_if_done(running)

    def _end_if_done(self, running: Running) -> None:
        if running.operation.id not in self._running or any(running.counts[state] for state in OPEN_STATES):
            return
        now = moment(self._clock.now())
        if running.operation.state == "cancelling":
            state = "cancelled"
        elif any(running.counts[state] for state in FAILED_STATES):
            state = "done_with_failures"
        else:
            state = "done"
        running.operation = msgspec.structs.replace(
            running.operation,
            state=state,
            started_at=running.operation.started_at or now,
            ended_at=now,
        )
        del self._running[running.operation.id]
        self._ended[running.operation.id] = running
        while len(self._ended) > KEPT or (len(self._ended) > 1 and self._results_kept() > RESULTS_KEPT):
            del self._ended[next(iter(self._ended))]
        running.operation = running.now
        self._hand_on(running)
        self._recorder.later(self._event(running.operation, "operation.ended", running.operation.created_by))
        running.ended.set()
        self._on_change()

    def _results_kept(self) -> int:
        return sum(len(running.results) for running in self._ended.values())

    async def flush(self) -> None:
        """Hand on what has changed, a few times a second while something does, until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(FLUSH_S)
            self._changed.clear()
            dirty, self._dirty = self._dirty, set()
            for id_ in dirty:
                running = self._running.get(id_)
                if running is not None:
                    self._hand_on(running)

    def hand_on_all(self) -> None:
        """Hand on what has changed, before the end of the process."""
        for running in self._running.values():
            self._hand_on(running)

    def _hand_on(self, running: Running) -> None:
        changed, running.changed = running.changed, set()
        self._recorder.operation(running.now, [running.results[miner] for miner in changed])

    def _event(self, operation: Operation, kind: str, actor: Actor) -> Event:
        return event(
            self._clock.now(),
            "command",
            kind,
            actor,
            operation_id=operation.id,
            params=summary(operation),
            outcome={"done": "ok", "done_with_failures": "failed"}.get(operation.state),
        )


def left_to_retry(
    operation: Operation,
    results: Iterable[Result],
    states: Collection[ResultState],
    wanted: Callable[[str], Wanted | None],
) -> list[str]:
    """Return the miners of an operation that can be tried again: with one of these outcomes (none named: a failure).

    `wanted`: what is wanted of a miner now, None where there is no such miner any more. Of an operation that brings an
    order about, only those are left of which the same is wanted still.
    """
    chosen = set(states or FAILED_STATES)
    found = [(one.miner, wanted(one.miner)) for one in results if one.state in chosen]
    same = not operation.intent or operation.profile is None
    return [miner for miner, now in found if now is not None and (same or now.profile == operation.profile)]


def summary(operation: Operation) -> Mapping[str, object]:
    """Return what an event says of an operation."""
    return {
        "cause": operation.cause,
        "action": operation.action,
        "reason": operation.reason,
        "override_id": operation.override_id,
        "retry_of": operation.retry_of,
        "total": operation.total,
        "counts": dict(operation.counts),
    }
