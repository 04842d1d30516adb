"""In which zone a page writes its times: the reader's own where he has chosen one, else the container's.

People beside a container go by its clock, so that is what everybody begins with.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from controller.api.route import Call
from miners.inventory.fleet import Container


def zone_of(name: str) -> ZoneInfo:
    """Return a container's time zone by its name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def common_zone(containers: Sequence[Container]) -> ZoneInfo:
    """Return the zone that all these containers are in; UTC where they are in several, or there are none."""
    names = {container.timezone for container in containers}
    return zone_of(names.pop()) if len(names) == 1 else ZoneInfo("UTC")


def reading_zone(call: Call[Any, Any], container: Container | None = None) -> ZoneInfo:
    """Return the zone for the reader: his own, else the container's, else the one that all he may see are in, else UTC."""
    if call.preferences.time_zone is not None:
        return zone_of(call.preferences.time_zone)
    return zone_of(container.timezone) if container is not None else common_zone(call.containers())
