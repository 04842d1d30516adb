"""Changes of the managed inventory from a request: what is written by hand is refused, mistakes name the field, all is recorded."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from controller.api.fleet_routes import is_managed
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.deeds import OVER_LIMIT, OverLimit, Plan, PlanChanged
from controller.managed import Document, Managed, NotRight
from controller.wording import worded
from miners.errors import ConfigurationError
from miners.inventory.fleet import Container, Inventory, Origin
from miners.inventory.slugs import slug

_log = structlog.get_logger(__name__)

_KEY: Final = re.compile(r"(?:[\w\[\]]+\.)*(\w+): ")
"""The path before a mistake in the managed file: `containers[0].miners[3].address: `."""


async def changed(
    call: Call[Any, Any],
    change: Callable[[Document], None],
    *,
    plan: str | None = None,
    planned: bool = False,
    fields: Mapping[str, str] | None = None,
) -> Inventory:
    """Make a change of the managed inventory, and return the inventory in use.

    `planned`: what the change would alter at once has to be looked at first: where it alters anything, `plan` must be
    the fingerprint of what it alters. `fields`: keys of the inventory and the JSON pointers of the body that they come
    from. Raises Problem, OverLimit or PlanChanged; nothing has changed then.
    """
    managed = call.service(Managed)
    if planned:
        effect = await effect_of(call, change, fields=fields)
        for warned in effect.warnings:
            if warned.code == OVER_LIMIT:
                raise OverLimit(warned.detail)
        if effect.miners.will_change and effect.fingerprint != plan:
            raise PlanChanged(
                worded("this changes at once what miners should be doing: look at the plan first"), effect
            )
    try:
        return await managed.edit(change)
    except NotRight as error:
        raise not_right(error.mistakes, fields) from None
    except ConfigurationError as error:
        raise not_kept(error) from None


async def coming(
    call: Call[Any, Any], change: Callable[[Document], None], *, fields: Mapping[str, str] | None = None
) -> Inventory:
    """Return the inventory that a change would make. Raises Problem where that would be a wrong one."""
    try:
        return await call.service(Managed).preview(change)
    except NotRight as error:
        raise not_right(error.mistakes, fields) from None
    except ConfigurationError as error:
        raise not_kept(error) from None


async def effect_of(
    call: Call[Any, Any], change: Callable[[Document], None], *, fields: Mapping[str, str] | None = None
) -> Plan:
    """Return what a change would alter at once. Raises Problem where it would make a wrong inventory."""
    return await call.deeds.plan_inventory(await coming(call, change, fields=fields))


def require_managed(call: Call[Any, Any], origin: Origin | None, what: str) -> None:
    """Raise Problem (read-only) unless an entry stands in the file that the program itself writes."""
    if is_managed(call, origin):
        return
    if origin is None:
        raise Problem(
            "read-only", worded("%(what)s is built in: make another one under another name", what=what)
        )
    raise Problem(
        "read-only",
        worded(
            "%(what)s stands in %(file)s, line %(line)s: change it there",
            what=what,
            file=origin.file,
            line=str(origin.line),
        ),
        more={"places": [f"{origin.file}:{origin.line}"]},
    )


def require_all_containers(call: Call[Any, Any]) -> None:
    """Raise Problem (not-allowed) for a token that is for some containers: it makes no others."""
    if call.person.narrow:
        raise Problem(
            "not-allowed", worded("this token is for the containers that it names, and makes no others")
        )


def check_container_free(call: Call[Any, Any], name: str, identity: str | None, at: str) -> None:
    """Raise Problem (exists) for a name or id that another container has. `at`: where the id came from."""
    for container in call.deeds.inventory.containers:
        if container.name == name:
            at = "/name"
        elif container.id != identity:
            continue
        detail = worded(
            "there is a container %(container)s (%(container_2)s) already",
            container=container.name,
            container_2=container.id,
        )
        raise Problem("exists", detail, [Mistake(at, "exists", detail)])


def check_miner_free(container: Container, name: str) -> None:
    """Raise Problem (exists) for a name that another miner of the container has."""
    for miner in container.miners:
        if slug(miner.name) == slug(name):
            detail = worded(
                "there is a miner %(miner)s in %(container)s already",
                miner=miner.name,
                container=container.name,
            )
            raise Problem("exists", detail, [Mistake("/name", "exists", detail)])


def not_right(lines: Sequence[str], fields: Mapping[str, str] | None = None) -> Problem:
    """Return the refusal of a change that would make a wrong inventory, each mistake at the field that it comes from."""
    mistakes = []
    for line in lines:
        found = _KEY.match(line)
        at = (fields or {}).get(found[1], "") if found is not None else ""
        mistakes.append(Mistake(at, "inventory", line[found.end() :] if found is not None and at else line))
    return invalid(*mistakes)


def not_kept(error: ConfigurationError) -> Problem:
    """Return the answer where the managed file cannot be read or written; the log says why, with its path."""
    _log.error("managed inventory not changed", reason=str(error))
    detail = worded("the managed inventory cannot be read or written now; the controller's log says why")
    return Problem("storage-away", detail, headers={"Retry-After": "10"})
