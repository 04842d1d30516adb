"""Tariffs made, changed and taken away in the managed inventory, and which tariff a container has from which day on.

A change that reaches into the past corrects the books of that time, and is refused where one of its months is closed.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from controller.accounting.corrections import Corrections
from controller.accounting.touched import Span, days_of_months, price_changes
from controller.api.client_changes import check_currency
from controller.api.conditions import etag_of
from controller.api.inventory_orders import Name
from controller.api.managing import changed, coming, require_managed
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.managed import Document, say_of_container
from controller.storage.ledger_rows import check_open, day_number
from controller.wording import worded, worded_many
from miners.inventory.fleet import Container, Inventory, Tariff
from miners.inventory.hours import DAYS, time_text
from miners.inventory.plain import read_tariff

Price = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,7}([.][0-9]{1,12})?$", description="Decimal text")]


class ZoneOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price for some hours: `from` and `to` as 07:00, `to` at most 24:00; before `from` it is on the next day."""

    days: tuple[str, ...] = ("every day",)
    from_: str = msgspec.field(name="from")
    to: str
    price_per_kwh: Price


class ChangeOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The prices from a day on, whole."""

    from_: date = msgspec.field(name="from")
    price_per_kwh: Price | None = None
    zones: tuple[ZoneOrder, ...] = ()


class TariffOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tariff as it is to be. `price_per_kwh` may be left out where the zones fill the week."""

    name: Name
    currency: str
    price_per_kwh: Price | None = None
    zones: tuple[ZoneOrder, ...] = ()
    changes: tuple[ChangeOrder, ...] = ()


class TariffChangeOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a tariff; what is not given stays. Its name stays, since containers name it."""

    currency: str | UnsetType = UNSET
    price_per_kwh: Price | UnsetType | None = UNSET
    zones: tuple[ZoneOrder, ...] | UnsetType = UNSET
    changes: tuple[ChangeOrder, ...] | UnsetType = UNSET


class FromDay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tariff from a day on, by the container's clock. null: none."""

    from_: date = msgspec.field(name="from")
    tariff: Name | None


class ContainerTariffOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tariff a container has, and which from a day on. null: none."""

    tariff: Name | None
    changes: tuple[FromDay, ...] = ()


def order_of(tariff: Tariff) -> TariffOrder:
    """Return a tariff as an order for it."""
    return TariffOrder(
        name=tariff.name,
        currency=tariff.currency,
        price_per_kwh=tariff.price_per_kwh,
        zones=_zones(tariff.zones),
        changes=tuple(
            ChangeOrder(
                from_=date.fromisoformat(one.from_date),
                price_per_kwh=one.price_per_kwh,
                zones=_zones(one.zones),
            )
            for one in tariff.changes
        ),
    )


def etag_of_tariff(tariff: Tariff) -> str:
    """Return the ETag of a tariff: of what it says, not of where it stands."""
    return etag_of(order_of(tariff))


def etag_of_container_tariff(container: Container) -> str:
    """Return the ETag of which tariff a container has."""
    return etag_of((container.tariff, container.tariff_changes))


def seen_tariffs(call: Call[Any, Any]) -> dict[str, Tariff]:
    """Return the tariffs that whoever asks may know of, by name: a token for some containers, those that these ever have."""
    tariffs = call.deeds.inventory.tariffs
    if not call.person.narrow:
        return dict(tariffs)
    had = {name for one in call.containers() for name in tariffs_of(one)}
    return {name: tariff for name, tariff in tariffs.items() if name in had}


def tariffs_of(container: Container) -> set[str]:
    """Return the names of the tariffs that a container has at any time."""
    named = (container.tariff, *(change.tariff for change in container.tariff_changes))
    return {name for name in named if name is not None}


def known_tariff(call: Call[Any, Any], name: str) -> Tariff:
    """Return a tariff by its name. Raises Problem (not-found)."""
    found = seen_tariffs(call).get(name)
    if found is None:
        raise Problem("not-found", worded("there is no such tariff"))
    return found


async def make_tariff(call: Call[Any, Any], order: TariffOrder) -> Tariff:
    """Make a tariff. Raises Problem: exists, invalid with every mistake."""
    made = read_order(order)
    if made.name in call.deeds.inventory.tariffs:
        detail = worded("there is a tariff %(name)s already", name=made.name)
        raise Problem("exists", detail, [Mistake("/name", "exists", detail)])
    inventory = await _changed(call, lambda document: _put(document, order), f"tariff {made.name} made")
    await _record(call, "tariff.created", made.name, None, inventory.tariffs[made.name])
    return inventory.tariffs[made.name]


async def change_tariff(call: Call[Any, Any], known: Tariff, order: TariffOrder) -> Tariff:
    """Give a tariff anew, under its name. Raises Problem: read-only, closed, invalid with every mistake."""
    require_managed(call, known.origin, worded("the tariff %(name)s", name=known.name))
    order = msgspec.structs.replace(order, name=known.name)
    read_order(order)
    inventory = await _changed(call, lambda document: _put(document, order), f"tariff {known.name} changed")
    made = inventory.tariffs[known.name]
    if order_of(made) != order_of(known):
        await _record(call, "tariff.changed", known.name, known, made)
    return made


async def remove_tariff(call: Call[Any, Any], known: Tariff) -> None:
    """Take away a tariff that no container has, had or will have. Raises Problem: read-only, in-use."""
    require_managed(call, known.origin, worded("the tariff %(name)s", name=known.name))
    users = [
        one.name
        for one in call.deeds.inventory.containers
        if known.name in (one.tariff, *(change.tariff for change in one.tariff_changes))
    ]
    if users:
        names = ", ".join(users[:5])
        raise Problem("in-use", worded_many("%(names)s has it", "%(names)s have it", len(users), names=names))
    await _changed(
        call,
        lambda document: document.get("tariffs", {}).pop(known.name, None),
        f"tariff {known.name} taken away",
    )
    await _record(call, "tariff.deleted", known.name, known, None)


async def set_container_tariff(
    call: Call[Any, Any], container: Container, order: ContainerTariffOrder
) -> Container:
    """Say which tariff a container has, and from which days on. Raises Problem: read-only, closed, invalid."""
    said = container.said_at.get("tariff")
    if said is not None:
        require_managed(call, said, worded("the tariff of %(container)s", container=container.name))
    named = {"/tariff": order.tariff}
    named |= {f"/changes/{place}/tariff": one.tariff for place, one in enumerate(order.changes)}
    missing = [
        Mistake(at, "not-found", worded("there is no tariff %(name)s", name=name))
        for at, name in named.items()
        if name is not None and name not in call.deeds.inventory.tariffs
    ]
    if missing:
        raise invalid(*missing)
    changes = [{"from": one.from_.isoformat(), "tariff": one.tariff} for one in order.changes]

    def change(document: Document) -> None:
        say_of_container(document, container.name, {"tariff": order.tariff, "tariff_changes": changes})

    inventory = await _changed(call, change, f"tariff of {container.name} changed")
    made = next(one for one in inventory.containers if one.id == container.id)
    if etag_of_container_tariff(made) != etag_of_container_tariff(container):
        await call.record(
            "money",
            "container.tariff_changed",
            params={"tariff": order.tariff or ""},
            container=container.id,
            before={"tariff": container.tariff, "changes": container.tariff_changes},
            after={"tariff": made.tariff, "changes": made.tariff_changes},
            outcome="ok",
        )
    return made


def read_order(order: TariffOrder) -> Tariff:
    """Return the tariff that an order means. Raises Problem (invalid) with every mistake."""
    tariff, mistakes = read_tariff(order.name, _document_of(order))
    if mistakes or tariff is None:
        raise invalid(*(Mistake(at, "invalid", detail) for at, detail in mistakes))
    check_currency(tariff.currency)
    return tariff


async def _changed(call: Call[Any, Any], change: Callable[[Document], Any], reason: str) -> Inventory:
    """Make a change of the managed inventory; correct the books where it alters prices of a time that has passed."""
    before = call.deeds.inventory
    spans = await _touched(call, before, await coming(call, change))
    days = {
        day
        for container in before.containers
        for day in days_of_months(container.timezone, spans.get(container.id, ()))
    }
    numbers = [day_number(day) for day in days]
    await call.storage.database.read(lambda connection: check_open(connection, numbers))
    # Noted first: should the file not be written after all, correcting to the terms that hold changes nothing.
    await call.service(Corrections).owe(spans, call.actor.name, reason)
    inventory = await changed(call, change)
    await call.service(Corrections).make()
    return inventory


async def _touched(call: Call[Any, Any], before: Inventory, after: Inventory) -> dict[str, list[Span]]:
    began: dict[str, datetime] = {one.id: one.booked_from for one in await call.storage.ledger.containers()}
    old = {one.id: one for one in before.containers}
    found = {
        one.id: price_changes((old[one.id], before), (one, after), began[one.id], call.now)
        for one in after.containers
        if one.id in old and one.id in began
    }
    return {container: spans for container, spans in found.items() if spans}


def _put(document: Document, order: TariffOrder) -> None:
    document.setdefault("tariffs", {})[order.name] = _document_of(order)


def _document_of(order: TariffOrder) -> Document:
    data: Document = msgspec.to_builtins(order)
    del data["name"]
    for one in (data, *data["changes"]):
        for key in ("price_per_kwh", "zones", "changes"):
            if one.get(key) is None or (key == "changes" and not one[key]):
                one.pop(key, None)
        if not one["zones"] and "price_per_kwh" in one:
            del one["zones"]
    return data


def _zones(zones: Any) -> tuple[ZoneOrder, ...]:
    return tuple(
        ZoneOrder(
            days=tuple(DAYS[day] for day in zone.days),
            from_=time_text(zone.from_minute),
            to=time_text(zone.to_minute),
            price_per_kwh=zone.price_per_kwh,
        )
        for zone in zones
    )


async def _record(
    call: Call[Any, Any], kind: str, name: str, before: Tariff | None, after: Tariff | None
) -> None:
    await call.record(
        "money",
        kind,
        params={"tariff": name},
        before=None if before is None else order_of(before),
        after=None if after is None else order_of(after),
        outcome="ok",
    )
