"""What would come of an end: of an override, now or sooner than it would have been, and of a hold. Plans, before anything is done.

What is commanded then nobody has planned as a deed of its own: it is what holds without the override, or what has been
wanted all the time that nothing was sent.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from controller.choosing import Choosing
from controller.deeds import OVER_LIMIT_LATER, Plan, Warned
from controller.desire import end_of
from controller.desk import Desk
from controller.model import Hold, Override
from controller.plans import Would, plan_of
from controller.reconciler import A_PIECE, Reconciler
from controller.watched import Watched

Foretold: TypeAlias = tuple[Plan, frozenset[str]]
"""A plan, and what it is made of (see `marks_of`)."""


class Foretelling:
    """Knows what ends would bring about."""

    def __init__(self, desk: Desk, reconciler: Reconciler, choosing: Choosing) -> None:
        """See Desk."""
        self._desk, self._reconciler, self._choosing = desk, reconciler, choosing

    async def end(self, override: Override) -> Foretold:
        """Return what ending an override would do at once: what holds without it is brought back."""
        now = self._desk.now
        ends = dict.fromkeys((one.id for one in self._followers(override)), now)
        over_s = None if override.stagger is None else override.stagger.over_s
        return await self._without(override, ends, over_s)

    async def sooner_end(self, before: Override, after: Override) -> Foretold | None:
        """Return what is done when an override ends as it is to be changed to; None where that is no sooner than before.

        Of the miners for which it ends sooner, as they are now.
        """
        ends: dict[str, datetime] = {}
        for watched in self._followers(before):
            end, until_now = end_of(after, watched.container.id), end_of(before, watched.container.id)
            if end is not None and (until_now is None or end < until_now):
                ends[watched.id] = end
        return await self._without(before, ends, None) if ends else None

    async def release(self, containers: Sequence[str] | None) -> Foretold:
        """Return what would be done at once were the holds on these containers, or (None) the one on everything, not there."""
        desk = self._desk
        places = (None,) if containers is None else tuple(containers)
        left = tuple(hold for hold in desk.intentions.holds if hold.container not in places)
        if containers is None:
            miners = list(desk.roster)
        else:
            miners = [one for place in dict.fromkeys(containers) for one in desk.roster.of_container(place)]

        def would(watched: Watched) -> Would:
            return self._would(watched, watched.wanted.profile, holds=left, trusting=containers is None)

        return await self._planned(miners, would, starts_at=desk.now, over_s=None)

    def _followers(self, override: Override) -> Iterable[Watched]:
        return [one for one in self._desk.roster if one.wanted.override_id == override.id]

    async def _without(
        self, override: Override, ends: Mapping[str, datetime], over_s: float | None
    ) -> Foretold:
        """Return the plan of what holds without an override, of each miner (id) at the moment at which it ends there."""
        desk = self._desk
        miners = [watched for id_ in ends if (watched := desk.roster.get(id_)) is not None]

        def would(watched: Watched) -> Would:
            wanted = desk.intentions.wanted_without(
                desk.inventory, watched.container, watched.id, override.id, ends[watched.id]
            )
            return self._would(watched, wanted.profile)

        starts_at = min(ends.values(), default=desk.now)
        return await self._planned(miners, would, starts_at=starts_at, over_s=over_s)

    def _would(
        self,
        watched: Watched,
        profile: str | None,
        *,
        holds: Sequence[Hold] | None = None,
        trusting: bool = False,
    ) -> Would:
        if profile is None:  # nothing is wanted of it: it stays as it is
            return Would(view=self._desk.views.of(watched), step=None, shows=True)
        return self._choosing.would(watched, profile, holds=holds, trusting=trusting)

    async def _planned(
        self,
        miners: Sequence[Watched],
        would: Callable[[Watched], Would],
        *,
        starts_at: datetime,
        over_s: float | None,
    ) -> Foretold:
        wishes: list[Would] = []
        for at, watched in enumerate(miners, start=1):
            wishes.append(would(watched))
            if at % A_PIECE == 0:
                await asyncio.sleep(0)
        warnings = [Warned(code="in_doubt", detail=doubt) for doubt in self._reconciler.doubting.everywhere]
        then = {one.view.id: one.profile for one in wishes}
        against = await self._reconciler.releasing.limits_exceeded(
            {id_: profile for id_, profile in then.items() if profile is not None}
        )
        if against is not None:  # the end is not refused for it: their power is raised when there is room
            warnings.append(Warned(code=OVER_LIMIT_LATER, detail=against))
        profiles = set(then.values())
        return await asyncio.to_thread(
            plan_of,
            wishes,
            starts_at=starts_at,
            then_profile=profiles.pop() if len(profiles) == 1 else None,
            over_s=over_s,
            warnings=warnings,
        )
