"""At which temperatures a miner counts as too hot: what its container says, else what its maker has published.

Makers publish next to nothing (docs/models.md), and no limit is made up here. A miner without one is never found to be
too hot by its temperature, only by its own word; so an inventory that leaves miners without one is told so.
"""

from collections.abc import Iterable, Iterator

from miners.inventory.fleet import Container
from miners.inventory.nodes import shortened
from miners.models import ModelFacts, find_model


def temperature_limits_c(container: Container, facts: ModelFacts | None) -> dict[str, float]:
    """Return the limits of a miner in °C by sensor; `facts`: what the model table knows of it. Empty: none is known."""
    limits = dict(container.temperature_limits_c)
    if facts is not None and facts.max_chip_temp_c is not None:
        limits.setdefault("chip_max", facts.max_chip_temp_c)
    return limits


def chips_without_limit(containers: Iterable[Container]) -> Iterator[str]:
    """Yield a line for each container with active miners whose chips have no limit, as far as their models are given."""
    for container in containers:
        count = sum(
            miner.active
            and "chip_max" not in temperature_limits_c(container, find_model(miner.manufacturer, miner.model))
            for miner in container.miners
        )
        if count:
            who, how = ("1 miner has", "it is") if count == 1 else (f"{count} miners have", "they are")
            yield (
                f"{shortened(container.name)}: {who} no limit for the hottest chip, so MinerOverTemperature does not see "
                f"how hot {how}: give the container, or `defaults`, temperature_limits: {{chip_max: …}}"
            )
