"""The price of energy that holds at a moment, by a container's tariff and its own clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

from miners.inventory.fleet import Tariff


def price_per_kwh(tariff: Tariff, timezone: str, now: datetime) -> float:
    """Return the price per kilowatt hour at `now` (aware) in the zone: the first zone of the tariff that fits.

    A zone from 22:00 to 06:00 runs over midnight and belongs to the day on which it begins.
    """
    local = now.astimezone(ZoneInfo(timezone))
    day, minute = local.weekday(), local.hour * 60 + local.minute
    for zone in tariff.zones:
        if zone.from_minute < zone.to_minute:
            holds = day in zone.days and zone.from_minute <= minute < zone.to_minute
        else:
            holds = (day in zone.days and minute >= zone.from_minute) or (
                (day - 1) % 7 in zone.days and minute < zone.to_minute
            )
        if holds:
            return float(zone.price_per_kwh)
    return float(tariff.price_per_kwh)
