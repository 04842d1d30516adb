"""The routes of tariffs: what energy costs, from which day on, and which container has which."""

from typing import Any

import msgspec
from msgspec import UNSET

from controller.api.fleet_routes import is_managed
from controller.api.route import OFFICE, Answer, Call, NoQuery, Route
from controller.api.tariff_changes import (
    ChangeOrder,
    ContainerTariffOrder,
    TariffChangeOrder,
    TariffOrder,
    ZoneOrder,
    change_tariff,
    etag_of_container_tariff,
    etag_of_tariff,
    known_tariff,
    make_tariff,
    order_of,
    remove_tariff,
    seen_tariffs,
    set_container_tariff,
)
from miners.inventory.fleet import Tariff


class TariffView(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff. `containers`: ids of those that have it at any time. `editable`: it stands in the managed file."""

    name: str
    currency: str
    price_per_kwh: str | None
    zones: tuple[ZoneOrder, ...]
    changes: tuple[ChangeOrder, ...]
    containers: tuple[str, ...]
    editable: bool


async def get_tariffs(call: Call[None, NoQuery]) -> list[TariffView]:
    """Return the tariffs by name."""
    tariffs = seen_tariffs(call)
    return [_view(call, tariffs[name]) for name in sorted(tariffs)]


async def post_tariff(call: Call[TariffOrder, NoQuery]) -> Answer:
    """Make a tariff."""
    return _shown(call, await make_tariff(call, call.body))


async def get_tariff(call: Call[None, NoQuery]) -> Answer:
    """Return one tariff."""
    return _shown(call, known_tariff(call, call.path["name"]))


async def patch_tariff(call: Call[TariffChangeOrder, NoQuery]) -> Answer:
    """Change a tariff."""
    known = known_tariff(call, call.path["name"])
    call.require_match(etag_of_tariff(known))
    given = {
        name: value
        for name in call.body.__struct_fields__
        if (value := getattr(call.body, name)) is not UNSET
    }
    return _shown(call, await change_tariff(call, known, msgspec.structs.replace(order_of(known), **given)))


async def delete_tariff(call: Call[None, NoQuery]) -> Answer:
    """Take away a tariff that no container has."""
    await remove_tariff(call, known_tariff(call, call.path["name"]))
    return Answer(status=204)


async def put_container_tariff(call: Call[ContainerTariffOrder, NoQuery]) -> Answer:
    """Say which tariff a container has."""
    container = call.container(call.path["id"])
    call.require_match(etag_of_container_tariff(container))
    made = await set_container_tariff(call, container, call.body)
    return Answer(body=call.body, etag=etag_of_container_tariff(made))


async def get_container_tariff(call: Call[None, NoQuery]) -> Answer:
    """Return which tariff a container has, and from which days on."""
    container = call.container(call.path["id"])
    body = {
        "tariff": container.tariff,
        "changes": [{"from": one.from_date, "tariff": one.tariff} for one in container.tariff_changes],
    }
    return Answer(body=msgspec.convert(body, ContainerTariffOrder), etag=etag_of_container_tariff(container))


def _shown(call: Call[Any, Any], tariff: Tariff) -> Answer:
    return Answer(body=_view(call, tariff), etag=etag_of_tariff(tariff))


def _view(call: Call[Any, Any], tariff: Tariff) -> TariffView:
    order = order_of(tariff)
    return TariffView(
        name=order.name,
        currency=order.currency,
        price_per_kwh=order.price_per_kwh,
        zones=order.zones,
        changes=order.changes,
        containers=tuple(
            one.id
            for one in call.containers()
            if tariff.name in (one.tariff, *(change.tariff for change in one.tariff_changes))
        ),
        editable=is_managed(call, tariff.origin),
    )


def _route(method: Any, path: str, summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        method=method,
        path=f"/api/v1{path}",
        roles=OFFICE,
        scopes=("reports",),
        summary=summary,
        handler=handler,
        tags=("money",),
        **more,
    )


_EXAMPLE = {
    "name": "day and night",
    "currency": "EUR",
    "price_per_kwh": "0.062",
    "zones": [{"from": "23:00", "to": "07:00", "price_per_kwh": "0.045"}],
    "changes": [{"from": "2027-01-01", "price_per_kwh": "0.066"}],
}
_PAST = "What reaches into the past corrects the books of that time; 409 closed where one of its months is closed."

ROUTES: tuple[Route, ...] = (
    _route("GET", "/tariffs", "Tariffs", get_tariffs, reply=list[TariffView], everywhere=True),
    _route(
        "POST",
        "/tariffs",
        "Make a tariff",
        post_tariff,
        body=TariffOrder,
        reply=TariffView,
        status=201,
        problems=("exists",),
        everywhere=True,
        body_example=_EXAMPLE,
    ),
    _route("GET", "/tariffs/{name}", "A tariff", get_tariff, reply=TariffView, everywhere=True),
    _route(
        "PATCH",
        "/tariffs/{name}",
        "Change a tariff",
        patch_tariff,
        body=TariffChangeOrder,
        reply=TariffView,
        conditional=True,
        problems=("not-found", "read-only", "closed"),
        everywhere=True,
        description=f"The name stays. {_PAST}",
        body_example={"changes": _EXAMPLE["changes"]},
    ),
    _route(
        "DELETE",
        "/tariffs/{name}",
        "Take a tariff away",
        delete_tariff,
        status=204,
        problems=("not-found", "read-only", "in-use"),
        everywhere=True,
        description="Only one that no container has, had or will have.",
    ),
    _route(
        "GET",
        "/containers/{id}/tariff",
        "A container's tariff",
        get_container_tariff,
        reply=ContainerTariffOrder,
    ),
    _route(
        "PUT",
        "/containers/{id}/tariff",
        "Say which tariff a container has",
        put_container_tariff,
        body=ContainerTariffOrder,
        reply=ContainerTariffOrder,
        conditional=True,
        problems=("not-found", "read-only", "closed"),
        description=f"`tariff` holds until the first of `changes`. {_PAST}",
        body_example={"tariff": "day and night", "changes": [{"from": "2027-01-01", "tariff": None}]},
    ),
)
