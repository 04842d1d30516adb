"""Changes of the managed inventory from a request: what is written by hand is refused, mistakes name the field, all is recorded."""

from collections.abc import Callable
from typing import Any

from controller.api.fleet_routes import is_managed
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.deeds import Plan, PlanChanged
from controller.managed import Document, Managed, NotRight
from miners.errors import ConfigurationError
from miners.inventory.fleet import Inventory, Origin


async def changed(
    call: Call[Any, Any],
    change: Callable[[Document], None],
    *,
    plan: str | None = None,
    planned: bool = False,
) -> Inventory:
    """Make a change of the managed inventory, and return the inventory in use.

    `planned`: what the change would alter at once has to be looked at first: where it alters anything, `plan` must be
    the fingerprint of what it alters. Raises Problem or PlanChanged; nothing has changed then.
    """
    managed = call.service(Managed)
    if planned:
        coming = await effect_of(call, change)
        if coming.miners.will_change and coming.fingerprint != plan:
            raise PlanChanged(
                "this changes at once what miners should be doing: look at the plan first", coming
            )
    try:
        return await managed.edit(change)
    except NotRight as error:
        raise _not_right(error) from None
    except ConfigurationError as error:
        raise Problem("storage-away", str(error), headers={"Retry-After": "10"}) from None


async def effect_of(call: Call[Any, Any], change: Callable[[Document], None]) -> Plan:
    """Return what a change would alter at once. Raises Problem where it would make a wrong inventory."""
    try:
        return await call.deeds.plan_inventory(await call.service(Managed).preview(change))
    except NotRight as error:
        raise _not_right(error) from None
    except ConfigurationError as error:
        raise Problem("storage-away", str(error), headers={"Retry-After": "10"}) from None


def require_managed(call: Call[Any, Any], origin: Origin | None, what: str) -> None:
    """Raise Problem (read-only) unless an entry stands in the file that the program itself writes."""
    if is_managed(call, origin):
        return
    if origin is None:
        raise Problem("read-only", f"{what} is built in: make another one under another name")
    raise Problem(
        "read-only",
        f"{what} stands in {origin.file}, line {origin.line}: change it there",
        more={"places": [f"{origin.file}:{origin.line}"]},
    )


def _not_right(error: NotRight) -> Problem:
    return invalid(*(Mistake("", "inventory", line) for line in error.mistakes))
