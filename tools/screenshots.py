"""Takes the pictures that the README shows: runs the demo, waits until it has something to show, and looks at it in a browser.

Those of dashboards need a Grafana (GRAFANA_HOME, or an installed one); without one they stay as they are. Nothing that it
starts stays.
"""

import argparse
import io
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tools import around, demo_people, packages, ready, welcome
from tools.demo_people import ACCOUNTANT, ADMINISTRATOR

REPOSITORY = packages.REPOSITORY
COLOURS = 256  # of a picture: a dashboard has few, and the file is a third of what it was

PATIENCE_S = 1200.0
# Rules are evaluated every two minutes at the slowest, and a mean of 15 minutes begins with the first reading.
HAS_SOMETHING = (
    # It ends where the demo began, and is made beside it: on a slow machine, minutes before it is looked for.
    "count(last_over_time(hashyard_simulated_history[1d]))",
    "count(container:efficiency_joules_per_hash:ratio)",
    "count(container:desired_since_timestamp_seconds:max)",
    "count(miner:hashrate_hashes_per_second:avg15m) > 100",
)
DRAWN_S = 3.0


class NoPictures(Exception):
    """The pictures cannot be taken; the message is one line that says why and what helps."""


@dataclass(frozen=True)
class Picture:
    """What to look at: the file's name, the path below the address, the window in pixels, light or dark, and who looks.

    `{month}` in the path is the month before this one.
    """

    name: str
    path: str
    width: int
    height: int
    theme: str
    who: str = ADMINISTRATOR


_MINER = urllib.parse.urlencode({"var-container": "Контейнер 1", "var-miner": "a04"})
_CONTAINER = urllib.parse.urlencode({"var-container": "Контейнер 1"})
DASHBOARDS = (
    Picture("fleet", "/d/hashyard-fleet?kiosk", 1600, 1000, "light"),
    Picture("container", f"/d/hashyard-container?kiosk&{_CONTAINER}", 1600, 1000, "dark"),
    Picture("miner", f"/d/hashyard-miner?kiosk&{_MINER}", 1600, 1000, "light"),
    Picture("control", "/d/hashyard-control?kiosk", 1600, 1000, "dark"),
    Picture("phone", "/d/hashyard-fleet?kiosk", 390, 844, "light"),
)
PAGES = (
    Picture("page-fleet", "/", 1440, 900, "light"),
    Picture("page-container", "/containers/konteiner-1", 1440, 900, "dark"),
    Picture("page-miner", "/miners/konteiner-1.a04", 1440, 900, "light"),
    Picture("page-curtail", "/deeds/curtail?container=container-4", 390, 844, "light"),
    Picture("page-phone", "/", 390, 844, "dark"),
    Picture("page-report", "/reports?month={month}&by=client", 1440, 1000, "light", ACCOUNTANT),
    Picture("page-client", "/", 390, 844, "light", "volga"),
)
PICTURES = (*DASHBOARDS, *PAGES)


class Running(NamedTuple):
    """Where a demo runs. `grafana` None: it found none. `password`: the file with the administrator's.

    `grafana_password`: the file with that of Grafana's own administrator. `people`: that with everybody else's.
    """

    pages: str
    prometheus: str
    grafana: str | None
    password: Path
    grafana_password: Path
    people: Path


@contextmanager
def running_demo(folder: Path) -> Iterator[Running]:
    """Run the demo in a folder; give where. Raises NoPictures."""
    screen = folder / "screen"
    with screen.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(  # noqa: S603  # a fixed command
            [sys.executable, "-m", "tools.demo", "--folder", str(folder)],
            cwd=REPOSITORY,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        said = ""
        while "Look first at" not in said:
            if process.poll() is not None:
                raise NoPictures(f"the demo ended; it said: {said.strip()}")
            time.sleep(0.5)
            said = screen.read_text(encoding="utf-8")
        pages, prometheus, grafana, password = (
            found[1] if (found := re.search(rf"(?m)^  {row} +{what}", said)) else None
            for row, what in (
                ("pages", r"(http://\S+)/"),
                ("Prometheus", r"(http://\S+)/"),
                ("Grafana", r"(http://\S+)/"),
                ("password", r"in (\S+)"),
            )
        )
        if pages is None or prometheus is None or password is None:
            raise NoPictures(f"the demo runs without pages or without Prometheus; it said: {said.strip()}")
        first = REPOSITORY / password
        of_grafana = first.parents[1] / "grafana" / welcome.GRAFANA_PASSWORD
        yield Running(pages, prometheus, grafana, first, of_grafana, first.parents[1] / welcome.PEOPLE)
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_for_something(prometheus: str) -> None:
    """Wait until Prometheus has what the pictures show. Raises NoPictures."""
    end = time.monotonic() + PATIENCE_S
    missing = list(HAS_SOMETHING)
    while missing:
        if time.monotonic() > end:
            raise NoPictures(f"Prometheus does not have, after {PATIENCE_S:.0f} s: {missing[0]}")
        time.sleep(5)
        missing = [one for one in missing if not _answers(prometheus, one)]


def _answers(prometheus: str, expression: str) -> bool:
    asked = urllib.parse.urlencode({"query": expression})
    try:
        return bool(json.loads(ready.get(f"{prometheus}/api/v1/query?{asked}"))["data"]["result"])
    except OSError:
        return False  # asked again in a moment


def take_dashboards(browser: Browser, grafana: str, password: Path, folder: Path) -> list[Path]:
    """Take the pictures of the dashboards into the folder, small; return the files."""
    session = browser.new_context()
    secret = password.read_text(encoding="utf-8").strip()
    session.request.post(f"{grafana}/login", data={"user": around.GRAFANA_ADMINISTRATOR, "password": secret})
    found = []
    for picture in DASHBOARDS:
        page = browser.new_page(
            storage_state=session.storage_state(),
            viewport={"width": picture.width, "height": picture.height},
        )
        page.goto(f"{grafana}{picture.path}&theme={picture.theme}", wait_until="load")
        _drawn(page)
        found.append(_kept(page, picture, folder))
    session.close()
    return found


def take_pages(browser: Browser, running: Running, folder: Path) -> list[Path]:
    """Take the pictures of the pages into the folder, small, each as whom it is for sees it; return the files."""
    sessions = {ADMINISTRATOR: _administrator(browser, running)}
    for name, password in demo_people.passwords(running.people).items():
        sessions[name] = browser.new_context(base_url=running.pages)
        sessions[name].request.post("/api/v1/auth/login", data={"username": name, "password": password})
    month = (datetime.now(UTC).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    _wait_for_books(sessions[ACCOUNTANT], month)
    found = []
    for picture in PAGES:
        window = browser.new_context(
            base_url=running.pages,
            storage_state=sessions[picture.who].storage_state(),
            viewport={"width": picture.width, "height": picture.height},
            color_scheme="dark" if picture.theme == "dark" else "light",
        )
        page = window.new_page()
        page.goto(picture.path.format(month=month), wait_until="load")
        # What a page fetches behind its first byte, such as the sums of the books.
        page.wait_for_selector("[data-part][aria-busy]", state="detached", timeout=PATIENCE_S * 1000)
        page.wait_for_timeout(DRAWN_S * 1000)
        found.append(_kept(page, picture, folder))
        window.close()
    for session in sessions.values():
        session.close()
    return found


def _administrator(browser: Browser, running: Running) -> BrowserContext:
    """Return the administrator's session, with a password of his own: else every page says that the first is in use."""
    session = browser.new_context(base_url=running.pages)
    first = running.password.read_text(encoding="utf-8").strip()
    chosen = secrets.token_urlsafe()
    entry = session.request.post("/api/v1/auth/login", data={"username": ADMINISTRATOR, "password": first})
    session.request.put(
        "/api/v1/me/password",
        data={"current": first, "new": chosen},
        headers={"X-CSRF-Token": entry.headers["x-csrf-token"]},
    )
    session.request.post("/api/v1/auth/login", data={"username": ADMINISTRATOR, "password": chosen})
    return session


def _wait_for_books(session: BrowserContext, month: str) -> None:
    """Wait until something of a month is booked. Raises NoPictures."""
    end = time.monotonic() + PATIENCE_S
    asked: dict[str, str | float | bool] = {"from": f"{month}-01", "to": f"{month}-28"}
    while not session.request.get("/api/v1/reports/energy", params=asked).json()["total"]["energy_kwh"][
        "total"
    ]:
        if time.monotonic() > end:
            raise NoPictures(f"nothing of {month} is in the books after {PATIENCE_S:.0f} s")
        time.sleep(2)


def _kept(page: Page, picture: Picture, folder: Path) -> Path:
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    file = folder / f"{picture.name}.png"
    image.quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(file, optimize=True)
    return file


def _drawn(page: Page) -> None:
    """Wait until no panel loads any more: Grafana shows a bar over each that does."""
    page.wait_for_selector("[data-viz-panel-key], [data-testid^='data-testid Panel header']", timeout=60_000)
    page.wait_for_function("!document.querySelector('[aria-label=\"Panel loading bar\"]')", timeout=60_000)
    page.wait_for_timeout(DRAWN_S * 1000)


def main() -> int:
    """Take the pictures; exit 1 with one line when they cannot be taken."""
    parser = argparse.ArgumentParser(prog="tools.screenshots", description=__doc__)
    parser.add_argument("--into", type=Path, default=REPOSITORY / "docs" / "pictures", help="the folder")
    asked = parser.parse_args()
    try:
        packages.get_browser()
    except packages.PackagesError as error:
        print(f"The pictures need Chromium (Debian: chromium): {error}", file=sys.stderr)
        return 1
    asked.into.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as scratch, running_demo(Path(scratch)) as running:
            print("The demo runs; its figures need some minutes to be worth a look.")
            wait_for_something(running.prometheus)
            _take_all(running, asked.into)
    except NoPictures as error:
        print(f"The pictures cannot be taken: {error}", file=sys.stderr)
        return 1
    return 0


def _take_all(running: Running, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**packages.browser_launch())
        files = take_pages(browser, running, folder)
        if running.grafana is None:
            print(
                "No Grafana is installed or named by GRAFANA_HOME: the pictures of dashboards stay as they are."
            )
        else:
            files += take_dashboards(browser, running.grafana, running.grafana_password, folder)
        for file in files:
            print(f"  {os.path.relpath(file)}: {file.stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
