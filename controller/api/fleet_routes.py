"""The routes that show the live fleet: its sums, containers, miners, and the table of models."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from controller.api.attention import NEEDS, needs_of
from controller.api.control_shapes import holds_seen, own_part, running_in
from controller.api.figures import figures_of, grid_of, shown_miner, state_of
from controller.api.links import grafana_container, grafana_miner
from controller.api.miner_filters import SORTS, MinersFilter, Text, chosen
from controller.api.own_time import clipped
from controller.api.paging import page_of
from controller.api.problems import Problem
from controller.api.record_routes import recent_events
from controller.api.route import EVERYBODY, Answer, Call, Cursor, Limit, ListQuery, NoQuery, Page, Route
from controller.api.shapes import (
    Attention,
    ClientName,
    Container,
    Figures,
    Miner,
    MinerDetail,
    MinerState,
    NextChange,
    Overview,
    Place,
    ServiceShown,
    ShownProfile,
    Sources,
    sources_of,
)
from controller.api.versions import container_etag, miner_etag
from controller.deeds import MinerView
from controller.history import History
from controller.schedule import next_change
from controller.wording import worded
from miners import models
from miners.inventory import fleet
from miners.inventory.fleet import Control

_TAGS = ("fleet",)


class ContainersQuery(ListQuery, frozen=True, kw_only=True):
    """Filters of containers. `state`: has a miner in it. `fields` card: without what only the details need."""

    client: tuple[Text, ...] = ()
    state: tuple[MinerState, ...] = ()
    control: tuple[Control, ...] = ()
    fields: Literal["all", "card"] = "all"


class MinersQuery(MinersFilter, frozen=True, kw_only=True):
    """The filters, and which part of the list is wanted."""

    limit: Limit = 100
    cursor: Cursor | None = None


class ModelShown(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the table; figures are the factory's, null where they are not known."""

    model: str
    algorithm: str | None
    nominal_hashrate_hs: float | None
    nominal_power_w: float | None


class ManufacturerShown(msgspec.Struct, frozen=True):
    """A manufacturer in the field's spelling."""

    name: str


async def get_overview(call: Call[None, NoQuery]) -> Overview:
    """Return the sums of all that one may see, and what needs attention."""
    containers = call.containers()
    views = [view for container in containers for view in call.deeds.views(container.id)]
    figures = figures_of(views)
    return Overview(
        containers=len(containers),
        attention=_attention(call, views),
        as_of=call.now,
        sources=sources(call),
        **_fields(figures),
    )


async def get_containers(call: Call[None, ContainersQuery]) -> Page[Container]:
    """Return the containers that one may see."""
    query = call.query
    wanted = [
        container
        for container in call.containers()
        if (not query.client or container.client in query.client)
        and (not query.control or container.control in query.control)
        and (not query.state or any(state_of(view) in query.state for view in call.deeds.views(container.id)))
    ]
    page = page_of(wanted, query, "containers", lambda container: container.id)
    shown = [await shown_container(call, container, grid=query.fields == "all") for container in page.items]
    return Page(items=shown, next=page.next, total=page.total)


async def get_container(call: Call[None, NoQuery]) -> Answer:
    """Return one container. Its ETag is of what the inventory says: figures change by themselves."""
    found = call.container(call.path["id"])
    return Answer(
        body=await shown_container(call, found, grid=True), headers=_version(call, container_etag(found))
    )


async def get_miners(call: Call[None, MinersQuery]) -> Page[Miner]:
    """Return the miners that pass the filters."""
    found = chosen(call, call.query)
    for field, descending in reversed(call.sort):
        known = [view for view in found if SORTS[field](view) is not None]
        absent = [view for view in found if SORTS[field](view) is None]
        found = sorted(known, key=SORTS[field], reverse=descending) + absent
    wanted = ListQuery(limit=call.query.limit, cursor=call.query.cursor)
    page = page_of(found, wanted, "miners", lambda view: view.id)
    return Page(items=[_miner(call, view) for view in page.items], next=page.next, total=page.total)


async def get_miner(call: Call[None, NoQuery]) -> Answer:
    """Return one miner with all that is known of it. Its ETag is of what the inventory says."""
    view = call.miner(call.path["id"])
    return Answer(body=await miner_detail(call, view), headers=_version(call, miner_etag(view)))


async def miner_detail(call: Call[Any, Any], view: MinerView) -> MinerDetail:
    """Return all that is known of a miner, as far as the person may know it."""
    private = call.person.role == "client"
    override = None
    if view.wanted.override_id is not None and not private:
        held = (one for one in call.deeds.overrides() if one.id == view.wanted.override_id)
        override = next((own_part(call, one) for one in held), None)
    reference = view.miner.credentials
    mark = view.service
    return MinerDetail(
        **msgspec.structs.asdict(_miner(call, view)),
        snapshot=None if private else view.reading,
        last_snapshot=None if private else view.last_snapshot,
        credentials=None
        if private or reference is None
        else (reference.environment or f"file:{reference.file}"),
        nominal_power_w=view.miner.nominal_power_w
        or (view.last_snapshot.nominal_power_w if view.last_snapshot is not None else None),
        actions=() if private else call.deeds.actions_of(view.id),
        override=override,
        service_mark=None
        if mark is None
        else ServiceShown(None, mark.created_at, "operator")
        if private
        else ServiceShown(mark.reason, mark.created_at, mark.created_by.name),
        grafana_url=None if private else grafana_miner(call.settings, view.container, view.miner),
        recent_events=await recent_events(call, view.id),
        as_of=call.now,
        sources=sources(call),
    )


async def get_manufacturers(call: Call[None, ListQuery]) -> Page[ManufacturerShown]:
    """Return the manufacturers that the table of models knows."""
    found = [ManufacturerShown(name) for name in models.manufacturers()]
    return page_of(found, call.query, "manufacturers", lambda shown: shown.name)


async def get_models(call: Call[None, ListQuery]) -> Page[ModelShown]:
    """Return the models of a manufacturer, whose name may be written as people write it."""
    name = models.manufacturer_name(call.path["name"])
    if name is None:
        raise Problem(
            "not-found",
            worded(
                "there is no such manufacturer; there are %(names)s", names=", ".join(models.manufacturers())
            ),
        )
    found = [
        ModelShown(
            model=facts.model,
            algorithm=facts.algorithm,
            nominal_hashrate_hs=facts.nominal_hashrate_hs,
            nominal_power_w=facts.nominal_power_w,
        )
        for facts in models.all_models()
        if facts.manufacturer == name
    ]
    return page_of(found, call.query, "models", lambda shown: shown.model)


def _version(call: Call[Any, Any], etag: str) -> dict[str, str]:
    """Return the header with the ETag: to whom addresses are not shown, no sum over them is either; he changes nothing."""
    return {} if call.person.role == "client" else {"ETag": etag}


def sources(call: Call[Any, Any]) -> Sources:
    """Return how live figures are had now. Why one is away names addresses of the operator's, which clients are not shown."""
    history = call.services.get(History)
    found = sources_of(call.deeds.source(), None if history is None else history.state)
    return found if call.person.role != "client" else msgspec.structs.replace(found, reason=None)


def _miner(call: Call[Any, Any], view: MinerView) -> Miner:
    miner = shown_miner(
        view,
        call.now,
        editable=is_managed(call, view.miner.origin),
        private=call.person.role == "client",
    )
    told = _since(call, view.container, view.wanted.since)
    if told == view.wanted.since:
        return miner
    return msgspec.structs.replace(miner, profile=msgspec.structs.replace(miner.profile, since=told))


def _since(call: Call[Any, Any], container: fleet.Container, at: datetime | None) -> datetime | None:
    """Return since when something is so, as it is told: a client hears of no time before the container was his."""
    return None if at is None else clipped(call, at, [container.id])


def is_managed(call: Call[Any, Any], origin: fleet.Origin | None) -> bool:
    """Return whether an entry stands in the file that the program itself writes."""
    return origin is not None and origin.file == str(call.settings.managed)


async def shown_container(
    call: Call[Any, Any],
    container: fleet.Container,
    *,
    grid: bool,
    figures: Figures | None = None,
    clients: Mapping[str, ClientName] | None = None,
) -> Container:
    """Return a container with its figures, as far as the person may know them. `grid`: with the picture of its places.

    `figures`, `clients` (by slug): where the caller has them already.
    """
    views = call.deeds.views(container.id)
    figures = figures or figures_of(views)
    private = call.person.role == "client"
    editable = is_managed(call, container.origin) and not private
    return Container(
        id=container.id,
        name=container.name,
        description=container.description,
        location=container.location,
        time_zone=container.timezone,
        client=await _client(call, container.client)
        if clients is None
        else clients.get(container.client or ""),
        tariff_id=None if private else container.tariff,
        schedule_id=container.schedule,
        feed=None if private else container.feed,
        power_limit_w=container.power_limit_w,
        control=container.control,
        active=any(miner.active for miner in container.miners) or not container.miners,
        held=any(hold.container in (None, container.id) for hold in call.deeds.holds()),
        editable=editable,
        origin=None if private or editable else Place(container.origin.file, container.origin.line),
        grid=grid_of(container, views) if grid else None,
        profile=_profile(call, container),
        next=_next(call, container),
        operation_id=running_in(call, container.id),
        grafana_url=None if private else grafana_container(call.settings, container),
        links={"self": f"/api/v1/containers/{container.id}"},
        as_of=call.now,
        sources=sources(call),
        **_fields(figures),
    )


async def clients_of(call: Call[Any, Any], containers: Sequence[fleet.Container]) -> dict[str, ClientName]:
    """Return the clients of containers, by their slug in the inventory: each is looked up once."""
    found = {slug: await _client(call, slug) for slug in {container.client for container in containers}}
    return {slug: name for slug, name in found.items() if slug is not None and name is not None}


async def _client(call: Call[Any, Any], slug: str | None) -> ClientName | None:
    if slug is None:
        return None
    client = await call.storage.people.clients.by_slug(slug)
    return ClientName(None, slug) if client is None else ClientName(client.id, client.name)


def _profile(call: Call[Any, Any], container: fleet.Container) -> ShownProfile:
    """Return what holds in the container as a whole: overrides for single miners are theirs."""
    wanted = call.deeds.wanted_of(container.id)
    return ShownProfile(
        name=wanted.profile,
        since=_since(call, container, wanted.since),
        source=wanted.source,
        override_id=wanted.override_id,
    )


def _next(call: Call[Any, Any], container: fleet.Container) -> NextChange | None:
    schedule = call.deeds.inventory.schedules.get(container.schedule or "")
    if schedule is None:
        return None
    coming = next_change(schedule, container.timezone, call.now)
    return None if coming is None else NextChange(coming[1], coming[0])


def _attention(call: Call[Any, Any], views: Sequence[MinerView]) -> list[Attention]:
    """Return what needs a look, the worst first; only what is there."""
    found = [
        Attention(kind=need, count=count, link=f"/api/v1/miners?{NEEDS[need]}")
        for need, count in needs_of(views).items()
    ]
    if call.person.role != "client":
        found.append(Attention(kind="hold", count=len(holds_seen(call)), link="/api/v1/holds"))
    if call.person.sees_all:
        found.append(Attention(kind="doubt", count=len(call.deeds.doubts()), link="/api/v1/status"))
    return [one for one in found if one.count]


def _fields(figures: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(figures)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/overview",
        roles=EVERYBODY,
        scopes=("read",),
        reply=Overview,
        summary="All that I may see, summed up",
        tags=_TAGS,
        handler=get_overview,
    ),
    Route(
        method="GET",
        path="/api/v1/containers",
        roles=EVERYBODY,
        scopes=("read",),
        query=ContainersQuery,
        reply=Page[Container],
        summary="Containers with their figures now",
        tags=_TAGS,
        handler=get_containers,
    ),
    Route(
        method="GET",
        path="/api/v1/containers/{id}",
        roles=EVERYBODY,
        scopes=("read",),
        reply=Container,
        problems=("not-found",),
        summary="One container",
        tags=_TAGS,
        handler=get_container,
    ),
    Route(
        method="GET",
        path="/api/v1/miners",
        roles=EVERYBODY,
        scopes=("read",),
        query=MinersQuery,
        reply=Page[Miner],
        sorts=tuple(SORTS),
        summary="Miners with their figures now",
        description="Filters that are given several times mean or, different ones and.",
        tags=_TAGS,
        handler=get_miners,
    ),
    Route(
        method="GET",
        path="/api/v1/miners/{id}",
        roles=EVERYBODY,
        scopes=("read",),
        reply=MinerDetail,
        problems=("not-found",),
        summary="One miner, with all that is known of it",
        tags=_TAGS,
        handler=get_miner,
    ),
    Route(
        method="GET",
        path="/api/v1/manufacturers",
        roles=EVERYBODY,
        scopes=("read",),
        query=ListQuery,
        reply=Page[ManufacturerShown],
        summary="Manufacturers that the table of models knows",
        tags=_TAGS,
        handler=get_manufacturers,
    ),
    Route(
        method="GET",
        path="/api/v1/manufacturers/{name}/models",
        roles=EVERYBODY,
        scopes=("read",),
        query=ListQuery,
        reply=Page[ModelShown],
        problems=("not-found",),
        summary="Models of a manufacturer",
        tags=_TAGS,
        handler=get_models,
    ),
)
