"""What `hashyard check` says: every mistake with its line, or what is in the inventory and what is worth a look."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from miners.errors import InventoryError
from miners.inventory.fleet import Container, Inventory, Miner, Tariff
from miners.inventory.heat import chips_without_limit
from miners.inventory.load import load
from miners.inventory.nodes import shortened

MAX_MODELS = 6


def check_report(paths: Sequence[Path], *, managed: Path | None = None) -> tuple[str, int]:
    """Return the text of a check and its exit code: 0 if the files are right, 2 with every mistake if not."""
    try:
        inventory = load(paths, managed=managed)
    except InventoryError as error:
        count = len(error.mistakes)
        return "\n".join((*error.mistakes, f"{_many(count, 'mistake')}; nothing of it is used")), 2
    return summary(inventory), 0


def summary(inventory: Inventory) -> str:
    """Return what is in an inventory, for people: containers, miners, makes and models, notices, warnings."""
    miners = [miner for container in inventory.containers for miner in container.miners]
    containers = _many(len(inventory.containers), "container")
    lines = [f"{containers}, {_miners(miners)}: {_makes(miners)}"]
    lines += [_container_line(container) for container in inventory.containers]
    lines += [_tariff_line(tariff) for tariff in inventory.tariffs.values()]
    lines += _control_lines(inventory)
    notices = list(chips_without_limit(inventory.containers))
    if notices:
        lines += [f"{_many(len(notices), 'notice')}:", *notices]
    if inventory.warnings:
        lines.append(f"{_many(len(inventory.warnings), 'warning')}:")
        lines += inventory.warnings
    return "\n".join(lines)


def _container_line(container: Container) -> str:
    parts = [
        f"  {shortened(container.name)} ({container.id}): {_miners(container.miners)}",
        f"every {container.interval_s:g} s",
        container.timezone,
        container.control,
    ]
    if container.schedule is not None:
        parts.append(f"schedule {container.schedule}")
    if container.client is not None:
        parts.append(f"client {container.client}")
    parts += [
        f"from {change.from_date} {'no tariff' if change.tariff is None else f'tariff {shortened(change.tariff)}'}"
        for change in container.tariff_changes
    ]
    if container.miners:
        parts.append(_models(container.miners))
    return ", ".join(parts)


def _tariff_line(tariff: Tariff) -> str:
    changes = (
        f", other prices from {', '.join(one.from_date for one in tariff.changes)} on"
        if tariff.changes
        else ""
    )
    return f"tariff {shortened(tariff.name)}: {tariff.currency}{changes}"


def _control_lines(inventory: Inventory) -> Iterator[str]:
    """Return a line for each profile, schedule and feed that a file gives."""
    for profile in inventory.profiles.values():
        if profile.origin is not None:
            yield f"profile {shortened(profile.name)}: {profile.target_percent:g} %"
    for schedule in inventory.schedules.values():
        if schedule.origin is not None:
            rest = f", otherwise {shortened(schedule.otherwise)}" if schedule.otherwise is not None else ""
            windows = _many(len(schedule.windows), "window")
            yield f"schedule {shortened(schedule.name)} ({schedule.id}): {windows}{rest}"
    for feed in inventory.feeds.values():
        limit = f"{feed.power_limit_w / 1000:g} kW" if feed.power_limit_w is not None else "no limit"
        yield f"feed {shortened(feed.name)}: {limit}"


def _makes(miners: Iterable[Miner]) -> str:
    makes = Counter(miner.manufacturer or "make not given" for miner in miners)
    return ", ".join(f"{make} {count}" for make, count in makes.most_common()) or "none"


def _models(miners: Iterable[Miner]) -> str:
    models = Counter(
        " ".join(part for part in (miner.manufacturer, miner.model) if part) or "make not given"
        for miner in miners
    )
    shown = [f"{shortened(model)} × {count}" for model, count in models.most_common(MAX_MODELS)]
    left = len(models) - len(shown)
    return "; ".join([*shown, f"{_many(left, 'model')} more"] if left else shown)


def _miners(miners: Sequence[Miner]) -> str:
    inactive = sum(not miner.active for miner in miners)
    return _many(len(miners), "miner") + (f" ({inactive} not active)" if inactive else "")


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
