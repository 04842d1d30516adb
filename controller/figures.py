"""The figures that the controller's own metrics are made of, as plain values: whoever knows them fills them in.

`controller/metrics.py` says what each is called and means; `controller/metrics_page.py` writes them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from miners.actions import Status
from miners.inventory.fleet import Control

DURATION_BUCKETS_S = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0)
"""Upper ends of the buckets of `hashyard_controller_command_duration_seconds`: some makes restart mining for minutes."""


class MinerFigures(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Of one miner, by the names that the inventory gives. Ratios are shares of nominal power; None: no such series.

    `desired_…` under `enforce` only, and not for a miner in service or one whose make cannot do it. `planned_ratio` under
    `observe` only. `desired_since`: unix seconds. `desired_hashrate_hs`: where a preset promises one. `power_target_w`:
    what the order comes to at the wall, where that is known. `control`: what its container says of control. `drifting`:
    it said yes and does not show it; None where nothing is ordered. `in_service`: a person has marked it, under `observe` too.
    """

    client: str | None
    container: str
    miner: str
    desired_ratio: float | None = None
    applied_ratio: float | None = None
    planned_ratio: float | None = None
    desired_since: float | None = None
    desired_hashrate_hs: float | None = None
    desired_profile: str | None = None
    applied_profile: str | None = None
    power_target_w: float | None = None
    control: str | None = None
    drifting: bool | None = None
    in_service: bool = False


class ContainerFigures(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Of one container. `miners`: of the inventory that are to be polled.

    `next_change`: unix seconds, None without one. `held`: its writing is stopped, by a hold of its own or one of all.
    `drifting`: miners that said yes and do not show what is ordered. `power_target_w`: the sum of its miners' targets; None under
    `observe` and without an order.
    """

    client: str | None
    container: str
    control: Control
    miners: int
    next_change: float | None = None
    held: bool = False
    drifting: int = 0
    in_service: int = 0
    power_target_w: float | None = None


class Durations(msgspec.Struct):
    """How long commands took: counts by bucket (the last is beyond all), and the sum in seconds."""

    buckets: list[int]
    sum_s: float = 0.0


class CommandCounts:
    """Outcomes of commands, counted since the start."""

    def __init__(self) -> None:
        """Begin at 0."""
        self._outcomes: dict[tuple[str | None, str, str, Status], int] = {}
        self._durations: dict[tuple[str | None, str, str], Durations] = {}

    def count(
        self, client: str | None, container: str, action: str, status: Status, duration_s: float
    ) -> None:
        """Count one outcome. `container` by its name, `action` as `action_name` says it; from order to read-back."""
        outcome = (client, container, action, status)
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1
        durations = self._durations.setdefault(outcome[:3], Durations([0] * (len(DURATION_BUCKETS_S) + 1)))
        durations.buckets[bisect_left(DURATION_BUCKETS_S, duration_s)] += 1
        durations.sum_s += max(duration_s, 0.0)

    def outcomes(self, client: str | None, container: str, action: str, status: Status) -> int:
        """Return how often that was the outcome."""
        return self._outcomes.get((client, container, action, status), 0)

    def durations(self, client: str | None, container: str, action: str) -> Durations:
        """Return how long that took."""
        found = self._durations.get((client, container, action))
        return found if found is not None else Durations([0] * (len(DURATION_BUCKETS_S) + 1))


class GatewayCounts:
    """Answers of the query gateway by their status, counted since the start. Each status is there from the first, as 0."""

    def __init__(self, codes: Iterable[int] = ()) -> None:
        """`codes`: those that may come."""
        self.by_code = dict.fromkeys(codes, 0)

    def count(self, code: int) -> None:
        """Count one answer."""
        self.by_code[code] = self.by_code.get(code, 0) + 1


class LedgerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The books. `booked_until`: by client and name of the container, unix seconds. `booked`: hours, `failures`: of keeping."""

    booked_until: Mapping[tuple[str | None, str], float] = {}
    booked: int = 0
    failures: int = 0


class FleetFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page, of one moment. Times in unix seconds; None: no such series.

    `exporters`: each URL, and whether it answers. `clock_synchronised` None: unknown. `address`: the URL at which people
    reach the controller. `gateway_requests`: by the status of the answer.
    """

    version: str
    miners: Sequence[MinerFigures]
    containers: Sequence[ContainerFigures]
    commands: CommandCounts
    schedule_last_run: float | None = None
    events_written: int = 0
    event_write_failures: int = 0
    reload_successful: bool = True
    last_good_reload: float | None = None
    held_everywhere: bool = False
    holds: int = 0
    doubts: int = 0
    clock_synchronised: bool | None = None
    address: str | None = None
    exporters: Mapping[str, bool] = {}
    gateway_requests: Mapping[int, int] = {}
    ledger: LedgerFigures = LedgerFigures()
