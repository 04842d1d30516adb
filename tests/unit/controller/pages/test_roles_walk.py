"""Every page as every role: nobody reads what is another client's, nothing is offered that would be refused, nothing breaks.

The pages are found in the table of routes, those that change while looked at in that of the streams, the deeds in theirs: a
new one fails here until it has an address to be walked at.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest
from aiohttp import ClientResponse

from controller.api import stream_routes
from controller.api.route import Open, Route
from controller.api.routes import ROUTES
from controller.deeds import Source
from controller.model import Client, Role, User
from controller.pages.deed_links import KINDS
from controller.pages.live_pages import LIVE_PAGES
from controller.pages.routes import PAGES
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_of_two_clients import (
    MARK,
    OFFICE,
    OTHER,
    OWN,
    PLANTED,
    TwoClients,
    starting,
)
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds
from tests.unit.controller.pages.reading_pages import Element, read_page

ROLES: Final[tuple[Role, ...]] = ("administrator", "accountant", "client")

Things = Mapping[str, str]


def things(container: str, name: str, miner: str, client: str, schedule: str) -> Things:
    """Return what stands in the braces of an address, quoted as in a query."""
    found = {
        "container": container,
        "container_name": name,
        "miner": f"{container}.{miner.replace(' ', '-')}",
        "miner_name": miner,
        "client": client,
        "operation": f"op_{container}",
        "ended": f"op_{container}_ended",
        "override": f"ov_{container}",
        "schedule": schedule,
    }
    return {key: quote(value) for key, value in found.items()}


OWN_THINGS: Final = things(OWN, "Container 1", "a1", "acme", "days")
MADE_THINGS: Final = things("container-7", "Container 7", "g1", "acme", "days")
OTHERS_THINGS: Final = things(OTHER, f"{MARK} Yard", f"{MARK} b1", MARK, f"{MARK}-nights")
OTHERS_MADE_THINGS: Final = things(f"{MARK}-attic", f"{MARK} Attic", f"{MARK} c1", MARK, f"{MARK}-nights")
NO_THINGS: Final = things("nowhere-yard", "nowhere Yard", "nowhere b1", "nowhere", "nowhere-nights")

ADDRESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "/static/{name}": ("/static/none.css",),
    "/runbooks": ("/runbooks",),
    "/runbooks/{alert}": ("/runbooks/ContainerDown", "/runbooks/None"),
    "/sign-on/authorize": ("/sign-on/authorize?client_id=grafana",),
    "/sign-in": ("/sign-in", "/sign-in?next=/containers/{container}"),
    "/password": ("/password?next=/miners/{miner}",),
    "/confirm-password": ("/confirm-password?next=/miners/{miner}",),
    "/me": ("/me", "/me?done=saved"),
    "/people": ("/people", "/people?q=zzz", "/people?done=removed"),
    "/people/new": ("/people/new", "/people/new?role=client", "/people/new?role=accountant"),
    "/people/{id}": ("/people/usr_1", "/people/usr_1?done=disabled", "/people/usr_0"),
    "/people/{id}/remove": ("/people/usr_1/remove",),
    "/clients": ("/clients", "/clients?q=zzz"),
    "/new-client": ("/new-client",),
    "/clients/{id}": ("/clients/cli_1", "/clients/cli_1?done=made", "/clients/cli_0"),
    "/invitation": ("/invitation",),
    "/invitation/{token}": ("/invitation/none",),
    "/keys": ("/keys",),
    "/settings": ("/settings",),
    "/settings/health": ("/settings/health",),
    "/": (
        "/",
        "/?view=table&sort=name",
        "/?container={container}",
        "/?client={client}",
        "/?state=fault&state=unreachable",
        "/?sort=none&view=none&state=none",
    ),
    "/alerts": ("/alerts", "/alerts?name=MinerSilent", "/alerts?name={client}Alert"),
    "/by-name": ("/by-name?container={container_name}", "/by-name"),
    "/new-container": ("/new-container",),
    "/containers/{id}": (
        "/containers/{container}",
        "/containers/{container}?view=table&sort=-power_w",
        "/containers/{container}?colour=chip",
        "/containers/{container}?colour=profile&page=2",
    ),
    "/containers/{id}/edit": ("/containers/{container}/edit",),
    "/containers/{id}/delete": ("/containers/{container}/delete",),
    "/containers/{id}/alerts": ("/containers/{container}/alerts",),
    "/containers/{id}/card": ("/containers/{container}/card?miner={miner}", "/containers/{container}/card"),
    "/log": (
        "/log",
        "/log?container={container}",
        "/log?miner={miner}",
        "/log?actor=petrov&q=said",
        "/log?operation={operation}",
        "/log?outcome=refused&category=command",
        "/log?from=nonsense",
    ),
    "/log.csv": ("/log.csv", "/log.csv?container={container}", "/log.csv?excel=1"),
    "/miners": (
        "/miners",
        "/miners?container={container}",
        "/miners?q={miner_name}",
        "/miners?state=unreachable&sort=-power_w",
        "/miners?model={client}+model&firmware=x",
        "/miners?sort=none&page=77",
    ),
    "/miners.csv": ("/miners.csv", "/miners.csv?container={container}", "/miners.csv?excel=1"),
    "/miners/new": ("/miners/new", "/miners/new?container={container}"),
    "/miners/by-name": ("/miners/by-name?container={container_name}&miner={miner_name}",),
    "/miners/import": ("/miners/import",),
    "/miners/import/template": ("/miners/import/template",),
    "/miners/{id}": ("/miners/{miner}", "/miners/{miner}?metric=power&hours=24"),
    "/miners/{id}/edit": ("/miners/{miner}/edit",),
    "/miners/{id}/disable": ("/miners/{miner}/disable",),
    "/miners/{id}/enable": ("/miners/{miner}/enable",),
    "/miners/{id}/delete": ("/miners/{miner}/delete",),
    "/miners/{id}/alerts": ("/miners/{miner}/alerts",),
    "/live": (),
    "/live/now": (),
    "/charts/fleet": ("/charts/fleet", "/charts/fleet?metric=power&hours=168", "/charts/fleet?metric=none"),
    "/charts/container/{id}": ("/charts/container/{container}?metric=hashrate&hours=24",),
    "/charts/miner/{id}": ("/charts/miner/{miner}?metric=chip_max&hours=24",),
    "/charts/sparklines": ("/charts/sparklines", "/charts/sparklines?metric=power&hours=24"),
    "/deeds/{kind}": (),
    "/operations": ("/operations", "/operations?container={container}", "/operations?state=running"),
    "/operations/{id}": (
        "/operations/{operation}",
        "/operations/{ended}",
        "/operations/op_all",
        "/operations/op_all_ended",
        "/operations/op_all?container={container}&state=refused",
    ),
    "/reports": (
        "/reports",
        "/reports?month=2026-03&by=miner&container={container}",
        "/reports?by=day&client={client}&basis=meter",
        "/reports?miner={miner}",
    ),
    "/close-month": ("/close-month?month=2026-02",),
    "/tariffs": ("/tariffs",),
    "/new-tariff": ("/new-tariff",),
    "/tariffs/{name}": ("/tariffs/none",),
    "/tariffs/{name}/delete": ("/tariffs/none/delete",),
    "/containers/{id}/tariff": ("/containers/{container}/tariff",),
    "/meters": ("/meters", "/meters?container={container}"),
    "/meters/import": ("/meters/import",),
    "/meters/{id}/withdraw": ("/meters/mrd_none/withdraw",),
    "/reports/{number}": ("/reports/1", "/reports/1?client={client}", "/reports/9"),
    "/schedule": ("/schedule", "/schedule?date=2026-03-29&days=7", "/schedule?date=none"),
    "/schedule/new": ("/schedule/new",),
    "/schedule/{id}/copy": ("/schedule/{schedule}/copy",),
    "/schedule/{id}/edit": ("/schedule/{schedule}/edit",),
    "/schedule/{id}/delete": ("/schedule/{schedule}/delete",),
    "/profiles/new": ("/profiles/new",),
    "/profiles/{name}/edit": ("/profiles/normal/edit",),
}
"""For each page that is asked for, the addresses at which it is walked."""

LIVE: Final[Mapping[str, tuple[str, ...]]] = {
    "fleet": ("fleet:", "fleet:container={container}", "fleet:client={client}"),
    "frame": ("frame:",),
    "health": ("health:",),
    "container": ("container:{container}", "container:{container}?view=table&sort=-power_w"),
    "miner": ("miner:{miner}",),
    "log": ("log:", "log:container={container}"),
    "miners": ("miners:", "miners:q={miner_name}", "miners:container={container}&sort=-power_w"),
    "operation": ("operation:{operation}", "operation:{ended}", "operation:op_all"),
    "schedule": ("schedule:", "schedule:date=2026-03-29"),
}

AIMS: Final[Mapping[str, tuple[str, ...]]] = {
    "miners": (
        "container={container}",
        "miner={miner}",
        "filter=container%3D{container}",
        "filter=q%3D{miner_name}",
    ),
    "override": ("override={override}", "override=ov_all"),
    "operation": ("operation={operation}", "operation=op_all"),
    "place": ("container={container}", ""),
    "miner": ("miner={miner}",),
}

OF_ALL: Final = re.compile(
    r"name=\"csrf\" value=\"[^\"]*\"|name=\"key\" value=\"[^\"]*\"|\b[a-z]+_[0-9A-HJKMNP-TV-Z]{26}\b|\b[0-9A-HJKMNP-TV-Z]{26}\b"
)
"""What differs from one answer to the next, whoever asks: the session's token, the key of a form, ids, the request's own."""


def test_every_page_that_is_asked_for_has_an_address() -> None:
    asked = {route.path for route in PAGES if route.method == "GET"}
    assert asked == set(ADDRESSES)
    assert set(LIVE_PAGES) == set(LIVE)
    assert {kind.aim for kind in KINDS.values()} == set(AIMS)


def addresses(of: Things) -> Iterator[str]:
    """Yield every address of every page, with these things in it."""
    for patterns in ADDRESSES.values():
        for pattern in patterns:
            yield pattern.format(**of)
    for patterns in LIVE.values():
        for pattern in patterns:
            yield f"/live/now?{urlencode({'page': pattern.format(**of)})}"
    for kind in KINDS.values():
        for pattern in AIMS[kind.aim]:
            yield f"/deeds/{kind.name}?{pattern.format(**of)}"
        yield f"/deeds/{kind.name}?{AIMS[kind.aim][0].format(**of)}&part=1"


@pytest.fixture
async def two_clients(make_house: MakeHouse, tmp_path: Path) -> AsyncIterator[TwoClients]:
    async with starting(make_house, tmp_path) as begin:
        yield begin


@pytest.fixture
async def fleet(two_clients: TwoClients) -> FleetHouse:
    made = await two_clients()
    people, now = made.house.storage.people, made.deeds.now
    await people.clients.add(Client(id="cli_1", slug="cli-1", name="Of one", created_at=now))
    user = User(id="usr_1", username="of one", role="client", client_id="cli_1", created_at=now)
    await people.users.add(user, "nobody's")
    return made


async def walked(browser: Browser, of: Things, *, deeds: bool = True) -> dict[str, str]:
    """Return all that each address answers: status, headers, and the body; what differs each time taken out."""
    found = {}
    for address in addresses(of):
        if address.startswith("/deeds/") and not deeds:
            continue
        response = await browser.get(address)
        found[address] = await whole(response)
        assert response.status < 500 or response.status == 503, f"{address}: {found[address][:1000]}"
    return found


async def whole(response: ClientResponse) -> str:
    """Return an answer as one text. Fails where a page is not whole."""
    text = await response.text()
    if response.content_type == "text/html":
        read_page(text)
    kept = [f"{name}: {value}" for name, value in sorted(response.headers.items()) if name not in VARIES]
    return OF_ALL.sub("…", "\n".join([str(response.status), *kept, text]))


VARIES: Final = frozenset(("Date", "X-Request-Id", "Content-Length", "Server"))


def mentions(found: Mapping[str, str], *words: str, but: tuple[str, ...] = ()) -> dict[str, str]:
    """Return where one of the expressions is found, with what stands around it; not in the address itself, which comes back."""
    told = {}
    for address, text in found.items():
        for word in words:
            hit = re.search(word, text, re.IGNORECASE)
            if hit is not None and not address.startswith(but or ("\0",)):
                told[address] = text[max(0, hit.start() - 200) : hit.end() + 100]
    return told


async def test_a_client_reads_nothing_of_another_or_of_the_operators_people(fleet: FleetHouse) -> None:
    found = await walked(await fleet.browser("clara", "client"), OWN_THINGS)
    assert mentions(found, MARK, OFFICE, PLANTED, r"10\.1\.66\.", r"10\.1\.7\.") == {}
    assert "a1" in found[f"/miners/{OWN}.a1"]


async def test_a_client_reads_what_he_would_read_if_there_were_no_other(two_clients: TwoClients) -> None:
    """Counts, sums, filters to choose from, notices, alerts, charts: none of it moves with what is another's."""
    beside_others, alone = await two_clients(), await two_clients(second=False)
    for of in (OWN_THINGS, MADE_THINGS):
        found = await walked(await beside_others.browser(f"clara {of['container']}", "client"), of)
        expected = await walked(await alone.browser(f"clara {of['container']}", "client"), of)
        differing = [address for address in expected if found[address] != expected[address]]
        assert {one: (expected[one], found[one]) for one in differing[:1]} == {}, differing


async def test_what_is_anothers_is_answered_as_what_is_not_there(fleet: FleetHouse) -> None:
    """To a client, and to a token that is for other containers: in every method, so also where something would be done."""
    client = await fleet.browser("clara", "client")
    narrow = fleet.house.browser(
        token=await fleet.house.token(await fleet.house.user("anna"), containers=(OWN,))
    )
    for browser, of in ((client, OTHERS_THINGS), (narrow, OTHERS_THINGS), (narrow, OTHERS_MADE_THINGS)):
        for address, missing in zip(addresses(of), addresses(NO_THINGS), strict=True):
            fleet.deeds.pass_time(seconds=1)
            assert await told(browser, "GET", address) == await told(browser, "GET", missing), address
    for route in PAGES:
        if route.method == "POST" and "{id}" in route.path:
            for name in ("container", "miner", "schedule"):
                fleet.deeds.pass_time(seconds=1)
                address, missing = (route.path.replace("{id}", of[name]) for of in (OTHERS_THINGS, NO_THINGS))
                assert await told(narrow, "POST", address) == await told(narrow, "POST", missing), address


async def told(browser: Browser, method: str, address: str) -> str:
    """Return an answer with what names the thing that was asked for taken out."""
    more: dict[str, Any] = {}
    if method == "POST":
        more = {"data": b"", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    text = await whole(await browser.ask(method, address, **more))
    return re.sub(f"({MARK}|nowhere)([-+ ]|%20|%2520)?(Yard|yard|Attic|attic|b1|c1|nights)?", "it", text)


async def test_a_token_for_some_containers_reads_nothing_of_the_others(fleet: FleetHouse) -> None:
    browser = fleet.house.browser(
        token=await fleet.house.token(
            await fleet.house.user("anna"), containers=(OWN, MADE_THINGS["container"])
        )
    )
    for of in (OWN_THINGS, MADE_THINGS):
        found = {}
        for address in addresses(of):
            fleet.deeds.pass_time(seconds=1)
            found[address] = await whole(await browser.get(address))
        assert mentions(found, MARK, PLANTED, r"10\.1\.66\.") == {}


@pytest.mark.parametrize("role", ROLES)
async def test_nothing_is_offered_that_would_be_refused(fleet: FleetHouse, role: Role) -> None:
    """Every link and every form on every page leads to a page that the reader may use."""
    browser = await fleet.browser("clara", role)
    offered = 0
    for address in addresses(OWN_THINGS):
        response = await browser.get(address)
        if response.content_type != "text/html" or response.status == 403:
            continue
        found = read_page(await response.text())
        for method, target in leads(found, address):
            route = route_of(method, target)
            assert route is not None, f"{address} leads to {method} {target}"
            assert isinstance(route.roles, Open) or role in route.roles, f"{address} offers {method} {target}"
            offered += 1
    assert offered > 100


def leads(page: Element, address: str) -> Iterator[tuple[str, str]]:
    """Yield where links and forms lead within our own pages: method and path."""
    for one in page.all():
        method, target = "GET", one.attributes.get("href")
        if one.tag == "form":
            method, target = (
                one.attributes.get("method", "get").upper(),
                one.attributes.get("action", address),
            )
        elif "formaction" in one.attributes:
            method, target = "POST", one.attributes["formaction"]
        elif one.tag not in ("a", "link"):
            target = next((value for key, value in one.attributes.items() if key in SOURCES), None)
        if target is None:
            continue
        parts = urlsplit(urljoin(address, target))
        if not parts.netloc and not parts.scheme:
            yield method, parts.path


SOURCES: Final = ("data-href", "data-src", "data-part", "data-url")


def route_of(method: str, path: str) -> Route | None:
    """Return the page that answers there: the one whose path has most words of its own."""
    fitting = [
        route
        for route in (*PAGES, *ROUTES)
        if route.method == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", route.path), path)
    ]
    return min(fitting, key=lambda route: route.path.count("{"), default=None)


EMPTY = "networks: [10.1.0.0/16]\ncontainers: []\n"
NO_MINERS = "containers:\n- {name: Container 1, client: acme, control: enforce, miners: []}\n"
ONE = "containers:\n- {name: Container 1, client: acme, control: enforce, miners: [{name: a1, address: 10.1.7.1}]}\n"
DISABLED = """\
containers:
- name: Container 1
  client: acme
  control: enforce
  miners: [{name: a1, address: 10.1.7.1, active: false}, {name: a2, address: 10.1.7.2, active: false}]
"""
MANY_ALGORITHMS = """\
containers:
- name: Container 1
  client: acme
  control: enforce
  miners:
  - {name: a1, address: 10.1.7.1, manufacturer: AntMiner, model: S19j Pro}
  - {name: a2, address: 10.1.7.2, manufacturer: AntMiner, model: L3+ 504M}
  - {name: a3, address: 10.1.7.3, manufacturer: AntMiner, model: D7 1286G}
"""
ALGORITHMS = ("SHA-256", "Scrypt", "X11")


@pytest.mark.parametrize(
    ("hand", "away"),
    [
        (EMPTY, True),
        (NO_MINERS, False),
        (ONE, False),
        (DISABLED, False),
        (MANY_ALGORITHMS, False),
        (MANY_ALGORITHMS, True),
    ],
    ids=["empty", "no miners", "one", "disabled", "algorithms", "exporter away"],
)
async def test_nothing_breaks_in_any_state_of_the_fleet(
    make_house: MakeHouse, tmp_path: Path, hand: str, *, away: bool
) -> None:
    fleet = await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds)
    assert isinstance(fleet.deeds, ChangedDeeds)
    if hand == MANY_ALGORITHMS:
        for view, algorithm in zip(fleet.deeds.views(), ALGORITHMS, strict=True):
            identity = fleet.deeds.snapshot(view.id).identity
            fleet.deeds.snapshot(
                view.id, identity=type(identity)(model="M", algorithm=algorithm), hashrate_hs=1e9
            )
    if away:
        fleet.deeds.origin_of_readings = Source(state="away", since=BEGIN, reason="no answer")
    for role in ROLES:
        browser = await fleet.browser(f"user-{role}", role)
        # To others each deed is refused alike, whatever state the fleet is in.
        found = await walked(browser, OWN_THINGS, deeds=role == "administrator")
        assert found[f"/containers/{OWN}"].startswith("404" if hand == EMPTY else "200")
        assert found["/"].startswith("200")
        assert found["/miners"].startswith("200")


@pytest.mark.parametrize("role", ROLES)
async def test_every_stream_says_what_asking_says(
    fleet: FleetHouse, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first event of each page's stream is what `/live/now` answers, for whom it answers at all."""
    monkeypatch.setattr(stream_routes, "LEFT_S", 0.01)
    browser = await fleet.browser("clara", role)
    for patterns in LIVE.values():
        for of in (OWN_THINGS, OTHERS_THINGS):
            for name in (pattern.format(**of) for pattern in patterns):
                asked = await browser.get("/live/now", params={"page": name})
                async with (
                    asyncio.timeout(60),
                    browser.http.get(
                        "/live", params={"page": name}, headers={"Cookie": f"hashyard={browser.cookie}"}
                    ) as stream,
                ):
                    assert stream.status == asked.status, name
                    if stream.status == 200:
                        assert await first_event(stream) == await asked.json(), name


async def first_event(stream: ClientResponse) -> Any:
    async for raw in stream.content:
        if raw.startswith(b"data: "):
            return json.loads(raw.removeprefix(b"data: "))
    raise AssertionError("the stream said nothing")


async def test_who_is_nobody_gets_pages_that_know_nothing(fleet: FleetHouse) -> None:
    browser = fleet.house.browser()
    found = {}
    for address in addresses(OWN_THINGS):
        response = await browser.get(address)
        found[address] = await whole(response)
        route = route_of("GET", urlsplit(address).path)
        assert route is not None
        assert response.status == 303 or isinstance(route.roles, Open), address
    assert mentions(found, MARK, OFFICE, r"10\.1\.") == {}
    kept = {address: text for address, text in found.items() if text.startswith("200")}
    assert mentions(kept, "acme", "container 1", but=("/sign-in",)) == {}
