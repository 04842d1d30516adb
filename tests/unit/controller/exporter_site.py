"""A real exporter on a free port of loopback, whose miners answer as the test says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from exporter.main import Exporter
from exporter.main import Settings as ExporterSettings
from miners.driver import Memory
from miners.model import Reading, Target
from tests.unit.controller.small_fleet import answer

TARGETS = """\
networks: [127.0.0.0/8]
defaults: {interval: 1s, timeout: 1s}
containers:
  - name: Контейнер 1
    control: enforce
    miners:
      - {name: a, address: 127.9.1.1}
      - {name: b, address: 127.9.1.2}
  - name: two
    miners:
      - {name: c, address: 127.9.2.1}
"""


class ExporterSite:
    """The file, the miners and, while it runs, the exporter's URL. It may be started again on the same port."""

    def __init__(self, folder: Path, text: str = TARGETS) -> None:
        self.file = folder / "targets.yml"
        self.file.write_text(text, encoding="utf-8")
        self.polls: Counter[str] = Counter()
        self.answers: dict[str, Callable[[Target], Any]] = {}
        self.port = 0
        self.exporter: Exporter

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def read(self, to: Target, memory: Memory) -> Reading:
        assert isinstance(memory, Memory)
        self.polls[to.miner] += 1
        found = self.answers.get(to.miner, answer)(to)
        reading: Reading = await found if asyncio.iscoroutine(found) else found
        return reading

    @asynccontextmanager
    async def running(self, **more: Any) -> AsyncIterator[Exporter]:
        given: dict[str, Any] = {"targets": (self.file,), "port": self.port} | more
        self.exporter = Exporter(ExporterSettings(**given), reader=self.read)
        async with self.exporter.serving() as port:
            self.port = port
            yield self.exporter


async def until(condition: Callable[[], Any], within_s: float = 60.0) -> None:
    """Wait until something is so that sets no event."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0.01)
