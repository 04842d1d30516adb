"""Keeps the books: every hour of every container is booked once, as soon as it can be, the oldest first.

An hour can be booked when a scrape after its end is known, so that nothing can change it any more, and it comes out the
same whenever that is done: an hour later, or after weeks in which the controller was off. What Prometheus cannot tell
waits until it answers again; the books say how far they go and what they wait for.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfoNotFoundError

import msgspec
import structlog

from controller.accounting.asking import Asker
from controller.accounting.counting import SILENT_ABOVE_S, MinerPoints, believed, miner_sums, with_kinds
from controller.accounting.model import (
    BookedHour,
    KnownContainer,
    Labels,
    MinerSums,
    Piece,
    Sums,
    Terms,
)
from controller.accounting.periods import day_bounds, day_of, hour_at, month_bounds, month_of
from controller.accounting.reading import (
    HourRead,
    Known,
    Scrapes,
    first_scrape,
    known_containers,
    read_hour,
    scrapes_around,
)
from controller.accounting.shelf import Book, books_of
from controller.figures import LedgerFigures
from controller.history import HistoryAway
from controller.storage.faults import Taken
from controller.storage.ledger import ClosedMonth, KeptPiece
from controller.storage.storage import Storage
from controller.wording import worded
from miners.inventory.fleet import Container, Inventory

WAITED_FOR: Final = timedelta(days=7)
"""For so long a scrape after an hour is waited for; then what is known is booked."""
WAITED_FOR_LEFT: Final = timedelta(days=1)
"""The same where the container left the inventory: nobody scrapes it any more, but an edit may have been a mistake."""
LOOKED_BACK_DAYS: Final = 8
"""How far containers are looked for once all of them have been found."""
LATE: Final = timedelta(minutes=10)
"""So long after an hour a scrape is missing before that is a reason to say."""
UNKNOWN: Final = "unknown"
"""Stands for the algorithm of a miner of which nobody knows what it hashes."""

_log = structlog.get_logger(__name__)

Span = tuple[datetime, datetime, Terms]


class TermsOf(Protocol):
    """Who knows whose a container was and at what price."""

    async def pieces(
        self, container: Container | KnownContainer, begin: datetime, end: datetime, labels: Labels
    ) -> list[Span]:
        """Return the terms of a time in order, each with its begin and end, without a gap."""
        ...


class BookState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the books of a container go. `why`: what is waited for, None where nothing is; `waiting_since`: which hour's end."""

    container: str
    name: str
    booked_until: datetime | None
    waiting_since: datetime | None = None
    why: str | None = None


class Bookkeeper:
    """Books hours as they become known, corrects them, and says how far it has come."""

    def __init__(
        self,
        storage: Storage,
        asker: Asker | None,
        inventory: Callable[[], Inventory],
        terms: TermsOf,
        now: Callable[[], datetime],
    ) -> None:
        """`asker`: the way to Prometheus, None where there is none. `now`: the time, aware."""
        self._storage = storage
        self._asker = asker
        self._inventory = inventory
        self._terms = terms
        self._now = now
        self._turn = asyncio.Lock()
        self._keeping = asyncio.Lock()
        self._books: dict[str, Book] = {}
        self._waits: dict[str, tuple[datetime | None, str]] = {}
        self._known: dict[str, Known] | None = None
        self._days_made: set[str] = set()
        self._closed: set[str] = set()
        self._booked = 0
        self._failed = 0
        self._away: str | None = None

    async def keep(self, within_s: float | None = None) -> int:
        """Book what can be booked, the oldest hours first, for no longer than `within_s`; return how many hours that was.

        Raises HistoryAway where Prometheus does not answer, StorageAway; then the rest is booked at the next call.
        """
        if self._asker is None:
            self._away = worded("there is no history: --prometheus names none")
            return 0
        async with self._keeping:
            try:
                booked = await self._keep(self._asker, within_s)
            except Exception as error:
                self._failed += 1
                self._away = str(error) if isinstance(error, HistoryAway) else None
                raise
            self._away = None
            return booked

    def state(self) -> list[BookState]:
        """Return how far the books of each container go, by id, and what they wait for."""
        return [
            BookState(
                container=id_,
                name=book.container.name,
                booked_until=book.booked_until,
                waiting_since=self._waits.get(id_, (None, ""))[0] or book.booked_until
                if id_ in self._waits or self._away
                else None,
                why=self._away or self._waits.get(id_, (None, None))[1],
            )
            for id_, book in sorted(self._books.items())
        ]

    def figures(self) -> LedgerFigures:
        """Return what the metrics say of the books."""
        return LedgerFigures(
            booked_until={
                (getattr(book.container, "client", None), book.container.name): book.booked_until.timestamp()
                for book in self._books.values()
                if book.booked_until is not None
            },
            booked=self._booked,
            failures=self._failed,
        )

    async def correct(self, container: str, begin: datetime, end: datetime, actor: str, reason: str) -> int:
        """Put the booked hours of a time of a container (id) on the terms that hold for it now; return how many changed.

        What was counted stays, and is not asked for again: Prometheus may have forgotten it. Where nothing says whose the
        container was, that stays as well, and so do tariff and price of one that has left the inventory. Raises ClosedMonth where a month is closed, and then nothing is changed.
        """
        async with self._turn:
            kept = await self._storage.ledger.kept(container, begin, end)
            if not kept:
                return 0
            begin, end = max(begin, kept[0].begins), min(end, kept[-1].ends)
            labels = [(piece.begins, piece.terms.client) for hour in kept for piece in hour.pieces]
            subject = await self._subject(container)
            if subject is None or begin >= end:
                return 0
            spans = await self._terms.pieces(subject, begin, end, labels)
            if isinstance(subject, KnownContainer):
                spans = priced_as_booked(spans, [piece for hour in kept for piece in hour.pieces])
            return await self._storage.ledger.correct(container, joined(spans), actor=actor, reason=reason)

    async def _subject(self, id_: str) -> Container | KnownContainer | None:
        for container in self._inventory().containers:
            if container.id == id_:
                return container
        for kept in await self._storage.ledger.containers():
            if kept.id == id_:
                return KnownContainer(id=id_, name=kept.name, timezone=kept.timezone)
        return None

    async def _keep(self, asker: Asker, within_s: float | None) -> int:
        loop = asyncio.get_running_loop()
        ends = None if within_s is None else loop.time() + within_s
        await self._find_books(asker)
        booked = 0
        waiting: set[str] = set()
        while ends is None or loop.time() < ends:
            ready = [id_ for id_ in self._books if id_ not in waiting]
            if not ready:
                break
            id_ = min(ready, key=lambda one: (self._books[one].booked_until or _BEGINNING, one))
            async with self._turn:
                if await self._book_next(asker, id_):
                    booked += 1
                else:
                    waiting.add(id_)
        return booked

    async def _find_books(self, asker: Asker) -> None:
        """Look which containers there are, and add up the days that an end of the controller left open."""
        kept = await self._storage.ledger.containers()
        self._closed = {one.month for one in await self._storage.closings.find()}
        now = self._now().timestamp()
        if self._known is None:
            self._known = {one.name: one for one in await known_containers(asker, now)}
        else:
            for found in await known_containers(asker, now, LOOKED_BACK_DAYS):
                before = self._known.get(found.name)
                since = found.since if before is None else before.since
                self._known[found.name] = msgspec.structs.replace(found, since=since)
        self._books = books_of(self._inventory(), kept, self._known)
        self._waits = {id_: wait for id_, wait in self._waits.items() if id_ in self._books}
        for one in kept:
            if one.id not in self._days_made:
                await self._make_days(one.id, one.timezone, one.booked_until)
                self._days_made.add(one.id)

    async def _make_days(self, container: str, timezone: str, booked_until: datetime) -> None:
        for day in await self._storage.ledger.open_days(container):
            if day_bounds(timezone, day)[1] <= booked_until:
                await self._storage.ledger.close_day(container, day)

    async def _book_next(self, asker: Asker, id_: str) -> bool:
        """Book the next hour of a container; return whether that could be done."""
        book = self._books[id_]
        try:
            span = await self._next_hour(asker, book)
        except (ZoneInfoNotFoundError, ValueError) as error:
            self._waits[id_] = (book.booked_until, worded("its time zone is not known: %(why)s", why=error))
            return False
        if span is None:
            return False
        begin, end = span
        scrapes = await scrapes_around(
            asker, book.names, begin.timestamp(), end.timestamp(), self._now().timestamp()
        )
        if _is_over(book, scrapes, begin):
            self._waits.pop(id_, None)
            return False
        if not self._can_be_booked(book, scrapes, end):
            return False
        hour = await self._hour(asker, book, begin, end, scrapes)
        try:
            await self._storage.ledger.book(hour)
        except ClosedMonth as error:
            _log.warning(
                "an hour of a closed month is not booked", container=id_, hour=str(begin), why=str(error)
            )
        except Taken:
            _log.info("an hour was booked already", container=id_, hour=str(begin))
        else:
            self._booked += 1
            if day_of(book.container.timezone, end) != hour.day:
                await self._storage.ledger.close_day(id_, hour.day)
        self._books[id_] = msgspec.structs.replace(
            book, booked_from=book.booked_from or begin, booked_until=end
        )
        self._waits.pop(id_, None)
        return True

    async def _next_hour(self, asker: Asker, book: Book) -> tuple[datetime, datetime] | None:
        """Return the hour that is to be booked next: None where there is none yet."""
        id_, now = book.container.id, self._now()
        if book.booked_until is None:
            first = (
                None
                if book.since is None
                else await first_scrape(asker, book.names, book.since, now.timestamp())
            )
            if first is None:
                self._waits[id_] = (None, worded("nothing of it has been read yet"))
                return None
            begin, end = hour_at(book.container.timezone, datetime.fromtimestamp(first, UTC))
        else:
            begin, end = hour_at(book.container.timezone, book.booked_until)
            begin = max(begin, book.booked_until)
        begin, end = self._after_closed(book.container.timezone, begin, end)
        if end > now or (book.left and (book.until is None or book.until <= begin.timestamp())):
            self._waits.pop(id_, None)
            return None
        return begin, end

    def _after_closed(self, timezone: str, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Return the hour, or the first one after the closed months that it lies in: they take no more."""
        while (month := month_of(day_of(timezone, begin))) in self._closed:
            begin, end = hour_at(timezone, month_bounds(timezone, month)[1])
        return begin, end

    def _can_be_booked(self, book: Book, scrapes: Scrapes, end: datetime) -> bool:
        """Return whether nothing can change an hour any more; say what is waited for where something can."""
        now = self._now()
        if scrapes.known_after(end.timestamp()):
            return True
        if now >= end + (WAITED_FOR_LEFT if book.left else WAITED_FOR):
            return True
        if now >= end + LATE:
            self._waits[book.container.id] = (
                end,
                worded("Prometheus has read nothing of it since the hour ended"),
            )
        return False

    async def _hour(
        self, asker: Asker, book: Book, begin: datetime, end: datetime, scrapes: Scrapes
    ) -> BookedHour:
        container = book.container
        labels = [
            (datetime.fromtimestamp(at, UTC), client)
            for at, client in zip(scrapes.moments, scrapes.clients, strict=True)
        ]
        spans = joined(await self._terms.pieces(container, begin, end, labels))
        cuts = [span[0].timestamp() for span in spans] + [end.timestamp()]
        read = await read_hour(asker, book.names, cuts, scrapes.moments)
        sums = await asyncio.to_thread(_sums_of, book, read, cuts, scrapes)
        return BookedHour(
            container=container.id,
            name=container.name,
            timezone=container.timezone,
            begins=begin,
            ends=end,
            day=day_of(container.timezone, begin),
            pieces=tuple(
                Piece(
                    begins=piece_begin,
                    ends=piece_end,
                    terms=terms,
                    peak_w=read.peaks_w[at],
                    miners=tuple(
                        MinerSums(miner, pieces[at], refused)
                        for miner, (pieces, refused) in sorted(sums.items())
                        if pieces[at] != _NOTHING
                    ),
                )
                for at, (piece_begin, piece_end, terms) in enumerate(spans)
            ),
        )


_BEGINNING = datetime.min.replace(tzinfo=UTC)
_NOTHING = Sums()


def _is_over(book: Book, scrapes: Scrapes, begin: datetime) -> bool:
    """Return whether a container that left was scraped for the last time before an hour: then it has no more hours."""
    at = begin.timestamp()
    return (
        book.left and not scrapes.known_after(at) and (book.until is None or book.until - at < SILENT_ABOVE_S)
    )


def priced_as_booked(spans: Sequence[Span], pieces: Sequence[KeptPiece]) -> list[Span]:
    """Return spans with the tariffs and prices that the booked pieces (in order) have: no inventory says them any more."""
    found: list[Span] = []
    for begin, end, terms in spans:
        at = begin
        for piece in pieces:
            first, last = max(at, piece.begins), min(end, piece.ends)
            if first >= last:
                continue
            found += [
                (at, first, terms),
                (first, last, msgspec.structs.replace(piece.terms, client=terms.client)),
            ]
            at = last
        found.append((at, end, terms))
    return [span for span in found if span[0] < span[1]]


def joined(spans: Sequence[Span]) -> list[Span]:
    """Return the spans with neighbours on the same terms made one."""
    found: list[Span] = []
    for begin, end, terms in spans:
        if begin >= end:
            continue
        if found and found[-1][2] == terms:
            found[-1] = (found[-1][0], end, terms)
        else:
            found.append((begin, end, terms))
    return found


def _sums_of(
    book: Book, read: HourRead, cuts: Sequence[float], scrapes: Scrapes
) -> dict[str, tuple[list[Sums], bool]]:
    """Return by miner what it did in each piece of an hour, and whether something of it could not be believed."""
    points = dict(read.points)
    nominal_w = dict(read.nominal_power_w)
    stays_from, stays_until = _there_beside(book, scrapes, cuts)
    if isinstance(book.container, Container):
        for miner in book.container.miners:
            if miner.active and not scrapes.moments:
                points.setdefault(miner.name, MinerPoints())
            if miner.nominal_power_w is not None:
                nominal_w.setdefault(miner.name, miner.nominal_power_w)
    found = {}
    for name, figures in points.items():
        moments = figures.moments()
        sums, refused = believed(
            miner_sums(
                figures,
                cuts,
                () if name in read.dense else scrapes.moments,
                read.algorithms.get(name, UNKNOWN),
                there_from=stays_from if not moments or moments[0] == scrapes.moments[0] else None,
                there_until=stays_until if not moments or moments[-1] == scrapes.moments[-1] else None,
            ),
            cuts[-1] - cuts[0],
            nominal_w.get(name),
            read.nominal_hashrate_hs.get(name),
        )
        kinds = [by_miner.get(name, {}) for by_miner in read.minutes]
        found[name] = (
            [with_kinds(one, minutes) for one, minutes in zip(sums, kinds, strict=True)],
            refused,
        )
    return found


def _there_beside(book: Book, scrapes: Scrapes, cuts: Sequence[float]) -> tuple[float | None, float | None]:
    """Return from when and until when the miners of an hour were there beside what was scraped.

    A container of the inventory that nobody read for more than a week stood there all the same, and that is time without
    readings; one that left the inventory was there as long as it was read.
    """
    if book.left:
        return None, None
    was_before = book.booked_from is not None and book.booked_from.timestamp() < cuts[0]
    begins = not scrapes.moments or scrapes.moments[0] > cuts[0]
    ends = not scrapes.moments or scrapes.moments[-1] < cuts[-1]
    return (cuts[0] if begins and was_before else None), (cuts[-1] if ends else None)
