"""Containers and miners as requests name them, and what that is in the form of the inventory's files."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from controller.api.allowed_addresses import refused_address
from controller.api.problems import Mistake
from controller.managed import Document
from miners.inventory.fleet import Control
from miners.inventory.plain import Mistakes, container_mistakes, miner_mistakes
from miners.inventory.slugs import MAX_SLUG, SLUG_PATTERN
from miners.model import Snapshot

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Slug = Annotated[str, msgspec.Meta(pattern=SLUG_PATTERN, max_length=MAX_SLUG)]
Short = Annotated[str, msgspec.Meta(max_length=200)]
Long = Annotated[str, msgspec.Meta(max_length=500)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Position = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Watts = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
MinerWatts = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=45, description="An IP address, no name")]
Reference = Annotated[
    str,
    msgspec.Meta(
        max_length=200,
        description="Where user and password stand, never they themselves: `file:NAME` below the secrets folder, or a "
        "variable `HASHYARD_MINER_…`",
    ),
]


class StandsAt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Row and column in the container, from 1."""

    row: Position
    column: Position


class NewContainer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A container that is to be. `id`: the slug of the name if it is not given. `client`: slug of the client it is for."""

    name: Name
    id: Slug | UnsetType | None = UNSET
    description: Long | UnsetType | None = UNSET
    location: Short | UnsetType | None = UNSET
    time_zone: Short | UnsetType | None = UNSET
    control: Control | UnsetType = UNSET
    client: Slug | UnsetType | None = UNSET
    tariff_id: Name | UnsetType | None = UNSET
    schedule_id: Name | UnsetType | None = UNSET
    feed: Name | UnsetType | None = UNSET
    power_limit_w: Watts | UnsetType | None = UNSET
    rows: Position | UnsetType | None = UNSET
    columns: Position | UnsetType | None = UNSET


class ContainerChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a container; what is not given stays, null takes a value away.

    `plan`: fingerprint of what the change alters at once, if it alters anything.
    """

    name: Name | UnsetType = UNSET
    description: Long | UnsetType | None = UNSET
    location: Short | UnsetType | None = UNSET
    time_zone: Short | UnsetType | None = UNSET
    control: Control | UnsetType = UNSET
    client: Slug | UnsetType | None = UNSET
    tariff_id: Name | UnsetType | None = UNSET
    schedule_id: Name | UnsetType | None = UNSET
    feed: Name | UnsetType | None = UNSET
    power_limit_w: Watts | UnsetType | None = UNSET
    rows: Position | UnsetType | None = UNSET
    columns: Position | UnsetType | None = UNSET
    plan: str | None = None


class NewMiner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A miner as it is to be. `container`: its id. A port of null is not asked; what is not given, its container says."""

    name: Name
    address: Address
    container: Short
    port: Port | UnsetType | None = UNSET
    web_port: Port | UnsetType | None = UNSET
    v3_port: Port | UnsetType | None = UNSET
    manufacturer: Short | UnsetType | None = UNSET
    model: Short | UnsetType | None = UNSET
    driver: Short | UnsetType | None = UNSET
    position: StandsAt | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    nominal_power_w: MinerWatts | UnsetType | None = UNSET
    credentials: Reference | UnsetType | None = UNSET


class MinerChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a miner; what is not given stays, null takes a value away (a port of null is not asked)."""

    name: Name | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    container: Short | UnsetType = UNSET
    port: Port | UnsetType | None = UNSET
    web_port: Port | UnsetType | None = UNSET
    v3_port: Port | UnsetType | None = UNSET
    manufacturer: Short | UnsetType | None = UNSET
    model: Short | UnsetType | None = UNSET
    driver: Short | UnsetType | None = UNSET
    position: StandsAt | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    nominal_power_w: MinerWatts | UnsetType | None = UNSET
    credentials: Reference | UnsetType | None = UNSET


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What answered at an address, in its own words."""

    manufacturer: str | None
    model: str | None
    driver: str
    firmware: str | None
    firmware_version: str | None
    serial: str | None
    mac: str | None
    state: str


CONTAINER_KEYS: Final[Mapping[str, str]] = {
    "name": "name",
    "id": "id",
    "description": "description",
    "location": "location",
    "time_zone": "timezone",
    "control": "control",
    "client": "client",
    "tariff_id": "tariff",
    "schedule_id": "schedule",
    "feed": "feed",
    "power_limit_w": "power_limit",
    "rows": "rows",
    "columns": "columns",
}
"""Fields of a request and the keys of the files that they become."""

_PORTS: Final = ("port", "web_port", "v3_port")
_MINER_KEYS: Final = (
    "name",
    "address",
    *_PORTS,
    "manufacturer",
    "model",
    "driver",
    "active",
    "nominal_power_w",
    "credentials",
)
MINER_KEYS: Final = (*_MINER_KEYS, "row", "column")
"""The keys of the files that requests can set; PUT takes away those that it does not give."""

CONTAINER_FIELDS: Final = {key: f"/{field}" for field, key in CONTAINER_KEYS.items()}
MINER_FIELDS: Final = {
    **{key: f"/{key}" for key in _MINER_KEYS},
    "row": "/position/row",
    "column": "/position/column",
}
"""Keys of the files and the JSON pointers of the fields that they come from."""


def container_entry(order: NewContainer | ContainerChange, known: Document | None = None) -> Document:
    """Return the entry that an order makes, of a known one if there is one."""
    entry = dict(known or {})
    for field, key in CONTAINER_KEYS.items():
        value = _composed(getattr(order, field, UNSET))
        if value is None or value == "":
            entry.pop(key, None)
        elif value is not UNSET:
            entry[key] = value
    return entry


def miner_entry(order: NewMiner | MinerChange, known: Document | None = None) -> Document:
    """Return the entry that an order makes, of a known one if there is one."""
    entry = dict(known or {})
    for key in _MINER_KEYS:
        value = _composed(getattr(order, key))
        if value is None and key not in _PORTS:
            entry.pop(key, None)
        elif value is not UNSET:
            entry[key] = value
    if order.position is not UNSET:
        entry.pop("row", None)
        entry.pop("column", None)
        if order.position is not None:
            entry |= {"row": order.position.row, "column": order.position.column}
    return entry


def mistakes_in_container(entry: Document) -> list[Mistake]:
    """Return what is wrong with an entry of a container by itself, at the fields that it comes from."""
    return _at_fields(container_mistakes(entry), CONTAINER_FIELDS)


def mistakes_in_miner(entry: Document, networks: Sequence[str]) -> list[Mistake]:
    """Return what is wrong with an entry of a miner by itself, and with its address."""
    found = _at_fields(miner_mistakes(entry), MINER_FIELDS)
    address: Any = entry.get("address")
    refused = refused_address(address, networks) if isinstance(address, str) else None
    if refused is not None and not any(mistake.at == "/address" for mistake in found):
        found.append(Mistake("/address", "not-allowed", refused))
    return found


def answered(snapshot: Snapshot) -> Answered:
    """Return what a reading tells of the device."""
    identity = snapshot.identity
    return Answered(
        manufacturer=identity.manufacturer,
        model=identity.model,
        driver=snapshot.driver,
        firmware=identity.firmware,
        firmware_version=identity.firmware_version,
        serial=identity.serial,
        mac=identity.mac,
        state=snapshot.state,
    )


def _composed(value: Any) -> Any:
    """Return a text as the inventory keeps it."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _at_fields(mistakes: Mistakes, fields: Mapping[str, str]) -> list[Mistake]:
    found = []
    for at, detail in mistakes:
        key = at.removeprefix("/").partition("/")[0]
        found.append(Mistake(fields.get(key, at), "invalid", detail))
    return found
