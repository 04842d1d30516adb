"""Asking the exporters: what has changed in the fleet, a poll now, and leases while the controller writes.

Where there are several (shards), a container is polled by one of them; whose it is shows in what they tell. Everything
that fails becomes one of three errors:

ExporterError (a HashyardError)
├── ExporterAway    it does not answer, or not as one does: go on without
├── LeaseBusy       somebody else has a lease on the miner, or a poll does not end: wait `retry_after_s`
└── NotPolled       no exporter polls this miner
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog
from aiohttp import hdrs

from controller.exporter_work import ExporterWork, work_of
from controller.settings import is_loopback
from controller.wording import figure, worded
from miners.errors import HashyardError
from miners.model import Reading
from miners.proof import one_line

MAX_LEASED = 500
"""The exporter takes so many miners in one lease."""

MAX_LEASE_S = 60.0
"""And leases them for so long at most."""

ITEMS_A_PAGE = 250
"""Small enough that looking a page over holds up the event loop for a millisecond or two."""

_ITEMS_A_PIECE = 25
_CONNECT_S = 3.0
_FLEET_WITHIN_S = 15.0
_LEASE_WITHIN_S = 20.0
_POLL_WITHIN_S = 15.0
_OWN_WITHIN_S = 5.0
_RENEW_AFTER = 0.75
_RETRY_AFTER_S = 5.0
_LONGEST_DETAIL = 200

_log = structlog.get_logger(__name__)


class ExporterError(HashyardError):
    """An exporter did not do what it was asked."""


class ExporterAway(ExporterError):
    """The exporter does not answer, or answers what no exporter does."""


class LeaseBusy(ExporterError):
    """A miner cannot be had now."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        """`retry_after_s`: when to ask again."""
        super().__init__(text)
        self.retry_after_s = retry_after_s


class NotPolled(ExporterError):
    """No exporter has this miner in its inventory."""


class MinerName(NamedTuple):
    """A miner by the names that the inventory gives."""

    container: str
    miner: str


class FleetPage(msgspec.Struct, frozen=True):
    """One answer of `/api/v1/fleet`, its readings not looked into yet. `full`: there may be more after it."""

    as_of: datetime
    cursor: str
    reset: bool
    items: tuple[msgspec.Raw, ...]
    removed: tuple[tuple[str, str], ...]
    full: bool


class _Removed(msgspec.Struct, frozen=True, gc=False):
    container: str
    miner: str


class _Fleet(msgspec.Struct, frozen=True):
    as_of: datetime
    cursor: str
    items: tuple[msgspec.Raw, ...]
    reset: bool = False
    removed: tuple[_Removed, ...] = ()


class _Granted(msgspec.Struct, frozen=True):
    lease: str


class _Mistake(msgspec.Struct, frozen=True):
    at: str = ""
    detail: str = ""


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""
    errors: tuple[_Mistake, ...] = ()


_FLEET = msgspec.json.Decoder(_Fleet)
_READING: msgspec.json.Decoder[Reading] = msgspec.json.Decoder(Reading)
_PROBLEM = msgspec.json.Decoder(_Problem)


class Exporter:
    """One exporter, by its URL. Every method raises ExporterError and nothing else."""

    def __init__(self, url: str, token: str | None, session: aiohttp.ClientSession) -> None:
        """`token`: of its `--token-file`."""
        self.url = url.rstrip("/")
        self._session = session
        self._headers = {} if token is None else {hdrs.AUTHORIZATION: f"Bearer {token}"}
        if is_loopback(urlsplit(url).hostname or ""):
            self._headers[hdrs.ACCEPT_ENCODING] = (
                "identity"  # on one machine compressing costs more than it saves
            )

    async def fleet(self, cursor: str | None) -> FleetPage:
        """Return what has changed since a cursor of this exporter, or all; one page of it."""
        parameters = {"limit": str(ITEMS_A_PAGE)} | ({} if cursor is None else {"cursor": cursor})
        status, body = await self._ask("GET", "/api/v1/fleet", _FLEET_WITHIN_S, parameters=parameters)
        if status == HTTPStatus.BAD_REQUEST and cursor is not None:
            return await self.fleet(None)  # it may have been started anew with a shorter history
        if status != HTTPStatus.OK:
            raise self._away(status, body)
        try:
            found = _FLEET.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ExporterAway(
                worded("%(url)s answers, but not as an exporter does", url=self.url)
            ) from error
        removed = tuple((one.container, one.miner) for one in found.removed)
        full = len(found.items) + len(removed) >= ITEMS_A_PAGE
        return FleetPage(found.as_of, found.cursor, found.reset, found.items, removed, full)

    async def poll(self, name: MinerName) -> Reading:
        """Have a miner read now, so that the reading enters history; return it."""
        status, body = await self._ask("POST", "/api/v1/poll", _POLL_WITHIN_S, json=name._asdict())
        if status != HTTPStatus.OK:
            raise self._refusal(status, body)
        try:
            return _READING.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ExporterAway(
                worded("%(url)s answers, but not as an exporter does", url=self.url)
            ) from error

    async def work(self) -> ExporterWork:
        """Return how it keeps up with its work."""
        status, body = await self._ask("GET", "/metrics/own", _OWN_WITHIN_S)
        if status != HTTPStatus.OK:
            raise self._away(status, body)
        return work_of(body.decode("utf-8", "replace"))

    async def lease(self, names: Sequence[MinerName], seconds: float) -> str | None:
        """Lease miners, all or none; return the lease's id, or None if it polls none of them."""
        wanted = list(names)
        while wanted:
            question = {"miners": [name._asdict() for name in wanted], "seconds": seconds}
            status, body = await self._ask("POST", "/api/v1/lease", _LEASE_WITHIN_S, json=question)
            if status == HTTPStatus.OK:
                try:
                    return msgspec.json.decode(body, type=_Granted).lease
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise ExporterAway(
                        worded("%(url)s answers, but not as an exporter does", url=self.url)
                    ) from error
            if status != HTTPStatus.NOT_FOUND:
                raise self._refusal(status, body)
            strangers = _places(body)
            left = [name for at, name in enumerate(wanted) if at not in strangers]
            if len(left) == len(wanted):
                raise self._refusal(status, body)
            wanted = left
        return None

    async def release(self, lease: str) -> None:
        """End a lease before its time; one that has lapsed is none to end."""
        status, body = await self._ask("DELETE", f"/api/v1/lease/{lease}", _FLEET_WITHIN_S)
        if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
            raise self._refusal(status, body)

    async def _ask(
        self,
        method: str,
        path: str,
        within_s: float,
        *,
        parameters: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=within_s, sock_connect=_CONNECT_S)
        try:
            async with self._session.request(
                method,
                self.url + path,
                params=parameters,
                json=json,
                headers=self._headers,
                timeout=timeout,
                allow_redirects=False,  # else the token would go where a stranger says
            ) as response:
                return response.status, await response.read()
        except TimeoutError as error:
            raise ExporterAway(
                worded(
                    "%(url)s did not answer within %(within_s)s s",
                    url=self.url,
                    within_s=figure(within_s, ".0f"),
                )
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ExporterAway(
                worded("%(url)s cannot be reached (%(why)s)", url=self.url, why=_why(error))
            ) from error

    def _refusal(self, status: int, body: bytes) -> ExporterError:
        words = self._said(body)
        if status == HTTPStatus.NOT_FOUND:
            return NotPolled(f"{self.url}: {words}")
        if status == HTTPStatus.CONFLICT or (status == HTTPStatus.SERVICE_UNAVAILABLE and words):
            return LeaseBusy(words or "the exporter is busy with the miner", _RETRY_AFTER_S)
        return self._away(status, body)

    def _away(self, status: int, body: bytes) -> ExporterAway:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return ExporterAway(
                worded(
                    "%(url)s refuses us (%(status)s): --exporter-token-file has to hold the token of its --token-file",
                    url=self.url,
                    status=status,
                )
            )
        words = self._said(body)
        return ExporterAway(
            worded("%(url)s answers %(status)s: %(words)s", url=self.url, status=status, words=words)
            if words
            else worded("%(url)s answers %(status)s", url=self.url, status=status)
        )

    def _said(self, body: bytes) -> str:
        """Return the words of an answer, without the token should it repeat that."""
        return one_line(_words(body), [self._headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer ")])


class ExporterClient:
    """All exporters. To be used within `async with`. Without any, everything goes on without."""

    def __init__(self, urls: Iterable[str], token: str | None) -> None:
        """`token`: what all of them want, None where they want none."""
        self._urls = tuple(urls)
        self._token = token
        self._owners: dict[str, int] = {}
        self._told_without = False
        self.exporters: tuple[Exporter, ...] = ()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connections' pool. In the loop in which it is used."""
        connector = aiohttp.TCPConnector(limit=64)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self.exporters = tuple(Exporter(url, self._token, self._session) for url in self._urls)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    @property
    def configured(self) -> int:
        """How many exporters there are to be."""
        return len(self._urls)

    def owner(self, container: str) -> int | None:
        """Return which exporter polls a container, None if none has told of it yet. The only one polls all."""
        return 0 if len(self._urls) == 1 else self._owners.get(container)

    def own(self, container: str, exporter: int) -> None:
        """Note that an exporter told of a container."""
        self._owners[container] = exporter

    async def poll(self, container: str, miner: str) -> Reading:
        """Have the exporter of this container read a miner now. Raises ExporterError."""
        owner = self.owner(container)
        if owner is None:
            raise NotPolled(
                "no exporter has told of this container yet"
                if self._urls
                else "there is no exporter: start one, and name it with --exporter"
            )
        return await self.exporters[owner].poll(MinerName(container, miner))

    @asynccontextmanager
    async def lease(self, names: Iterable[MinerName], seconds: float = 30.0) -> AsyncIterator[bool]:
        """Hold leases on miners as long as the context lasts; each is renewed before its `seconds` (≤ 60) are over.

        Gives whether every miner is leased; False if an exporter is away and it goes on without. Raises LeaseBusy.
        """
        groups: dict[int, list[MinerName]] = {}
        for name in names:
            owner = self.owner(name.container)
            if owner is not None:
                groups.setdefault(owner, []).append(name)
        held: list[_Held] = []
        try:
            whole = True
            for owner, group in groups.items():
                for start in range(0, len(group), MAX_LEASED):
                    one = _Held(
                        self.exporters[owner], group[start : start + MAX_LEASED], min(seconds, MAX_LEASE_S)
                    )
                    held.append(one)
                    whole = await self._begin(one) and whole
            yield whole
        finally:
            await asyncio.gather(*(one.end() for one in held))

    async def _begin(self, held: "_Held") -> bool:
        try:
            await held.begin()
        except (ExporterAway, NotPolled) as error:
            if not self._told_without:
                self._told_without = True
                _log.warning("no lease from the exporter, going on without", reason=str(error))
            return False
        if self._told_without:
            self._told_without = False
            _log.info("leases are had from the exporter again")
        return True


class _Held:
    """One lease that is kept up until its end."""

    def __init__(self, exporter: Exporter, names: Sequence[MinerName], seconds: float) -> None:
        self._exporter = exporter
        self._names = names
        self._seconds = seconds
        self._lease: str | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self._lease = await self._exporter.lease(self._names, self._seconds)
        if self._lease is not None:
            self._renewing = asyncio.create_task(self._renew())

    async def end(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self._release()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._seconds * _RENEW_AFTER)
            await self._release()
            try:
                self._lease = await self._exporter.lease(self._names, self._seconds)
            except ExporterError as error:
                _log.warning("a lease could not be renewed", miners=len(self._names), reason=str(error))
                return

    async def _release(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            try:
                await self._exporter.release(lease)
            except ExporterError as error:  # it lapses by itself
                _log.debug("a lease was not released", reason=str(error))


async def decoded(page: FleetPage) -> AsyncIterator[list[Reading]]:
    """Decode the readings of a page in pieces, with the event loop's turn between them.

    What cannot be decoded (an exporter of another version, say) is left out, and said once a page.
    """
    strange = 0
    for start in range(0, len(page.items), _ITEMS_A_PIECE):
        readings: list[Reading] = []
        for raw in page.items[start : start + _ITEMS_A_PIECE]:
            try:
                readings.append(_READING.decode(raw))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                strange += 1
                reason = str(error)
        yield readings
        await asyncio.sleep(0)
    if strange:
        _log.warning("readings of the exporter cannot be understood", readings=strange, reason=reason)


def _words(body: bytes) -> str:
    """Return the exporter's own words on why not, cut short; "" if it gave none."""
    try:
        return _PROBLEM.decode(body).detail[:_LONGEST_DETAIL]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def _places(body: bytes) -> set[int]:
    """Return which of the miners that were asked for are not there, by their places in the question."""
    try:
        mistakes = _PROBLEM.decode(body).errors
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return set()
    parts = [mistake.at.split("/") for mistake in mistakes]
    return {int(part[2]) for part in parts if len(part) > 2 and part[1] == "miners" and part[2].isdigit()}


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
