"""Each dashboard in a real Grafana, over the demo's fleet and its past: drawn whole, without an error, and leading on.

HASHYARD_PICTURES names a folder for the pictures; otherwise they lie in pytest's own.
"""

import os
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, StorageState

from grafana.catalogue import DASHBOARDS
from tests.system import grafana_stage as stage
from tests.system.stack import ask
from tests.unit.grafana.dashboard_files import panels_of
from tools import screenshots

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

PROFILES = ("normal", "underclock", "overclock", "curtail")
CHOSEN = {
    "hashyard-container": {"container": "Контейнер 1"},
    "hashyard-miner": {"container": "Контейнер 1", "miner": "a05"},
}


@dataclass(frozen=True)
class Demo:
    """The running demo: where Grafana and Prometheus are, its folder, and where pictures go."""

    grafana: str
    prometheus: str
    folder: Path
    pictures: Path

    @property
    def log(self) -> str:
        return (self.folder / "logs" / "grafana.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    stage.find_grafana()
    folder = tmp_path_factory.mktemp("demo")
    pictures = Path(os.environ.get("HASHYARD_PICTURES") or tmp_path_factory.mktemp("pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    with screenshots.running_demo(folder) as running:
        screenshots.wait_for_something(running.prometheus)
        yield Demo(running.grafana or "", running.prometheus, folder / "1", pictures)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with stage.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def viewer(demo: Demo, browser: Browser) -> StorageState:
    return stage.viewer(browser, demo.folder, demo.grafana)


@pytest.mark.parametrize("window", stage.WINDOWS, ids=lambda window: window.name)
@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_is_drawn_whole_and_without_an_error(
    demo: Demo, browser: Browser, viewer: StorageState, uid: str, window: stage.Window
) -> None:
    address = stage.address(demo.grafana, uid, **CHOSEN.get(uid, {}))
    with stage.looking(browser, address, window, viewer) as look:
        look.whole()
        if not window.kiosk:
            look.open_rows()
            look.whole()
        look.page.screenshot(path=demo.pictures / f"{uid.removeprefix('hashyard-')}-{window.name}.png")
        found = stage.faults(uid, look.panels(), shut_too=not window.kiosk, narrow=window.width < 600)
        assert found == []
        assert look.complaints == []


def test_whoever_comes_finds_the_fleet_first(demo: Demo, browser: Browser, viewer: StorageState) -> None:
    with stage.looking(browser, f"{demo.grafana}/", session=viewer) as look:
        look.whole()
        assert {panel.title for panel in look.panels()} == {
            panel.title for panel in panels_of("hashyard-fleet") if not panel.collapsed
        }


def test_clicks_lead_from_the_fleet_to_a_container_to_a_miner_and_to_the_controller(
    demo: Demo, browser: Browser, viewer: StorageState
) -> None:
    desk = stage.Window("desk", 1440, 2400, "light", kiosk=False)
    with stage.looking(browser, stage.address(demo.grafana, "hashyard-fleet"), desk, viewer) as look:
        click(look.page, "Containers", "Контейнер 1")
        look.page.wait_for_url("**/d/hashyard-container**")
        assert chosen(look.page) == {"container": "Контейнер 1"}
        look.drawn()
        click(look.page, "Miners", "a23")
        look.page.wait_for_url("**/d/hashyard-miner**")
        assert chosen(look.page)["miner"] == "a23"
        assert chosen(look.page)["container"] == "Контейнер 1"
        look.drawn()
        own = look.page.locator("a[href*='/miners/by-name']").first.get_attribute("href")
        assert own is not None
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(own).query))
        assert asked == {"container": "Контейнер 1", "miner": "a23"}
        assert ask(own).status == 200, "the page, or the form to sign in before it"
        assert look.complaints == []


def click(page: Page, panel: str, name: str) -> None:
    page.locator(f"section[data-testid='data-testid Panel header {panel}']").get_by_role(
        "link", name=name, exact=True
    ).first.click()


def chosen(page: Page) -> dict[str, str]:
    asked = urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query)
    return {
        key.removeprefix("var-"): value
        for key, value in asked
        if key in {"var-container", "var-miner"} and value
    }


def test_changes_of_profile_and_the_made_up_past_are_marked(
    demo: Demo, browser: Browser, viewer: StorageState
) -> None:
    with stage.looking(browser, stage.address(demo.grafana, "hashyard-control"), session=viewer) as look:
        look.whole()
        said = set()
        for mark in look.page.locator("[data-testid='data-testid annotation-marker']").all():
            box = mark.bounding_box()
            if box is None or not box["width"]:
                continue  # changes to one profile within a step are one mark, from the first to the second: too narrow to meet
            mark.hover(force=True)
            words = look.page.locator("[data-testid='annotation-marker']").first
            said.add(re.sub(r"\s+", " ", words.inner_text()))
        assert any("Simulated history" in one for one in said), said
        changes = [one for one in said if "Container 4" in one]
        assert {profile for profile in PROFILES for one in changes if profile in one} == set(PROFILES), said


def test_a_viewer_cannot_change_anything_and_nobody_saves_over_a_file(
    demo: Demo, browser: Browser, viewer: StorageState
) -> None:
    his = stage.cookies_of(viewer)
    data = ask(f"{demo.grafana}/api/dashboards/uid/hashyard-fleet", headers=his).json()
    assert not data["meta"]["canEdit"]
    assert not data["meta"]["canSave"]
    saved = {"dashboard": data["dashboard"] | {"title": "Mine"}, "overwrite": True}
    assert ask(f"{demo.grafana}/api/dashboards/db", method="POST", body=saved, headers=his).status == 403
    refused = stage.as_administrator(demo.folder, f"{demo.grafana}/api/dashboards/db", "POST", saved)
    assert refused.status == 400
    assert "provisioned" in refused.json()["message"]
    source = f"{demo.grafana}/api/datasources/uid/prometheus"
    assert ask(source, method="DELETE", headers=his).status == 403
    assert stage.as_administrator(demo.folder, source).json()["readOnly"]
    desk = stage.WINDOWS[2]
    with stage.looking(browser, stage.address(demo.grafana, "hashyard-fleet"), desk, viewer) as look:
        assert look.page.get_by_role("button", name="Edit", exact=True).count() == 0


def test_nobody_looks_without_an_account(demo: Demo) -> None:
    for path in ("/api/search", "/api/dashboards/uid/hashyard-fleet", "/api/datasources/uid/prometheus"):
        assert ask(f"{demo.grafana}{path}").status == 401


def test_nothing_in_its_log_is_an_error(demo: Demo) -> None:
    found = stage.as_administrator(demo.folder, f"{demo.grafana}/api/search?type=dash-db").json()
    assert {one["uid"]: one["folderTitle"] for one in found} == {
        uid: folder for uid, (_, folder) in DASHBOARDS.items()
    }
    assert stage.complaints_of(demo.log) == []
