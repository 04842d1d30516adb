"""Events in the words of control: what is written down of orders, commands, overrides, holds, doubts.

`command.sent` is durable before the command leaves; `command.finished` follows with the outcome, and says with `sent`
whether it did leave after all (a login that failed on the way to it means that it did not).
"""

from typing import Any

import msgspec

from controller.model import Actor, Category, Event, new_id
from controller.watched import Watched, moment
from miners.actions import Action
from miners.inventory.fleet import Container
from miners.model import Snapshot


def event(
    now: float,
    category: Category,
    kind: str,
    actor: Actor,
    *,
    container: Container | None = None,
    watched: Watched | None = None,
    **rest: Any,
) -> Event:
    """Return an event of now (clock's seconds), about a miner, a container, or neither. `rest`: further fields of Event."""
    if watched is not None:
        container = watched.container
        rest["miner"], rest["miner_address"] = watched.id, watched.known.miner.address
    if container is not None:
        rest["container"], rest["client"] = container.id, container.client
    return Event(id=new_id("evt"), at=moment(now), category=category, kind=kind, actor=actor, **rest)


def shown(snapshot: Snapshot | None) -> dict[str, Any] | None:
    """Return what stands in an event of what a miner showed; None where it was not read."""
    if snapshot is None:
        return None
    return {
        "state": snapshot.state,
        "power_w": snapshot.power_w,
        "power_limit_w": snapshot.power_limit_w,
        "power_percent": snapshot.power_percent,
        "mode": snapshot.power_mode,
        "profile": snapshot.profile,
    }


def told(action: Action) -> dict[str, Any]:
    """Return what stands in an event of an action: its name and its figures."""
    fields = msgspec.to_builtins(action)
    return {"action": fields.pop("type"), **fields}
