"""The routes that show the live fleet: its sums, containers, miners, and the table of models."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import msgspec

from controller.api.figures import algorithm_of, figures_of, grid_of, model_of, shown_miner, state_of
from controller.api.paging import page_of
from controller.api.problems import Problem
from controller.api.record_routes import recent_events
from controller.api.route import EVERYBODY, Answer, Call, Cursor, Limit, ListQuery, NoQuery, Page, Route
from controller.api.shapes import (
    Attention,
    ClientName,
    Container,
    Counts,
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
from miners import models
from miners.inventory import fleet
from miners.inventory.fleet import Control
from miners.model import Snapshot

_TAGS = ("fleet",)

Text = Annotated[str, msgspec.Meta(max_length=200)]


class ContainersQuery(ListQuery, frozen=True, kw_only=True):
    """Filters of containers. `state`: has a miner in it. `fields` card: without what only the details need."""

    client: tuple[Text, ...] = ()
    state: tuple[MinerState, ...] = ()
    control: tuple[Control, ...] = ()
    fields: Literal["all", "card"] = "all"


class MinersFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters of miners. `below_ratio`: share of nominal hash rate; `q`: text in names, address, model, serial, MAC, pool user."""

    container: tuple[Text, ...] = ()
    state: tuple[MinerState, ...] = ()
    active: bool | None = None
    manufacturer: tuple[Text, ...] = ()
    model: tuple[Text, ...] = ()
    firmware: tuple[Text, ...] = ()
    algorithm: tuple[Text, ...] = ()
    fault: tuple[Text, ...] = ()
    profile: tuple[Text, ...] = ()
    matches: bool | None = None
    stale: bool | None = None
    hotter_than_c: Annotated[float, msgspec.Meta(ge=-100, le=300)] | None = None
    below_ratio: Annotated[float, msgspec.Meta(ge=0, le=10)] | None = None
    q: Text | None = None


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
        attention=_attention(call, figures.miners, figures.mismatched, views),
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
    return Answer(body=await shown_container(call, found, grid=True), headers={"ETag": container_etag(found)})


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
    return Answer(body=await miner_detail(call, view), headers={"ETag": miner_etag(view)})


async def miner_detail(call: Call[Any, Any], view: MinerView) -> MinerDetail:
    """Return all that is known of a miner, as far as the person may know it."""
    private = call.person.role == "client"
    override = None
    if view.wanted.override_id is not None and not private:
        override = next((one for one in call.deeds.overrides() if one.id == view.wanted.override_id), None)
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
        else ServiceShown(mark.reason, mark.created_at, "operator" if private else mark.created_by.name),
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
            "not-found", f"there is no such manufacturer; there are {', '.join(models.manufacturers())}"
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


def chosen(call: Call[Any, Any], query: MinersFilter) -> list[MinerView]:
    """Return the miners that one may see and that pass the filters, in the order of the inventory."""
    tests = _tests(query, private=call.person.role == "client")
    return [
        view
        for container in call.containers()
        if not query.container or container.id in query.container or container.name in query.container
        for view in call.deeds.views(container.id)
        if all(test(view) for test in tests)
    ]


def sources(call: Call[Any, Any]) -> Sources:
    """Return how live figures are had now."""
    history = call.services.get(History)
    return sources_of(call.deeds.source(), None if history is None else history.state)


def _tests(query: MinersFilter, *, private: bool) -> list[Callable[[MinerView], bool]]:
    """Return the filters that are asked for, the cheap ones first. `private`: what is not shown is not searched."""
    tests: list[Callable[[MinerView], bool]] = []

    def one_of(names: Sequence[str], of: Callable[[MinerView], str | None]) -> None:
        if names:
            wanted = {name.casefold() for name in names}
            tests.append(lambda view: (of(view) or "").casefold() in wanted)

    one_of(query.state, state_of)
    if query.active is not None:
        tests.append(lambda view: view.miner.active is query.active)
    if query.matches is not None:
        tests.append(lambda view: view.matches is query.matches)
    if query.stale is not None:
        tests.append(lambda view: view.stale is query.stale)
    one_of(query.profile, lambda view: view.wanted.profile)
    one_of(
        [models.manufacturer_name(name) or name for name in query.manufacturer],
        lambda view: _identity(view, "manufacturer") or view.miner.manufacturer,
    )
    one_of(query.model, model_of)
    one_of(query.firmware, _firmware)
    one_of(query.algorithm, algorithm_of)
    if query.fault:
        codes = set(query.fault)
        tests.append(
            lambda view: (
                isinstance(view.reading, Snapshot)
                and any(fault.code in codes for fault in view.reading.faults)
            )
        )
    if (hot := query.hotter_than_c) is not None:
        tests.append(lambda view: (_chip(view) or -1000.0) > hot)
    if (below := query.below_ratio) is not None:
        tests.append(lambda view: (ratio := _ratio(view)) is not None and ratio < below)
    if query.q:
        text = query.q.casefold()
        tests.append(lambda view: text in _searched(view, private=private))
    return tests


def _searched(view: MinerView, *, private: bool) -> str:
    snapshot = view.last_snapshot
    parts: list[str | None] = [view.miner.name, view.id, model_of(view)]
    if not private:
        parts.append(view.miner.address)
    if snapshot is not None:
        parts += [pool.user for pool in snapshot.pools]
        if not private:
            parts += [snapshot.identity.serial, snapshot.identity.mac]
    return "\n".join(part for part in parts if part).casefold()


def _identity(view: MinerView, name: str) -> str | None:
    found: str | None = getattr(view.last_snapshot.identity, name) if view.last_snapshot is not None else None
    return found


def _firmware(view: MinerView) -> str | None:
    return " ".join(filter(None, (_identity(view, "firmware"), _identity(view, "firmware_version")))) or None


def _chip(view: MinerView) -> float | None:
    return view.reading.temperatures_c.chip_max if isinstance(view.reading, Snapshot) else None


def _ratio(view: MinerView) -> float | None:
    reading = view.reading
    if not isinstance(reading, Snapshot) or reading.hashrate_hs is None:
        return None
    nominal = view.miner.nominal_hashrate_hs or reading.nominal_hashrate_hs
    return reading.hashrate_hs / nominal if nominal else None


def _figure(name: str) -> Callable[[MinerView], Any]:
    return lambda view: getattr(view.reading, name) if isinstance(view.reading, Snapshot) else None


SORTS: dict[str, Callable[[MinerView], Any]] = {
    "name": lambda view: view.miner.name.casefold(),
    "container": lambda view: view.container.name.casefold(),
    "state": state_of,
    "hashrate_hs": _figure("hashrate_hs"),
    "performance_ratio": _ratio,
    "power_w": _figure("power_w"),
    "uptime_s": _figure("uptime_s"),
    "chip_max_c": _chip,
    "inlet_c": lambda view: view.reading.temperatures_c.inlet if isinstance(view.reading, Snapshot) else None,
    "taken_at": lambda view: view.reading.taken_at if view.reading is not None else None,
}


def _miner(call: Call[Any, Any], view: MinerView) -> Miner:
    return shown_miner(
        view,
        call.now,
        editable=is_managed(call, view.miner.origin),
        private=call.person.role == "client",
    )


def is_managed(call: Call[Any, Any], origin: fleet.Origin | None) -> bool:
    """Return whether an entry stands in the file that the program itself writes."""
    return origin is not None and origin.file == str(call.settings.managed)


async def shown_container(call: Call[Any, Any], container: fleet.Container, *, grid: bool) -> Container:
    """Return a container with its figures, as far as the person may know them. `grid`: with the picture of its places."""
    views = call.deeds.views(container.id)
    figures = figures_of(views)
    private = call.person.role == "client"
    editable = is_managed(call, container.origin) and not private
    return Container(
        id=container.id,
        name=container.name,
        description=container.description,
        location=container.location,
        time_zone=container.timezone,
        client=await _client(call, container.client),
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
        operation_id=call.deeds.running_in(container.id),
        links={"self": f"/api/v1/containers/{container.id}"},
        as_of=call.now,
        sources=sources(call),
        **_fields(figures),
    )


async def _client(call: Call[Any, Any], slug: str | None) -> ClientName | None:
    if slug is None:
        return None
    client = await call.storage.people.clients.by_slug(slug)
    return ClientName(None, slug) if client is None else ClientName(client.id, client.name)


def _profile(call: Call[Any, Any], container: fleet.Container) -> ShownProfile:
    """Return what holds in the container as a whole: overrides for single miners are theirs."""
    wanted = call.deeds.wanted_of(container.id)
    return ShownProfile(
        name=wanted.profile, since=wanted.since, source=wanted.source, override_id=wanted.override_id
    )


def _next(call: Call[Any, Any], container: fleet.Container) -> NextChange | None:
    schedule = call.deeds.inventory.schedules.get(container.schedule or "")
    if schedule is None:
        return None
    coming = next_change(schedule, container.timezone, call.now)
    return None if coming is None else NextChange(coming[1], coming[0])


def _attention(
    call: Call[Any, Any], counts: Counts, mismatched: int, views: Sequence[MinerView]
) -> list[Attention]:
    """Return what needs a look, the worst first; only what is there."""
    service = sum(1 for view in views if view.service is not None)
    stale = sum(1 for view in views if view.stale and view.miner.active)
    found = [
        Attention(kind="unreachable", count=counts.unreachable, link="/api/v1/miners?state=unreachable"),
        Attention(kind="fault", count=counts.fault, link="/api/v1/miners?state=fault"),
        Attention(kind="stale", count=stale, link="/api/v1/miners?stale=true"),
        Attention(kind="mismatched", count=mismatched, link="/api/v1/miners?matches=false"),
        Attention(kind="service", count=service, link="/api/v1/miners"),
    ]
    if call.person.role != "client":
        found.append(Attention(kind="hold", count=len(call.deeds.holds()), link="/api/v1/holds"))
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
