"""Takes the pictures that the README shows: runs the demo, waits until it has something to show, and looks at it in a browser.

Needs a Grafana (GRAFANA_HOME, or an installed one) and Chromium of the system's packages. Nothing that it starts stays.
"""

import argparse
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tools import packages, ready

REPOSITORY = packages.REPOSITORY
COLOURS = 256  # of a picture: a dashboard has few, and the file is a third of what it was

PATIENCE_S = 600.0
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
    """What to look at: the file's name, the path below Grafana's address, the window in pixels, light or dark."""

    name: str
    path: str
    width: int
    height: int
    theme: str


_MINER = urllib.parse.urlencode({"var-container": "Контейнер 1", "var-miner": "a04"})
_CONTAINER = urllib.parse.urlencode({"var-container": "Контейнер 1"})
PICTURES = (
    Picture("fleet", "/d/hashyard-fleet?kiosk", 1600, 1000, "light"),
    Picture("container", f"/d/hashyard-container?kiosk&{_CONTAINER}", 1600, 1000, "dark"),
    Picture("miner", f"/d/hashyard-miner?kiosk&{_MINER}", 1600, 1000, "light"),
    Picture("control", "/d/hashyard-control?kiosk", 1600, 1000, "dark"),
    Picture("phone", "/d/hashyard-fleet?kiosk", 390, 844, "light"),
)


@contextmanager
def running_demo(folder: Path) -> Iterator[tuple[str, str]]:
    """Run the demo in a folder; give the addresses of Grafana and of Prometheus. Raises NoPictures."""
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
        found = [re.search(rf"(?m)^  {name} +(http://\S+)/", said) for name in ("Grafana", "Prometheus")]
        grafana, prometheus = (one[1] if one else None for one in found)
        if grafana is None or prometheus is None:
            raise NoPictures(
                "the demo runs without Grafana: GRAFANA_HOME has to name one, or one be installed"
            )
        yield grafana, prometheus
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


def take(browser: Browser, grafana: str, picture: Picture, folder: Path) -> Path:
    """Take one picture into the folder, small; return the file."""
    page = browser.new_page(viewport={"width": picture.width, "height": picture.height})
    page.goto(f"{grafana}{picture.path}&theme={picture.theme}", wait_until="load")
    _drawn(page)
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
    parser.add_argument("--grafana", help="a Grafana that runs already, with something to show")
    asked = parser.parse_args()
    try:
        packages.get_browser()
    except packages.PackagesError as error:
        print(f"The pictures need Chromium (Debian: chromium): {error}", file=sys.stderr)
        return 1
    asked.into.mkdir(parents=True, exist_ok=True)
    try:
        if asked.grafana:
            _take_all(asked.grafana.rstrip("/"), asked.into)
            return 0
        with tempfile.TemporaryDirectory() as scratch, running_demo(Path(scratch)) as (grafana, prometheus):
            print("The demo runs; its figures need some minutes to be worth a look.")
            wait_for_something(prometheus)
            _take_all(grafana, asked.into)
    except NoPictures as error:
        print(f"The pictures cannot be taken: {error}", file=sys.stderr)
        return 1
    return 0


def _take_all(grafana: str, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**packages.browser_launch())
        for picture in PICTURES:
            file = take(browser, grafana, picture, folder)
            print(f"  {os.path.relpath(file)}: {file.stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
