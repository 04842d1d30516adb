"""How fast power may rise and fall: which of the waiting changes may be sent now. Pure; the caller keeps the History.

Inrush trips breakers, and forty containers that step together at 06:00 are inrush. A container and its feed each have a
budget (`Ramp`): within any `every_s` seconds no more than `step_w` watts change, up and down added together, and no more
than `batch` miners are told. One miner that is larger than a step goes alone, in a step of its own. An emergency on the way
down waits for nothing; it is counted, so that nothing else follows on its heels.

Nobody starves. In a container the changes go in the order in which they were handed in, downward ones first, and the first
that does not fit holds up the rest, so that small miners do not overtake a large one for ever. On a feed the containers
take turns, the one that was served longest ago first, and when its next change does not fit into the feed's budget the
others wait with it.
"""

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from miners.inventory.fleet import Ramp

UNKNOWN_W = 5_000.0
"""What a miner of unknown power, or a change of it, counts for: more than an air-cooled miner draws."""


class Pending(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A change that waits: ids of miner and container, name of the feed (None: none, or not described).

    `change_w`: by how much the miner's power will change, whatever the direction; None if that is not known. `emergency`
    counts on the way down alone.
    """

    miner: str
    container: str
    feed: str | None = None
    change_w: float | None = None
    up: bool = False
    emergency: bool = False

    @property
    def size_w(self) -> float:
        """Return what it takes of a budget, W."""
        return UNKNOWN_W if self.change_w is None else abs(self.change_w)

    @property
    def waits_for_nothing(self) -> bool:
        """Return whether it skips the ramp."""
        return self.emergency and not self.up


class Taken(msgspec.Struct, frozen=True, gc=False):
    """One change that was let through: when (unix seconds), where, and how large, W."""

    at: float
    container: str
    feed: str | None
    size_w: float


class History(msgspec.Struct, frozen=True):
    """What was let through lately, oldest first, and in which turn each container was last served. Begins empty."""

    taken: tuple[Taken, ...] = ()
    served: Mapping[str, int] = {}
    turn: int = 0


class Allowed(msgspec.Struct, frozen=True):
    """What may go now, in this order; the history with it in; when to look again (None: nothing is left waiting)."""

    now: tuple[Pending, ...]
    history: History
    look_again_at: float | None


def allowed(
    waiting: Iterable[Pending],
    history: History,
    containers: Mapping[str, Ramp],
    feeds: Mapping[str, Ramp],
    now: float,
) -> Allowed:
    """Return which changes may be sent now.

    The caller sends them all, hands the new history to the next call, and looks again at the time named, or earlier when
    more has come to wait. `containers`, `feeds`: the ramps by id and by name; one that is not there has no limit. `now`:
    unix seconds; where the clock was set back, what seems to lie in the future counts as taken now.
    """
    budgets = _Budgets(containers, feeds, history, now)
    going: list[Pending] = []
    queues: dict[str, deque[Pending]] = {}
    for change in sorted(waiting, key=lambda change: change.up):
        if change.waits_for_nothing:
            budgets.take(change)
            going.append(change)
        else:
            queues.setdefault(change.container, deque()).append(change)
    look_again: list[float] = []
    full_feeds: set[str] = set()
    turns = deque(sorted(queues, key=lambda container: history.served.get(container, -1)))
    while turns:
        container = turns.popleft()
        change = queues[container][0]
        if change.feed in full_feeds:
            continue
        free_at = budgets.of_container(change).free_at(change.size_w)
        if free_at <= now:
            free_at = budgets.of_feed(change).free_at(change.size_w)
            if free_at > now and change.feed is not None:
                full_feeds.add(change.feed)
        if free_at > now:
            look_again.append(free_at)
            continue
        budgets.take(change)
        going.append(queues[container].popleft())
        if queues[container]:
            turns.append(container)
    served = dict(history.served)
    for turn, change in enumerate(going, history.turn):
        served[change.container] = turn
    return Allowed(
        tuple(going),
        History(budgets.taken(), served, history.turn + len(going)),
        min(look_again, default=None),
    )


def slowed(ramp: Ramp, *, over_s: float | None, batch: int | None, miners: int) -> Ramp:
    """Return a ramp that also spreads so many miners over `over_s` seconds, no more than `batch` at once: never faster."""
    smaller = ramp.batch if batch is None else max(1, min(ramp.batch, batch))
    if over_s is None or miners <= 0:
        return Ramp(step_w=ramp.step_w, every_s=ramp.every_s, batch=smaller)
    steps = -(-miners // smaller)
    return Ramp(step_w=ramp.step_w, every_s=max(ramp.every_s, over_s / steps), batch=smaller)


class _Budget:
    """What one container or feed has used of its ramp at a moment."""

    def __init__(self, ramp: Ramp | None) -> None:
        self.ramp = ramp
        self.used: deque[tuple[float, float]] = deque()
        self.used_w = 0.0

    def counts(self, at: float, now: float) -> bool:
        """Return whether what was taken at a moment still counts."""
        return self.ramp is not None and at + self.ramp.every_s > now

    def take(self, at: float, size_w: float) -> None:
        self.used.append((at, size_w))
        self.used_w += size_w

    def free_at(self, size_w: float) -> float:
        """Return when a change of this size fits: -inf if it does already."""
        if self.ramp is None:
            return float("-inf")
        free_at, left_w, left = float("-inf"), self.used_w, len(self.used)
        for at, taken_w in self.used:
            if left < self.ramp.batch and left_w + size_w <= self.ramp.step_w:
                break
            free_at, left_w, left = at + self.ramp.every_s, left_w - taken_w, left - 1
        return free_at


class _Budgets:
    """The budgets of all containers and feeds at a moment, as the history has left them."""

    def __init__(
        self, containers: Mapping[str, Ramp], feeds: Mapping[str, Ramp], history: History, now: float
    ) -> None:
        self._ramps = {"container": containers, "feed": feeds}
        self._budgets: dict[tuple[str, str | None], _Budget] = {}
        self._now = now
        self._taken: list[Taken] = []
        for one in history.taken:
            self._count(msgspec.structs.replace(one, at=now) if one.at > now else one)

    def of_container(self, change: Pending) -> _Budget:
        return self._budget("container", change.container)

    def of_feed(self, change: Pending) -> _Budget:
        return self._budget("feed", change.feed)

    def take(self, change: Pending) -> None:
        self._count(Taken(self._now, change.container, change.feed, change.size_w))

    def taken(self) -> tuple[Taken, ...]:
        """Return what still counts in some budget."""
        return tuple(self._taken)

    def _count(self, one: Taken) -> None:
        budgets = (self._budget("container", one.container), self._budget("feed", one.feed))
        counting = [budget for budget in budgets if budget.counts(one.at, self._now)]
        for budget in counting:
            budget.take(one.at, one.size_w)
        if counting:
            self._taken.append(one)

    def _budget(self, kind: str, name: str | None) -> _Budget:
        found = self._budgets.get((kind, name))
        if found is None:
            ramp = self._ramps[kind].get(name) if name is not None else None
            found = self._budgets[kind, name] = _Budget(ramp)
        return found
