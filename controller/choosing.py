"""Which miners a wish means, what each would be brought to, and the refusals that come before any plan."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

from controller.deeds import (
    Choice,
    Invalid,
    MinerView,
    NotThere,
    Observed,
    OverrideWish,
    Plan,
    PlanChanged,
)
from controller.desk import Desk
from controller.model import Hold, Stagger, Step
from controller.plans import SkipReason, Would, differs, skip_reason
from controller.profiles import shows
from controller.reconciler import Reconciler
from controller.watched import Watched
from controller.wording import worded, worded_many
from miners.inventory.fleet import Container, Inventory
from miners.model import Snapshot

LONGEST: Final = timedelta(days=7)
"""An override that is to end by itself lasts no longer; one for longer has to be ended by a person."""

PLANS_KEPT: Final = 200
"""Previews that are remembered, to tell by how much a plan has changed since."""

MARKS_KEPT: Final = 200_000
"""A mark for each miner of a preview: some twenty megabytes. The latest preview is kept, however large."""


class Previews:
    """The plans that people have seen lately, by fingerprint: what each was made of (see `marks_of`)."""

    def __init__(self) -> None:
        """None was made yet."""
        self._marks: OrderedDict[str, AbstractSet[str]] = OrderedDict()

    def remember(self, plan: Plan, marks: AbstractSet[str]) -> Plan:
        """Keep what a plan was made of; return the plan."""
        self._marks[plan.fingerprint] = marks
        self._marks.move_to_end(plan.fingerprint)
        while len(self._marks) > PLANS_KEPT or (
            len(self._marks) > 1 and sum(map(len, self._marks.values())) > MARKS_KEPT
        ):
            self._marks.popitem(last=False)
        return plan

    def check(self, fingerprint: str | None, plan: Plan, marks: AbstractSet[str]) -> None:
        """Raise PlanChanged if a person saw another plan than this one. A plan that is not remembered is another."""
        if fingerprint is None or fingerprint == plan.fingerprint:
            return
        before = self._marks.get(fingerprint)
        if before is None or differs(before, marks):
            self.remember(plan, marks)
            raise PlanChanged(
                worded("the miners meant have changed since the preview: look at the plan again"), plan
            )


class Choosing:
    """Finds miners, and says what would be done with each."""

    def __init__(self, desk: Desk, reconciler: Reconciler) -> None:
        """See Desk."""
        self._desk, self._reconciler = desk, reconciler

    def miners(self, choice: Choice) -> list[Watched]:
        """Return the miners that are meant, each once. Raises NotThere with every id that is none, Invalid for none at all."""
        roster = self._desk.roster
        strange = [id_ for id_ in choice.containers if id_ not in roster.containers]
        strange += [id_ for id_ in choice.miners if roster.get(id_) is None]
        if strange:
            names = ", ".join(strange[:5])
            if len(strange) > 5:
                more = len(strange) - 5
                raise NotThere(
                    worded("there is no %(names)s and %(more)s more in the inventory", names=names, more=more)
                )
            raise NotThere(worded("there is no %(names)s in the inventory", names=names))
        if not choice.containers and not choice.miners:
            raise Invalid(worded("name at least one container or miner"), "/target")
        found: dict[str, Watched] = {}
        for id_ in choice.containers:
            found.update((watched.id, watched) for watched in roster.of_container(id_))
        for id_ in choice.miners:
            watched = roster.get(id_)
            if watched is not None:
                found[id_] = watched
        return list(found.values())

    def refuse_observed(self, choice: Choice, miners: Sequence[Watched]) -> None:
        """Raise Observed if a container that is named, or every container that is meant, is only observed."""
        named = [self._desk.roster.containers[id_] for id_ in choice.containers]
        meant = list({watched.container.id: watched.container for watched in miners}.values())
        observed = [one for one in named if one.control != "enforce"]
        if not observed and meant and all(one.control != "enforce" for one in meant):
            observed = meant
        if observed:
            places = [f"{one.origin.file}:{one.origin.line}" for one in observed]
            names = ", ".join(one.name for one in observed[:5])
            raise Observed(
                worded_many(
                    "%(names)s is only observed: write `control: enforce` there (%(places)s)",
                    "%(names)s are only observed: write `control: enforce` there (%(places)s)",
                    len(observed),
                    names=names,
                    places=", ".join(places[:5]),
                ),
                places,
            )

    def step(self, watched: Watched, profile: str | None, inventory: Inventory | None = None) -> Step | None:
        """Return the step of a miner to a profile."""
        return self._reconciler.steps.of(inventory or self._desk.inventory, watched, profile)[0]

    def would(
        self,
        watched: Watched,
        profile: str | None,
        *,
        holds: Sequence[Hold] | None = None,
        trusting: bool = False,
    ) -> Would:
        """Return what bringing a miner to a profile would do. `holds`, `trusting`: see `skipped`."""
        view = self._desk.views.of(watched)
        found, writer = self._reconciler.steps.of(self._desk.inventory, watched, profile)
        skip = self.skipped(watched, view, holds=holds, trusting=trusting)
        if skip is not None:
            return Would(view=view, step=found, against=skip[0], detail=skip[1], profile=profile)
        if found is None or found.problem is not None:
            detail = "" if found is None else found.problem or ""
            return Would(view=view, step=found, against="unsupported", detail=detail, profile=profile)
        shown: bool | None = None
        if isinstance(view.reading, Snapshot) and writer is not None:
            shown = shows(found, view.reading, writer)
        return Would(view=view, step=found, shows=shown, profile=profile)

    def skipped(
        self,
        watched: Watched,
        view: MinerView,
        *,
        holds: Sequence[Hold] | None = None,
        trusting: bool = False,
    ) -> tuple[SkipReason, str] | None:
        """Return why a plan leaves a miner out, None if it does not.

        `holds`: those that there would be by then, in place of those that there are; `trusting`: and with the inventory taken
        for the whole fleet.
        """
        doubts = self._reconciler.doubting.against(watched, trusting=trusting)
        there = self._desk.intentions.holds if holds is None else holds
        return skip_reason(
            view,
            held=any(hold.container in (None, watched.container.id) for hold in there),
            in_doubt=doubts[0] if doubts else None,
        )


def check_times(
    wish: OverrideWish, now: datetime, containers: Iterable[Container], changing: AbstractSet[str]
) -> None:
    """Raise Invalid for an end or a start that cannot be. `changing`: the containers whose schedule changes again."""
    starts = max(wish.starts_at or now, now)
    check_end(wish.ends, wish.until, starts)
    if wish.ends == "next_change":
        still = [one.name for one in containers if one.id not in changing]
        if still:
            raise Invalid(
                worded(
                    "%(names)s: no schedule changes there, so there is no next change; give a time, or end it by hand",
                    names=", ".join(still[:5]),
                ),
                "/ends",
            )


def check_end(ends: str, until: datetime | None, starts: datetime) -> None:
    """Raise Invalid for an end that cannot be."""
    if ends != "at":
        if until is not None:
            raise Invalid(worded("an end by %(ends)s has no time: leave `until` out", ends=ends), "/until")
        return
    if until is None:
        raise Invalid(worded("say until when: `until`"), "/until")
    if until <= starts:
        raise Invalid(worded("the end is not after the start"), "/until")
    if until - starts > LONGEST:
        raise Invalid(worded("over 7 days it has to be ended by hand: `ends: manual`"), "/until")


def check_words(reason: str, stagger: Stagger | None) -> None:
    """Raise Invalid for a missing reason, or a stagger that is none."""
    if not reason.strip():
        raise Invalid(worded("say why: a reason is kept with every order"), "/reason")
    if stagger is None:
        return
    if stagger.batch is not None and stagger.batch < 1:
        raise Invalid(worded("at least one miner at once"), "/stagger/batch")
    if stagger.over_s is not None and not 0 <= stagger.over_s <= 86_400:
        raise Invalid(worded("from 0 to 86400 seconds"), "/stagger/over_s")
