"""Overrides as deeds: planned, put in force, changed, ended, and what an operation for one can be cancelled to."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from controller.choosing import Choosing, Previews, check_end, check_times, check_words
from controller.coming_limits import ComingLimits
from controller.deeds import (
    OVER_LIMIT,
    Invalid,
    NotThere,
    OverLimit,
    OverrideWish,
    Plan,
    Warned,
)
from controller.desire import ends_by_container
from controller.desk import Desk
from controller.foretelling import Foretelling
from controller.model import Actor, Ends, Operation, Override, Result, new_id
from controller.ordering import told_override, total, where
from controller.plans import Would, plan_of, skip_reason
from controller.powers import expected_w, nominal_w, present_w
from controller.profiles import shows
from controller.reconciler import A_PIECE, Reconciler
from controller.steps import Steps
from controller.watched import Watched
from controller.wording import worded, worded_many
from miners.inventory.fleet import Inventory
from miners.inventory.slugs import miner_id
from miners.model import Snapshot

NOTHING_ELSE = worded("nothing else is wanted of it")


class Overriding:
    """What people do with overrides."""

    def __init__(
        self,
        desk: Desk,
        reconciler: Reconciler,
        choosing: Choosing,
        previews: Previews,
        foretelling: Foretelling,
    ) -> None:
        """See Desk."""
        self._desk, self._reconciler = desk, reconciler
        self._choosing, self._previews, self._foretelling = choosing, previews, foretelling

    async def plan(self, wish: OverrideWish) -> Plan:
        """Return what this override would do."""
        return self._previews.remember(*await self._planned(wish, self._choosing.miners(wish.choice)))

    async def plan_inventory(self, inventory: Inventory) -> Plan:
        """Return what would change at once if this were the inventory. Who would go on as now counts as so already."""
        desk, now, steps = self._desk, self._desk.now, Steps()
        wishes: list[Would] = []
        limits = ComingLimits(desk.inventory, inventory, steps)
        places = [(container, miner) for container in inventory.containers for miner in container.miners]
        for at, (container, miner) in enumerate(places, start=1):
            watched = desk.roster.get(miner_id(container, miner))
            if watched is None:
                continue
            view = msgspec.structs.replace(desk.views.of(watched), container=container, miner=miner)
            wanted = desk.intentions.wanted_of(inventory, container, watched.id, now)
            step, writer = steps.of(inventory, watched, wanted.profile)
            limits.count(watched, container, step)
            skip = skip_reason(view, held=False, in_doubt=None)
            shown: bool | None = step is None or step == watched.step
            if step is not None and step.problem is not None:
                skip = skip or ("unsupported", step.problem)
            elif not shown and step is not None and writer is not None and isinstance(view.reading, Snapshot):
                shown = shows(step, view.reading, writer)
            against, detail = skip or (None, "")
            wishes.append(Would(view=view, step=step, shows=shown, against=against, detail=detail))
            if at % A_PIECE == 0:
                await asyncio.sleep(0)
        warnings = await limits.warnings(now)
        return self._previews.remember(
            *await asyncio.to_thread(plan_of, wishes, starts_at=now, warnings=warnings)
        )

    async def plan_end(self, override_id: str) -> Plan:
        """Return what ending an override would do at once: what holds without it is brought back."""
        return self._previews.remember(*await self._foretelling.end(self.found(override_id)))

    async def plan_change(self, override_id: str, ends: Ends, until: datetime | None) -> Plan | None:
        """Return what is done when an override ends as it is to be changed to; None where that is no sooner than before."""
        before = self.found(override_id)
        found = await self._foretelling.sooner_end(before, self._ending(before, ends, until))
        return None if found is None else self._previews.remember(*found)

    async def put(
        self, wish: OverrideWish, actor: Actor, request_id: str | None, address: str | None
    ) -> tuple[Override, Operation]:
        """Put an override in force, or make it wait for its start; begin its operation."""
        desk = self._desk
        miners = self._choosing.miners(wish.choice)
        self._choosing.refuse_observed(wish.choice, miners)
        plan, marks = await self._planned(wish, miners)
        self._previews.check(wish.plan, plan, marks)
        for warned in plan.warnings:
            if warned.code == OVER_LIMIT:
                raise OverLimit(warned.detail)
        override = self._override(wish, actor, miners)
        operation = await self._operation(override, miners, wish.profile, override.created_by)
        async with (
            self._reconciler.ordering.lock
        ):  # its orders are for its operation, which has to be there first
            running = await desk.operations.begin(
                operation,
                self._results(miners),
                desk.event(
                    "command",
                    "override.created",
                    actor,
                    operation_id=operation.id,
                    params=told_override(override),
                    request_id=request_id,
                    address=address,
                    container=where(desk, override),
                ),
                also=desk.intentions.adding(override),
            )
            desk.intentions.changed(override)
        desk.order_anew()
        return override, running.now

    async def change(
        self,
        override_id: str,
        *,
        ends: Ends,
        until: datetime | None,
        reason: str,
        actor: Actor,
        request_id: str | None,
        plan: str | None = None,
    ) -> Override:
        """Change the end or the reason of an override. `plan`: of an end that is sooner, as a person saw it."""
        desk = self._desk
        check_words(reason, None)
        async with (
            self._reconciler.ordering.lock
        ):  # one that somebody ends meanwhile is not to come back by this
            before = self.found(override_id)
            after = msgspec.structs.replace(self._ending(before, ends, until), reason=reason)
            if plan is not None and (sooner := await self._foretelling.sooner_end(before, after)) is not None:
                self._previews.check(plan, *sooner)
            await desk.storage.events.add_with(
                desk.intentions.replacing(after),
                desk.event(
                    "command",
                    "override.changed",
                    actor,
                    operation_id=before.operation_id,
                    params={"override_id": override_id},
                    before=told_override(before),
                    after=told_override(after),
                    request_id=request_id,
                    container=where(desk, after),
                ),
            )
            desk.intentions.changed(after)
        desk.order_anew()
        return after

    async def end(
        self, override_id: str, actor: Actor, request_id: str | None, plan: str | None = None
    ) -> Operation:
        """End an override now; the operation brings back what holds without it. `plan`: of the end, as a person saw it."""
        desk = self._desk
        override = self.found(override_id)
        if plan is not None:
            self._previews.check(plan, *await self._foretelling.end(override))
        miners = [one for one in desk.roster if one.wanted.override_id == override_id]
        operation = await self._operation(override, miners, None, actor)
        async with self._reconciler.ordering.lock:
            override = self.found(override_id)
            ended = msgspec.structs.replace(override, ended_at=desk.now, ended_by=actor)
            running = await desk.operations.begin(
                operation,
                self._results(miners),
                desk.event(
                    "command",
                    "override.ended",
                    actor,
                    operation_id=operation.id,
                    params=told_override(override),
                    request_id=request_id,
                    container=where(desk, override),
                ),
                also=desk.intentions.replacing(ended),
            )
            desk.intentions.changed(ended)
            waiting = desk.operations.get(override.operation_id)
            if waiting is not None:
                await desk.operations.cancelling(waiting)
            for container_id in {one.container.id for one in miners}:
                desk.ending[container_id] = operation.id
        try:
            await self._reconciler.ordering.work_out()
        finally:
            desk.ending = {id_: op for id_, op in desk.ending.items() if op != operation.id}
        for miner in desk.operations.open_of(running):
            watched = desk.roster.get(miner)
            if watched is None or watched.operation_id != operation.id:
                desk.operations.mark(operation.id, miner, "skipped", detail=NOTHING_ELSE)
        desk.operations.end_if_done()
        return running.now

    async def narrow(self, override: Override, stopped: Sequence[str], actor: Actor) -> None:
        """Take miners out of an override: they were not reached when its operation was cancelled."""
        desk = self._desk
        async with self._reconciler.ordering.lock:
            now = desk.intentions.override(override.id)
            if now is None:  # somebody has ended it meanwhile
                return
            after = msgspec.structs.replace(
                now, except_miners=tuple(dict.fromkeys((*now.except_miners, *stopped)))
            )
            await desk.intentions.replace(after)
        desk.tell(
            "command",
            "override.narrowed",
            actor,
            operation_id=override.operation_id,
            params={"override_id": override.id, "miners": len(stopped)},
        )

    def found(self, override_id: str) -> Override:
        """Return an override that waits or is in force. Raises NotThere."""
        override = self._desk.intentions.override(override_id)
        if override is None:
            raise NotThere(
                worded(
                    "there is no override %(override_id)s that waits or is in force", override_id=override_id
                )
            )
        return override

    async def _planned(self, wish: OverrideWish, miners: Sequence[Watched]) -> tuple[Plan, frozenset[str]]:
        desk = self._desk
        now = desk.now
        if wish.profile not in desk.inventory.profiles:
            raise Invalid(
                worded(
                    "there is no profile %(profile)s; there are %(names)s",
                    profile=wish.profile,
                    names=", ".join(desk.inventory.profiles),
                ),
                "/profile",
            )
        check_words(wish.reason, wish.stagger)
        starts = max(wish.starts_at or now, now)
        containers = {watched.container.id: watched.container for watched in miners}
        by_container = ends_by_container(containers.values(), desk.inventory.schedules, starts)
        check_times(wish, now, containers.values(), by_container.keys())
        wishes: list[Would] = []
        for start in range(0, len(miners), A_PIECE):
            piece = miners[start : start + A_PIECE]
            wishes += [self._choosing.would(watched, wish.profile) for watched in piece]
            await asyncio.sleep(0)
        ends = (
            wish.until
            if wish.ends == "at"
            else max(by_container.values(), default=None)
            if wish.ends == "next_change"
            else None
        )
        return await asyncio.to_thread(
            plan_of,
            wishes,
            starts_at=starts,
            ends_at=ends,
            then_profile=await self._then(miners, ends),
            emergency=wish.emergency,
            over_s=None if wish.stagger is None else wish.stagger.over_s,
            warnings=await self._warnings(wish, miners),
        )

    async def _then(self, miners: Sequence[Watched], ends: datetime | None) -> str | None:
        """Return what holds after the override, where that is the same for all."""
        if ends is None:
            return None
        desk = self._desk
        found: set[str | None] = set()
        for at, watched in enumerate(miners, start=1):
            found.add(desk.intentions.wanted_of(desk.inventory, watched.container, watched.id, ends).profile)
            if len(found) > 1:
                return None
            if at % A_PIECE == 0:
                await asyncio.sleep(0)
        return found.pop() if found else None

    async def _warnings(self, wish: OverrideWish, miners: Sequence[Watched]) -> list[Warned]:
        desk = self._desk
        found = [Warned(code="in_doubt", detail=doubt) for doubt in self._reconciler.doubting.everywhere]
        covered: Counter[str] = Counter()
        for at, watched in enumerate(miners if desk.intentions.overrides else (), start=1):
            covered.update(one.id for one in desk.intentions.covering(watched.container.id, watched.id))
            if at % A_PIECE == 0:
                await asyncio.sleep(0)
        for override_id, count in covered.items():
            older = desk.intentions.override(override_id)
            if older is not None:
                found.append(
                    Warned(
                        code="covers_override",
                        detail=worded_many(
                            "it stands above an override to %(profile)s (%(reason)s) for %(num)s miners",
                            "it stands above an override to %(profile)s (%(reason)s) for %(num)s miners",
                            count,
                            profile=older.profile,
                            reason=older.reason,
                        ),
                    )
                )
        against = await self._reconciler.releasing.limits_exceeded(
            {watched.id: wish.profile for watched in miners}
        )
        if against is not None:
            found.append(Warned(code=OVER_LIMIT, detail=against))
        if wish.ends == "manual":
            found.append(Warned(code="no_end", detail=worded("it holds until somebody ends it")))
        return found

    def _ending(self, override: Override, ends: Ends, until: datetime | None) -> Override:
        """Return an override with another end. Raises Invalid for one that cannot be."""
        starts = max(override.starts_at, self._desk.now)
        by_container = self._next_changes(override, starts) if ends == "next_change" else {}
        check_end(ends, until, starts)
        if ends == "next_change" and not by_container:
            raise Invalid(
                worded("no schedule changes there, so there is no next change: give a time"), "/ends"
            )
        return msgspec.structs.replace(override, ends=ends, until=until, until_by_container=by_container)

    def _next_changes(self, override: Override, starts: datetime) -> dict[str, datetime]:
        desk = self._desk
        ids = {*override.containers, *(miner.partition(".")[0] for miner in override.miners)}
        containers = [one for id_, one in desk.roster.containers.items() if id_ in ids]
        return ends_by_container(containers, desk.inventory.schedules, starts)

    def _override(self, wish: OverrideWish, actor: Actor, miners: Sequence[Watched]) -> Override:
        desk = self._desk
        starts = max(wish.starts_at or desk.now, desk.now)
        named = set(wish.choice.containers)
        by_container: dict[str, datetime] = {}
        if wish.ends == "next_change":
            containers = {watched.container.id: watched.container for watched in miners}
            by_container = ends_by_container(containers.values(), desk.inventory.schedules, starts)
        return Override(
            id=new_id("ov"),
            profile=wish.profile,
            ends=wish.ends,
            reason=wish.reason,
            created_by=actor,
            created_at=desk.now,
            starts_at=starts,
            containers=wish.choice.containers,
            miners=tuple(
                [
                    one.id
                    for one in miners
                    if one.container.id not in named and one.container.control == "enforce"
                ]
            ),
            until=wish.until if wish.ends == "at" else None,
            until_by_container=by_container,
            emergency=wish.emergency,
            stagger=wish.stagger,
            operation_id=new_id("op"),
        )

    async def _operation(
        self, override: Override, miners: Sequence[Watched], profile: str | None, actor: Actor
    ) -> Operation:
        """Return the operation that brings an override about, or (without a profile) brings back what holds without it."""
        desk = self._desk
        before: list[float | None] = []
        expected: list[float | None] = []
        for at, one in enumerate(miners, start=1):
            snapshot = one.known.snapshot
            before.append(present_w(one.known.miner, snapshot, one.record))
            step = self._choosing.step(one, profile)
            if step is not None:
                expected.append(expected_w(step, nominal_w(one.known.miner, snapshot, one.record)))
            if at % A_PIECE == 0:
                await asyncio.sleep(0)
        ending = profile is None
        return Operation(
            id=new_id("op") if ending or override.operation_id is None else override.operation_id,
            cause="override_end" if ending else "override",
            action="end of an override" if ending else f"profile {profile}",
            state="queued",
            created_by=actor,
            created_at=desk.now,
            reason=override.reason,
            profile=profile,
            override_id=override.id,
            intent=True,
            power_before_w=total(before),
            power_expected_w=total(expected),
            stagger=override.stagger,
        )

    def _results(self, miners: Sequence[Watched]) -> list[Result]:
        return [
            Result(
                miner=one.id,
                power_before_w=present_w(one.known.miner, one.known.snapshot, one.record),
            )
            for one in miners
            if one.known.miner.active and one.container.control == "enforce"
        ]
