"""Changing the managed inventory for a request: containers and miners made, changed, taken away, each change an event.

What is right is decided before anything is written: the entry by itself, the address against the inventory's networks, the
reference to credentials, and then the whole inventory as it would be.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET

from controller.api.conditions import check_if_match
from controller.api.credential_references import reference_mistake, resolved
from controller.api.inventory_orders import (
    CONTAINER_FIELDS,
    MINER_FIELDS,
    MINER_KEYS,
    Answered,
    ContainerChange,
    MinerChange,
    NewContainer,
    NewMiner,
    answered,
    container_entry,
    miner_entry,
    mistakes_in_container,
    mistakes_in_miner,
)
from controller.api.managing import (
    changed,
    check_container_free,
    check_miner_free,
    coming,
    effect_of,
    not_kept,
    require_all_containers,
    require_managed,
)
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.api.versions import (
    container_etag,
    contents_etag,
    miner_etag,
    told_container,
    told_miner,
)
from controller.deeds import MinerView, Plan
from controller.managed import (
    Document,
    Managed,
    add_container,
    entry_of,
    put_miner,
    remove_container,
    remove_miner,
)
from controller.wording import worded, worded_many
from miners.client import read_miner
from miners.driver import Memory
from miners.errors import ConfigurationError
from miners.inventory import fleet
from miners.inventory.fleet import Inventory
from miners.inventory.secrets import target_of
from miners.inventory.slugs import miner_id, slug
from miners.model import PollFailure


async def make_container(call: Call[Any, Any], order: NewContainer) -> fleet.Container:
    """Make a container. Raises Problem."""
    require_all_containers(call)
    _check_control(call, order)
    entry = container_entry(order)
    mistakes = [*mistakes_in_container(entry), *await _mistakes_in_client(call, entry)]
    if mistakes:
        raise invalid(*mistakes)
    identity = entry.get("id") or slug(entry["name"])
    check_container_free(call, entry["name"], identity, "/id" if "id" in entry else "/name")
    inventory = await changed(
        call, lambda document: add_container(document, {**entry, "miners": []}), fields=CONTAINER_FIELDS
    )
    made = _container(inventory, identity)
    await _record(call, "container.created", made, after=told_container(made))
    return made


async def change_container(
    call: Call[Any, Any], known: fleet.Container, order: ContainerChange, *, if_match: str | None = None
) -> fleet.Container:
    """Change a container; its id stays, whatever its new name. `if_match`: in place of the header's. Raises Problem."""
    require_managed(call, known.origin, worded("the container %(container)s", container=known.name))
    _require_match(call, if_match, container_etag(known))
    change = await _change_of_container(call, known, order, if_match)
    inventory = await changed(call, change, plan=order.plan, planned=True, fields=CONTAINER_FIELDS)
    made = _container(inventory, known.id)
    if made != known:
        await _record(
            call, "container.changed", made, before=told_container(known), after=told_container(made)
        )
    return made


async def effect_of_container(
    call: Call[Any, Any], known: fleet.Container, order: ContainerChange, *, if_match: str
) -> Plan:
    """Return what a change of a container would alter at once, and change nothing. Raises Problem."""
    require_managed(call, known.origin, worded("the container %(container)s", container=known.name))
    check_if_match(if_match, container_etag(known))
    change = await _change_of_container(call, known, order, if_match)
    return await effect_of(call, change, fields=CONTAINER_FIELDS)


async def _change_of_container(
    call: Call[Any, Any], known: fleet.Container, order: ContainerChange, if_match: str | None
) -> Callable[[Document], None]:
    """Return what puts an order into the document. Raises Problem for what is wrong with the order by itself."""
    _check_control(call, order)

    def entry_in(document: Document) -> Document:
        entry = entry_of(document, known.name)
        if entry is None or "extends" in entry:
            raise Problem("not-found", worded("there is no such container"))
        return entry

    wish = container_entry(order)
    mistakes = [*mistakes_in_container({"name": known.name, **wish}), *await _mistakes_in_client(call, wish)]
    if mistakes:
        raise invalid(*mistakes)
    if wish.get("name", known.name) != known.name:
        check_container_free(call, wish["name"], None, "/name")

    def change(document: Document) -> None:
        _require_match(call, if_match, container_etag(_container(call.deeds.inventory, known.id)))
        entry = entry_in(document)
        new = container_entry(order, entry)
        if new["name"] != known.name:
            new["id"] = known.id
        entry.clear()
        entry.update(new)

    return change


async def take_container(
    call: Call[Any, Any], known: fleet.Container, *, with_miners: bool, if_match: str | None = None
) -> None:
    """Take a container away. Raises Problem: read-only, in-use while it has miners unless they go too.

    `if_match`: the ETag of the container and its miners as they were looked at; changed-meanwhile if they are others now.
    """
    _check_takable(call, known, with_miners=with_miners)
    gone = known

    def change(document: Document) -> None:
        # Changes come one after the other: what it is by now is what goes, and what the record tells.
        nonlocal gone
        gone = _container(call.deeds.inventory, known.id)
        if if_match is not None:
            check_if_match(if_match, contents_etag(gone))
        _check_takable(call, gone, with_miners=with_miners)
        remove_container(document, gone.name)

    await changed(call, change)
    before = {
        **told_container(gone),
        "miners": [told_miner(gone.id, miner) for miner in gone.miners],
    }
    await _record(call, "container.deleted", gone, before=before)


def _check_takable(call: Call[Any, Any], known: fleet.Container, *, with_miners: bool) -> None:
    require_managed(call, known.origin, worded("the container %(container)s", container=known.name))
    if known.miners and not with_miners:
        raise Problem(
            "in-use",
            worded_many(
                "it has %(num)s miner: take them away first, or ask with ?miners=delete",
                "it has %(num)s miners: take them away first, or ask with ?miners=delete",
                len(known.miners),
            ),
        )
    for miner in known.miners:
        require_managed(call, miner.origin, worded("the miner %(miner)s", miner=miner.name))


async def make_miner(
    call: Call[Any, Any], order: NewMiner, *, check: bool
) -> tuple[MinerView, Answered | None]:
    """Make a miner; with `check`, only if something answers there. Raises Problem."""
    container, name, change = await _new_miner(call, order)
    found = await _asked(call, change, container, name) if check else None
    inventory = await changed(call, change, fields=MINER_FIELDS)
    made = _miner(inventory, container.id, name)
    view = call.miner(miner_id(container, made))
    await _record(call, "miner.created", container, made, after=told_miner(container.id, made))
    return view, found


async def asked_miner(call: Call[Any, Any], order: NewMiner, view: MinerView | None = None) -> Answered:
    """Read the miner that an order makes, or makes of a known one, and change nothing.

    Raises Problem: what is wrong with the order, or miner-failed.
    """
    if view is None:
        container, name, change = await _new_miner(call, order)
    else:
        require_managed(call, view.miner.origin, worded("the miner %(miner)s", miner=view.miner.name))
        container, name, change = await _changed_miner(call, view, order)
    return await _asked(call, change, container, name)


async def change_miner(
    call: Call[Any, Any],
    view: MinerView,
    order: NewMiner | MinerChange,
    *,
    etag_needed: bool = True,
    check: bool = False,
    if_match: str | None = None,
) -> tuple[MinerView, Answered | None]:
    """Change a miner; a whole order (NewMiner) takes away what it does not give. Raises Problem.

    `if_match`: in place of the header's, where the condition comes otherwise.
    """
    known, before = view.miner, view.container
    require_managed(call, known.origin, worded("the miner %(miner)s", miner=known.name))
    if etag_needed:
        _require_match(call, if_match, miner_etag(view))
    container, name, put = await _changed_miner(call, view, order)

    def change(document: Document) -> None:
        if etag_needed:
            _require_match(call, if_match, miner_etag(call.miner(view.id)))
        put(document)

    found = await _asked(call, change, container, name) if check else None
    inventory = await changed(call, change, fields=MINER_FIELDS)
    made = _miner(inventory, container.id, name)
    now = call.miner(miner_id(container, made))
    old, new = told_miner(before.id, known), told_miner(container.id, made)
    if old != new:
        await _record(call, "miner.changed", container, made, before=old, after=new)
    return now, found


async def _new_miner(
    call: Call[Any, Any], order: NewMiner
) -> tuple[fleet.Container, str, Callable[[Document], None]]:
    """Return the container, the name, and what puts a new miner into the document. Raises Problem."""
    container = _container_of(call, order.container)
    entry = miner_entry(order)
    await _check_miner(call, entry)
    check_miner_free(container, entry["name"])

    def change(document: Document) -> None:
        put_miner(document, container.name, entry)

    return container, entry["name"], change


async def _changed_miner(
    call: Call[Any, Any], view: MinerView, order: NewMiner | MinerChange
) -> tuple[fleet.Container, str, Callable[[Document], None]]:
    """Return the container, the name, and what puts a changed miner into the document. Raises Problem."""
    known, before = view.miner, view.container
    container = before if order.container is UNSET else _container_of(call, order.container)
    wish = miner_entry(order, {"name": known.name, "address": known.address})
    await _check_miner(call, wish)
    name = wish["name"]
    if (container.id, slug(name)) != (before.id, slug(known.name)):
        check_miner_free(container, name)

    def new_entry(document: Document) -> Document:
        entry = _entry_of_miner(document, view)
        if isinstance(order, NewMiner):
            entry = {key: value for key, value in entry.items() if key not in MINER_KEYS}
        return miner_entry(order, entry)

    def change(document: Document) -> None:
        entry = new_entry(document)
        if container.id == before.id:
            put_miner(document, container.name, entry, instead_of=known.name)
        else:
            remove_miner(document, before.name, known.name)
            put_miner(document, container.name, entry)

    return container, name, change


async def take_miner(call: Call[Any, Any], view: MinerView, *, if_match: str | None = None) -> None:
    """Take a miner away; its history stays. Raises Problem.

    `if_match`: the ETag of the miner as it was looked at; changed-meanwhile if it is another now.
    """
    require_managed(call, view.miner.origin, worded("the miner %(miner)s", miner=view.miner.name))
    gone = view

    def change(document: Document) -> None:
        nonlocal gone
        gone = call.miner(view.id)
        if if_match is not None:
            check_if_match(if_match, miner_etag(gone))
        _entry_of_miner(document, gone)
        remove_miner(document, gone.container.name, gone.miner.name)

    await changed(call, change)
    before = told_miner(gone.container.id, gone.miner)
    await _record(call, "miner.deleted", gone.container, gone.miner, before=before)


async def entry_of_miner(call: Call[Any, Any], view: MinerView) -> Document:
    """Return what stands in the file for this miner alone: without what its container says. Raises Problem: read-only."""
    require_managed(call, view.miner.origin, worded("the miner %(miner)s", miner=view.miner.name))
    try:
        document = await call.service(Managed).document()
    except ConfigurationError as error:
        raise not_kept(error) from None
    return _entry_of_miner(document, view)


async def _check_miner(call: Call[Any, Any], entry: Document) -> None:
    mistakes = mistakes_in_miner(entry, call.deeds.inventory.networks)
    if not any(mistake.at == "/credentials" for mistake in mistakes):
        missing = await asyncio.to_thread(reference_mistake, call.settings, entry)
        mistakes += [missing] if missing is not None else []
    if mistakes:
        raise invalid(*mistakes)


async def _mistakes_in_client(call: Call[Any, Any], entry: Document) -> list[Mistake]:
    client = entry.get("client")
    if client is None or await call.storage.people.clients.by_slug(client) is not None:
        return []
    return [
        Mistake(
            "/client",
            "not-found",
            worded("there is no client %(client)s: a user of the role client makes one", client=client),
        )
    ]


async def _asked(
    call: Call[Any, Any], change: Callable[[Document], None], container: fleet.Container, name: str
) -> Answered:
    """Read the miner that would be made, and return what answers. Raises Problem: miner-failed."""
    inventory = await coming(call, change, fields=MINER_FIELDS)
    miner = _miner(inventory, container.id, name)
    credentials = await resolved(call.settings, miner.credentials)
    reading = await read_miner(target_of(container, miner, credentials), Memory())
    if isinstance(reading, PollFailure):
        raise Problem("miner-failed", reading.detail, more={"failure": msgspec.to_builtins(reading)})
    return answered(reading)


def _entry_of_miner(document: Document, view: MinerView) -> Document:
    """Return the entry that is this miner's alone. Raises Problem: read-only."""
    whole = entry_of(document, view.container.name) or {}
    for entry in whole.get("miners", ()):
        if entry.get("name") == view.miner.name and "address" in entry:
            found: Document = entry
            return found
    origin = view.miner.origin
    raise Problem(
        "read-only",
        worded(
            "%(miner)s stands for others too, in %(file)s, line %(line)s: change it there",
            miner=view.miner.name,
            file=origin.file,
            line=str(origin.line),
        ),
        more={"places": [f"{origin.file}:{origin.line}"]},
    )


def _require_match(call: Call[Any, Any], if_match: str | None, etag: str) -> None:
    """Compare what was read with what is there now: by the condition given, else by the header. Raises Problem: 412."""
    if if_match is None:
        call.require_match(etag)
    else:
        check_if_match(if_match, etag)


def _check_control(call: Call[Any, Any], order: NewContainer | ContainerChange) -> None:
    """See that who sets what commands miners may command them. Raises Problem."""
    given = [name for name in ("control", "schedule_id") if getattr(order, name) is not UNSET]
    if given and call.person.lacks("control"):
        raise Problem(
            "not-allowed",
            worded(
                "%(names)s command miners: this needs a token with the scope control too",
                names=" and ".join(given),
            ),
        )


def _container_of(call: Call[Any, Any], container_id: str) -> fleet.Container:
    found = next((one for one in call.containers() if one.id == container_id), None)
    if found is None:
        raise invalid(Mistake("/container", "not-found", worded("there is no such container")))
    return found


def _container(inventory: Inventory, identity: str) -> fleet.Container:
    found = next((one for one in inventory.containers if one.id == identity), None)
    if found is None:
        raise Problem("not-found", worded("there is no such container"))
    return found


def _miner(inventory: Inventory, container_id: str, name: str) -> fleet.Miner:
    found = next((one for one in _container(inventory, container_id).miners if one.name == name), None)
    if found is None:
        raise Problem("not-found", worded("there is no such miner"))
    return found


async def _record(
    call: Call[Any, Any], kind: str, container: fleet.Container, miner: fleet.Miner | None = None, **more: Any
) -> None:
    await call.record(
        "inventory",
        kind,
        container=container.id,
        miner=None if miner is None else miner_id(container, miner),
        miner_address=None if miner is None else miner.address,
        client=container.client,
        outcome="ok",
        **more,
    )
