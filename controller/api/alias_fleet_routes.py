"""The paths by which older tools read and keep their lists of miners and containers.

Thin functions over those of /api/v1. Ids are small whole numbers there; our own are accepted too. What an inventory does not
know (when something was created) is null.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET

from controller.api.alias_control_routes import alias_route, canonical
from controller.api.figures import model_of, state_of
from controller.api.fleet_routes import get_models
from controller.api.intervention_routes import post_poll
from controller.api.inventory_changes import (
    change_miner,
    make_container,
    make_miner,
    take_container,
    take_miner,
)
from controller.api.inventory_orders import (
    Address,
    Long,
    MinerChange,
    Name,
    NewContainer,
    NewMiner,
    Port,
    Short,
)
from controller.api.inventory_routes import WithMiners
from controller.api.problems import Kind
from controller.api.route import ADMINISTRATORS, EVERYBODY, Answer, Call, ListQuery, NoQuery, Route
from controller.api.shapes import MinerState
from controller.api.small_numbers import id_of, numbers
from controller.deeds import MinerView
from miners import models
from miners.inventory import fleet

Status: TypeAlias = Literal["running", "idle", "starting", "error", "offline", "unknown"]
STATUS: Final[Mapping[MinerState, Status]] = {
    "mining": "running",
    "sleeping": "idle",
    "starting": "starting",
    "fault": "error",
    "unreachable": "offline",
    "inactive": "offline",
    "unknown": "unknown",
}

Number = Annotated[int, msgspec.Meta(ge=1, le=999_999_999)]


class OlderMiner(msgspec.Struct, frozen=True, kw_only=True):
    """A miner as both older tools know it."""

    id: int
    name: str
    ip_address: str | None
    ip: str | None
    port: int | None
    manufacturer: str | None
    model: str | None
    container_id: int
    is_active: bool
    is_stale: bool
    age_sec: float | None
    status: Status
    last_seen: datetime | None
    created_at: datetime | None


class OlderContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container as the older tool knows it."""

    id: int
    name: str
    description: str
    location: str
    is_active: bool
    miners: int
    created_at: datetime | None


class OlderMinersQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`container_id`: its number or its id."""

    container_id: Short | None = None
    is_active: bool | None = None


class OlderMinerOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A miner as it is to be. `container_id`: the container's number or id."""

    name: Name
    ip_address: Address
    container_id: Number | Short
    port: Port | None = None
    manufacturer: Short | None = None
    model: Short | None = None
    is_active: bool = True


class OlderMinerChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a miner; what is not given stays."""

    name: Name | None = None
    ip_address: Address | None = None
    container_id: Number | Short | None = None
    port: Port | None = None
    manufacturer: Short | None = None
    model: Short | None = None
    is_active: bool | None = None


class OlderContainerOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A container as it is to be."""

    name: Name
    description: Long | None = None
    location: Short | None = None


async def get_miners(call: Call[None, OlderMinersQuery]) -> Answer:
    """Return the miners."""
    query = call.query
    wanted = None
    if query.container_id is not None:
        wanted = await id_of(call, "containers", query.container_id)
    views = [
        view
        for container in call.containers()
        if wanted in (None, container.id)
        for view in call.deeds.views(container.id)
        if query.is_active in (None, view.miner.active)
    ]
    return Answer(body=await _miners(call, views), headers=canonical("/api/v1/miners"))


async def get_miner(call: Call[None, NoQuery]) -> Answer:
    """Return one miner."""
    return await _miner(call, await older_view(call))


async def post_miner(call: Call[OlderMinerOrder, NoQuery]) -> Answer:
    """Make a miner."""
    order = call.body
    view, _ = await make_miner(
        call,
        NewMiner(
            name=order.name,
            address=order.ip_address,
            container=await id_of(call, "containers", str(order.container_id)),
            port=UNSET if order.port is None else order.port,
            manufacturer=order.manufacturer,
            model=order.model,
            active=order.is_active,
        ),
        check=False,
    )
    return await _miner(call, view)


async def put_miner(call: Call[OlderMinerChange, NoQuery]) -> Answer:
    """Change a miner."""
    order = call.body
    container = None
    if order.container_id is not None:
        container = await id_of(call, "containers", str(order.container_id))
    given: dict[str, Any] = {
        "name": order.name,
        "address": order.ip_address,
        "container": container,
        "port": order.port,
        "manufacturer": order.manufacturer,
        "model": order.model,
        "active": order.is_active,
    }
    change = MinerChange(**{name: value for name, value in given.items() if value is not None})
    view, _ = await change_miner(call, await older_view(call), change, etag_needed=False)
    return await _miner(call, view)


async def delete_miner(call: Call[None, NoQuery]) -> Answer:
    """Take a miner away."""
    view = await older_view(call)
    await take_miner(call, view)
    return Answer(status=204, headers=canonical(f"/api/v1/miners/{view.id}"))


async def poll_miner(call: Call[None, NoQuery]) -> Answer:
    """Have the exporter read a miner now."""
    view = await older_view(call)
    await post_poll(replace(call, path={"id": view.id}))
    return await _miner(call, call.miner(view.id))


async def get_manufacturers(_call: Call[None, NoQuery]) -> Answer:
    """Return the manufacturers' names."""
    return Answer(body=list(models.manufacturers()), headers=canonical("/api/v1/manufacturers"))


async def get_manufacturers_models(call: Call[None, Any]) -> Answer:
    """Return the names of a manufacturer's models."""
    name = call.path["manufacturer"]
    whole = ListQuery(limit=len(models.all_models()))
    page = await get_models(replace(call, path={"name": name}, query=whole))
    link = f"/api/v1/manufacturers/{models.manufacturer_name(name)}/models"
    return Answer(body=[shown.model for shown in page.items], headers=canonical(link))


async def get_containers(call: Call[None, NoQuery]) -> Answer:
    """Return the containers."""
    shown = await _containers(call, call.containers())
    return Answer(body=shown, headers=canonical("/api/v1/containers"))


async def get_container(call: Call[None, NoQuery]) -> Answer:
    """Return one container."""
    return await _shown_container(call, await older_container(call))


async def post_container(call: Call[OlderContainerOrder, NoQuery]) -> Answer:
    """Make a container."""
    order = call.body
    made = await make_container(
        call, NewContainer(name=order.name, description=order.description, location=order.location)
    )
    return await _shown_container(call, made)


async def delete_container(call: Call[None, WithMiners]) -> Answer:
    """Take a container away."""
    known = await older_container(call)
    await take_container(call, known, with_miners=call.query.miners is not None)
    return Answer(status=204, headers=canonical(f"/api/v1/containers/{known.id}"))


async def older_view(call: Call[Any, Any]) -> MinerView:
    """Return the miner of the number or id in the path. Raises Problem."""
    return call.miner(await id_of(call, "miners", call.path["id"]))


async def older_container(call: Call[Any, Any]) -> fleet.Container:
    """Return the container of the number or id in the path. Raises Problem."""
    return call.container(await id_of(call, "containers", call.path["id"]))


async def _miner(call: Call[Any, Any], view: MinerView) -> Answer:
    (shown,) = await _miners(call, [view])
    return Answer(body=shown, headers=canonical(f"/api/v1/miners/{view.id}"))


async def _miners(call: Call[Any, Any], views: Sequence[MinerView]) -> list[OlderMiner]:
    known = await numbers(call, "miners", [view.id for view in views])
    of = await numbers(call, "containers", list(dict.fromkeys(view.container.id for view in views)))
    private = call.person.role == "client"
    now = call.now
    return [
        OlderMiner(
            id=known[view.id],
            name=view.miner.name,
            ip_address=None if private else view.miner.address,
            ip=None if private else view.miner.address,
            port=None if private else view.miner.port,
            manufacturer=view.miner.manufacturer
            or (view.last_snapshot.identity.manufacturer if view.last_snapshot is not None else None),
            model=model_of(view),
            container_id=of[view.container.id],
            is_active=view.miner.active,
            is_stale=view.stale,
            age_sec=None if view.reading is None else max(0.0, (now - view.reading.taken_at).total_seconds()),
            status=STATUS[state_of(view)],
            last_seen=view.last_snapshot.taken_at if view.last_snapshot is not None else None,
            created_at=None,
        )
        for view in views
    ]


async def _shown_container(call: Call[Any, Any], container: fleet.Container) -> Answer:
    (shown,) = await _containers(call, [container])
    return Answer(body=shown, headers=canonical(f"/api/v1/containers/{container.id}"))


async def _containers(call: Call[Any, Any], containers: Sequence[fleet.Container]) -> list[OlderContainer]:
    known = await numbers(call, "containers", [container.id for container in containers])
    return [
        OlderContainer(
            id=known[container.id],
            name=container.name,
            description=container.description,
            location=container.location,
            is_active=any(miner.active for miner in container.miners) or not container.miners,
            miners=len(container.miners),
            created_at=None,
        )
        for container in containers
    ]


_READING: Final[dict[str, Any]] = {"roles": EVERYBODY, "scopes": ("read",)}
_CHANGING: Final[dict[str, Any]] = {"roles": ADMINISTRATORS, "scopes": ("inventory",)}
_REFUSALS: Final[tuple[Kind, ...]] = ("read-only", "exists")
_MINER: Final = {"name": "a3-12", "ip_address": "10.1.7.16", "container_id": 7, "manufacturer": "Whatsminer"}

ROUTES: tuple[Route, ...] = (
    alias_route(
        "GET",
        "/api/miners",
        get_miners,
        "Miners",
        query=OlderMinersQuery,
        reply=list[OlderMiner],
        **_READING,
    ),
    alias_route(
        "POST",
        "/api/miners",
        post_miner,
        "Make a miner",
        body=OlderMinerOrder,
        reply=OlderMiner,
        status=201,
        problems=_REFUSALS,
        body_example=_MINER,
        **_CHANGING,
    ),
    alias_route(
        "GET",
        "/api/miners/manufacturers",
        get_manufacturers,
        "Names of manufacturers",
        reply=list[str],
        **_READING,
    ),
    alias_route(
        "GET",
        "/api/miners/models/{manufacturer}",
        get_manufacturers_models,
        "Names of a manufacturer's models",
        reply=list[str],
        **_READING,
    ),
    alias_route("GET", "/api/miners/{id}", get_miner, "One miner", reply=OlderMiner, **_READING),
    alias_route(
        "PUT",
        "/api/miners/{id}",
        put_miner,
        "Change a miner",
        description="What is not given stays.",
        body=OlderMinerChange,
        reply=OlderMiner,
        problems=_REFUSALS,
        body_example={"is_active": False},
        **_CHANGING,
    ),
    alias_route(
        "DELETE",
        "/api/miners/{id}",
        delete_miner,
        "Take a miner away",
        status=204,
        problems=("read-only",),
        **_CHANGING,
    ),
    alias_route(
        "POST",
        "/api/miners/{id}/poll",
        poll_miner,
        "Read a miner now",
        reply=OlderMiner,
        problems=("miner-failed", "exporter-away"),
        roles=ADMINISTRATORS,
        scopes=("control",),
    ),
    alias_route(
        "GET", "/api/containers", get_containers, "Containers", reply=list[OlderContainer], **_READING
    ),
    alias_route(
        "POST",
        "/api/containers",
        post_container,
        "Make a container",
        body=OlderContainerOrder,
        reply=OlderContainer,
        status=201,
        problems=("exists",),
        body_example={"name": "Container 7", "location": "north field"},
        **_CHANGING,
    ),
    alias_route(
        "GET", "/api/containers/{id}", get_container, "One container", reply=OlderContainer, **_READING
    ),
    alias_route(
        "DELETE",
        "/api/containers/{id}",
        delete_container,
        "Take a container away",
        query=WithMiners,
        status=204,
        problems=("read-only", "in-use"),
        **_CHANGING,
    ),
)
