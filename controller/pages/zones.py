"""In which zone a page writes its times: the container's, since people beside it go by its clock."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
