"""Doubts: what an inventory may say and yet is worth a look, such as a model that the model table does not know.

None of it keeps an inventory from being used; `hashyard check` and the log show it.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache

import msgspec

from miners import models
from miners.inventory.fleet import Container, Feed, Miner
from miners.inventory.kinds import MISSING
from miners.inventory.nodes import shortened
from miners.inventory.sections import Entry

# A hash-rate bin at the end of a name (`110T`, `9.5G`): sold under it, and not part of what the device calls itself.
_BIN = re.compile(r"\s+\d+(?:\.\d+)?\s*[kMGT](?:H(?:/s)?|Sol)?$", re.IGNORECASE)


class _UnknownModel(msgspec.Struct):
    entry: Entry
    miners: int = 0


class Doubts:
    """The doubts of one inventory, each said once, however many miners it is about."""

    def __init__(self) -> None:
        self._unknown: dict[tuple[str | None, str], _UnknownModel] = {}

    def at_miner(self, miner: Miner, entry: Entry) -> None:
        """Look at a miner: whether its model is known."""
        if miner.model is None or (
            miner.nominal_power_w is not None and miner.nominal_hashrate_hs is not None
        ):
            return
        if models.find_model(miner.manufacturer, miner.model) is None:
            self._unknown.setdefault((miner.manufacturer, miner.model), _UnknownModel(entry)).miners += 1

    def at_container(self, container: Container, entry: Entry) -> None:
        """Look at a container: its times, its control, its power."""
        if container.timeout_s > container.interval_s:
            entry.warning(
                "interval",
                f"a poll may take {container.timeout_s:g} s, longer than the interval of {container.interval_s:g} s",
            )
        if container.control == "enforce" and container.schedule is None:
            entry.warning("control", "enforce does nothing without a schedule")
        if container.power_limit_w is not None:
            nominal = nominal_power(container)
            if nominal > container.power_limit_w:
                entry.warning("power_limit", _beyond(nominal, container.power_limit_w))

    def at_feeds(self, feeds: Mapping[str, Feed], containers: Sequence[Container], tops: list[Entry]) -> None:
        """Look at the feeds: whether what hangs on one is more than it carries."""
        for top in tops:
            for name, entry in top.values.get("feeds", {}).items():
                limit = feeds[name].power_limit_w if name in feeds else None
                nominal = sum(nominal_power(container) for container in containers if container.feed == name)
                if limit is not None and nominal > limit and entry is not MISSING:
                    entry.warning("power_limit", _beyond(nominal, limit))

    def report(self) -> None:
        """Warn of the models that are not known."""
        for (manufacturer, model), unknown in self._unknown.items():
            many = f" ({unknown.miners} miners)" if unknown.miners > 1 else ""
            unknown.entry.warning("model", f"{shortened(model)}{many} {_why_unknown(manufacturer, model)}")


def nominal_power(container: Container) -> float:
    """Return the nominal power of the active miners of a container, W, as far as it is known."""
    return sum(_nominal_power(miner) for miner in container.miners if miner.active)


def _beyond(nominal: float, limit: float) -> str:
    return f"the miners' nominal power is {nominal / 1000:g} kW, more than the limit of {limit / 1000:g} kW"


def _nominal_power(miner: Miner) -> float:
    if miner.nominal_power_w is not None:
        return miner.nominal_power_w
    facts = models.find_model(miner.manufacturer, miner.model)
    return facts.nominal_power_w or 0.0 if facts else 0.0


def _why_unknown(manufacturer: str | None, model: str) -> str:
    if manufacturer is None:
        makers = [maker for maker in models.manufacturers() if models.find_model(maker, model)]
        if makers:
            return f"is looked up by make: write `manufacturer: {makers[0]}` beside it"
        return "is not in the model table, and no manufacturer is given"
    near = _near(manufacturer, model)
    advice = f"; near: {', '.join(near)}" if near else ""
    return f"is not a {manufacturer} of the model table, so its nominal figures are not known{advice}"


def _near(manufacturer: str, model: str) -> list[str]:
    bare = _BIN.sub("", model)
    if bare != model and models.find_model(manufacturer, bare):
        return [bare]
    names = _reported_names(manufacturer)
    found = get_close_matches(bare.lower(), names, n=3, cutoff=0.6)
    return [names[name] for name in found]


@lru_cache(maxsize=16)
def _reported_names(manufacturer: str) -> dict[str, str]:
    """Return the names that the table would find, without their bins, by themselves in small letters."""
    names = {_BIN.sub("", facts.model) for facts in models.all_models() if facts.manufacturer == manufacturer}
    return {name.lower(): name for name in sorted(names) if models.find_model(manufacturer, name)}
