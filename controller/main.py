"""The controller as a process: what starts in which order, what runs beside what, and how it ends."""

import asyncio
import gc
import importlib.metadata
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from controller.accounting.asking import Asker
from controller.accounting.booking import Bookkeeper
from controller.accounting.corrections import Corrections
from controller.accounting.terms import TermsBook
from controller.api.app import application
from controller.api.first_administrator import make_first_administrator, reset_administrator
from controller.api.passwords import Passwords
from controller.api.stream_routes import Streams
from controller.api.unreadable import Runner
from controller.assigning import Assigning, quietly
from controller.clock_watch import ClockWatch, boot_time
from controller.engine import Engine
from controller.exporter_client import ExporterClient
from controller.figures import GatewayCounts
from controller.gateway.answers import CODES
from controller.gateway.proxy import Gateway
from controller.grafana_sync import GrafanaSync
from controller.grafana_wish import Bring
from controller.history import History
from controller.jobs import Jobs
from controller.live import Live
from controller.lock import DataLock, make_private
from controller.managed import Managed
from controller.own_reading import Reader
from controller.process import Process
from controller.purging import end_lapsed, purge
from controller.readings import TargetOf
from controller.serving import bind, close, serve, tls_context
from controller.settings import DATABASE_FILE, Settings, check, read_metrics_token, read_token
from controller.sign_on.provider import SignOn
from controller.storage.storage import Storage
from controller.tenures import Tenures
from miners.client import read_miner
from miners.clock import Clock, SystemClock
from miners.errors import ConfigurationError, InventoryError
from miners.inventory.fleet import Container, CredentialsReference, Inventory, Miner
from miners.inventory.secrets import credentials_of, exposed_credentials, missing_credentials, target_of
from miners.inventory.store import InventoryStore
from miners.model import Credentials, Target

__all__ = ["Controller", "Settings", "reset_admin", "run"]

WAKE_S = 5
BOOKS_S = 60
BOOKS_WITHIN_S = 45.0
"""For how long at most the books are kept at once; a back-fill of months goes on at the next time."""
PURGE_S = 3600
SHUTDOWN_S = 1.0
COLLECTED_AFTER = (5_000, 10, 1_000)
"""When the garbage collector looks at what is new. At all there is it looks once an hour: in the middle of a curtailment of
10,000 miners that would hold up the event loop for 60 ms, time and again."""

_log = structlog.get_logger(__name__)


class Controller:
    """All parts of one controller, in the running event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        reader: Reader = read_miner,
        steady: Callable[[], float] | None = None,
        synchronised: Callable[[], bool | None] | None = None,
        bring: Bring | None = None,
    ) -> None:
        """Check the settings, lock the data folder, read the inventory, open the database. Raises ConfigurationError.

        `clock`: tells the time to everything, the wall's by default. `steady`: a clock beside it that never jumps; by
        default the machine's, or `clock` itself if one was handed in. `synchronised`: whether somebody keeps it in time.
        `reader`: reads one miner. `bring`: brings Grafana in line, where that is set up.
        """
        self.settings = settings
        for warning in check(settings):
            _log.warning(warning)
        self._context = tls_context(settings)
        token = read_token(settings)
        self._metrics_token = read_metrics_token(settings)
        self.clock = clock if clock is not None else SystemClock()
        if steady is None:
            steady = boot_time if clock is None else self.clock.now
        with ExitStack() as opened:
            opened.enter_context(DataLock(settings.data))
            self.store = _inventory(settings)
            self.storage = Storage.open(settings.database)
            opened.callback(self.storage.close)
            self.storage.database.claim()
            self._opened = opened.pop_all()
        self.watch = ClockWatch(self.clock, steady=steady, synchronised=synchronised)
        self.exporter = ExporterClient(settings.exporters, token)
        self.live = Live(
            self.clock,
            self.exporter,
            reader=reader,
            max_reads=settings.max_reads,
            follow_s=settings.follow_s,
        )
        self.engine = Engine(
            settings, self.storage, self.store, self.live, self.exporter, self.clock, self.watch
        )
        self.jobs = Jobs(self.clock, self.engine.wake)
        self._gateway_counts = GatewayCounts(CODES)
        self._sign_on: SignOn | None = None
        self._assigning: Assigning | None = None
        self._tenures = Tenures(self.storage, lambda: self.store.inventory, self._now)
        self.grafana = GrafanaSync(self.storage, self.clock, self._now)
        if bring is not None and settings.gateway is not None:
            self.grafana.set_up(bring, settings.gateway, settings.address)
        self._asker = Asker(settings.prometheus_url) if settings.prometheus_url is not None else None
        self.bookkeeper = Bookkeeper(
            self.storage,
            self._asker,
            lambda: self.store.inventory,
            TermsBook(self.storage, lambda: self.store.inventory),
            self._now,
        )
        self.corrections = Corrections(self.storage, self.bookkeeper, self._now)
        self.process = Process(
            importlib.metadata.version("hashyard"),
            settings.address,
            self.store,
            self.storage,
            self.live,
            self.engine,
            self.watch,
            self.reload,
            self.jobs,
            settings.data,
            self._gateway_counts,
            ledger=self.bookkeeper.figures,
        )
        self.failed = asyncio.Event()
        self._taking = asyncio.Lock()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve, read and control as long as the context lasts; it gives the port. Raises ConfigurationError.

        The socket comes first, so that whoever cannot have it has commanded no miner; it is answered on once the orders
        are loaded.
        """
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, self._opened.close)
            sockets = bind(self.settings)
            stack.callback(close, sockets)
            await self.exporter.open()
            stack.push_async_callback(self.exporter.close)
            if self._asker is not None:
                stack.push_async_callback(self._asker.close)
            await self._follow_inventory(self.store.inventory)
            await self.live.start()
            stack.push_async_callback(self.live.stop)
            await self.engine.start()
            stack.push_async_callback(self.engine.stop)
            port = await self._serve(stack, sockets)
            self._register_jobs()
            stack.callback(gc.set_threshold, *gc.get_threshold())
            gc.set_threshold(*COLLECTED_AFTER)
            gc.freeze()  # what stays for long need not be looked at again and again
            tasks = [
                asyncio.create_task(self.watch.run(), name="clock watch"),
                asyncio.create_task(self.jobs.run(), name="jobs"),
                asyncio.create_task(self.store.watch(self._take_inventory), name="inventory"),
                asyncio.create_task(self.grafana.keep(), name="grafana"),
            ]
            for task in tasks:
                task.add_done_callback(self._ended)
            stack.push_async_callback(_cancel, tasks)
            yield port

    async def reload(self) -> InventoryError | None:
        """Read the inventory and the credentials again; return why the inventory was refused, or None."""
        if not await self.store.reload():
            return self.store.last_error
        # Told of by the watch already if it differs; credentials may have changed without it.
        await self._take_inventory(self.store.inventory)
        _log.info("inventory and credentials read again", miners=len(self.live.all()))
        return None

    async def _serve(self, stack: AsyncExitStack, sockets: list[socket.socket]) -> int:
        passwords = Passwords()
        history = History(self.settings.prometheus_url)
        stack.push_async_callback(history.close)
        gateway = Gateway(
            self.storage, history, self.settings.prometheus_url, self._now, counts=self._gateway_counts
        )
        stack.push_async_callback(gateway.close)
        self._sign_on = await SignOn.open(self.settings, self._now)
        await make_first_administrator(self.storage, self.settings.data, passwords, self._now())
        managed = Managed(self.settings.managed, self.settings.targets, self.store)
        self._assigning = Assigning(
            self.storage, managed, str(self.settings.managed), lambda: self.store.inventory, self._now
        )
        before = self.store.inventory
        await self._tenures.keep()
        await quietly(self._assigning.keep, "bringing the inventory's clients into the books")
        if self.store.inventory is not before:
            await self._take_inventory(self.store.inventory)
        app = application(
            self.settings,
            self.engine,
            self.storage,
            process=self.process,
            services={
                InventoryStore: self.store,
                Managed: managed,
                Assigning: self._assigning,
                Tenures: self._tenures,
                Corrections: self.corrections,
                History: history,
                Bookkeeper: self.bookkeeper,
                Streams: Streams(),
                GrafanaSync: self.grafana,
                **({SignOn: self._sign_on} if self._sign_on is not None else {}),
            },
            passwords=passwords,
            metrics_token=self._metrics_token,
            gateway=gateway,
        )
        runner = Runner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        return await serve(runner, sockets, self._context)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def _register_jobs(self) -> None:
        async def wake() -> None:
            self.engine.wake()

        async def tidy() -> None:
            await end_lapsed(self.storage, self._now())
            await purge(self.storage, self.settings, self._now())
            gc.collect()

        if (sign_on := self._sign_on) is not None:

            async def keep_keys() -> None:
                await sign_on.keys.keep_in_time(self._now())

            self.jobs.every(PURGE_S, "keep the keys of sign-ons in time", keep_keys)

        async def keep_books() -> None:
            await self.bookkeeper.keep(BOOKS_WITHIN_S)

        async def keep_assignments() -> None:
            await self.corrections.make()
            if self._assigning is not None:
                await self._assigning.keep()
                await self._tenures.keep()

        self.jobs.every(WAKE_S, "look at what should be", wake)
        self.jobs.every(WAKE_S, "keep assignments and inventory in line", keep_assignments)
        if self._asker is not None:
            self.jobs.every(BOOKS_S, "keep the books", keep_books)
        self.jobs.every(PURGE_S, "tidy the database", tidy)
        self.watch.on_jump(self.jobs.clock_jumped)

    async def _follow_inventory(self, inventory: Inventory) -> None:
        await self.live.apply(inventory, await self._targets(inventory))
        self.jobs.follow(inventory)

    async def _take_inventory(self, _inventory: Inventory) -> None:
        async with self._taking:  # the newest there is: one that waited here may have been overtaken
            inventory = self.store.inventory
            await self._follow_inventory(inventory)
            await self.engine.take_inventory(inventory)
            if self._assigning is not None:
                await quietly(self._assigning.follow, "following the inventory's clients")
                await quietly(self._tenures.keep, "noting since when containers have their clients")

    async def _targets(self, inventory: Inventory) -> TargetOf:
        """Return the function that makes a miner's Target, with the credentials as they are now."""
        folder, environment = self.settings.secrets_dir, self.settings.environment
        credentials = await asyncio.to_thread(credentials_of, inventory, folder, environment)
        for line in await asyncio.to_thread(missing_credentials, inventory, folder, environment):
            _log.warning("credentials missing", reason=line)
        for line in await asyncio.to_thread(exposed_credentials, inventory, folder):
            _log.warning("credentials exposed", reason=line)

        def found(reference: CredentialsReference | None) -> Credentials | None:
            return None if reference is None else credentials.get(reference)

        def target(container: Container, miner: Miner) -> Target:
            return target_of(container, miner, found(miner.credentials), found(miner.gateway_credentials))

        return target

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Notice a part that ended though nobody ended it: the controller is no use without it."""
        if task.cancelled():
            return
        _log.critical("a part of the controller ended", part=task.get_name(), exc_info=task.exception())
        self.failed.set()


async def run(settings: Settings, *, reader: Reader = read_miner, bring: Bring | None = None) -> int:
    """Run the controller until SIGTERM or SIGINT; SIGHUP reads the inventory again. Return the exit code.

    `bring`: brings Grafana in line, where that is set up.

    Raises ConfigurationError for what the person who starts it has to mend.
    """
    _raise_open_files()
    controller = Controller(settings, reader=reader, bring=bring)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    reloads: set[asyncio.Task[InventoryError | None]] = set()

    def reload() -> None:
        task = asyncio.create_task(controller.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    async with controller.serving() as port:
        inventory = controller.store.inventory
        _log.info(
            "controller serving",
            host=settings.host,
            port=port,
            containers=len(inventory.containers),
            miners=len(controller.live.all()),
            enforced=sum(container.control == "enforce" for container in inventory.containers),
        )
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(controller.failed.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        await _cancel(ends)
        _log.info("controller ending")
    return 1 if controller.failed.is_set() else 0


def _inventory(settings: Settings) -> InventoryStore:
    """Return the inventory, with every credential it names found. Raises ConfigurationError."""
    store = InventoryStore(settings.targets, managed=settings.managed)
    missing = missing_credentials(store.inventory, settings.secrets_dir, settings.environment)
    if missing:
        raise ConfigurationError("\n".join(missing))
    return store


def reset_admin(settings: Settings) -> int:
    """Give the administrator `admin` a new one-time password, also beside a running controller; return the exit code.

    Raises ConfigurationError.
    """
    check(settings)
    if settings.database_url is None and not (settings.data / DATABASE_FILE).exists():
        raise ConfigurationError(
            f"--data: no controller has worked with {settings.data} yet; name its folder (its first start makes admin)"
        )
    make_private(settings.data)
    storage = Storage.open(settings.database)
    try:
        file = asyncio.run(_reset_admin(storage, settings))
    finally:
        storage.close()
    print(f"the new password of admin stands in {file}")  # noqa: T201  # the answer to who asked for it
    return 0


async def _reset_admin(storage: Storage, settings: Settings) -> Path:
    passwords = Passwords()
    try:
        return await reset_administrator(storage, settings.data, passwords, datetime.now(UTC))
    finally:
        passwords.close()


def _raise_open_files() -> None:
    """Raise the soft limit of open files to the hard one: each miner that is written to is a socket."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError) as error:
        _log.warning("the limit of open files could not be raised", reason=str(error))


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
