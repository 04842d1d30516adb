"""What the inventory says of a container or a miner, as the record tells it and as ETags tell one version from the next."""

from typing import Any, Final

import msgspec

from controller.api.conditions import etag_of
from controller.deeds import MinerView
from miners.inventory import fleet

_NOT_TOLD_OF_CONTAINERS: Final = ("miners", "simulate", "said_at", "origin")
_NOT_TOLD_OF_MINERS: Final = ("simulate", "origin")


def container_etag(container: fleet.Container) -> str:
    """Return the ETag of a container: of what the inventory says of it, not of its figures."""
    return etag_of(told_container(container))


def contents_etag(container: fleet.Container) -> str:
    """Return the ETag of a container with what is in it: which miners, not what is said of each."""
    return etag_of([told_container(container), [miner.name for miner in container.miners]])


def miner_etag(view: MinerView) -> str:
    """Return the ETag of a miner: of what the inventory says of it, not of its figures."""
    return etag_of(told_miner(view.container.id, view.miner))


def told_container(container: fleet.Container) -> dict[str, Any]:
    """Return what the record says of a container."""
    told: dict[str, Any] = msgspec.to_builtins(container)
    return {key: value for key, value in told.items() if key not in _NOT_TOLD_OF_CONTAINERS}


def told_miner(container_id: str, miner: fleet.Miner) -> dict[str, Any]:
    """Return what the record says of a miner: the reference to its credentials, which are nowhere in it."""
    told: dict[str, Any] = msgspec.to_builtins(miner)
    return {
        **{key: value for key, value in told.items() if key not in _NOT_TOLD_OF_MINERS},
        "container": container_id,
    }
