"""The price of energy at a moment, and the moments at which it changes, by a container's tariffs and its own clock.

One reading of a tariff for everybody: what the exporter shows is what the books reckon with. Wall time decides, so the
night at which the clocks change has an hour of its price more or less, as the clock on the wall has.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from miners.clocks import clock_changes
from miners.inventory.fleet import Container, Inventory, Tariff, TariffChange, TariffZone

_DAY = timedelta(days=1)


def price_at(tariff: Tariff, timezone: str, moment: datetime) -> str:
    """Return the price of a kilowatt-hour at `moment` (aware) in the zone, a decimal text in the tariff's currency.

    A zone of the tariff from 22:00 to 06:00 runs over midnight and belongs to the day on which it begins. A change holds
    from the first moment of its date on, and so do its own zones: of the ones before nothing reaches into it. Raises
    LookupError where no price holds, which no inventory that was found right has.
    """
    local = moment.astimezone(ZoneInfo(timezone))
    terms = terms_on(tariff, local.date())
    day, minute = local.weekday(), local.hour * 60 + local.minute
    for zone in terms.zones:
        if _holds(zone, day, minute):
            return zone.price_per_kwh
    if terms.price_per_kwh is None:
        raise LookupError(f"the tariff {tariff.name} has no price at {local:%H:%M} on {local:%Y-%m-%d}")
    return terms.price_per_kwh


def terms_on(tariff: Tariff, day: date) -> Tariff | TariffChange:
    """Return what has the prices and zones that hold on a date: the last change that has begun by then, or the tariff."""
    text = day.isoformat()
    return next((change for change in reversed(tariff.changes) if change.from_date <= text), tariff)


def tariff_name(container: Container, moment: datetime) -> str | None:
    """Return the name of the tariff that a container has at `moment` (aware); None where it has none."""
    if not container.tariff_changes:
        return container.tariff
    day = moment.astimezone(ZoneInfo(container.timezone)).date().isoformat()
    begun = (change for change in reversed(container.tariff_changes) if change.from_date <= day)
    change = next(begun, None)
    return container.tariff if change is None else change.tariff


def tariff_of(container: Container, inventory: Inventory, moment: datetime) -> Tariff | None:
    """Return the tariff that a container has at `moment` (aware); None where it has none."""
    name = tariff_name(container, moment)
    return inventory.tariffs.get(name) if name is not None else None


def price_of(container: Container, inventory: Inventory, moment: datetime) -> tuple[Tariff, str] | None:
    """Return a container's tariff at `moment` (aware) with the price that holds then; None where it has no tariff."""
    tariff = tariff_of(container, inventory, moment)
    return None if tariff is None else (tariff, price_at(tariff, container.timezone, moment))


def changes_between(
    container: Container, inventory: Inventory, begin: datetime, end: datetime
) -> list[datetime]:
    """Return the moments in (`begin`, `end`), both aware, at which the tariff or its price changes: in order, in UTC.

    From one of them to the next, one tariff and one price hold.
    """
    named = {container.tariff, *(change.tariff for change in container.tariff_changes)}
    tariffs = [inventory.tariffs[name] for name in named if name is not None and name in inventory.tariffs]
    if not tariffs:
        return []
    found: list[datetime] = []
    before = _key(container, inventory, begin)
    for moment in sorted(set(_candidates(container.timezone, tariffs, begin, end))):
        now = _key(container, inventory, moment)
        if now != before:
            found.append(moment)
            before = now
    return found


def _holds(zone: TariffZone, day: int, minute: int) -> bool:
    if zone.from_minute < zone.to_minute:
        return day in zone.days and zone.from_minute <= minute < zone.to_minute
    return (day in zone.days and minute >= zone.from_minute) or (
        (day - 1) % 7 in zone.days and minute < zone.to_minute
    )


def _key(container: Container, inventory: Inventory, moment: datetime) -> tuple[str, str, str] | None:
    found = price_of(container, inventory, moment)
    return None if found is None else (found[0].name, found[0].currency, found[1])


def _candidates(timezone: str, tariffs: list[Tariff], begin: datetime, end: datetime) -> Iterator[datetime]:
    """Return the moments in (`begin`, `end`) at which something may change: midnights, ends of zones, and changes of the clocks."""
    zone = ZoneInfo(timezone)
    minutes = {0} | {
        minute % 1440
        for tariff in tariffs
        for zones in (tariff.zones, *(change.zones for change in tariff.changes))
        for one in zones
        for minute in (one.from_minute, one.to_minute)
    }
    day, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        for minute in minutes:
            wall = datetime.combine(day, time(minute // 60, minute % 60), zone)
            # A time that the wall shows twice is two moments; one that it leaves out is found with the clocks' change.
            for moment in (wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)):
                if begin < moment < end:
                    yield moment
        day += _DAY
    yield from (change.at for change in clock_changes(timezone, begin, end))
