"""The exporter as a process: what starts in which order, what runs beside the polls, and how it ends."""

import asyncio
import errno
import gc
import importlib.metadata
import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from exporter.api import Api
from exporter.fleet import Fleet, MinerState, TargetOf
from exporter.leases import Leases
from exporter.own_metrics import LoopWatch, OwnMetrics
from exporter.poller import Poller
from exporter.polling import Polling, Reader
from exporter.remembered import Remembered
from exporter.server import Server
from exporter.settings import Settings, in_share, make_data_folder, read_token
from exporter.unreadable import Runner
from miners.client import read_miner
from miners.errors import ConfigurationError, InventoryError
from miners.inventory.fleet import Container, Inventory, Miner
from miners.inventory.secrets import credentials_of, exposed_credentials, missing_credentials, target_of
from miners.inventory.store import InventoryStore
from miners.model import Target

__all__ = ["Exporter", "Settings", "run"]

WATCH_OVER_S = 5.0
COLLECT_S = 0.1
SAVE_S = 300.0
FIRST_SAVE_S = 30.0
"""What the first sweep found is kept soon: whoever is killed early need not look for every driver again."""
SHUTDOWN_S = 1.0

_log = structlog.get_logger(__name__)


class Exporter:
    """All parts of one exporter, in the running event loop."""

    def __init__(self, settings: Settings, *, reader: Reader = read_miner) -> None:
        """Read the inventory and check the settings. Raises ConfigurationError (InventoryError among them)."""
        self._token = read_token(settings)
        make_data_folder(settings)
        self._settings = settings
        self._store = InventoryStore(settings.targets, managed=settings.managed)
        missing = missing_credentials(
            self._store.inventory, settings.secrets_dir, settings.environment, reading_only=True
        )
        if missing:
            raise ConfigurationError("\n".join(missing))
        self._remembered = Remembered(settings.data, settings.shard) if settings.data is not None else None
        self.polling = Polling(Fleet(), reader, max_polls=settings.max_polls)
        self._watch = LoopWatch()
        version = importlib.metadata.version("hashyard")
        own = OwnMetrics(self.polling.poller, self._store, self._watch, version)
        self._server = Server(settings, version, self.polling, own, self.reload)
        leases = Leases(self.polling.poller)
        self._application = self._server.application(
            Api(self.polling.fleet, self.polling.poller, leases), self._token
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve and poll as long as the context lasts; it gives the port. Raises ConfigurationError for a busy one."""
        runner = Runner(self._application, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        tasks: list[asyncio.Task[None]] = []
        try:
            port = await _listen(runner, self._settings)
            await self._apply(self._store.inventory)
            gc.freeze()  # what stays for long need not be looked at again and again
            tasks = [
                asyncio.create_task(self._store.watch(self._apply)),
                asyncio.create_task(_every(COLLECT_S, _Garbage(self.polling.poller).look)),
                asyncio.create_task(_every(WATCH_OVER_S, self.polling.watch_over)),
                asyncio.create_task(self._save_now_and_then()),
            ]
            yield port
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.polling.poller.stop()
            await runner.cleanup()
            await self._save()
            self._watch.stop()

    async def reload(self) -> InventoryError | None:
        """Read the inventory and the credentials again; return why the inventory was refused, or None."""
        if await self._store.reload():
            # Told of by the watch already if it differs; credentials may have changed without it.
            await self._apply(self._store.inventory)
            _log.info(
                "inventory and credentials read again",
                containers=len(self.polling.fleet.containers),
                miners=self.polling.poller.miners,
            )
            return None
        return self._store.last_error

    async def _apply(self, inventory: Inventory) -> None:
        share = [
            container for container in inventory.containers if in_share(container.id, self._settings.shard)
        ]
        restore = self._remembered.take_back if self._remembered is not None else _begin_afresh
        await self.polling.apply(inventory, share, await self._targets(inventory), restore)

    async def _targets(self, inventory: Inventory) -> TargetOf:
        """Return the function that makes a miner's Target, with the credentials as they are now."""
        folder, environment = self._settings.secrets_dir, self._settings.environment
        credentials = await asyncio.to_thread(
            credentials_of, inventory, folder, environment, reading_only=True
        )
        missing = await asyncio.to_thread(
            missing_credentials, inventory, folder, environment, reading_only=True
        )
        for line in missing:
            _log.warning("credentials missing", reason=line)
        for line in await asyncio.to_thread(exposed_credentials, inventory, folder, reading_only=True):
            _log.warning("credentials exposed", reason=line)

        def target(container: Container, miner: Miner) -> Target:
            found = credentials.get(miner.credentials) if miner.credentials is not None else None
            return target_of(container, miner, found)

        return target

    async def _save_now_and_then(self) -> None:
        await asyncio.sleep(min(FIRST_SAVE_S, SAVE_S))
        while True:
            await self._save()
            await asyncio.sleep(SAVE_S)

    async def _save(self) -> None:
        if self._remembered is not None:
            await asyncio.to_thread(
                self._remembered.save, self._remembered.memos(self.polling.fleet.miners())
            )


async def run(settings: Settings, *, reader: Reader = read_miner) -> int:
    """Run the exporter until SIGTERM or SIGINT; SIGHUP reads the inventory again. Return the exit code.

    Raises ConfigurationError for what the person who starts it has to mend.
    """
    _raise_open_files()
    exporter = Exporter(settings, reader=reader)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    reloads: set[asyncio.Task[InventoryError | None]] = set()

    def reload() -> None:
        task = asyncio.create_task(exporter.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    async with exporter.serving() as port:
        fleet = exporter.polling.fleet
        _log.info(
            "exporter serving",
            host=settings.host,
            port=port,
            containers=len(fleet.containers),
            miners=exporter.polling.poller.miners,
        )
        await stop.wait()
        _log.info("exporter ending")
    return 0


async def _listen(runner: web.AppRunner, settings: Settings) -> int:
    site = web.TCPSite(runner, settings.host, settings.port, backlog=1024)
    try:
        await site.start()
    except OSError as error:
        where = f"--listen: {settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(f"{where} is in use by another program; give another port") from error
        raise ConfigurationError(f"{where} cannot be listened on: {error.strerror or error}") from error
    port: int = runner.addresses[0][1]
    return port


async def _every(seconds: float, what: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        what()


def _begin_afresh(_state: MinerState) -> None:
    """Remember nothing: there is no data folder."""


def _raise_open_files() -> None:
    """Raise the soft limit of open files to the hard one: each poll under way is a socket."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError) as error:
        _log.warning("the limit of open files could not be raised", reason=str(error))


class _Garbage:
    """Keeps the garbage collector's work in small pieces: left alone, it would look at a whole fleet in one go.

    Polls replace as much as they make, which never reaches the collector's threshold; when something else does, it
    would hold up the event loop for some 70 ms at 10,000 miners. So it looks at what is new all the time, and what
    the first polls leave behind to stay is put out of its sight, as the inventory was.
    """

    def __init__(self, poller: Poller[MinerState]) -> None:
        """`poller` tells whether miners are new."""
        self._poller = poller
        self._settled = False

    def look(self) -> None:
        """Collect what is new. To be called often."""
        gc.collect(1)
        if self._poller.unpolled:
            self._settled = False
        elif not self._settled:
            self._settled = True
            gc.freeze()
