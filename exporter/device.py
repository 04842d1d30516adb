"""The device that stands at a miner's place: who it is, and what is nominal for it.

In an economy mode a device lowers its own nominal hash rate, so the highest that it has reported counts, for as long
as it is the same device. Its figures outlive a poll that fails, and (with a data folder) the exporter itself.
"""

import sys

import msgspec

from miners.inventory.fleet import Container, Miner
from miners.inventory.heat import temperature_limits_c
from miners.model import Snapshot
from miners.models import ModelFacts, find_model


class Device(msgspec.Struct, gc=False):
    """What is remembered of a device. `nominal_hashrate_hs`: the highest that it has reported itself."""

    manufacturer: str | None = None
    model: str | None = None
    mac: str | None = None
    serial: str | None = None
    nominal_hashrate_hs: float | None = None

    def notice(self, snapshot: Snapshot) -> bool:
        """Take over what a reading says of the device; return whether anything changed.

        A MAC, serial or model that differs from the one known makes it another device. One that is missing (a cut
        reply) says nothing.
        """
        seen = snapshot.identity
        before = (self.manufacturer, self.model, self.mac, self.serial, self.nominal_hashrate_hs)
        if (
            _differ(self.mac, seen.mac)
            or _differ(self.serial, seen.serial)
            or _differ(self.model, seen.model)
        ):
            self.mac = self.serial = self.nominal_hashrate_hs = None
        self.manufacturer = seen.manufacturer or self.manufacturer
        self.model = seen.model or self.model
        self.mac = seen.mac or self.mac
        self.serial = seen.serial or self.serial
        reported = snapshot.nominal_hashrate_hs
        if (
            reported is not None
            and "nominal_hashrate_hs" not in snapshot.estimated
            and (self.nominal_hashrate_hs or 0.0) < reported <= sys.float_info.max
        ):
            self.nominal_hashrate_hs = reported
        return before != (self.manufacturer, self.model, self.mac, self.serial, self.nominal_hashrate_hs)


class Nominal(msgspec.Struct, frozen=True, gc=False):
    """What 100 percent is for a miner, what it hashes, and where it gets too hot. `limits_c`: by sensor."""

    hashrate_hs: float | None
    power_w: float | None
    limits_c: tuple[tuple[str, float], ...]
    algorithm: str | None = None


def nominal(container: Container, miner: Miner, device: Device) -> Nominal:
    """Return the nominal figures: the inventory's, else the device's own, else the model table's."""
    facts = find_model(device.manufacturer or miner.manufacturer, device.model or miner.model)
    hashrate_hs = miner.nominal_hashrate_hs or device.nominal_hashrate_hs
    if hashrate_hs is None and facts is not None:
        hashrate_hs = facts.nominal_hashrate_hs
    power_w = miner.nominal_power_w
    if power_w is None and facts is not None:
        power_w = _table_power_w(facts, hashrate_hs)
    limits = temperature_limits_c(container, facts)
    algorithm = facts.algorithm if facts is not None else None
    return Nominal(hashrate_hs, power_w, tuple(sorted(limits.items())), algorithm)


def _table_power_w(facts: ModelFacts, hashrate_hs: float | None) -> float | None:
    """Return the table's power, scaled to this device's bin: models come in bins of one power per hash rate."""
    if facts.nominal_power_w is None or not facts.nominal_hashrate_hs or not hashrate_hs:
        return facts.nominal_power_w
    return facts.nominal_power_w * hashrate_hs / facts.nominal_hashrate_hs


def _differ(known: str | None, seen: str | None) -> bool:
    return known is not None and seen is not None and known != seen
