"""The form of a container: what was typed, and the order that it makes: of a new one all of it, of a known one what differs.

What was typed is kept as it is, right or wrong. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from multidict import MultiDict

from controller.api.decoding import decode_body
from controller.api.inventory_orders import (
    ContainerChange,
    NewContainer,
    container_entry,
    mistakes_in_container,
)
from controller.api.problems import Mistake, Problem
from controller.pages.formats import sentence
from controller.pages.language import Words
from controller.pages.miner_form import Found
from miners.inventory.fleet import Container

T = TypeVar("T", NewContainer, ContainerChange)

_LONGEST: Final = 1000
_LACKING: Final = "?"
"""Stands in an order for a name that was not typed, so that the rest of it can be looked at; such an order is never given."""

_WHOLE: Final = re.compile(r"\d{1,4}", re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,9}([.,]\d{1,6})?", re.ASCII)


class ContainerForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form, all as typed. `power_limit`: kilowatts. `etag`: of what was read; `plan`: fingerprint of what was looked at.

    `typed`: the number typed to confirm.
    """

    name: str = ""
    id: str = ""
    description: str = ""
    location: str = ""
    time_zone: str = ""
    client: str = ""
    rows: str = ""
    columns: str = ""
    control: str = "observe"
    schedule: str = ""
    tariff: str = ""
    feed: str = ""
    power_limit: str = ""
    etag: str = ""
    plan: str = ""
    typed: str = ""


_ORDERED: Final[Mapping[str, str]] = {
    "name": "name",
    "id": "id",
    "description": "description",
    "location": "location",
    "time_zone": "time_zone",
    "client": "client",
    "rows": "rows",
    "columns": "columns",
    "control": "control",
    "schedule": "schedule_id",
    "tariff": "tariff_id",
    "feed": "feed",
    "power_limit": "power_limit_w",
}
"""Fields of the form and those of the order."""

FIELDS: Final = tuple(_ORDERED)


def form_of(container: Container, etag: str) -> ContainerForm:
    """Return the form of a container."""
    limit_w = container.power_limit_w
    return ContainerForm(
        name=container.name,
        id=container.id,
        description=container.description,
        location=container.location,
        time_zone=container.timezone,
        client=container.client or "",
        rows=_number(container.rows),
        columns=_number(container.columns),
        control=container.control,
        schedule=container.schedule or "",
        tariff=container.tariff or "",
        feed=container.feed or "",
        power_limit="" if limit_w is None else f"{limit_w / 1000:.12g}",
        etag=etag,
    )


def read_form(fields: MultiDict[str]) -> ContainerForm:
    """Return what was sent; fields that the form does not have are not looked at."""
    given = {name: fields.get(name, "").strip()[:_LONGEST] for name in ContainerForm.__struct_fields__}
    return ContainerForm(**given)


def new_order(form: ContainerForm, words: Words) -> tuple[NewContainer | None, Found]:
    """Return what the form of a new container orders, and what is wrong with it."""
    given = {name: getattr(form, name) for name in FIELDS if getattr(form, name)}
    order, found = _order({"name": _LACKING, **given}, NewContainer, words)
    if not form.name:
        found.insert(0, ("name", words.gettext("Give the container a name")))
    return order, found


def change_order(
    form: ContainerForm, before: ContainerForm, words: Words
) -> tuple[ContainerChange | None, Found]:
    """Return what the form changes of a container, and what is wrong with it. `before`: its form as it is now."""
    given = {
        name: getattr(form, name)
        for name in FIELDS
        if name != "id" and getattr(form, name) != getattr(before, name)
    }
    if not form.name:
        given["name"] = _LACKING
    order, found = _order(given, ContainerChange, words)
    if not form.name:
        found.insert(0, ("name", words.gettext("Give the container a name")))
    if order is not None and form.plan:
        order = msgspec.structs.replace(order, plan=form.plan)
    return order, found


def told_mistakes(mistakes: Iterable[Mistake], words: Words) -> Found:
    """Return mistakes that the API found, each at its field."""
    return [(field_of(one.at), sentence(words.told(one.detail))) for one in mistakes]


def field_of(pointer: str) -> str:
    """Return the id of the field that a JSON pointer into the order means; "" for none."""
    member = pointer.removeprefix("/").partition("/")[0]
    return next((name for name, ordered in _ORDERED.items() if ordered == member), "")


def labels(words: Words) -> Mapping[str, str]:
    """Return what each field is called."""
    return {
        "name": words.gettext("Name"),
        "id": words.gettext("Id"),
        "description": words.gettext("Description"),
        "location": words.gettext("Location"),
        "time_zone": words.gettext("Time zone"),
        "client": words.gettext("Client"),
        "rows": words.gettext("Rows"),
        "columns": words.gettext("Columns"),
        "control": words.gettext("Control"),
        "schedule": words.gettext("Schedule"),
        "tariff": words.gettext("Tariff"),
        "feed": words.gettext("Feed"),
        "power_limit": words.gettext("Power limit, kW"),
    }


def _order(given: Mapping[str, str], kind: type[T], words: Words) -> tuple[T | None, Found]:
    found: Found = []
    data: dict[str, Any] = {}
    for name, text in given.items():
        value: Any = text or None
        if text and name in ("rows", "columns"):
            if not (_WHOLE.fullmatch(text) and 1 <= int(text) <= 1000):
                found.append((name, words.gettext("Give a whole number from 1 to 1000")))
                continue
            value = int(text)
        elif text and name == "power_limit":
            if not _DECIMAL.fullmatch(text):
                found.append((name, words.gettext("Give a number of kilowatts, such as 950")))
                continue
            value = round(float(text.replace(",", ".")) * 1000, 3)
        data[_ORDERED[name]] = value
    order: T | None = None
    try:
        order = decode_body(msgspec.json.encode(data), kind)
    except Problem as problem:
        found += _further(problem.mistakes, found, words)
    if order is not None and found:
        found += _further(mistakes_in_container({"name": _LACKING, **container_entry(order)}), found, words)
    return order, found


def _further(mistakes: Iterable[Mistake], found: Found, words: Words) -> Found:
    """Return mistakes at fields of which nothing was said yet."""
    return [one for one in told_mistakes(mistakes, words) if one[0] not in dict(found)]


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
