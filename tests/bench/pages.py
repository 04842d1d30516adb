"""How long people wait for a page, and how much is sent: for the fleet of the demo, and for a large one.

The demo's fleet is simulated, polled by an exporter and followed by the controller, each a process. The large one is that of
`answers`: readings without sockets, as often as an exporter would bring them. Who looks is a process of its own, and asks as
a browser does, compressed; first byte is when the head of the answer is there.
"""

import asyncio
import gzip
import http.client
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import uvloop
from answers import serving, write_fleet
from figures import Figure
from stage import (
    MEASURED,
    OTHERS,
    PATIENCE_S,
    REPOSITORY,
    Program,
    Size,
    exporter,
    folder,
    simulator,
    take_core,
)

from controller.pages import rendering
from tools import place

FIRST_BYTE_MS, PAGE_KB, SCRIPT_KB, STYLE_KB = 100.0, 60.0, 30.0, 20.0
LOOKS = 20
"""Of each page, for one in twenty to be the slowest."""

DEMO = {"container": "container-4", "miner": "container-4.v11"}
LARGE = {"container": "container-1", "miner": "container-1.m7"}
PAGES: Mapping[str, str] = {
    "fleet": "/",
    "fleet as a table": "/?view=table",
    "a container": "/containers/{container}",
    "a container as a table": "/containers/{container}?view=table",
    "miners": "/miners",
    "miners that do not answer": "/miners?state=unreachable",
    "miners by power": "/miners?sort=-power_w",
    "miners by text": "/miners?q=7",
    "a miner": "/miners/{miner}",
    "schedule": "/schedule",
    "operations": "/operations",
    "confirming a curtailment": "/deeds/curtail?container={container}",
    "log": "/log",
    "health": "/settings/health",
    "account": "/me",
    "what is live of the fleet": "/live/now?page=fleet",
}


def looking(size: Size) -> list[Figure]:
    """Measure every page with both fleets, and what scripts and style weigh."""
    take_core()
    with folder() as path, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as looker:
        figures = _of_the_demo(size, path, looker)
        write_fleet(size, path)
        figures += uvloop.run(_of_many(size, path, looker))
    figures.append(Figure("all scripts", len(_content("hashyard.js")) / 1e3, "kB", SCRIPT_KB))
    figures.append(
        Figure("all style, sent", len(gzip.compress(_content("hashyard.css"))) / 1e3, "kB", STYLE_KB)
    )
    return figures


def _of_the_demo(size: Size, path: Path, looker: ProcessPoolExecutor) -> list[Figure]:
    file = path / "demo.yml"
    text = (REPOSITORY / "targets.demo.yml").read_text(encoding="utf-8")
    file.write_text(place.moved(text, 10, size.network), encoding="utf-8")
    with simulator(size, file), exporter(size, file, cores=OTHERS) as reading:
        data = ("--data", str(path / "demo"), "--exporter", reading.url)
        program = Program("controller", file, size.place(1, 8000), *data, cores=MEASURED)
        try:
            program.wait()
            token = _signed_in(program.url, path / "demo" / "initial-admin-password")
            while b'"taken_at":null' in program.get(
                "/api/v1/miners?limit=500", Authorization=f"Bearer {token}"
            ):
                time.sleep(0.5)
            paths = [page.format_map(DEMO) for page in PAGES.values()]
            found = looker.submit(_look, program.url, token, paths).result()
        finally:
            program.end()
    return _figures("demo", found)


async def _of_many(size: Size, path: Path, looker: ProcessPoolExecutor) -> list[Figure]:
    async with serving(size, path) as (port, token):
        paths = [page.format_map(LARGE) for page in PAGES.values()]
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(looker, _look, f"http://127.0.0.1:{port}", token, paths)
    return _figures(f"{size.miners:,} miners", found)


def _signed_in(url: str, first: Path) -> str:
    """Return a token for all that the administrator may see."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    body = orjson.dumps({"username": "admin", "password": first.read_text(encoding="utf-8").strip()})
    connection.request("POST", "/api/v1/auth/login?as=token", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = orjson.loads(response.read())
    assert response.status == 200, answer
    connection.close()
    return str(answer["access_token"])


def _look(url: str, token: str, paths: Sequence[str]) -> list[tuple[list[float], int]]:
    """Look at each page in turn, and at all of them so many times; return the seconds to the first byte, and bytes sent."""
    os.sched_setaffinity(0, OTHERS)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/html", "Accept-Encoding": "gzip"}
    waited: list[list[float]] = [[] for _ in paths]
    sizes = [0] * len(paths)
    for _ in range(LOOKS):
        for at, path in enumerate(paths):
            began = time.perf_counter()
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            waited[at].append(time.perf_counter() - began)
            body = response.read()
            # The large fleet is only watched: the page says so, in place of what a curtailment would do.
            assert response.status in {200, 409}, (path, response.status)
            sizes[at] = max(sizes[at], len(body))
    connection.close()
    return list(zip(waited, sizes, strict=True))


def _figures(fleet: str, found: Sequence[tuple[list[float], int]]) -> list[Figure]:
    figures = []
    for name, (waited, length) in zip(PAGES, found, strict=True):
        slowest = sorted(waited)[-max(1, len(waited) // 20) - 1]
        figures.append(
            Figure(f"{fleet}: {name}, first byte (95 % of looks)", slowest * 1e3, "ms", FIRST_BYTE_MS)
        )
        figures.append(Figure(f"{fleet}: {name}, sent", length / 1e3, "kB", PAGE_KB))
    return figures


def _content(name: str) -> bytes:
    served = rendering.asset(name).removeprefix("/static/")
    return rendering.assets()[served][0]
