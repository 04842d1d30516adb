"""What a browser shows as live comes over a line that lives: one that has died without a word is found out and gone round."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request, expect

from controller.api import stream_routes
from controller.pages import live_routes
from tests.system.test_pages_in_browser import sign_in
from tests.unit.controller.api.conftest import MakeHouse, make_house
from tests.unit.controller.api.managed_fleet import FleetHouse, start

__all__ = ["make_house"]


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path)
    found.deeds.snapshot("container-1.a1")
    await found.house.user("anna")
    return found


@pytest.fixture
async def page(fleet: FleetHouse, browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=str(fleet.house.http._base_url))
    found = await context.new_page()
    await found.clock.install()
    yield found
    await context.close()


async def test_a_line_that_has_died_is_not_shown_as_live(
    fleet: FleetHouse, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/live/now" in request.url else None)
    await sign_in(page, "/")
    way, power = page.locator("[data-way]"), page.locator('[data-live="c.container-1.power"]')
    await expect(way).to_have_text("live")
    await expect(power).to_have_text("3.3\u00a0kW")
    # From here on the stream says nothing, as if the line were cut.
    monkeypatch.setattr(stream_routes, "QUIET_S", 600.0)
    monkeypatch.setattr(live_routes, "LOOK_S", 600.0)
    monkeypatch.setattr(stream_routes, "PAUSE_S", 600.0)
    await page.wait_for_timeout(50)
    fleet.deeds.snapshot("container-1.a1", power_w=1000.0)
    await page.clock.fast_forward(60_000)
    await expect(way).to_have_text("every 10 s")
    assert "if-none-match" not in await asked[0].all_headers()


async def test_a_line_that_never_opens_is_gone_round(fleet: FleetHouse, page: Page) -> None:
    silent: list[str] = []
    await page.route("**/live?*", lambda route: silent.append(route.request.url))
    await sign_in(page, "/")
    way = page.locator("[data-way]")
    await expect(way).to_have_text("as of")
    await page.clock.fast_forward(13_000)
    await expect(way).to_have_text("every 10 s")
    assert silent
