"""Every page in a language that nobody speaks: no text of ours is left in English, whatever state the fleet is in."""

import re
from calendar import month_abbr, month_name
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from controller.api.signing_in import sum_of
from controller.deeds import Plan, Planned, Skipped, Source, Warned
from controller.history import History
from controller.model import (
    Client,
    Event,
    GatewayToken,
    GrafanaLink,
    Hold,
    Invitation,
    Operation,
    Result,
    ResultState,
    User,
    new_id,
)
from controller.pages import event_words
from controller.pages.alert_words import ALERTS
from controller.pages.deed_links import KINDS, Kind, deed_link
from controller.pages.routes import PAGES
from controller.wording import worded
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.books_in_every_state import books_in_every_state, make_tariff
from tests.unit.controller.pages.fleet_with_pages import BORIS, ChangedDeeds, full_snapshot
from tests.unit.controller.pages.fleet_with_schedules import override, scheduled
from tests.unit.controller.pages.prometheus_of_series import PrometheusOfSeries
from tests.unit.controller.pages.pseudo_language import CODE, accented, forgotten, pseudo_language
from tests.unit.controller.pages.reading_pages import read_page
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

OPERATION = "op_01J0000000000000000000000A"

ADDRESSES: Mapping[str, tuple[str, ...]] = {
    "/": ("/", "/?view=table", "/?state=fault", "/?state=no-such", "/?container=none"),
    "/charts/container/{id}": ("/charts/container/container-1", "/charts/container/container-1?metric=state"),
    "/charts/fleet": ("/charts/fleet", "/charts/fleet?metric=power&hours=168"),
    "/charts/miner/{id}": ("/charts/miner/container-1.a1", "/charts/miner/container-1.a1?metric=shares"),
    "/confirm-password": ("/confirm-password",),
    "/containers/{id}": (
        "/containers/container-1",
        "/containers/container-1?view=table",
        "/containers/container-2",
        "/containers/container-1?colour=hashrate",
        "/containers/container-1?colour=chip",
        "/containers/container-1?colour=profile",
        "/containers/none",
    ),
    "/containers/{id}/delete": ("/containers/container-7/delete", "/containers/container-1/delete"),
    "/containers/{id}/edit": ("/containers/container-7/edit", "/containers/container-1/edit"),
    "/new-container": ("/new-container",),
    "/containers/{id}/alerts": ("/containers/container-1/alerts", "/containers/container-2/alerts"),
    "/alerts": ("/alerts", "/alerts?name=MinerBoardLost", "/alerts?name=none"),
    "/by-name": ("/by-name?container=none",),
    "/containers/{id}/card": ("/containers/container-1/card?miner=container-1.a1",),
    "/deeds/{kind}": (),
    "/people": ("/people", "/people?q=zzz", "/people?done=removed"),
    "/people/new": ("/people/new", "/people/new?role=client", "/people/new?role=accountant"),
    "/people/{id}": ("/people/usr_1", "/people/usr_1?done=disabled", "/people/usr_0"),
    "/people/{id}/remove": ("/people/usr_1/remove",),
    "/clients": ("/clients", "/clients?q=zzz"),
    "/new-client": ("/new-client",),
    "/clients/{id}": ("/clients/cli_1", "/clients/cli_1?done=made", "/clients/cli_0"),
    "/invitation": ("/invitation",),
    "/invitation/{token}": ("/invitation/chosen", "/invitation/none"),
    "/keys": ("/keys",),
    "/log": ("/log", "/log?from=x&category=nonsense&outcome=perhaps&q=none", "/log?kind=command.sent"),
    "/me": ("/me", "/me?done=saved"),
    "/miners": (
        "/miners",
        "/miners?q=nothing-like-it",
        "/miners?state=fault&sort=-power_w&hotter_than_c=hot&page=9&no-such=1",
        "/miners?matches=false&stale=true&service=false&active=true&below_ratio=0.9&hotter_than_c=80",
    ),
    "/miners/import": ("/miners/import",),
    "/miners/new": ("/miners/new", "/miners/new?container=container-7"),
    "/miners/{id}/delete": ("/miners/container-7.g1/delete", "/miners/container-1.a1/delete"),
    "/miners/{id}/disable": ("/miners/container-7.g1/disable", "/miners/none/disable"),
    "/miners/{id}/edit": ("/miners/container-7.g1/edit", "/miners/container-1.a1/edit"),
    "/miners/{id}/enable": ("/miners/container-7.g1/enable",),
    "/miners/by-name": ("/miners/by-name?container=Container%201&miner=none",),
    "/miners/{id}": tuple(f"/miners/container-{of}" for of in ("1.a1", "1.a2", "2.b1", "1.a1?history=1")),
    "/miners/{id}/alerts": ("/miners/container-1.a1/alerts", "/miners/container-2.b1/alerts"),
    "/operations": ("/operations", "/operations?cursor=x"),
    "/operations/{id}": (f"/operations/{OPERATION}", "/operations/none"),
    "/password": ("/password",),
    "/profiles/new": ("/profiles/new",),
    "/profiles/{name}/edit": ("/profiles/normal/edit", "/profiles/none/edit"),
    "/runbooks": ("/runbooks",),
    "/runbooks/{alert}": ("/runbooks/MinerDown", "/runbooks/NoSuchAlert"),
    "/reports": (
        *("/reports", "/reports?month=2026-02", "/reports?month=2026-02&by=client"),
        "/reports?month=2026-13&by=mood&container=none&client=none&miner=none&basis=none&page=none",
        "/reports?from=2026-03-01&to=2026-03-02&by=day",
    ),
    "/reports/{number}": ("/reports/1",),
    "/close-month": ("/close-month?month=2026-02", "/close-month?month=2099-01"),
    "/tariffs": ("/tariffs",),
    "/new-tariff": ("/new-tariff",),
    "/tariffs/{name}": ("/tariffs/evenings", "/tariffs/none"),
    "/tariffs/{name}/delete": ("/tariffs/evenings/delete", "/tariffs/none/delete"),
    "/containers/{id}/tariff": ("/containers/container-1/tariff",),
    "/meters": ("/meters",),
    "/meters/import": ("/meters/import",),
    "/meters/{id}/withdraw": ("/meters/mrd_1/withdraw", "/meters/mrd_none/withdraw"),
    "/schedule": (
        "/schedule",
        "/schedule?view=table",
        "/schedule?date=2026-03-29&days=7",
        "/schedule?date=x",
    ),
    "/schedule/new": ("/schedule/new",),
    "/schedule/{id}/copy": ("/schedule/default/copy",),
    "/schedule/{id}/delete": ("/schedule/default/delete", "/schedule/nights/delete"),
    "/schedule/{id}/edit": ("/schedule/default/edit", "/schedule/nights/edit"),
    "/settings": ("/settings",),
    "/settings/health": ("/settings/health", "/settings/health?done=read"),
    "/sign-in": ("/sign-in",),
}
"""For every page the addresses at which it is looked at: full, empty, mistaken. Of deeds, one for each kind is made."""

NO_PAGES = {
    "/static/{name}",
    "/live",
    "/live/now",
    "/charts/sparklines",
    "/miners.csv",
    "/log.csv",
    "/miners/import/template",
    "/sign-on/authorize",
}
"""What answers no page: files, streams, tables for programs, what only leads on."""

LEADS_ON = {"/by-name", "/miners/by-name", "/sign-in"}
"""What leads somebody who is signed in to another page."""

NAMES = (
    "Hashyard", "Grafana", "Container", "container", "konteiner", "Antminer", "Whatsminer", "Bitmain", "acme", "borealis",
    "anna", "boris", "admin", "whatsminer_v2", "SMT0123", "S19j Pro", "M50S", "breaker", "targets.yml", "MinerDown",
    "MinerBoardLost", "volga.a6", "overclock", "underclock", "normal", "curtail", "nights", "default", "four shifts",
    "English", "Русский", "YardGateOpen", "kernel panic", "Firefox", "Linux", "NoSuchAlert", "API", "ClientConnectorError", "Prometheus",
    "low", "high", "AntMiner", "Avalon", "Ebang", "Elphapex", "antminer", "avalon", "cgminer", "elphapex", "luxos", "vnish",
    "whatsminer", "whatsminer_v3", "CSV", "YAML", "SQLite", "Python", "shifts", "nonsense", "perhaps", "hot", "maker", "x",
    "10.1.7.1 is well", "none", "no-such", "nothing-like-it", "mood", "evenings", "RUB", "Grid", "olga",
)  # fmt: skip
"""Names of the fleet below, of people, makes, profiles and programs, where they stand within sentences."""

ALLOWED = (
    re.compile("|".join(rf"\b{re.escape(name)}\b" for name in sorted(NAMES, key=len, reverse=True))),
    re.compile(r"\b(?:https?|stratum\+tcp)://\S+"),
    re.compile(r"\b(?:op|ov|hold|usr|tok|evt|cli)_[0-9A-Za-z]+"),
    re.compile(r"\b[kMGTPE]?H/s|\bJ/[TGM]H|°C|\bSHA-256\b"),
    re.compile(r"\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)(?: \d{4})?\b"),
    re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"),
    re.compile(rf"\b(?:{'|'.join(month_name[1:])}) \d{{4}}\b|\b(?:{'|'.join(month_abbr[1:])}) \d\d\b"),
    re.compile(r"\b(?:Europe|Asia|America)/\w+|\bUTC(?:[+-]\d\d:\d\d)?"),
    re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?"),
    re.compile(r"\b[abgA-Z]\d\b|^[A-UX-Z]$"),
    re.compile(r"(?<!\w)/tmp/\S+"),
    re.compile(rf"\b(?:{'|'.join(ALERTS)})\b"),
    re.compile(r"No answer from \S+ within 3 s|chain 2 not found|J0:2"),
)


class FullDeeds(ChangedDeeds):
    """Has an operation of every outcome, an override, a hold, a service, doubts, and a plan with all that one can hold."""

    coming: Plan

    def doubts(self) -> list[str]:
        return [worded("the inventory was refused")]

    async def plan_end_override(self, _override_id: str) -> Plan:
        return self.coming


class FullPrometheus(PrometheusOfSeries):
    """Has a value for every question, and alerts that fire."""

    def __init__(self) -> None:
        self.alerts = PrometheusOfAlerts()
        super().__init__()
        labels = {"algorithm": "SHA-256", "source": "measured", "result": "accepted", "state": "mining"}
        self.has("", lambda share: None if share > 0.9 else 5.0 + share, **labels)
        self.has(
            "", lambda share: share, **labels | {"source": "estimated", "result": "stale", "state": "fault"}
        )

    async def _alerts(self, request: web.Request) -> web.Response:
        return await self.alerts._alerts(request)


@pytest.fixture
async def prometheus() -> AsyncIterator[FullPrometheus]:
    found = FullPrometheus()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def yard(make_house: MakeHouse, tmp_path: Path, history: History) -> FleetHouse:
    fleet = await scheduled(
        make_house,
        tmp_path,
        services={History: history},
        kind=FullDeeds,
        grafana_url="https://grafana.example",
    )
    full_snapshot(fleet)
    fleet.deeds.failure("container-1.a2")
    fleet.deeds.coming = full_plan()
    return fleet


def full_plan() -> Plan:
    reasons = ("observe", "inactive", "unreachable", "unsupported", "service", "held", "doubt", "superseded")
    return Plan(
        fingerprint="f1",
        miners=Planned(targeted=30, will_change=2, already=1, skipped=27),
        skipped=tuple(
            Skipped(reason=reason, miners=place + 1, model="M50S", detail=worded("release the hold"))
            for place, reason in enumerate(reasons)
        ),
        power_now_w=6600.0,
        power_after_w=600.0,
        power_change_w=-6000.0,
        power_known_ratio=0.5,
        starts_at=BEGIN,
        done_by_estimate=BEGIN + timedelta(seconds=170),
        ends_at=BEGIN + timedelta(hours=2),
        then_profile="normal",
        warnings=(Warned(code="no_end", detail=worded("it holds until somebody ends it")),),
    )


def operation() -> tuple[Operation, list[Result]]:
    states: tuple[ResultState, ...] = (
        "waiting", "sending", "verifying", "applied", "unchanged", "accepted_unverified", "refused", "auth_failed",
        "unsupported", "unreachable", "skipped", "cancelled",
    )  # fmt: skip
    results = [
        Result(miner="container-1.a1", state=state, detail=worded("it was interrupted"), attempts=2)
        for state in states
    ]
    made = Operation(
        id=OPERATION,
        cause="override",
        action="profile curtail",
        profile="curtail",
        state="running",
        created_by=BORIS,
        created_at=BEGIN - timedelta(minutes=1),
        started_at=BEGIN - timedelta(minutes=1),
        reason="breaker 2",
        total=len(results),
        power_before_w=6600.0,
    )
    return made, results


def every_event() -> list[tuple[str, dict[str, str]]]:
    """Return every kind of event, and a command of every action."""
    kinds: list[tuple[str, dict[str, str]]] = [(kind, {}) for kind in event_words.KINDS]
    return kinds + [("command.finished", {"action": action}) for action in event_words.ACTIONS]


async def fill(fleet: FleetHouse, prometheus: FullPrometheus) -> None:
    """Have everything happen at once."""
    await fleet.house.storage.overrides.add(override(fleet))
    await people_of(fleet)
    await books_in_every_state(fleet)
    override(fleet, miners=("container-1.a2",), containers=(), ends="at", until=BEGIN + timedelta(hours=30))
    whole, results = operation()
    fleet.deeds.running[OPERATION] = whole, results
    for action in ("set_mode", "end of an override", "locate off", "reboot"):
        other = msgspec.structs.replace(
            whole, id=new_id("op"), action=action, profile=None, cause="command", total=2
        )
        fleet.deeds.running[other.id] = other, results[:2]
    fleet.deeds.kept_holds.append(
        Hold(
            id=new_id("hold"), container="container-2", reason="breaker 2", created_by=BORIS, created_at=BEGIN
        )
    )
    await fleet.deeds.mark_service("container-1.a1", "breaker 2", BORIS)
    for kind, values in every_event():
        params = {
            "detail": worded("it was interrupted"),
            "reason": "breaker 2",
            "profile": "curtail",
        } | values
        event = Event(
            id=new_id("evt"),
            at=BEGIN,
            category="command",
            kind=kind,
            actor=BORIS,
            params=params,
            outcome="refused",
            container="container-1",
        )
        await fleet.house.storage.events.add(event)
    for name in (*list(ALERTS)[:12], "MinerBoardLost", "MinerDown", "YardGateOpen"):
        prometheus.alerts.fires(name, container="Container 1", miner="a1")


async def people_of(fleet: FleetHouse) -> None:
    """Have a client with a container, and a person of it in every state at once."""
    people = fleet.house.storage.people
    await people.clients.add(
        Client(id="cli_1", slug="borealis", name="borealis", created_at=BEGIN, active=False)
    )
    user = User(
        id="usr_1",
        username="boris",
        role="client",
        client_id="cli_1",
        created_at=BEGIN,
        password_change_needed=True,
    )
    await people.users.add(user, "nobody's")
    await people.users.add(msgspec.structs.replace(user, id="usr_2", username="admin", active=False), "x")
    invitation = Invitation(
        id="inv_1",
        user_id="usr_1",
        created_at=BEGIN,
        expires_at=BEGIN + timedelta(days=7),
        created_by=BORIS,
    )
    await people.invitations.put(invitation, sum_of("chosen"))
    link = GrafanaLink(owner_id="usr_1", state="failed", detail="kernel panic", at=BEGIN)
    await people.grafana.put([link, msgspec.structs.replace(link, owner_id="cli_1")])
    await people.assignments.hand_over("container-1", "cli_1", BEGIN)
    await fleet.house.storage.gateway_tokens.add(
        GatewayToken(id="gwt_1", client_id="cli_1", created_at=BEGIN), "1" * 64
    )
    await fleet.house.signing_in.issue_token(user, "kernel panic", ("read",), BEGIN)


Browse = Callable[[], Awaitable[Browser]]


@pytest.fixture
def browse(yard: FleetHouse) -> Browse:
    pseudo_language()

    async def made() -> Browser:
        return await yard.browser(language=CODE, password_change_needed=True)

    return made


def addresses(fleet: FleetHouse) -> list[str]:
    found = [address for several in ADDRESSES.values() for address in several]
    return found + [deed_address(fleet, kind) for kind in KINDS]


def deed_address(fleet: FleetHouse, kind: Kind) -> str:
    match KINDS[kind].aim:
        case "override":
            kept = fleet.deeds.kept_overrides
            return deed_link(kind, override=kept[0].id if kept else "ov_none")
        case "operation":
            return deed_link(kind, operation=OPERATION)
        case "miner":
            return deed_link(kind, miners=["container-1.a1"])
        case _:
            return deed_link(kind, containers=["container-1"])


async def left_in_english(browser: Browser, paths: list[str]) -> tuple[list[str], set[str]]:
    """Return what is left, and the addresses that were shown as they were meant."""
    found, shown = [], set()
    for path in paths:
        response = await browser.get(path, headers={"Accept": "text/html"})
        if response.status == 303:
            continue
        if response.status == 200:
            shown.add(path)
        text = await response.text()
        assert response.status < 500 or "X-Request-Id" in response.headers, f"{path}: {text[:300]}"
        assert response.content_type == "text/html", f"{path}: {response.content_type}"
        if "<html" in text:
            assert read_page(text).one("html").attributes["lang"] == CODE, path
        found += [f"{path}: {where}: {words!r}" for where, words in forgotten(text, ALLOWED)]
    return sorted(set(found)), shown


def test_every_page_is_looked_at() -> None:
    pages = {route.path for route in PAGES if route.method == "GET"}
    assert set(ADDRESSES) | NO_PAGES == pages, "a new page needs an address here"
    assert not set(ADDRESSES) & NO_PAGES


def test_this_language_keeps_values_and_markup() -> None:
    assert accented("%(num)s miners, <b>90 %%</b>") == "%(num)s ɱíñéŕš, <b>90 %%</b>··"


def test_what_is_forgotten_is_found() -> None:
    page = (
        f'<p title="Close">{accented("Sleep")} Open <code>Any</code> <i lang="en">pump</i></p><img alt="x y">'
    )
    assert [shown.text for shown in forgotten(page, ALLOWED)] == ["Close", f"{accented('Sleep')} Open", "x y"]


async def test_nothing_is_left_in_english(
    yard: FleetHouse, browse: Browse, prometheus: FullPrometheus
) -> None:
    await fill(yard, prometheus)
    browser = await browse()
    await make_tariff(browser)
    found, shown = await left_in_english(browser, addresses(yard))
    assert not found, "\n".join(found)
    for page, several in ADDRESSES.items():
        assert page in LEADS_ON or not several or shown & set(several), f"no address of {page} is shown"


async def test_nothing_is_left_in_english_while_exporter_and_prometheus_are_away(
    yard: FleetHouse, browse: Browse, prometheus: FullPrometheus
) -> None:
    yard.deeds.origin_of_readings = Source(
        state="away", since=BEGIN, reason=worded("it has not been asked yet")
    )
    await prometheus.stop()
    browser = await browse()
    found, _ = await left_in_english(browser, addresses(yard))
    assert not found, "\n".join(found)


async def test_a_stranger_finds_nothing_in_english(yard: FleetHouse) -> None:
    pseudo_language()
    browser = Browser(yard.house.http, headers={"Cookie": f"hashyard-language={CODE}"})
    found, _ = await left_in_english(browser, ["/sign-in", "/runbooks", "/runbooks/none", "/no-such-page"])
    assert not found, "\n".join(found)
