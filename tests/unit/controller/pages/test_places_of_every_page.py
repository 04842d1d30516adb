"""Every page that changes while it is looked at: what its first HTML says is what the stream's first event says, place by place."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from controller.api import stream_routes
from controller.history import History
from controller.model import Actor, Operation, Override, Result
from controller.pages.live_pages import LIVE_PAGES
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import BORIS, ChangedDeeds, full_snapshot, page
from tests.unit.controller.pages.reading_pages import Element

PATHS = {
    "/": "fleet",
    "/?view=table&sort=name&state=unreachable": "fleet",
    "/containers/container-1": "container",
    "/containers/container-1?view=table": "container",
    "/containers/container-1?colour=hashrate": "container",
    "/miners": "miners",
    "/miners?state=unreachable&sort=-power_w": "miners",
    "/miners/container-1.a1": "miner",
    "/miners/container-1.a2": "miner",
    "/operations/op_1": "operation",
    "/schedule": "schedule",
    "/log": "log",
    "/settings/health": "health",
    "/runbooks": "frame",
}
OF_ADMINISTRATORS = ("/settings/health",)
KINDS = (
    ("texts", "data-live"),
    ("paths", "data-live-path"),
    ("states", "data-live-state"),
    ("hidden", "data-live-hidden"),
    ("ratios", "data-live-ratio"),
    ("links", "data-live-link"),
)
STANDS = {"data-live-path": "d", "data-live-state": "data-state", "data-live-link": "href"}


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path, hand=HAND, kind=ChangedDeeds, services={History: History(None)})
    full_snapshot(found)
    found.deeds.failure("container-1.a2")
    found.deeds.kept_overrides.append(
        Override(
            id="ov_1",
            profile="curtail",
            ends="manual",
            reason="breaker 2",
            created_by=BORIS,
            created_at=BEGIN,
            starts_at=BEGIN,
            containers=("container-1",),
        )
    )
    found.deeds.running["op_1"] = (
        Operation(
            id="op_1",
            cause="override",
            action="profile curtail",
            profile="curtail",
            state="running",
            created_by=Actor("user", "anna", "usr_anna"),
            created_at=BEGIN,
            started_at=BEGIN,
            total=2,
            counts={"applied": 1, "waiting": 1},
            power_before_w=9000.0,
        ),
        [Result(miner="container-1.a1", state="applied"), Result(miner="container-1.a2")],
    )
    return found


def test_there_is_a_page_of_each_kind() -> None:
    assert set(PATHS.values()) == set(LIVE_PAGES)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("role", ["administrator", "accountant", "client"])
async def test_a_page_and_its_stream_say_the_same(
    fleet: FleetHouse, role: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "LEFT_S", 0.01)
    browser = await fleet.browser("carl" if role == "client" else "anna", role, language=language)
    for path, kind in PATHS.items():
        if role == "administrator" or path not in OF_ADMINISTRATORS:
            await compare(browser, path, kind)


async def compare(browser: Browser, path: str, kind: str) -> None:
    """Compare each place of a page with the first event of its stream, and that with what is asked for again."""
    found = await page(browser, path)
    name = found.one("body").attributes["data-live-page"]
    assert name.partition(":")[0] == kind
    async with (
        asyncio.timeout(60),
        browser.http.get(
            "/live", params={"page": name}, headers={"Cookie": f"hashyard={browser.cookie}"}
        ) as response,
    ):
        assert response.status == 200, path
        said = await first(response)
    on_page = written(found)
    assert on_page, path
    for what, key, value in on_page:
        assert said.get(what, {}).get(key, None) == value, (path, what, key)
    asked = await (await browser.get("/live/now", params={"page": name})).json()
    assert asked == said, path


async def first(response: ClientResponse) -> Any:
    async for raw in response.content:
        if raw.startswith(b"data: "):
            return json.loads(raw.removeprefix(b"data: "))
    raise AssertionError("the stream said nothing")


def written(found: Element) -> list[tuple[str, str, Any]]:
    """Return what stands at each place of a page: (kind, key, value)."""
    places: list[tuple[str, str, Any]] = []
    for one in found.all():
        for kind, attribute in KINDS:
            key = one.attributes.get(attribute)
            if key is None:
                continue
            value: Any = one.text
            if attribute in STANDS:
                value = one.attributes[STANDS[attribute]]
            elif kind == "hidden":
                value = "hidden" in one.attributes
            elif kind == "ratios":
                value = float(one.attributes["value"])
            places.append((kind, key, value))
    return places
