"""The nominal power of miners by their numbers in the books: for saying how large a gap may be, and for nothing else."""

from collections.abc import Mapping
from statistics import fmean

from sqlalchemy import Connection, select

from controller.storage.schema import miner_records
from miners.inventory.fleet import Container, Miner
from miners.inventory.slugs import miner_id
from miners.models import find_model


def nominal_of_miners(
    connection: Connection, containers: Mapping[int, Container], miners: Mapping[int, tuple[int, str]]
) -> dict[int, float]:
    """Return watts by miner's number: of the inventory, else what the miner has named, else of its model.

    `containers`: those of the inventory by number; `miners`: container and name by number. Who is in no inventory any more
    has none.
    """
    column = miner_records.c.nominal_power_w
    recorded = {
        row.miner: row.nominal_power_w
        for row in connection.execute(select(miner_records.c.miner, column).where(column.is_not(None)))
    }
    known = {
        (number, miner.name): (container, miner)
        for number, container in containers.items()
        for miner in container.miners
    }
    found = {}
    for number, key in miners.items():
        if key in known:
            container, miner = known[key]
            watts = _nominal_w(container, miner, recorded)
            if watts is not None:
                found[number] = watts
    return found


def mean_of_containers(
    miners: Mapping[int, tuple[int, str]], nominal: Mapping[int, float]
) -> dict[int, float]:
    """Return the mean of each container's miners, by its number."""
    watts: dict[int, list[float]] = {}
    for number, found in nominal.items():
        watts.setdefault(miners[number][0], []).append(found)
    return {container: fmean(found) for container, found in watts.items()}


def _nominal_w(container: Container, miner: Miner, recorded: Mapping[str, float]) -> float | None:
    if miner.nominal_power_w is not None:
        return miner.nominal_power_w
    named = recorded.get(miner_id(container, miner)) if recorded else None
    if named is not None:
        return named
    facts = find_model(miner.manufacturer, miner.model)
    return None if facts is None else facts.nominal_power_w
