"""Since when the containers of a client are his: operations, overrides and timelines of before are not shown to him.

Whoever is no client sees all times of the containers that he may see. Series and events carry the client that the container
had then, and are cut by that.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controller.api.route import Call
from controller.desire import containers_of, end_of
from controller.model import Override, Result
from controller.tenures import Tenures


def since(call: Call[Any, Any], container_id: str) -> datetime | None:
    """Return since when a container is the client's who asks; None: no time of it is kept from who asks."""
    tenures = call.services.get(Tenures)
    if call.person.role != "client" or tenures is None:
        return None
    found: datetime | None = tenures.since(container_id)
    return found


def times(call: Call[Any, Any], containers: Iterable[str]) -> dict[str, datetime]:
    """Return since when these containers are the client's who asks, without those of which no time is kept from him."""
    return {name: at for name in containers if (at := since(call, name)) is not None}


def clipped(call: Call[Any, Any], moment: datetime, containers: Iterable[str]) -> datetime:
    """Return a moment as it is told of these containers: nothing lies before the first of them was his."""
    found = [since(call, name) for name in containers]
    known = [at for at in found if at is not None]
    return max(moment, min(known)) if known and len(known) == len(found) else moment


def holds_for(call: Call[Any, Any], override: Override, container_id: str) -> bool:
    """Return whether an override has to do with a container in the time that is not kept from who asks."""
    if container_id not in containers_of(override):
        return False
    begin, end = since(call, container_id), end_of(override, container_id)
    return begin is None or end is None or end > begin


def concerns(call: Call[Any, Any], override: Override) -> bool:
    """Return whether an override has to do with any container that one may see: it may end in each at another time."""
    return call.person.sees_all or any(holds_for(call, override, one.id) for one in call.containers())


def own_results(call: Call[Any, Any], operation_id: str) -> list[Result] | None:
    """Return the results of a running operation that one may see; None where it does not run.

    One's own miners are looked up, so that how many others it has makes no difference.
    """
    if call.deeds.operation(operation_id) is None:
        return None
    found = []
    for container in call.containers():
        begin = since(call, container.id)
        results = call.deeds.results_in(operation_id, container.id)
        found += [
            one for one in results if begin is None or one.started_at is None or one.started_at >= begin
        ]
    return found
