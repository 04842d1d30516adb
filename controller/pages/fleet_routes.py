"""The route of the first page: is all well, and if not, where? It gathers what `fleet_page` makes words of."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import parse_qsl, urlencode

import msgspec
from aiohttp import hdrs

from controller.api.attention import NEEDS
from controller.api.control_shapes import shown_override
from controller.api.fleet_routes import clients_of, shown_container
from controller.api.links import grafana_fleet
from controller.api.route import EVERYBODY, Answer, Call, Route
from controller.api.shapes import MINER_STATES
from controller.pages.chart_routes import PART
from controller.pages.container_page import Told
from controller.pages.fleet_alerts import MOST, alert_lines, alerts_judged, alerts_soon, alerts_state
from controller.pages.fleet_facts import facts_of, fleet_told
from controller.pages.fleet_page import (
    SORTS,
    Card,
    Sort,
    card_state,
    ends_at,
    needs_state,
    sort_words,
    sorted_cards,
    totals_state,
)
from controller.pages.formats import comes_twice, cut, plain
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.money_home import office_home, own_home
from controller.pages.page_paths import container_path
from controller.pages.rendering import rendered
from controller.pages.report_data import SOON_S
from controller.pages.state_words import state_words
from controller.pages.trouble import Clock
from controller.pages.zones import reading_zone
from miners.inventory import fleet

PATIENT_S: Final = 8.0
"""How long the part of the page waits for sums that its first byte did not wait for."""
FILTERS: Final = ("container", "state", "client")
View = Literal["cards", "table"]
Given = tuple[Annotated[str, msgspec.Meta(max_length=200)], ...]


class FleetQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which containers, by id, by a state that one of their miners is in, by client; in which order; as cards or as a table."""

    container: Given = ()
    state: Given = ()
    client: Given = ()
    sort: str = "need"
    view: str = "cards"


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of all that one sees: the sums and a card a container, in the order of the inventory."""

    told: Told
    cards: Sequence[Card]
    clock: Clock


async def get_fleet(call: Call[None, FleetQuery]) -> Answer:
    """Answer the page."""
    words, query = words_of(call), call.query
    found = await _gathered(call)
    asked = {name: {one for one in getattr(query, name) if one} for name in FILTERS}
    wanted, unknown = _known(call, asked, words)
    shown = [card for card in found.cards if _passes(card, wanted)]
    by: Sort = next((one for one in SORTS if one == query.sort), "need")
    view = query.view if query.view in get_args(View) else "cards"
    live = await _state(call, found, words)
    later = PART in call.request.headers
    within_s = PATIENT_S if later else SOON_S
    office = await office_home(call, words, within_s) if call.person.role == "accountant" else None
    own = await own_home(call, words, within_s) if call.person.role == "client" and found.cards else None
    if later and (office is not None or own is not None):
        return _sums(call, words, live=live, office=office, own=own)
    structure = _structure(found, wanted)
    of = urlencode([*((name, one) for name in wanted for one in sorted(wanted[name])), ("seen", structure)])
    return page(
        call,
        "fleet",
        section="/",
        live=live,
        live_page=f"fleet:{of}",
        cards=sorted_cards(shown, by),
        containers=[(card.id, plain(card.container.name)) for card in found.cards],
        clients=_clients(call, found),
        states=state_words(words),
        state_names=MINER_STATES,
        sorts=sort_words(words),
        by=by,
        view=view,
        wanted=wanted,
        filtered=any(wanted.values()),
        unknown=unknown,
        rates=found.told.figures.hashrate,
        needs=NEEDS,
        alert_slots=range(MOST),
        path_of=container_path,
        address_of=lambda **changed: _address(query, **changed),
        fleet_in_grafana=grafana_fleet(call.settings) if call.person.role != "client" else None,
        history=alerts_judged(call),
        office=office,
        own=own,
    )


def _sums(call: Call[Any, Any], words: Words, **values: Any) -> Answer:
    """Answer what somebody is shown above his containers, as a part of the page."""
    text = rendered("fleet_sums", words, address=call.request.path_qs, **values)
    headers = {hdrs.CONTENT_TYPE: HTML, hdrs.VARY: f"Accept-Language, Cookie, {PART}", PART: "sums"}
    return Answer(body=text, headers=headers)


async def live_fleet(call: Call[Any, Any], of: str) -> LiveState:
    """Return the places of the page. `of`: the filters of its address, and `seen`, what it was made of."""
    given = parse_qsl(of)
    wanted = {name: {one for key, one in given if key == name} for name in FILTERS}
    found = await _gathered(call)
    seen = dict(given).get("seen", "")
    same = LiveState(hidden={"s.changed": seen == _structure(found, wanted)})
    return await _state(call, found, words_of(call)) | same


async def _gathered(call: Call[Any, Any]) -> Fleet:
    """Return what is known of the containers that one may see. Others get their turn between two of them."""
    cards, known = [], []
    containers = call.containers()
    overrides = {one.id: one for one in call.deeds.overrides()}
    clients = await clients_of(call, containers)
    for container in containers:
        facts = facts_of(call.deeds, container)
        shown = await shown_container(
            call, container, grid=False, figures=facts.told.figures, clients=clients
        )
        held = overrides.get(shown.profile.override_id or "")
        override = None if held is None else shown_override(call, held)
        running = None
        if shown.operation_id is not None and call.person.sees_all:
            running = call.deeds.operation(shown.operation_id)
        known.append(facts)
        cards.append(
            Card(
                container=shown,
                told=facts.told,
                picture=facts.picture,
                needs=facts.needs,
                broken=facts.broken,
                silence=facts.silence,
                operation=running,
                override=override,
                until=None if override is None else ends_at(override, container.id),
                clock=_clock(call, container),
            )
        )
        await asyncio.sleep(0)
    return Fleet(told=fleet_told(known), cards=cards, clock=_clock(call, None))


async def _state(call: Call[Any, Any], found: Fleet, words: Words) -> LiveState:
    """Return the places of all cards, the sums, and what needs attention."""
    state = totals_state(found.told, found.cards, words, found.clock) | needs_state(
        found.told, found.cards, words
    )
    alerts = await alerts_soon(call)
    lines = alert_lines(alerts or (), call.containers())
    unknown = alerts is None and alerts_judged(call)
    quiet = not lines and not any(card.silence or any(card.needs.values()) for card in found.cards)
    hidden = {"f.quiet": not quiet or unknown, "f.alerts-unknown": not unknown}
    state |= alerts_state(lines, words) | LiveState(hidden=hidden)
    places = [card_state(card, words) for card in found.cards]
    return _joined([state, *places])


def _joined(states: Sequence[LiveState]) -> LiveState:
    """Return the places of all: of so many, faster than two by two."""
    names = [field.name for field in msgspec.structs.fields(LiveState)]
    return LiveState(
        **{
            name: {key: one for state in states for key, one in getattr(state, name).items()}
            for name in names
        }
    )


def _clock(call: Call[Any, Any], container: fleet.Container | None) -> Clock:
    """Return how moments are written: those of a container that is in another zone than the page with that zone."""
    formats, zone, page = words_of(call).formats, reading_zone(call, container), reading_zone(call)

    def told(moment: datetime) -> str:
        time = formats.clock(moment, call.now, zone)
        local = moment.astimezone(zone)
        here = local.utcoffset() == moment.astimezone(page).utcoffset() or comes_twice(local)
        return time if here else f"{time} ({formats.offset(moment, zone)})"

    return told


def _passes(card: Card, wanted: Mapping[str, set[str]]) -> bool:
    container = card.container
    return (
        (not wanted["container"] or container.id in wanted["container"])
        and (
            not wanted["client"]
            or (container.client is not None and container.client.name in wanted["client"])
        )
        and (
            not wanted["state"]
            or any(
                getattr(card.told.figures.miners, one, 0) for one in wanted["state"] if one in MINER_STATES
            )
        )
    )


def _structure(found: Fleet, wanted: Mapping[str, set[str]]) -> str:
    """Return a word that is another when other containers, or figures, stand on the page than before."""
    cards = sorted(
        (card.id, card.container.name, card.container.control)
        for card in found.cards
        if _passes(card, wanted)
    )
    rates = [rate.algorithm for rate in found.told.figures.hashrate]
    shapes = [(card.id, card.picture.width, card.picture.height) for card in found.cards]
    return hashlib.sha256(repr((cards, rates, shapes)).encode()).hexdigest()[:12]


def _known(
    call: Call[Any, Any], asked: Mapping[str, set[str]], words: Words
) -> tuple[dict[str, set[str]], list[str]]:
    """Return the filters that there is something for, and what is wrong with the others, in words."""
    there: dict[str, set[str]] = {
        "container": {container.id for container in call.containers()},
        "state": set(MINER_STATES),
    }
    known = {name: asked[name] & there.get(name, asked[name]) for name in FILTERS}
    wrong = [
        words.gettext("There is no container %(name)s.", name=cut(plain(one), 60))
        for one in sorted(asked["container"] - there["container"])
    ]
    wrong += [
        words.gettext("There is no state %(name)s.", name=cut(plain(one), 60))
        for one in sorted(asked["state"] - there["state"])
    ]
    return known, wrong


def _clients(call: Call[Any, Any], found: Fleet) -> list[str]:
    """Return the clients by whom one can filter: for those who see more than one's own."""
    if call.person.role == "client":
        return []
    return sorted({card.container.client.name for card in found.cards if card.container.client is not None})


def _address(query: FleetQuery, **changed: str) -> str:
    """Return the page with the same filters, and something else."""
    given = [(name, one) for name in FILTERS for one in getattr(query, name) if one]
    rest = {"sort": query.sort, "view": query.view} | changed
    given += [(name, value) for name, value in rest.items() if value not in ("need", "cards")]
    return f"/?{urlencode(given)}" if given else "/"


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/",
        roles=EVERYBODY,
        scopes=("read",),
        query=FleetQuery,
        summary="Is all well, and if not, where?",
        handler=get_fleet,
        reply_media=HTML,
        page=True,
    ),
)
