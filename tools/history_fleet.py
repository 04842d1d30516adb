"""The demo's simulated fleet as it was in the past, so made that it joins the fleet that runs now.

Seed, silicon, faults and the times of the latest starts are those of the present fleet. What chance would break for good
(a board, a chip) is left out, since the present fleet is whole; some events are put in, so that there is something to find.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from miners.inventory.fleet import Inventory
from miners.inventory.load import load
from simulator.build import build_miners
from simulator.faults import RefusedConnections
from simulator.incidents import Wear
from simulator.miner import SimulatedMiner
from simulator.physics import Physics
from simulator.setting import Change
from simulator.specs import ContainerSpec
from simulator.wishes import CONTAINER_KEYS, MINER_KEYS

SEED = 1
"""What `hashyard simulate` takes, where it is told no other."""
STEP_S = 60.0
"""The grid of the physics: in steps of ten seconds a week of the demo's fleet takes a minute of computing."""
DAY_S, HOUR_S, MINUTE_S = 86_400.0, 3_600.0, 60.0

OUTAGE_AGO_S, OUTAGE_FOR_S = 2 * DAY_S, 20 * MINUTE_S
"""When the uplink of one container was away, and how long."""
LOST = ((1.3 * DAY_S, 2 * HOUR_S, 3), (4.2 * HOUR_S, 45 * MINUTE_S, 4), (2.1 * HOUR_S, 25 * MINUTE_S, 5))
"""Miners that were lost for a while: how long ago, for how long, and which of a container (one in so many parts of it)."""


def read_inventory(targets: Path) -> Inventory:
    """Return the inventory. Raises InventoryError."""
    return load([targets])


def build_past(
    inventory: Inventory, begin: float, until: float, seed: int | str = SEED, *, step_s: float = STEP_S
) -> dict[tuple[str, str], SimulatedMiner]:
    """Return the miners as of `begin`, by container and name; what befalls them until `until` is told them already.

    Unix seconds. `until`: when the present fleet began; `step_s`: how finely the bodies are followed. Raises SimulatorError.
    """
    specs = [msgspec.convert(one, ContainerSpec, from_attributes=True) for one in inventory.containers]
    present = build_miners(specs, seed=seed, start=until)
    past = build_miners([_lasting(spec) for spec in specs], seed=seed, start=begin, step_s=step_s)
    for now, then in zip(present, past, strict=True):
        _age(then.physics, now.physics, begin)
    fleet = {(miner.spec.container, miner.spec.name): miner for miner in past}
    for miner, fault in _events(specs, fleet, begin, until):
        miner.add_faults((fault,), begin)
    return fleet


def _lasting(spec: ContainerSpec) -> ContainerSpec:
    """Return the container with the faults that it has from the beginning, and with nothing that wears out."""
    wish = dict(spec.simulate)
    asked = wish.get("wear") or {}
    calm = 0.0 if wish.get("static") else Wear().pool_outages_per_day
    wear = Wear(0.0, asked.get("pool_outages_per_day", calm), 0.0, 0.0)
    miners = tuple(
        msgspec.structs.replace(miner, simulate=_without_later(miner.simulate, MINER_KEYS))
        for miner in spec.miners
    )
    wish["wear"] = msgspec.to_builtins(wear)
    return msgspec.structs.replace(spec, simulate=_without_later(wish, CONTAINER_KEYS), miners=miners)


def _without_later(wish: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """Return a wish without the faults that begin only some time after the start. `own`: keys that are no fault's."""
    if wish.get("after_s"):  # a single fault in short
        return {key: value for key, value in wish.items() if key in own}
    kept = dict(wish)
    if "faults" in kept:
        kept["faults"] = [fault for fault in kept["faults"] if not fault.get("after_s")]
    return kept


def _age(then: Physics, now: Physics, begin: float) -> None:
    """Let the one of the past have started when the present one says that it did, so that its counters go on."""
    if now.booted_at > begin:
        then.order(Change(reboots=True), begin, at=now.booted_at)
        return
    rate = then.hashrate_hs
    mined_s = max(0.0, begin - now.quiet_until)
    then.booted_at, then.mining_since = now.booted_at, now.mining_since
    then.boot_until, then.quiet_until = now.boot_until, now.quiet_until
    then.session_hashes = rate * mined_s
    then.hardware_errors = then.session_hashes * then.error_ratio / then.figures.hashes_per_share
    then.pools.clear()
    then.pools.account(then.session_hashes, begin)


def _events(
    specs: Sequence[ContainerSpec], fleet: dict[tuple[str, str], SimulatedMiner], begin: float, until: float
) -> Iterator[tuple[SimulatedMiner, RefusedConnections]]:
    """Yield what was lost when: one container once, and a few miners."""
    away = max(specs, key=lambda spec: (spec.simulate.get("faults") is None, len(spec.miners)), default=None)
    for spec in specs:
        if spec is away and until - OUTAGE_AGO_S > begin:
            outage = RefusedConnections(after_s=until - OUTAGE_AGO_S - begin, for_s=OUTAGE_FOR_S)
            for miner in spec.miners:
                yield fleet[spec.name, miner.name], outage
        for ago_s, for_s, parts in LOST:
            if len(spec.miners) >= parts and until - ago_s > begin:
                lost = spec.miners[len(spec.miners) // parts]
                yield (
                    fleet[spec.name, lost.name],
                    RefusedConnections(after_s=until - ago_s - begin, for_s=for_s),
                )
