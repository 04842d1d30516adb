"""What can be done with a client: made, changed, archived, and taken away while it never had anything.

The API and the pages call these; each writes its event. A slug is never given again, also of a client that was taken away.
"""

from typing import Annotated, Any, Final

import msgspec
from babel import Locale
from msgspec import UNSET, UnsetType

from controller.api.conditions import etag_of
from controller.api.me_routes import Language, PersonName
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.model import Client, new_id
from controller.wording import worded
from miners.inventory.slugs import slug

RETIRED: Final = "retired_clients"
"""The setting that keeps the slugs of clients that were taken away."""

Currency = Annotated[
    str, msgspec.Meta(pattern="^[A-Z]{3}$", description="Three letters of ISO 4217, such as EUR")
]


class NewClient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client to be made. The slug, which containers name in the inventory, is made of the name, and stays for ever."""

    name: PersonName
    language: Language = "en"
    currency: Currency | None = None
    shows_cost: bool = False


class ClientChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a client; what is not given stays. `active` false: archived, no customer any more."""

    name: PersonName | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    currency: Currency | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    shows_cost: bool | UnsetType = UNSET


def etag_of_client(client: Client) -> str:
    """Return the ETag of a client."""
    return etag_of(client)


async def known_client(call: Call[Any, Any]) -> Client:
    """Return the client of the path. Raises Problem (not-found), also for another one than a client's own."""
    client = await call.storage.people.clients.get(call.path["id"])
    person = call.person
    if client is None or (
        person.role == "client" and (person.client is None or person.client.id != client.id)
    ):
        raise Problem("not-found", worded("there is no such client"))
    return client


async def make_client(call: Call[Any, Any], order: NewClient, at: str = "/name") -> Client:
    """Make a client of this name. Raises Problem (exists; `at`: the field to look at) when there is one of that slug."""
    check_currency(order.currency)
    of_name = slug(order.name)
    there = await call.storage.people.clients.by_slug(of_name)
    if there is not None:
        detail = worded(
            "there is a client %(of_name)s already: name it by client_id, %(there)s, or choose another name",
            of_name=of_name,
            there=there.id,
        )
        raise Problem("exists", detail, [Mistake(at, "exists", detail)])
    if of_name in (await call.storage.settings.get(RETIRED) or ()):
        detail = worded(
            "%(of_name)s was a client that was taken away, and is not given again: choose another name",
            of_name=of_name,
        )
        raise Problem("exists", detail, [Mistake(at, "exists", detail)])
    client = Client(
        id=new_id("cli"),
        slug=of_name,
        name=order.name,
        language=order.language,
        currency=order.currency,
        shows_cost=order.shows_cost,
        created_at=call.now,
    )
    await call.storage.people.clients.add(client)
    await record_client(call, "client.created", client)
    return client


async def change_client(call: Call[Any, Any], client: Client, order: ClientChange) -> Client:
    """Change a client. Raises Problem: in-use for archiving one that has containers; ChangedMeanwhile."""
    if order.currency is not UNSET:
        check_currency(order.currency)
    given = {
        name: value
        for name in order.__struct_fields__
        if (value := getattr(order, name)) is not UNSET and value != getattr(client, name)
    }
    if not given:
        return client
    if given.get("active") is False:
        held = [
            one
            for one in await call.storage.people.assignments.of_client(client.id)
            if one.ends is None or one.ends > call.now
        ]
        if held:
            detail = worded("it still has containers, or will have: give them away first")
            raise Problem("in-use", detail, [Mistake("/active", "in-use", detail)])
    changed = msgspec.structs.replace(client, **given)
    await call.storage.people.clients.update(changed, expected=client)
    before = {name: getattr(client, name) for name in given}
    await record_client(call, "client.changed", changed, before=before, after=given)
    return changed


async def remove_client(call: Call[Any, Any], client: Client) -> None:
    """Take away a client that never had anything. Raises Problem (in-use), with what it has or had."""
    if any(container.client == client.slug for container in call.deeds.inventory.containers):
        raise Problem("in-use", worded("the inventory names it: archive it"))
    await call.storage.people.clients.remove(client.id)
    await call.storage.settings.change(RETIRED, lambda before: sorted({*(before or ()), client.slug}))
    await record_client(call, "client.deleted", client)


async def record_client(
    call: Call[Any, Any], kind: str, client: Client, *, before: Any = None, after: Any = None, **more: str
) -> None:
    """Write an event of a client."""
    params = {"client": client.id, "slug": client.slug, **more}
    await call.record(
        "people", kind, params=params, client=client.slug, outcome="ok", before=before, after=after
    )


def check_currency(currency: str | None) -> None:
    """Raise Problem (invalid) for three letters that are no currency."""
    if currency is not None and currency not in Locale("en").currencies:
        detail = worded("%(currency)s is no currency of ISO 4217, such as EUR or KZT", currency=currency)
        raise invalid(Mistake("/currency", "invalid", detail))
