"""Holds and service marks as deeds: what stops writing at once, and lets it go on."""

import asyncio
from collections.abc import Sequence

from controller.choosing import Previews
from controller.deeds import Invalid, NotThere, Plan
from controller.desk import Desk
from controller.foretelling import Foretelling
from controller.model import Actor, Hold, ServiceMark, new_id
from controller.reconciler import Reconciler
from controller.watched import Watched
from controller.wording import worded


class Stopping:
    """What people stop."""

    def __init__(
        self, desk: Desk, reconciler: Reconciler, previews: Previews, foretelling: Foretelling
    ) -> None:
        """See Desk."""
        self._desk, self._reconciler = desk, reconciler
        self._previews, self._foretelling = previews, foretelling

    async def hold(
        self, containers: Sequence[str] | None, reason: str, actor: Actor, request_id: str | None
    ) -> Sequence[Hold]:
        """Stop all writing. It stops now; what returns is durable."""
        desk = self._desk
        if not reason.strip():
            raise Invalid(worded("say why: a reason is kept with every hold"), "/reason")
        places: list[str | None] = [None] if containers is None else list(dict.fromkeys(containers))
        self._check(places)
        holds = [
            Hold(id=new_id("hold"), container=place, reason=reason, created_by=actor, created_at=desk.now)
            for place in places
        ]
        kept = asyncio.gather(*(desk.intentions.add_hold(one) for one in holds))
        self._look(places)
        await kept
        await desk.recorder.keep(
            *(
                desk.event(
                    "command",
                    "hold.begun",
                    actor,
                    container=desk.roster.containers.get(one.container or ""),
                    params={"hold_id": one.id, "reason": reason, "everywhere": one.container is None},
                    request_id=request_id,
                )
                for one in holds
            )
        )
        return holds

    async def plan_release(self, containers: Sequence[str] | None) -> Plan:
        """Return what would be done at once were these holds not there."""
        self._check([None] if containers is None else containers)
        return self._previews.remember(*await self._foretelling.release(containers))

    async def release(
        self,
        containers: Sequence[str] | None,
        reason: str,
        actor: Actor,
        request_id: str | None,
        plan: str | None = None,
    ) -> None:
        """End the holds on these containers, or (None) the one on everything. Ends the doubt about a shrunken inventory.

        `plan`: of what would be done then, as a person saw it.
        """
        desk = self._desk
        places: list[str | None] = [None] if containers is None else list(dict.fromkeys(containers))
        self._check(places)
        ended = [one for one in desk.intentions.holds if one.container in places]
        if not ended:
            if containers is None:
                raise NotThere(
                    worded(
                        "no hold is everywhere: GET /api/v1/holds says where they are, ?container= names one"
                    )
                )
            raise NotThere(
                worded(
                    "no hold is on %(containers)s: GET /api/v1/holds says where they are, ?container= names one",
                    containers=", ".join(containers),
                )
            )
        if plan is not None:
            self._previews.check(plan, *await self._foretelling.release(containers))
        for one in ended:
            await desk.intentions.end_hold(one)
        if None in places:
            await self._reconciler.doubting.trust_inventory()
        await desk.recorder.keep(
            *(
                desk.event(
                    "command",
                    "hold.ended",
                    actor,
                    container=desk.roster.containers.get(one.container or ""),
                    params={"hold_id": one.id, "reason": reason, "everywhere": one.container is None},
                    request_id=request_id,
                )
                for one in ended
            )
        )
        self._look(places)

    async def mark_service(
        self, miner_id: str, reason: str, actor: Actor, request_id: str | None
    ) -> ServiceMark:
        """Mark a miner as being under somebody's hands."""
        desk = self._desk
        watched = self._miner(miner_id)
        if not reason.strip():
            raise Invalid(worded("say why: a reason is kept with every mark"), "/reason")
        mark = ServiceMark(miner=miner_id, reason=reason, created_by=actor, created_at=desk.now)
        kept = asyncio.ensure_future(desk.intentions.add_mark(mark))
        await asyncio.sleep(0)
        desk.look((watched,))
        desk.views.touch((watched,))
        await kept
        await desk.recorder.keep(
            desk.event(
                "state",
                "service.begun",
                actor,
                watched=watched,
                params={"reason": reason},
                request_id=request_id,
            )
        )
        return mark

    async def end_service(self, miner_id: str, reason: str, actor: Actor, request_id: str | None) -> None:
        """End the mark. Whatever device stands there now is taken for the right one."""
        desk = self._desk
        watched = self._miner(miner_id)
        if miner_id not in desk.intentions.marks:
            raise NotThere(worded("%(miner_id)s is not marked as in service", miner_id=miner_id))
        await desk.intentions.end_mark(miner_id)
        self._reconciler.doubting.accept(watched)
        await desk.recorder.keep(
            desk.event(
                "state",
                "service.ended",
                actor,
                watched=watched,
                params={"reason": reason},
                request_id=request_id,
            )
        )
        desk.look((watched,))
        desk.views.touch((watched,))

    def _miner(self, miner_id: str) -> Watched:
        watched = self._desk.roster.get(miner_id)
        if watched is None:
            raise NotThere(worded("there is no miner %(miner_id)s", miner_id=miner_id))
        return watched

    def _check(self, places: Sequence[str | None]) -> None:
        strange = [one for one in places if one is not None and one not in self._desk.roster.containers]
        if strange:
            raise NotThere(worded("there is no container %(names)s", names=", ".join(strange[:5])))
        if not places:
            raise Invalid(worded("name at least one container, or all"), "/containers")

    def _look(self, places: Sequence[str | None]) -> None:
        desk = self._desk
        if None in places:
            desk.look(desk.roster)
        else:
            for place in places:
                desk.look(desk.roster.of_container(place or ""))
