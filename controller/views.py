"""All that is known of each miner, in one frozen piece, made again only when something about it has changed.

Ten thousand views are asked for by every page: they are kept, and so is each container's list of them.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

from controller.deeds import MinerView
from controller.figures import MinerFigures
from controller.live import Live
from controller.model import ServiceMark
from controller.powers import expected_w, nominal_w, ordered_ratio
from controller.reconcile import Judgement
from controller.watched import Roster, Watched, moment

NOT_DOUBTS = frozenset(("", "busy", "settling", "back_off", "restarts", "presets", "untold", "unsupported"))
"""Reasons that stand against nothing: the miner is being seen to, or there is nothing to do."""


class Views:
    """The views of the roster, and a number that grows with every change of any of them."""

    def __init__(self, roster: Roster, live: Live, mark_of: Callable[[str], ServiceMark | None]) -> None:
        """`mark_of`: the service mark of a miner."""
        self._roster, self._live, self._mark_of = roster, live, mark_of
        self._views: dict[str, MinerView] = {}
        self._figures: dict[str, MinerFigures] = {}
        self._lists: dict[str | None, tuple[MinerView, ...]] = {}
        self._version = 1
        self._waiting: asyncio.Future[None] | None = None

    @property
    def version(self) -> int:
        """A number that grows whenever anything has changed."""
        return self._version

    def touch(self, miners: Collection[Watched] = (), *, everything: bool = False) -> None:
        """Say that something about these miners has changed, or about the whole roster."""
        self._version += 1
        if everything:
            self._views.clear()
            self._figures.clear()
            self._lists.clear()
        elif miners:
            self._lists.pop(None, None)
            for watched in miners:
                self._views.pop(watched.id, None)
                self._figures.pop(watched.id, None)
                self._lists.pop(watched.container.id, None)
        if self._waiting is not None:
            if not self._waiting.done():
                self._waiting.set_result(None)
            self._waiting = None

    async def changed(self, version: int, timeout_s: float) -> int:
        """Wait until `version` is above this, at most so many seconds of the wall; return it."""
        if self._version <= version:
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._waiting,), timeout=timeout_s)
        return self._version

    def of(self, watched: Watched) -> MinerView:
        """Return the view of a miner."""
        found = self._views.get(watched.id)
        if found is None:
            found = self._views[watched.id] = self._made(watched)
        return found

    def all(self, container_id: str | None = None) -> Sequence[MinerView]:
        """Return the views of all miners, or of those of one container, in the order of the inventory."""
        found = self._lists.get(container_id)
        if found is None:
            chosen = self._roster if container_id is None else self._roster.of_container(container_id)
            found = self._lists[container_id] = tuple([self.of(watched) for watched in chosen])
        return found

    def figures(self, watched: Watched) -> MinerFigures:
        """Return what the metrics say of a miner."""
        found = self._figures.get(watched.id)
        if found is None:
            found = self._figures[watched.id] = self._figured(watched)
        return found

    def _figured(self, watched: Watched) -> MinerFigures:
        container, record, step = watched.container, watched.record, watched.step
        labels = (container.client, container.name, watched.known.miner.name)
        able = step is not None and step.problem is None and watched.known.miner.active
        served = self._mark_of(watched.id) is not None
        if step is None or not able or watched.wanted.profile is None:
            return MinerFigures(
                client=labels[0],
                container=labels[1],
                miner=labels[2],
                control=container.control,
                in_service=served,
            )
        if container.control != "enforce":
            return MinerFigures(
                client=labels[0],
                container=labels[1],
                miner=labels[2],
                planned_ratio=ordered_ratio(step),
                control=container.control,
                in_service=served,
            )
        since = watched.wanted.since
        return MinerFigures(
            client=labels[0],
            container=labels[1],
            miner=labels[2],
            desired_ratio=None if served else ordered_ratio(step),
            applied_ratio=record.applied_ratio,
            desired_since=None if served or since is None else since.timestamp(),
            desired_hashrate_hs=None if served else step.hashrate_hs,
            desired_profile=None if served else watched.wanted.profile,
            applied_profile=record.applied_profile,
            power_target_w=None
            if served
            else expected_w(step, nominal_w(watched.known.miner, watched.known.snapshot, record)),
            control=container.control,
            drifting=None if served else watched.drifting,
            in_service=served,
        )

    def _made(self, watched: Watched) -> MinerView:
        known = watched.known
        return MinerView(
            id=known.id,
            container=known.container,
            miner=known.miner,
            reading=known.reading,
            last_snapshot=known.snapshot,
            failing_since=None if known.failing_since is None else moment(known.failing_since),
            stale=known.stale,
            wanted=watched.wanted,
            step=watched.step,
            matches=watched.judgement.matches,
            record=watched.record,
            service=self._mark_of(known.id),
            doubt=_doubt(watched.judgement),
        )


def _doubt(judgement: Judgement) -> str | None:
    return None if judgement.reason in NOT_DOUBTS else judgement.detail or judgement.reason
