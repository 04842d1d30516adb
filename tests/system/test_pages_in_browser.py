"""The pages in a real browser: nothing is refused by their security policy, nothing is wider than a phone, keys are enough."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Locator, Page

from controller.history import History
from tests.unit.controller.api.conftest import PASSWORD, MakeHouse, make_house
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

__all__ = ["make_house"]

LONG = "Контейнер-с-очень-длинным-именем-у-дальнего-забора"
HAND = f"""\
networks: [10.1.0.0/16]
containers:
- name: {LONG}
  id: one
  miners:
  - {{name: a-miner-whose-name-does-not-want-to-end, address: 10.1.7.1}}
  - {{name: silent, address: 10.1.7.2}}
"""
SEEN = ("/", "/runbooks", "/runbooks/ContainerCurtailmentMissed", "/runbooks/None", "/nowhere")


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> AsyncIterator[FleetHouse]:
    prometheus = PrometheusOfAlerts()
    await prometheus.start()
    history = History(prometheus.url)
    found = await start(
        make_house,
        tmp_path,
        hand=HAND,
        services={History: history},
        grafana_url="https://grafana.example",
    )
    first, second = found.deeds.views()
    found.deeds.snapshot(first.id)
    found.deeds.failure(second.id)
    prometheus.fires("ContainerOverheating", container=LONG, severity="critical")
    await found.house.user("anna", password_change_needed=True)
    yield found
    await history.close()
    await prometheus.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
async def test_pages_fit_and_load_all_that_they_ask_for(
    fleet: FleetHouse, browser: Browser, width: int, scheme: str
) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        java_script_enabled=True,
        base_url=str(fleet.house.http._base_url),
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on(
        "requestfailed",
        # Whoever goes on to another page takes back what the first still asks for.
        lambda failed: None if failed.failure == "net::ERR_ABORTED" else complaints.append(failed.url),
    )
    first, second = fleet.deeds.views()
    await sign_in(page, f"/miners/{first.id}")
    # Whoever signs in with their first password is asked for another one before all else.
    assert "/password?next=" in page.url
    assert page.url.endswith(quote(f"/miners/{first.id}", safe=""))
    for path in ("/password", *SEEN, f"/miners/{first.id}", f"/miners/{second.id}"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert await page.evaluate("document.styleSheets[0].cssRules.length") > 20, path
        dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark == {"light": "rgb(246, 247, 249)", "dark": "rgb(15, 18, 22)"}[scheme]
    assert [said for said in complaints if "404" not in said] == []
    await context.close()


async def test_a_person_with_keys_alone_and_no_scripts_gets_to_a_miner_and_out(
    fleet: FleetHouse, browser: Browser
) -> None:
    context = await browser.new_context(
        java_script_enabled=False, base_url=str(fleet.house.http._base_url), reduced_motion="reduce"
    )
    page = await context.new_page()
    await sign_in(page, "/")
    assert "/password" in page.url
    await page.goto("/")
    await page.locator("#search").focus()
    await page.keyboard.type("silent")
    await enter(page)
    await enter(page, page.locator("table.miners").get_by_role("link", name="silent"))
    assert "10.1.7.2" in await page.locator(".miner-why").inner_text()
    await enter(page, page.get_by_role("link", name="ContainerOverheating"))
    assert await page.get_by_role("heading", name="First step").is_visible()
    await page.locator(".person summary").focus()
    await page.keyboard.press("Enter")
    await enter(page, page.get_by_role("button", name="Sign out"))
    assert page.url.endswith("/sign-in")
    await page.goto("/")
    assert page.url.endswith("/sign-in")
    await context.close()


async def enter(page: Page, at: Locator | None = None) -> None:
    """Press Enter, on a link or a button if one is named, and wait for the page to which that leads."""
    if at is not None:
        await at.focus(timeout=5_000)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def sign_in(page: Page, path: str) -> None:
    """Sign in by keys, asking for a page."""
    await page.goto(path)
    assert "/sign-in" in page.url
    await page.locator("#username").focus()
    await page.keyboard.type("anna")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await enter(page)
