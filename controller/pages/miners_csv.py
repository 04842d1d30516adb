"""Miners as lines of CSV: the API's names and base units in the heads, one line a miner, nothing where it was not reported."""

from collections.abc import Sequence
from typing import Final

from controller.api.miner_filters import firmware_of
from controller.api.shapes import Miner
from controller.deeds import MinerView
from controller.pages.csv_file import Cell

HEADS: Final = (
    "id",
    "name",
    "container_id",
    "container",
    "row",
    "column",
    "state",
    "stale",
    "taken_at",
    "last_seen",
    "failure",
    "failing_since",
    "service",
    "active",
    "hashrate_hs",
    "nominal_hashrate_hs",
    "performance_ratio",
    "power_w",
    "power_source",
    "power_limit_w",
    "efficiency_j_per_th",
    "inlet_c",
    "chip_max_c",
    "uptime_s",
    "boards_ok",
    "expected_boards",
    "faults",
    "pool_url",
    "pool_user",
    "profile",
    "profile_matches",
    "manufacturer",
    "model",
    "firmware",
    "algorithm",
    "address",
    "serial",
    "mac",
)


def cells(miner: Miner, view: MinerView) -> Sequence[Cell]:
    """Return a miner's cells, in the order of HEADS. A client's Miner has no address, and neither have its cells."""
    identity = None if view.last_snapshot is None or miner.address is None else view.last_snapshot.identity
    failure, pool, place = miner.failure, miner.pool, miner.position
    return (
        miner.id,
        miner.name,
        miner.container,
        view.container.name,
        None if place is None else place.row,
        None if place is None else place.column,
        miner.state,
        miner.stale,
        miner.taken_at,
        miner.last_seen,
        None if failure is None else failure.reason,
        None if failure is None else failure.since,
        miner.service,
        miner.active,
        miner.hashrate_hs,
        miner.nominal_hashrate_hs,
        miner.performance_ratio,
        miner.power_w,
        miner.power_source,
        miner.power_limit_w,
        miner.efficiency_j_per_th,
        miner.inlet_c,
        miner.chip_max_c,
        miner.uptime_s,
        miner.boards_ok,
        miner.expected_boards,
        " ".join(fault.code for fault in miner.faults),
        None if pool is None else pool.url,
        None if pool is None else pool.user,
        miner.profile.desired,
        miner.profile.matches,
        miner.manufacturer,
        miner.model,
        firmware_of(view),
        miner.algorithm,
        miner.address,
        None if identity is None else identity.serial,
        None if identity is None else identity.mac,
    )
