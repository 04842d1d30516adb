"""How a page is looked at: it is opened in a window, put into a picture, and whatever is wrong with it is written down.

Wrong is what a reader would stumble over: something wider than the window, text cut or broken inside a word or upon other
text, a control too small or covered, a complaint of the browser or its security policy, a finding of axe. `ADDRESSES` says
under which addresses each page of the table is looked at; a page that stands there with none fails the long test.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import axe_playwright_python
from playwright.async_api import Browser, BrowserContext, Page, expect

from controller.api.route import Route
from controller.pages.routes import PAGES
from tests.system.books_of_yard import Booked, days_of, keep_books, months_back
from tests.system.pages_yard import Session, Yard
from tests.system.stack import until

WIDTHS = (320, 1440)
SCHEMES = ("light", "dark")
LANGUAGES = ("en", "ru")

_MEANT = "503"
"""The status of a chart whose Prometheus is away; what else may be so answers in the same way, and has a page of its own."""

_CHECKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN_AXE = """async (tags) => (await axe.run(document, {
    runOnly: { type: "tag", values: tags }, rules: { "target-size": { enabled: true } }, resultTypes: ["violations"],
})).violations.map(({ id, impact, nodes }) => [impact, id, nodes.slice(0, 4).map((node) =>
    `${node.target.join(" ")} (${(node.any.concat(node.all, node.none)[0]?.message ?? "").slice(0, 160)})`)])"""

# By route: the addresses, below which {…} is filled in by `Things`. Pages that are asked for in other forms are no pictures.
ADDRESSES: Mapping[str, tuple[str, ...]] = {
    "/": ("/", "/?view=table", "/?container=no-such"),
    "/containers/{id}": (
        "/containers/container-7",
        "/containers/konteiner-1",
        "/containers/hostile",
        "/containers/container-7?view=table",
        "/containers/konteiner-1?colour=chip",
        "/containers/own-9",
        "/containers/no-such",
    ),
    "/containers/{id}/alerts": ("/containers/container-7/alerts",),
    "/alerts": ("/alerts", "/alerts?name=MinerDown"),
    "/log": ("/log", "/log?q=nothing-like-this", "/log?category=no-such"),
    "/me": ("/me",),
    "/password": ("/password",),
    "/confirm-password": ("/confirm-password",),
    "/people": ("/people", "/people?q=nothing-like-this"),
    "/people/new": ("/people/new", "/people/new?role=client", "/people/new?role=accountant"),
    "/people/{id}": ("/people/{user}", "/people/no-such"),
    "/people/{id}/remove": ("/people/{user}/remove",),
    "/clients": ("/clients", "/clients?q=nothing-like-this"),
    "/new-client": ("/new-client",),
    "/clients/{id}": ("/clients/{client}", "/clients/no-such"),
    "/invitation": ("/invitation",),
    "/invitation/{token}": ("/invitation/no-such",),
    "/keys": ("/keys",),
    "/sign-in": ("/sign-in",),
    "/runbooks": ("/runbooks",),
    "/runbooks/{alert}": ("/runbooks/ContainerCurtailmentMissed", "/runbooks/NoSuch"),
    "/settings": ("/settings",),
    "/settings/health": ("/settings/health",),
    "/new-container": ("/new-container",),
    "/containers/{id}/edit": ("/containers/own-9/edit", "/containers/container-7/edit"),
    "/containers/{id}/delete": ("/containers/own-9/delete",),
    "/miners/new": ("/miners/new?container=own-9",),
    "/miners/import": ("/miners/import",),
    "/miners/{id}/edit": ("/miners/own-9.n1/edit", "/miners/container-7.w1/edit"),
    "/miners/{id}/disable": ("/miners/own-9.n1/disable",),
    "/miners/{id}/enable": ("/miners/own-9.n2/enable",),
    "/miners/{id}/delete": ("/miners/own-9.n1/delete",),
    "/by-name": ("/by-name?container=Container+7&miner=w1", "/by-name?container=No+such"),
    "/miners/by-name": ("/miners/by-name?container=Container+7&miner=w1",),
    "/miners/{id}": (
        "/miners/container-7.w1",
        "/miners/konteiner-1.a2",
        "/miners/konteiner-1.a5",
        "/miners/konteiner-1.l11",
        "/miners/{hostile_miner}",
        "/miners/own-9.n1",
        "/miners/no-such",
    ),
    "/miners/{id}/alerts": ("/miners/konteiner-1.a5/alerts",),
    "/miners": ("/miners", "/miners?q=nothing-like-this", "/miners?state=no-such"),
    "/charts/fleet": ("/charts/fleet", "/charts/fleet?metric=power&hours=1"),
    "/charts/container/{id}": ("/charts/container/container-7?metric=power&hours=1",),
    "/charts/miner/{id}": (
        "/charts/miner/container-7.w1?metric=hashrate&hours=1",
        "/charts/miner/konteiner-1.a9?metric=state&hours=1",
    ),
    "/deeds/{kind}": (
        "/deeds/curtail?container=container-7",
        "/deeds/profile?container=container-7",
        "/deeds/reboot?miner=container-7.w2",
        "/deeds/end-override?override={override}",
        "/deeds/hold?container=container-7",
    ),
    "/operations": ("/operations",),
    "/operations/{id}": ("/operations/{operation}",),
    "/reports": (
        "/reports",
        "/reports?month={month}&by=client",
        "/reports?month={month}&by=day&basis=meter",
        "/reports?by=miner&from=2026-01-01&to=2026-01-02",
        "/reports?month=2026-13&by=mood&container=no-such",
    ),
    "/reports/{number}": ("/reports/{report}", "/reports/{report}?client=volga", "/reports/99"),
    "/close-month": ("/close-month?month={month}", "/close-month?month=2026-01"),
    "/tariffs": ("/tariffs",),
    "/new-tariff": ("/new-tariff",),
    "/tariffs/{name}": ("/tariffs/{tariff}", "/tariffs/no-such"),
    "/tariffs/{name}/delete": ("/tariffs/{tariff}/delete",),
    "/containers/{id}/tariff": ("/containers/own-9/tariff",),
    "/meters": ("/meters",),
    "/meters/import": ("/meters/import",),
    "/meters/{id}/withdraw": ("/meters/{reading}/withdraw", "/meters/no-such/withdraw"),
    "/schedule": ("/schedule", "/schedule?days=7"),
    "/schedule/new": ("/schedule/new",),
    "/schedule/{id}/copy": ("/schedule/{hand_schedule}/copy",),
    "/schedule/{id}/edit": ("/schedule/{schedule}/edit",),
    "/schedule/{id}/delete": ("/schedule/{schedule}/delete",),
    "/profiles/new": ("/profiles/new",),
    "/profiles/{name}/edit": ("/profiles/{profile}/edit",),
}
# What is another page to others than the administrator.
ADDRESSES_OF: Mapping[str, tuple[str, ...]] = {
    "accountant": (
        "/",
        "/reports",
        "/reports?month={month}",
        "/reports/{report}",
        "/close-month?month={month}",
        "/tariffs",
        "/meters",
        "/people",
    ),
    "client": (
        "/",
        "/containers/container-7",
        "/containers/konteiner-1",
        "/reports",
        "/reports?month={month}",
        "/reports/{report}",
        "/meters",
        "/me",
    ),
}
PARTS: Mapping[str, str] = {
    "/containers/{id}/card": "a few lines that are put into the container's page",
    "/sign-on/authorize": "leads on to Grafana, or to signing in",
}


@dataclass(frozen=True)
class Things:
    """What there is in the yard besides its inventory, by the names that stand in `ADDRESSES`.

    Of money there is something where the yard has books: `month` is whole in them, and closed as `report`.
    """

    hostile_miner: str
    hand_schedule: str
    schedule: str
    profile: str
    operation: str
    override: str
    user: str
    client: str
    month: str = "2026-01"
    report: str = "1"
    tariff: str = "none"
    reading: str = "mtr_none"


@dataclass(frozen=True)
class Window:
    """What is looked through."""

    width: int = 1440
    scheme: str = "light"
    language: str = "en"
    media: str = "screen"
    forced: bool = False
    text_percent: int = 100

    @property
    def name(self) -> str:
        """A part of a picture's name."""
        more = ("-print" if self.media == "print" else "") + ("-forced" if self.forced else "")
        more += f"-text{self.text_percent}" if self.text_percent != 100 else ""
        return f"{self.language}-{self.scheme}-{self.width}{more}"


def shown_pages() -> Iterator[Route]:
    """Yield each page of the table that somebody reads as a page."""
    for route in PAGES:
        if route.method == "GET" and route.reply_media.startswith("text/html") and route.path not in PARTS:
            yield route


def addresses_of(route: Route, things: Things) -> list[str]:
    """Return the addresses under which a page is looked at. Raises AssertionError where it has none."""
    assert ADDRESSES.get(route.path), f"{route.path} has no address in ADDRESSES: nobody looks at it"
    filled = {name: quote(value, safe="") for name, value in vars(things).items()}
    return [address.format(**filled) for address in ADDRESSES[route.path]]


def furnish(yard: Yard) -> Things:
    """Let things happen in the yard that pages tell of: something made there of each kind, an override, an operation."""
    schedule = _made(yard, "/schedules", _SCHEDULE)
    _made(yard, "/containers", _OWN)
    for number in (1, 2):
        address = f"127.{yard.stack.network}.9.{200 + number}"
        miner = {"name": f"n{number}", "address": address, "container": "own-9", "active": number == 1}
        _made(yard, "/miners", miner)
    yard.api("/profiles/gentle", method="PUT", body={"target_percent": 80})
    order = {
        "target": {"miners": ["container-7.w3", "container-7.w4"]},
        "profile": "curtail",
        "ends": "manual",
        "reason": "breaker 2, electrician on site",
    }
    override = _made(yard, "/overrides", order)
    person = _made(yard, "/users", _PERSON)
    operations = yard.api("/operations").json()["items"]
    miners = yard.api("/miners?container=hostile").json()["items"]
    hand = next(one for one in yard.api("/schedules").json()["items"] if one["name"] == "all day")
    return Things(
        hostile_miner=miners[0]["id"],
        hand_schedule=hand["id"],
        schedule=schedule["id"],
        profile="normal",
        operation=operations[0]["id"],
        override=override["id"],
        user=person["id"],
        client=person["client_id"],
    )


_PERSON = {"username": "nina", "name": "Nina Vereshchagina", "role": "client", "invite": True}
_OWN = {"name": "Own 9", "location": "Port B", "time_zone": "America/Chicago", "control": "enforce"}
_SCHEDULE = {
    "name": "four shifts",
    "windows": [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "00:00", "to": "06:00", "profile": "normal"},
        {"from": "06:00", "to": "12:00", "profile": "underclock"},
        {"from": "12:00", "to": "18:00", "profile": "overclock"},
    ],
    "otherwise": "curtail",
}


_CLOSED: Final = months_back(1)
_TARIFF = {
    "name": "Day and night",
    "currency": "RUB",
    "price_per_kwh": "3.90",
    "zones": [{"from": "07:00", "to": "23:00", "price_per_kwh": "5.10"}],
    "changes": [{"from": "2099-01-01", "price_per_kwh": "6.20"}],
}


def furnish_books(yard: Yard, things: Things) -> Things:
    """Keep books of two clients in the yard, of which the last month is closed; a tariff, and meters of which one is wrong."""
    seven = Booked(
        "container-7", "Container 7", "Europe/Samara", "volga", ("w1", "w2", "w3", "w4"), unread=True
    )
    one = Booked("konteiner-1", "Контейнер 1", "Asia/Irkutsk", "steppe", ("a1", "a2", "a5"))
    keep_books(
        yard.data,
        {seven: [seven.bounds(_CLOSED)], one: [(days_of(one, _CLOSED, 20, 20)[0], one.bounds(_CLOSED)[1])]},
    )
    made = _made(yard, "/tariffs", _TARIFF)
    etag = yard.api("/containers/own-9/tariff").headers["ETag"]
    held = yard.api(
        "/containers/own-9/tariff", method="PUT", body={"tariff": made["name"]}, **{"If-Match": etag}
    )
    assert held.status < 300, held
    for booked, factor in ((seven, 1.004), (one, 1.3)):
        begin, end = booked.bounds(_CLOSED)
        for at, kwh in ((begin, 120_000.0), (end, 120_000 + booked.kwh(_CLOSED) * factor)):
            body = {
                "container": booked.id,
                "at": at.isoformat(),
                "kwh": f"{kwh:.1f}",
                "note": "read by torchlight",
            }
            reading = _made(yard, "/meter-readings", body)
    closing = _made(yard, "/reports", {"month": _CLOSED, "basis": "readings"})
    return replace(
        things,
        month=_CLOSED,
        report=str(closing["number"]),
        tariff=made["name"],
        reading=reading["id"],
    )


def _made(yard: Yard, path: str, body: Any) -> Any:
    answer = yard.api(path, method="POST", body=body)
    assert answer.status == 201, answer
    return answer.json()


def take_away(yard: Yard, source: str) -> None:
    """End the exporter or Prometheus, and wait until the pages know."""
    program = yard.exporter if source == "exporter" else yard.prometheus
    assert program is not None
    program.end()
    until(lambda: _state(yard, source) == "away", f"the pages know that the {source} is away")


def bring_back(yard: Yard, source: str) -> None:
    """Start it again, and wait until the pages know."""
    if source == "exporter":
        yard.start_exporter()
    else:
        yard.start_prometheus()
    until(lambda: _state(yard, source) == "ok", f"the pages know that the {source} is back")


def _state(yard: Yard, source: str) -> str:
    yard.api("/stats/overview")  # whether Prometheus answers is known once it was asked
    return str(yard.api("/overview").json()["sources"][source])


def folder_of_pictures(otherwise: Path) -> Path:
    """Return where pictures go: HASHYARD_LOOKS, or a test's own folder."""
    folder = Path(os.environ.get("HASHYARD_LOOKS") or otherwise)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Looker:
    """Somebody who is signed in and looks at pages through one window. Close it at the end."""

    def __init__(self, context: BrowserContext, page: Page, window: Window, folder: Path) -> None:
        self.context, self.page, self.window, self.folder = context, page, window, folder
        self.wrong: list[str] = []
        self._address = ""
        page.on("console", lambda said: self._hear(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._hear(str(error)))

    @classmethod
    async def open(
        cls, yard: Yard, browser: Browser, window: Window, folder: Path, by: Session | None = None
    ) -> "Looker":
        """Open the window, the administrator's or somebody else's. The account has to speak its language."""
        context = await yard.look(
            browser,
            width=window.width,
            color_scheme=window.scheme,
            locale=window.language,
            forced_colors="active" if window.forced else "none",
            by=by,
        )
        page = await context.new_page()
        await page.emulate_media(media="print" if window.media == "print" else "screen")
        return cls(context, page, window, folder)

    async def close(self) -> None:
        """Close the window."""
        await self.context.close()

    def _hear(self, text: str) -> None:
        # A page that says that something is not there, or is not right, has a status that says so too.
        if not re.search(rf"the server responded with a status of (4|{_MEANT})", text):
            self.wrong.append(f"{self._address}: the browser says: {text}")

    async def look(self, address: str, state: str = "full", *, axe: bool = True) -> None:
        """Go to a page, and look at it."""
        self._address = f"{state} {self.window.name} {address}"
        reply = await self.page.goto(address, wait_until="load")
        assert reply is not None
        if reply.status >= 500 and str(reply.status) != _MEANT:
            self.wrong.append(f"{self._address}: {reply.status}")
        await self.see(state, axe=axe)

    async def see(self, state: str, *, axe: bool = True) -> None:
        """Look at the page that is open: a picture, what the checks say, and what axe does."""
        page = self.page
        where = page.url.split("/", 3)[3]
        self._address = f"{state} {self.window.name} /{where}"
        await expect(page.locator("[data-part][aria-busy]")).to_have_count(0)
        await page.evaluate("document.fonts.ready")
        name = re.sub(r"[^\w=&?-]+", "_", where).strip("_")[:80] or "fleet"
        await page.screenshot(path=self.folder / f"{name}~{state}~{self.window.name}.png", full_page=True)
        asked = {"language": self.window.language, "focus": self.window.media == "screen"}
        for line in await page.evaluate(f"({_CHECKS})({json.dumps(asked)})"):
            self.wrong.append(f"{self._address}: {line}")
        if axe:
            await page.evaluate(_AXE)
            for impact, rule, nodes in await page.evaluate(_RUN_AXE, _TAGS):
                self.wrong.extend(f"{self._address}: axe {impact} {rule}: {node}" for node in nodes)
