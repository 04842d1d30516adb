"""Operations and what they did with each miner."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from controller.model import FAILED_STATES, OPEN_STATES, Operation, OperationState, Result, ResultState
from controller.storage.database import Database
from controller.storage.faults import NotKept
from controller.storage.rows import page, to_struct, upsert, values
from controller.storage.schema import operations, results
from controller.wording import worded

UNFINISHED: tuple[OperationState, ...] = ("queued", "running", "cancelling")
_ENDED = tuple(state for state in get_args(OperationState) if state not in UNFINISHED)
STOPPED: tuple[OperationState, ...] = ("cancelling", "cancelled", "interrupted")
NO_TIMES: Final[Mapping[str, datetime]] = MappingProxyType({})
"""Of no container is any time left out."""
_ROWS_AT_ONCE = 500  # of one statement
_PURGED_AT_ONCE = (
    2  # operations that leave in one transaction: each may have ten thousand results, and writers wait
)


def state_among(state: OperationState, outcomes: Collection[ResultState]) -> OperationState:
    """Return the state of an operation as it would be if these outcomes were all of it: what others wait for is not told."""
    if not OPEN_STATES.isdisjoint(outcomes):
        return state
    if state in STOPPED and "cancelled" in outcomes:
        return "cancelled" if state == "cancelling" else state
    return "done" if set(FAILED_STATES).isdisjoint(outcomes) else "done_with_failures"


class Operations:
    """The operations, those of the past too, with their results."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, operation: Operation, given: Iterable[Result] = ()) -> None:
        """Keep a new one with its results, all or nothing; Taken if its id is there."""
        await self._database.write(self.adding(operation, given))

    def adding(self, operation: Operation, given: Iterable[Result] = ()) -> Callable[[Connection], None]:
        """Return the same as work, for a transaction that does more."""
        fixed = tuple(given)

        def work(connection: Connection) -> None:
            connection.execute(insert(operations).values(values(operation)))
            for start in range(0, len(fixed), _ROWS_AT_ONCE):
                piece = fixed[start : start + _ROWS_AT_ONCE]
                upsert(connection, results, [_row(operation.id, result) for result in piece])

        return work

    async def save(self, operation: Operation, given: Iterable[Result] = ()) -> None:
        """Keep it as it is now, and these of its results in the same transaction; NotKept if it was never added."""
        fixed = tuple(given)

        def work(connection: Connection) -> None:
            chosen = update(operations).where(operations.c.id == operation.id)
            if not connection.execute(chosen.values(values(operation))).rowcount:
                raise NotKept(worded("there is no operation %(operation)s", operation=operation.id))
            upsert(connection, results, [_row(operation.id, result) for result in fixed])

        await self._database.write(work)

    async def save_results(self, operation_id: str, given: Iterable[Result]) -> None:
        """Keep these results as they are now, the others as they were. Taken if there is no such operation."""
        fixed = tuple(given)
        if fixed:
            await self._database.write(
                lambda connection: upsert(connection, results, [_row(operation_id, one) for one in fixed])
            )

    async def get(self, operation_id: str) -> Operation | None:
        """Return one, None if there is none of that id."""

        def work(connection: Connection) -> Operation | None:
            row = connection.execute(select(operations).where(operations.c.id == operation_id)).first()
            return to_struct(Operation, row) if row else None

        return await self._database.read(work)

    async def results(
        self,
        operation_id: str,
        *,
        states: Sequence[ResultState] | None = None,
        containers: Sequence[str] | None = None,
        since: Mapping[str, datetime] = NO_TIMES,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Result], str | None]:
        """Return a page of its results by miner, and the position of the next. `since`: as in `find`."""
        conditions = _result_conditions(operation_id, states, containers, since)
        return await self._database.read(
            lambda connection: page(
                connection,
                Result,
                results,
                conditions,
                key="miner",
                after=after,
                limit=limit,
                newest_first=False,
            )
        )

    async def all_results(self, operation_id: str) -> list[Result]:
        """Return all its results, by miner."""
        chosen = select(results).where(results.c.operation_id == operation_id).order_by(results.c.miner)
        return await self._database.read(
            lambda connection: [to_struct(Result, row) for row in connection.execute(chosen)]
        )

    async def power_measured(self, operation_id: str) -> tuple[float | None, int]:
        """Return by how much the power changed (W) of those miners that told it before and after, and how many those are."""
        change = results.c.power_after_w - results.c.power_before_w
        statement = select(func.sum(change), func.count(change)).where(results.c.operation_id == operation_id)

        def work(connection: Connection) -> tuple[float | None, int]:
            watts, miners = connection.execute(statement).one()
            return watts, miners

        return await self._database.read(work)

    async def count_results(
        self,
        operation_id: str,
        *,
        states: Sequence[ResultState] | None = None,
        containers: Sequence[str] | None = None,
        since: Mapping[str, datetime] = NO_TIMES,
    ) -> int:
        """Return how many `results` would find in all."""
        conditions = _result_conditions(operation_id, states, containers, since)
        statement = select(func.count()).select_from(results).where(*conditions)
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one())

    async def counts(
        self,
        operation_ids: Sequence[str],
        containers: Sequence[str],
        since: Mapping[str, datetime] = NO_TIMES,
    ) -> dict[str, dict[ResultState, int]]:
        """Return how many miners of these containers had which outcome, by operation; those that had none there are left out."""
        statement = (
            select(results.c.operation_id, results.c.state, func.count())
            .where(results.c.operation_id.in_(operation_ids), _within(containers, since))
            .group_by(results.c.operation_id, results.c.state)
        )

        def work(connection: Connection) -> dict[str, dict[ResultState, int]]:
            found: dict[str, dict[ResultState, int]] = {}
            for operation_id, state, number in connection.execute(statement):
                found.setdefault(operation_id, {})[state] = number
            return found

        return await self._database.read(work)

    async def last_sent(
        self,
        operation_ids: Sequence[str],
        containers: Sequence[str],
        since: Mapping[str, datetime] = NO_TIMES,
    ) -> dict[str, tuple[datetime, float]]:
        """Return when the last of the miners of these containers was told, and how long any of them took at most (s), by operation."""
        started, took = func.max(results.c.started_at), func.max(results.c.duration_s)
        statement = (
            select(results.c.operation_id, started, took)
            .where(results.c.operation_id.in_(operation_ids), _within(containers, since))
            .group_by(results.c.operation_id)
        )

        def work(connection: Connection) -> dict[str, tuple[datetime, float]]:
            found = connection.execute(statement).all()
            return {id_: (at, seconds or 0.0) for id_, at, seconds in found if at is not None}

        return await self._database.read(work)

    async def find(
        self,
        *,
        states: Sequence[OperationState] | None = None,
        containers: Sequence[str] | None = None,
        since: Mapping[str, datetime] = NO_TIMES,
        override_id: str | None = None,
        apart: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Operation], str | None]:
        """Return a page, newest first, and the position of the next. `containers`: of whose miners it had any.

        `since`: of these containers, only what was done with their miners from then on. `apart`: `states` are meant as
        they would be if that were all that it concerned.
        """
        conditions = _conditions(states, containers, since, override_id, apart=apart)
        return await self._database.read(
            lambda connection: page(connection, Operation, operations, conditions, after=after, limit=limit)
        )

    async def count(
        self,
        *,
        states: Sequence[OperationState] | None = None,
        containers: Sequence[str] | None = None,
        since: Mapping[str, datetime] = NO_TIMES,
        override_id: str | None = None,
        apart: bool = False,
    ) -> int:
        """Return how many `find` would find in all."""
        conditions = _conditions(states, containers, since, override_id, apart=apart)
        statement = select(func.count()).select_from(operations).where(*conditions)
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one())

    async def unfinished(self) -> list[Operation]:
        """Return those that are queued, running or being cancelled, oldest first: at the start, what was left behind."""
        statement = (
            select(operations)
            .where(operations.c.state.in_(UNFINISHED))
            .order_by(operations.c.created_at, operations.c.id)
        )
        return await self._database.read(
            lambda connection: [to_struct(Operation, row) for row in connection.execute(statement)]
        )

    async def purge(self, before: datetime) -> int:
        """Delete those that ended before, with their results, in steps; return how many operations."""
        old = (
            select(operations.c.id)
            .where(operations.c.state.in_(_ENDED), operations.c.ended_at < before)
            .order_by(operations.c.id)
            .limit(_PURGED_AT_ONCE)
        )
        left = 0
        while gone := await self._database.write(
            lambda connection: connection.execute(delete(operations).where(operations.c.id.in_(old))).rowcount
        ):
            left += gone
        return left


def _row(operation_id: str, result: Result) -> dict[str, object]:
    return values(result, operation_id=operation_id, container=result.miner.partition(".")[0])


def _within(containers: Sequence[str], since: Mapping[str, datetime]) -> ColumnElement[bool]:
    """Return the condition on a result that it is of one of these containers, in its time.

    What was never sent counts when its operation ended; what may still be sent is of now.
    """
    by_time: dict[datetime, list[str]] = {}
    for container in containers:
        if container in since:
            by_time.setdefault(since[container], []).append(container)
    if not by_time:
        return results.c.container.in_(containers)
    its = operations.alias()
    ended = select(its.c.ended_at).where(its.c.id == results.c.operation_id).correlate(results)
    at = func.coalesce(results.c.started_at, ended.scalar_subquery())
    return or_(
        results.c.container.in_([one for one in containers if one not in since]),
        *(
            and_(
                results.c.container.in_(several),
                or_(at.is_(None), at >= literal(begin, results.c.started_at.type)),
            )
            for begin, several in by_time.items()
        ),
    )


def _result_conditions(
    operation_id: str,
    states: Sequence[ResultState] | None,
    containers: Sequence[str] | None,
    since: Mapping[str, datetime],
) -> list[ColumnElement[bool]]:
    conditions = [results.c.operation_id == operation_id]
    if states is not None:
        conditions.append(results.c.state.in_(states))
    if containers is not None:
        conditions.append(_within(containers, since))
    return conditions


def _conditions(
    states: Sequence[OperationState] | None,
    containers: Sequence[str] | None,
    since: Mapping[str, datetime],
    override_id: str | None,
    *,
    apart: bool,
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if states is not None:
        state = _state_in(containers, since) if apart and containers is not None else operations.c.state
        conditions.append(state.in_(states))
    if containers is not None:
        touching = (
            select(results.c.operation_id)
            .where(results.c.operation_id == operations.c.id, _within(containers, since))
            .correlate(operations)
        )
        conditions.append(touching.exists())
    if override_id is not None:
        conditions.append(operations.c.override_id == override_id)
    return conditions


def _state_in(containers: Sequence[str], since: Mapping[str, datetime]) -> ColumnElement[str]:
    """Return an operation's state as `state_among` would have it for what came of it in these containers."""

    def any_is(*states: ResultState) -> ColumnElement[bool]:
        chosen = select(results.c.operation_id).where(
            results.c.operation_id == operations.c.id,
            _within(containers, since),
            results.c.state.in_(states),
        )
        return chosen.correlate(operations).exists()

    return case(
        (any_is(*OPEN_STATES), operations.c.state),
        ((operations.c.state == "cancelling") & any_is("cancelled"), literal("cancelled")),
        (operations.c.state.in_(STOPPED) & any_is("cancelled"), operations.c.state),
        (any_is(*FAILED_STATES), literal("done_with_failures")),
        else_=literal("done"),
    )
