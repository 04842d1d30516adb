"""How fast an Avalon hashes: by its modules' own count, else by cgminer's, of the whole or added up over devices."""

from collections.abc import Sequence

from miners.draft import Draft
from miners.drivers.avalon_text import Module
from miners.link import Object
from miners.units import hashes, number, seconds

_NOW = ("MHS 5s", "MHS 30s", "MHS 1m")
_COUNTED = (*_NOW, "MHS av", "Accepted", "Rejected", "Hardware Errors", "Total MH")
_FADED, _FADING = 0.001, 0.5
"""Parts of its average: below the first a rate is what fades of one that ended, below the second it may be, where a
shorter window shows nothing."""

_NO_SPEED = "10"
"""The A10 is the family whose GHSspd stays at 0.00 (seen on a 1066)."""

_MAX_DEVICES = 100


def read_rates(draft: Draft, summary: Object, found: Sequence[Module]) -> None:
    """Fill in the rates now, on average and ideal. `found`: all modules, none where some may be missing."""
    now = _total(found, "GHSspd")
    if not now and any("init" in module.work for module in found):
        now = 0.0
    elif not now:
        # A 1066 writes GHSspd[0.00] while it mines, and 7xx to 9xx write none: cgminer's own count knows.
        counted = _counted_now(summary)
        if counted is not None:
            now = counted
        elif any(_may_write_no_speed(module) for module in found):
            now = None
    draft.hashrate_hs = now
    average = _total(found, "GHSavg")
    draft.hashrate_average_hs = hashes(summary.get("MHS av"), 1e6) if average is None else average
    # An ideal of 0 is that of clocks which stand still, not of the miner.
    draft.nominal_hashrate_hs = _total(found, "GHSmm") or None


def _counted_now(summary: Object) -> float | None:
    """Return cgminer's own rate in H/s. Its windows fade for minutes after the last hash: such a rest is no rate."""
    rates = [hs for key in _NOW if (hs := hashes(summary.get(key), 1e6)) is not None]
    if not rates:
        return None
    average = hashes(summary.get("MHS av"), 1e6) or 0.0
    if rates[0] > 0.0:
        return rates[0] if rates[0] >= _FADED * average else 0.0
    return next((hs for hs in rates if hs > 0.0 and hs >= _FADING * average), 0.0)


def _may_write_no_speed(module: Module) -> bool:
    return module.keys.get("Ver", "").startswith(_NO_SPEED) and "idle" not in module.work


def _total(found: Sequence[Module], key: str) -> float | None:
    """Return the sum of a rate over the modules in H/s, None if one of them does not report it."""
    total = 0.0
    for module in found:
        own = hashes(module.keys.get(key), 1e9)
        if own is None:
            return None
        total += own
    return total if found else None


def added_up(devices: Sequence[Object]) -> Object:
    """Return the devices' own counts as a summary has them; what one of them does not say is not in it."""
    devices = devices[:_MAX_DEVICES]
    summary: Object = {}
    for key in _COUNTED:
        known = [figure for device in devices if (figure := number(device.get(key))) is not None]
        if known and len(known) == len(devices):
            summary[key] = sum(known)
    ages = [age for device in devices if (age := seconds(device.get("Device Elapsed"))) is not None]
    return summary | ({"Elapsed": max(ages)} if ages else {})
