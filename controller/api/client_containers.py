"""Which containers are a client's, from which day to which: read as a list, and given anew as a whole.

What begins now or later is brought into the inventory when its time has come; a time that has passed changes the table and
the books alone, and nothing of a closed month.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec

from controller.accounting.corrections import Corrections
from controller.accounting.periods import day_bounds, day_of
from controller.accounting.touched import FOR_EVER, Span, days_of_months, owner_changes, until
from controller.api.conditions import etag_of
from controller.api.managing import not_kept
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.assigning import Assigning
from controller.model import Client
from controller.storage.assignments import Assignment, Overlap
from controller.wording import worded
from miners.errors import ConfigurationError
from miners.inventory.fleet import Container

_INSTANT = timedelta(microseconds=1)

ContainerId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Held(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A container that is, or is to be, a client's: from the beginning of a day to the end of another, by its own clock.

    `to`: the last day, included; null until further notice.
    """

    container: ContainerId
    from_: date = msgspec.field(name="from")
    to: date | None = None


class AssignmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A container that is, was or will be a client's. `begins`, `ends`: to the moment; `to`: the last day, included."""

    container: str
    name: str
    from_: date = msgspec.field(name="from")
    to: date | None
    begins: datetime
    ends: datetime | None
    now: bool


async def containers_of(call: Call[Any, Any], client: Client) -> list[AssignmentView]:
    """Return the containers of a client, past and to come too, by container and time."""
    return (await _read(call, client))[1]


def etag_of_containers(views: Sequence[AssignmentView]) -> str:
    """Return the ETag of the list of a client's containers."""
    return etag_of([(one.container, one.begins, one.ends) for one in views])


async def held_by(call: Call[Any, Any], client: Client) -> list[Held]:
    """Return the containers of a client as `assign` takes them, by container and time."""
    return [
        Held(container=one.container, from_=one.from_, to=one.to) for one in await containers_of(call, client)
    ]


async def assign(
    call: Call[Any, Any], client: Client, wishes: Sequence[Held], *, reason: str = ""
) -> list[AssignmentView]:
    """Make these the whole list of a client's containers, and correct the books of the time that has passed.

    Raises Problem: overlap with whose a container is and from when to when, read-only where a hand-written file says whose it
    is, invalid with every mistake; ClosedMonth for a time in a closed month.
    """
    before, shown = await _read(call, client)
    after = _meant(call, client, wishes, shown)
    touched = owner_changes(before, after)
    _check_may(call, touched)
    containers = {one.id: one for one in call.deeds.inventory.containers}
    past = {name: until(spans, call.now) for name, spans in touched.items()}
    days = {
        day
        for name, spans in past.items()
        if spans
        for day in days_of_months(containers[name].timezone, spans)
    }
    try:
        await call.storage.people.assignments.replace(client.id, after, expected=before, days=days)
    except Overlap as error:
        raise await _overlap(call, error) from None
    why = reason or f"containers of the client {client.slug}"
    await call.service(Corrections).owe(past, call.actor.name, why)
    await _record(call, client, touched, before, after)
    try:
        await call.service(Assigning).keep()
    except ConfigurationError as error:
        raise not_kept(error) from None
    await call.service(Corrections).make()
    return await containers_of(call, client)


async def _read(call: Call[Any, Any], client: Client) -> tuple[list[Assignment], list[AssignmentView]]:
    kept = await call.storage.people.assignments.of_client(client.id)
    places = {one.id: (one.name, one.timezone) for one in call.deeds.inventory.containers}
    if any(one.container not in places for one in kept):
        for gone in await call.storage.ledger.containers():
            places.setdefault(gone.id, (gone.name, gone.timezone))
    return kept, [_view(one, *places.get(one.container, (one.container, "UTC")), call.now) for one in kept]


def _view(one: Assignment, name: str, timezone: str, now: datetime) -> AssignmentView:
    return AssignmentView(
        container=one.container,
        name=name,
        from_=day_of(timezone, one.begins),
        to=None if one.ends is None else day_of(timezone, one.ends - _INSTANT),
        begins=one.begins,
        ends=one.ends,
        now=one.holds(now),
    )


def _meant(
    call: Call[Any, Any], client: Client, wishes: Sequence[Held], shown: Sequence[AssignmentView]
) -> list[Assignment]:
    """Return the assignments that wishes mean. Raises Problem (invalid).

    What began or ends within a day keeps the moment where the wish names the same day: reading and giving back changes nothing.
    """
    containers = {one.id: one for one in call.deeds.inventory.containers}
    left = list(shown)
    mistakes: list[Mistake] = []
    found: list[tuple[int, Assignment]] = []
    for place, wish in enumerate(wishes):
        mine = [one for one in left if one.container == wish.container]
        same = next((one for one in mine if (one.from_, one.to) == (wish.from_, wish.to)), None)
        if same is not None:
            left.remove(same)
            found.append((place, _assignment(client, wish, same.begins, same.ends)))
            continue
        container = containers.get(wish.container)
        if container is None or not call.person.may_see(container):
            mistakes.append(Mistake(f"/{place}/container", "not-found", worded("there is no such container")))
            continue
        if wish.to is not None and wish.to < wish.from_:
            detail = worded("the last day lies before the first")
            mistakes.append(Mistake(f"/{place}/to", "invalid", detail))
            continue
        if not client.active:
            detail = worded("the client is archived, and is given no containers")
            mistakes.append(Mistake(f"/{place}/container", "invalid", detail))
            continue
        begins = next(
            (one.begins for one in mine if one.from_ == wish.from_),
            day_bounds(container.timezone, wish.from_)[0],
        )
        ends = None
        if wish.to is not None:
            known = (one.ends for one in mine if one.to == wish.to)
            ends = next(known, day_bounds(container.timezone, wish.to)[1])
        found.append((place, _assignment(client, wish, begins, ends)))
    mistakes += [
        Mistake(
            f"/{place}/from",
            "invalid",
            worded("%(container)s is in the list twice for the same time", container=one.container),
        )
        for place, one in _doubled(found)
    ]
    if mistakes:
        raise invalid(*mistakes)
    return sorted((one for _, one in found), key=lambda one: (one.container, one.begins))


def _assignment(client: Client, wish: Held, begins: datetime, ends: datetime | None) -> Assignment:
    return Assignment(client_id=client.id, container=wish.container, begins=begins, ends=ends)


def _doubled(found: Sequence[tuple[int, Assignment]]) -> list[tuple[int, Assignment]]:
    """Return those, with their places in the list, that have some time in common with an earlier one."""
    return [
        (place, one)
        for number, (place, one) in enumerate(found)
        if any(
            one.container == other.container
            and one.begins < (other.ends or FOR_EVER)
            and other.begins < (one.ends or FOR_EVER)
            for _, other in found[:number]
        )
    ]


def _check_may(call: Call[Any, Any], touched: dict[str, list[Span]]) -> None:
    """Raise Problem where a container has left the inventory, or a hand-written file says whose it is from now on."""
    containers = {one.id: one for one in call.deeds.inventory.containers}
    for name, spans in touched.items():
        container = containers.get(name)
        if container is None:
            detail = worded(
                "%(container)s is not in the inventory: put it back to change whose it was", container=name
            )
            raise invalid(Mistake("", "not-found", detail))
        if spans[-1][1] > call.now and call.service(Assigning).by_hand(container):
            raise _by_hand(container)


def _by_hand(container: Container) -> Problem:
    said = container.said_at["client"]
    return Problem(
        "read-only",
        worded(
            "whose %(container)s is from now on stands in %(file)s, line %(line)s: change it there",
            container=container.name,
            file=said.file,
            line=str(said.line),
        ),
        more={"places": [f"{said.file}:{said.line}"]},
    )


async def _overlap(call: Call[Any, Any], error: Overlap) -> Problem:
    kept = error.kept
    owner = await call.storage.people.clients.get(kept.client_id)
    container = next((one for one in call.deeds.inventory.containers if one.id == kept.container), None)
    timezone = "UTC" if container is None else container.timezone
    name = kept.container if container is None else container.name
    view = _view(kept, name, timezone, call.now)
    whose = kept.client_id if owner is None else owner.name
    if view.to is None:
        detail = worded(
            "%(container)s is %(client)s's from %(begin)s until further notice",
            container=name,
            client=whose,
            begin=view.from_.isoformat(),
        )
    else:
        detail = worded(
            "%(container)s is %(client)s's from %(begin)s to %(end)s",
            container=name,
            client=whose,
            begin=view.from_.isoformat(),
            end=view.to.isoformat(),
        )
    more = {
        "container": kept.container,
        "client": kept.client_id,
        "from": view.from_.isoformat(),
        "to": None if view.to is None else view.to.isoformat(),
    }
    return Problem("overlap", detail, [Mistake("", "overlap", detail)], more=more)


async def _record(
    call: Call[Any, Any],
    client: Client,
    touched: dict[str, list[Span]],
    before: Sequence[Assignment],
    after: Sequence[Assignment],
) -> None:
    for container in touched:
        await call.record(
            "inventory",
            "container.client_times_changed",
            params={"slug": client.slug},
            container=container,
            client=client.slug,
            before=_told(before, container),
            after=_told(after, container),
            outcome="ok",
        )


def _told(assignments: Sequence[Assignment], container: str) -> list[Any]:
    return [{"begins": one.begins, "ends": one.ends} for one in assignments if one.container == container]
