"""What one miner should be doing at a moment, and by whose will: the newest override in force, else the schedule. Pure.

The newest override wins whatever its reach, so that curtailing a container spares nobody in it. When it ends, an older one
that is still in force holds again, else the schedule. An override until the next change ends in each of its containers
with that container's own next change.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from controller import schedule as clock
from controller.model import Override, Wanted
from miners.inventory.fleet import Container, Schedule


def wanted(
    container_id: str,
    miner_id: str,
    schedule: Schedule | None,
    zone: str,
    overrides: Sequence[Override],
    at: datetime,
) -> Wanted:
    """Return what is wanted of a miner at a moment. `overrides`: newest first; those that wait or have ended may be there.

    `since` is the moment from which it has been wanted by this will, as far as the overrides that were handed in tell.
    """
    freed: datetime | None = None
    for override in overrides:
        if override.starts_at > at or not reaches(override, container_id, miner_id):
            continue
        end = end_of(override, container_id)
        if end is None or at < end:
            since = override.starts_at if freed is None else max(override.starts_at, freed)
            return Wanted(profile=override.profile, source="override", override_id=override.id, since=since)
        if end > override.starts_at and (freed is None or end > freed):
            freed = end
    if schedule is None:
        return Wanted()
    moments = [moment for moment in (clock.change_before(schedule, zone, at), freed) if moment is not None]
    return Wanted(
        profile=clock.profile_at(schedule, zone, at), source="schedule", since=max(moments, default=None)
    )


def reaches(override: Override, container_id: str, miner_id: str) -> bool:
    """Return whether an override holds for a miner, whatever the time."""
    if miner_id in override.except_miners:
        return False
    return container_id in override.containers or miner_id in override.miners


def end_of(override: Override, container_id: str) -> datetime | None:
    """Return when an override ends in a container: the first moment without it; None if that is not settled."""
    if override.ends == "next_change":
        end = override.until_by_container.get(container_id, override.until)
    else:
        end = override.until if override.ends == "at" else None
    moments = [moment for moment in (end, override.ended_at) if moment is not None]
    return min(moments, default=None)


def containers_of(override: Override) -> frozenset[str]:
    """Return the containers in which an override holds for any miner (a miner's id begins with its container's)."""
    return frozenset(override.containers) | {miner.partition(".")[0] for miner in override.miners}


def lapsed(overrides: Iterable[Override], at: datetime) -> list[Override]:
    """Return the overrides that are not marked as ended and whose time has passed in every container of theirs."""
    return [override for override in overrides if override.ended_at is None and _is_over(override, at)]


def next_turn(overrides: Iterable[Override], after: datetime) -> datetime | None:
    """Return the first moment later than `after` at which an override begins, or ends in a container; None if none does."""
    moments = [
        moment
        for override in overrides
        if override.ended_at is None
        for moment in (
            override.starts_at,
            *(end_of(override, container) for container in containers_of(override)),
        )
        if moment is not None and moment > after
    ]
    return min(moments, default=None)


def ends_by_container(
    containers: Iterable[Container], schedules: Mapping[str, Schedule], after: datetime
) -> dict[str, datetime]:
    """Return each container's own next change: `until_by_container` of an override that starts at `after`.

    A container without a schedule, or whose schedule never changes, is left out: there the override stays until a
    person ends it.
    """
    found: dict[str, datetime] = {}
    for container in containers:
        schedule = schedules.get(container.schedule) if container.schedule is not None else None
        change = clock.next_change(schedule, container.timezone, after) if schedule is not None else None
        if change is not None:
            found[container.id] = change[0]
    return found


def _is_over(override: Override, at: datetime) -> bool:
    ends = [end_of(override, container) for container in containers_of(override)]
    return bool(ends) and all(end is not None and end <= at for end in ends)
