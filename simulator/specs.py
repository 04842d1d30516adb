"""What the simulator is handed: plain words about containers and miners, read from an inventory by somebody else."""

from collections.abc import Mapping
from typing import Any

import msgspec


class MinerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One miner to be simulated. A port of None stays closed. `simulate`: its mapping in the file, as it stands."""

    container: str
    name: str
    address: str
    port: int | None = 4028
    web_port: int | None = 80
    v3_port: int | None = 4433
    manufacturer: str | None = None
    model: str | None = None
    driver: str | None = None
    simulate: Mapping[str, Any] = {}


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One container. `timezone`: an IANA name, for the hours of its weather."""

    name: str
    timezone: str = "UTC"
    simulate: Mapping[str, Any] = {}
    miners: tuple[MinerSpec, ...] = ()
