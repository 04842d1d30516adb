"""A small fleet as plain values: an inventory of one miner a name, and readings of it."""

from datetime import UTC, datetime
from typing import Any

from miners.inventory.fleet import Container, Inventory, Miner, Origin
from miners.inventory.secrets import target_of
from miners.model import Identity, PollFailure, Reading, Snapshot, Target

ORIGIN = Origin("targets.yml", 1)


def container(name: str, *miners: str, **more: Any) -> Container:
    given: dict[str, Any] = {"id": name.lower().replace(" ", "-")} | more
    entries = tuple(
        Miner(name=miner, container=name, address=f"127.9.{len(name)}.{at}", origin=ORIGIN)
        for at, miner in enumerate(miners, start=1)
    )
    return Container(name=name, origin=ORIGIN, miners=entries, **given)


def inventory(*containers: Container) -> Inventory:
    return Inventory(containers=containers)


def target(of: Container, miner: Miner) -> Target:
    return target_of(of, miner, None)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def snapshot(of: Container, place: int = 0, *, at: float = 0.0, **more: Any) -> Snapshot:
    miner = of.miners[place]
    given: dict[str, Any] = {
        "container": of.name,
        "miner": miner.name,
        "address": miner.address,
        "taken_at": moment(at),
        "duration_s": 0.1,
        "driver": "whatsminer_v2",
        "state": "mining",
        "identity": Identity("Whatsminer", "M50"),
        "power_w": 3300.0,
    } | more
    return Snapshot(**given)


def failure(of: Container, place: int = 0, *, at: float = 0.0, **more: Any) -> PollFailure:
    miner = of.miners[place]
    given: dict[str, Any] = {
        "container": of.name,
        "miner": miner.name,
        "address": miner.address,
        "taken_at": moment(at),
        "duration_s": 3.0,
        "reason": "timeout",
        "detail": "no connection within 3 s",
    } | more
    return PollFailure(**given)


def answer(to: Target, **more: Any) -> Reading:
    """Return what a miner at this target says."""
    given: dict[str, Any] = {
        "container": to.container,
        "miner": to.miner,
        "address": to.address,
        "taken_at": datetime.now(UTC),
        "duration_s": 0.01,
        "driver": "antminer",
        "state": "mining",
        "identity": Identity("AntMiner", "S19"),
    } | more
    return Snapshot(**given)
