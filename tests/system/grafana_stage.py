"""A real Grafana, and a browser that looks at its dashboards as people do: what stands on each panel, and what went wrong.

Grafana is started by the demo's own command line (`tools.around`), so it reads the committed provisioning and dashboards.
"""

import os
import re
import urllib.parse
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, StorageState, ViewportSize, sync_playwright

from grafana.empty import EMPTY_WHEN_HEALTHY
from tests.system.stack import Answer, Program, Stack, ask
from tests.unit.grafana.dashboard_files import panels_of
from tools import around, packages, welcome

NEEDED = "looking at dashboards wants a Grafana 12 (GRAFANA_HOME, or an installed one) and Chromium"
"""Why a test is left out: Grafana cannot be had from the system's packages, and the demo goes on without it as well."""

HARMLESS: Mapping[str, str] = {
    # a line of a warning or an error in Grafana's log: why it is no fault of the provisioning
    "Skipping migration: Already executed": "it fills an empty database, and some of its steps say twice what they do",
    "Database locked, sleeping then retrying": "SQLite, while it is filled for the first time; it is tried again",
}
OPEN: Mapping[str, str] = {"GF_AUTH_ANONYMOUS_ENABLED": "true", "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer"}
"""Whoever comes may look: of a Grafana beside which no controller signs anybody on."""

_LOUD = re.compile(r"\b(?:level|lvl)=(?:warn|eror|error|crit|fatal)")

HARMLESS_ANSWERS: Mapping[str, str] = {
    # end of an address that may be answered with an error: why
    "/public-dashboards": "outside of kiosk, Grafana asks whether a dashboard is public, and answers itself 404",
}

_PANEL = "section[data-testid^='data-testid Panel header ']"
_SEEN = """() => [...document.querySelectorAll("section[data-testid^='data-testid Panel header ']")].map(panel => {
    const texts = (within, kind) => [...within.querySelectorAll(`[role='${kind}']`)].map(one => {
        const range = document.createRange()
        range.selectNodeContents(one)
        return { text: one.innerText, its: range.getBoundingClientRect(), cell: one.getBoundingClientRect() }
    })
    const box = panel.getBoundingClientRect()
    const content = panel.querySelector("[data-testid='data-testid panel content']")
    const heading = panel.querySelector("h2")
    const scrolls = content && content.querySelector("[role='grid'], [role='table'], .u-legend, [class*='legend']")
    const words = content && !scrolls ? [...content.querySelectorAll("span")] : []
    return {
        title: panel.dataset.testid.replace("data-testid Panel header ", ""),
        text: content ? content.innerText.trim() : "",
        empty: !content || !!content.querySelector("[data-testid='data-testid Panel data error message']")
            || (!content.innerText.trim() && !content.querySelector("canvas")),
        marked: !!panel.querySelector("[aria-label='Panel status']"),
        cut: !!heading && heading.scrollWidth > heading.clientWidth + 1,
        outside: words.filter(one => {
            const its = one.getBoundingClientRect()
            return its.width > 0 && (its.left < box.left - 1 || its.right > box.right + 1)
        }).map(one => one.innerText),
        narrow: [
            ...texts(panel, "columnheader").filter(one => one.its.width > one.cell.width + 1),
            ...texts(panel, "gridcell").filter(one => one.its.left < one.cell.left - 1),
        ].map(one => one.text),
        box: [box.left, box.top, box.right, box.bottom],
    }
})"""
_HEIGHT = "() => document.documentElement.scrollHeight"
_QUIET = "() => !document.querySelector(\"[aria-label='Panel loading bar']\")"
_MOST_PX = 9_000
_PATIENCE_MS = 60_000
_DRAWN_MS = 1_500


@dataclass(frozen=True)
class Window:
    """How somebody looks: the window's size in px, light or dark, in kiosk or with Grafana's own frame."""

    name: str
    width: int
    height: int
    theme: str
    kiosk: bool


WALL = Window("wall", 1920, 1080, "dark", kiosk=True)
WINDOWS = (
    WALL,
    Window("wall-light", 1920, 1080, "light", kiosk=True),
    Window("desk", 1440, 900, "light", kiosk=False),
    Window("phone", 390, 844, "light", kiosk=True),
    Window("phone-dark", 390, 844, "dark", kiosk=True),
)


@dataclass(frozen=True)
class Seen:
    """A panel as it stands in the browser: whether it draws nothing, bears an error mark, and has its title whole.

    `box`: left, top, right, bottom in px; `outside`: words that leave it; `narrow`: those that their column of a table cuts,
    titles at either end and figures at their beginning.
    """

    title: str
    text: str
    empty: bool
    marked: bool
    cut: bool
    outside: Sequence[str]
    narrow: Sequence[str]
    box: tuple[float, float, float, float]


@dataclass
class Look:
    """An opened page, and what its browser complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def panels(self) -> list[Seen]:
        """Return the panels that are there now."""
        found = self.page.evaluate(_SEEN)
        return [Seen(**{**one, "box": tuple(one["box"])}) for one in found]

    def drawn(self) -> None:
        """Wait until there are panels, and none of them loads any more."""
        self.page.wait_for_selector(_PANEL, timeout=_PATIENCE_MS)
        self.page.wait_for_function(_QUIET, timeout=_PATIENCE_MS)
        self.page.wait_for_timeout(_DRAWN_MS)

    def whole(self) -> None:
        """Make the window as high as the dashboard: panels that were never in sight are not drawn."""
        for _ in range(3):
            height = min(int(self.page.evaluate(_HEIGHT)), _MOST_PX)
            size = self.page.viewport_size
            assert size is not None
            if height <= size["height"]:
                break
            self.page.set_viewport_size({"width": size["width"], "height": height})
            self.drawn()

    def open_rows(self) -> None:
        """Open every row that is shut."""
        shut = self.page.locator("[data-testid^='data-testid dashboard-row-title-'][aria-label='Expand row']")
        while shut.count():
            shut.first.click()
            self.drawn()


@contextmanager
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**packages.browser_launch())
        yield opened
        opened.close()


@contextmanager
def looking(
    opened: Browser, url: str, window: Window = WALL, session: StorageState | None = None
) -> Iterator[Look]:
    """Open an address in a window, and wait until its panels are drawn. `session`: who looks, where nobody else may."""
    size: ViewportSize = {"width": window.width, "height": window.height}
    page = opened.new_page(viewport=size, storage_state=session)
    look = Look(page)
    page.on("console", lambda said: _console(look, said.type, said.text, said.location.get("url", "")))
    page.on("pageerror", lambda error: look.complaints.append(f"script: {error}"))
    page.on("response", lambda answer: _answered(look, answer.status, answer.url))
    joint = "&" if "?" in url else "?"
    page.goto(
        f"{url}{joint}theme={window.theme}{'&kiosk' if window.kiosk else ''}",
        wait_until="load",
        timeout=_PATIENCE_MS,
    )
    look.drawn()
    yield look
    page.close()


def _console(look: Look, kind: str, text: str, url: str) -> None:
    if kind == "error" and not _is_harmless(url):
        look.complaints.append(f"console: {text} {url}".rstrip())


def _answered(look: Look, status: int, url: str) -> None:
    if status >= 400 and not _is_harmless(url):
        look.complaints.append(f"HTTP {status}: {url}")


def _is_harmless(url: str) -> bool:
    return urllib.parse.urlsplit(url).path.endswith(tuple(HARMLESS_ANSWERS))


def address(grafana: str, uid: str, **chosen: str) -> str:
    """Return the address of a dashboard with its variables."""
    asked = urllib.parse.urlencode({f"var-{name}": value for name, value in chosen.items()})
    return f"{grafana}/d/{uid}?{asked}"


def faults(uid: str, seen: Sequence[Seen], *, shut_too: bool, narrow: bool) -> list[str]:
    """Return what is wrong with a dashboard as it stands, a line each. `shut_too`: its shut rows were opened.

    `narrow`: a title that is a legend may be cut there, since the panel's description has it as well.
    """
    legends = {panel.title for panel in panels_of(uid) if narrow and panel.title in panel.data["description"]}
    wanted = {panel.title for panel in panels_of(uid) if shut_too or not panel.collapsed}
    found = [f"{title}: is not there" for title in sorted(wanted - {panel.title for panel in seen})]
    words = {panel.title: _no_value(panel.data) for panel in panels_of(uid)}
    for panel in seen:
        if panel.marked:
            found.append(f"{panel.title}: bears an error mark")
        if panel.cut and panel.title not in legends:
            found.append(f"{panel.title}: the title is cut")
        if panel.outside:
            found.append(f"{panel.title}: {panel.outside} does not fit")
        if panel.narrow and not narrow:
            found.append(f"{panel.title}: {panel.narrow} is cut by its column")
        if (uid, panel.title) not in EMPTY_WHEN_HEALTHY and (
            panel.empty or panel.text == words.get(panel.title)
        ):
            found.append(f"{panel.title}: shows {panel.text!r}")
    return found + [
        f"{one.title}: overlaps {other.title}"
        for one, other in combinations(seen, 2)
        if _overlap(one.box, other.box)
    ]


def _no_value(panel: Mapping[str, Any]) -> str:
    return str(panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "No data"))


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide > 1 and high > 1


def find_grafana() -> around.Grafana:
    """Return the Grafana to try; the test is left out where there is none, or no browser."""
    found = around.find_grafana(os.environ.get("GRAFANA_HOME"), lambda _: None)
    if found is None or packages.find_browser() is None:
        pytest.skip(NEEDED)
    return found


def complaints_of(log: str) -> list[str]:
    """Return the lines of warnings and errors in Grafana's log but the harmless ones."""
    return [
        line
        for line in log.splitlines()
        if _LOUD.search(line) and not any(harmless in line for harmless in HARMLESS)
    ]


def as_administrator(folder: Path, url: str, method: str = "GET", body: object = None) -> Answer:
    """Ask Grafana's API as the administrator, whose password lies in the demo's folder."""
    password = (folder / "grafana" / welcome.GRAFANA_PASSWORD).read_text(encoding="utf-8").strip()
    signed = b64encode(f"admin:{password}".encode()).decode()
    return ask(url, method=method, body=body, headers={"Authorization": f"Basic {signed}"})


def viewer(opened: Browser, folder: Path, grafana: str) -> StorageState:
    """Make a Viewer of the main organisation in a demo's Grafana, by hand; return his session."""
    account = {"login": "viewer", "password": os.urandom(16).hex(), "OrgId": 1}
    made = as_administrator(folder, f"{grafana}/api/admin/users", "POST", account)
    assert made.status == 200, made
    context = opened.new_context()
    entry = context.request.post(
        f"{grafana}/login", data={"user": account["login"], "password": account["password"]}
    )
    assert entry.ok, entry
    session = context.storage_state()
    context.close()
    return session


def cookies_of(session: StorageState) -> dict[str, str]:
    """Return the header by which a program asks in this session."""
    return {"Cookie": "; ".join(f"{one['name']}={one['value']}" for one in session["cookies"])}


class Grafana:
    """A Grafana of a stack, provisioned as the demo's is. `settings`: other than the demo's, by environment variable."""

    def __init__(
        self, stack: Stack, prometheus: Path, installed: around.Grafana, data_source: str, **settings: str
    ) -> None:
        self._stack, self._installed, self._prometheus = stack, installed, prometheus
        self._folder = stack.folder / "grafana"
        self.settings = {**OPEN, **settings}
        self.data_source = data_source
        self.program: Program
        self.start()

    def start(self) -> None:
        """Start it, again with what it knew; wait until it answers."""
        self.launch()
        self.program.wait_ready("/api/health")

    def launch(self) -> None:
        """Start it, and do not wait."""
        where = f"127.{self._stack.network}.255.6:3000"
        self._folder.mkdir(exist_ok=True)
        demo = welcome.Demo(
            folder=self._folder,
            targets=self._folder / "targets.yml",
            fleet=welcome.Fleet({}, [], ("", None), (), {}),
            simulator="127.0.0.1:9429",
            exporter="127.0.0.1:9428",
            controller="127.0.0.1:8000",
            history=self.data_source,
            grafana=where,
        )
        programs = around.Programs(self._prometheus, None, self._installed)
        part = next(one for one in around.parts(demo, programs, "") if one.name == "grafana")
        command = [one for one in part.command if one.split("=")[0] not in self.settings]
        command[1:1] = [f"{name}={value}" for name, value in self.settings.items()]
        self.program = self._stack.start_program("grafana", command, where)

    @property
    def url(self) -> str:
        """Where it serves."""
        return self.program.url

    @property
    def said(self) -> str:
        """What it has written so far, over all its starts."""
        return self.program.said

    def as_administrator(self, path: str, method: str = "GET", body: object = None) -> Answer:
        """Ask its API as the administrator; return the answer."""
        return as_administrator(self._folder, f"{self.url}{path}", method, body)
