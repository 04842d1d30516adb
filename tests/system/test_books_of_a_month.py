"""The books of a farm of which every minute is known: what they say, against what was so, through a real Prometheus.

A few days of it at every run, the whole month among the long tests. The exporter is away, Prometheus is away, the
controller is away, a miner dies, profiles change by the hour, a container changes hands at a midnight, and a tariff changes
in the night in which the clocks are put back.
"""

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from sqlalchemy import Connection

from controller.accounting import reading
from controller.accounting.asking import Asker
from controller.accounting.booking import Bookkeeper
from controller.accounting.closing import close_month
from controller.accounting.counting import miner_sums
from controller.accounting.model import KINDS, Sums
from controller.accounting.periods import day_bounds, hours_between
from controller.accounting.reading import read_hour, scrapes_around
from controller.accounting.terms import TermsBook
from controller.history import HistoryAway
from controller.storage import ledger_reading
from controller.storage.books_schema import SUMS
from controller.storage.ledger import ClosedMonth, KeptHour
from controller.storage.ledger_reading import Period
from controller.storage.ledger_rows import day_number
from controller.storage.storage import Storage
from miners.inventory.fleet import Inventory
from miners.inventory.load import load
from tests.system.month_of_a_farm import Away, Farm, FarmContainer, FarmMiner, Truth
from tests.system.past_of_a_fleet import prometheus
from tools import packages

HOUR = 3600
NEAR = 0.005
PROMTOOL = packages.find_program("promtool")
pytestmark = [
    pytest.mark.skipif(
        PROMTOOL is None or packages.find_program("prometheus") is None, reason="no prometheus and promtool"
    ),
    pytest.mark.xdist_group("books of a month"),
]


def utc(day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(2026, 10, day, hour, minute, tzinfo=UTC).timestamp())


@dataclass
class Books:
    """A farm with its past in a Prometheus: where that answers, and the folder for databases. `filled`: what a new one begins as."""

    farm: Farm
    inventory: Inventory
    url: str
    folder: Path
    filled: Path | None = None

    @asynccontextmanager
    async def opened(self, *names: str) -> AsyncIterator[tuple[Any, ...]]:
        """Give the way to Prometheus, and a database for each name."""
        asker = Asker(self.url)
        for name in names:
            if self.filled is not None and not (self.folder / f"{name}.db").exists():
                shutil.copy(self.filled, self.folder / f"{name}.db")
        storages = [Storage.open(f"sqlite:///{self.folder / name}.db") for name in names]
        try:
            yield asker, *storages
        finally:
            await asker.close()
            for storage in storages:
                storage.close()

    def end(self) -> datetime:
        return datetime.fromtimestamp(self.farm.ends, UTC)


class Clock:
    """The time, as the test sets it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def keeper(books: Books, storage: Storage, asker: Asker, clock: Clock) -> Bookkeeper:
    return Bookkeeper(
        storage, asker, lambda: books.inventory, TermsBook(storage, lambda: books.inventory), clock
    )


def farm_of(begins: int, ends: int, midnight: int) -> Farm:
    """Return the farm; `midnight`: when the one in Irkutsk changes hands, of its own clock."""

    def miner(number: int, *, measured: bool = True, dead: Sequence[Away] = ()) -> FarmMiner:
        return FarmMiner(f"a{number}", 3000.0 + 100 * number, 1e14, measured, dead)

    return Farm(
        [
            FarmContainer(
                "Berlin 1",
                "Europe/Berlin",
                [
                    miner(1),
                    miner(2, measured=False),
                    miner(3, dead=[Away(begins + 5 * HOUR + 600, begins + 9 * HOUR + 1200)]),
                ],
                [(0, "volga")],
                [
                    Away(begins + 11 * HOUR + 600, begins + 11 * HOUR + 660),
                    Away(begins + 13 * HOUR + 600, begins + 13 * HOUR + 3000),
                ],
            ),
            FarmContainer(
                "Контейнер 2",
                "Asia/Irkutsk",
                [miner(4), miner(5, dead=[Away(begins, ends)])],
                [(0, "volga"), (midnight, "amur")],
            ),
            FarmContainer("Kolkata", "Asia/Kolkata", [miner(6)], [(0, None)]),
        ],
        begins,
        ends,
        [Away(begins + 22 * HOUR + 1200, begins + 25 * HOUR)],
    )


def inventory_of(farm: Farm, folder: Path) -> Inventory:
    """Return the inventory of the farm, of a file as people write it."""
    lines = [
        "tariffs:",
        "  night-day:",
        "    currency: EUR",
        "    price_per_kwh: 0.20",
        '    zones: [{days: [mon-sun], from: "22:00", to: "06:00", price_per_kwh: 0.10}]',
        "    changes:",
        "      - from: 2026-10-25",
        "        price_per_kwh: 0.31",
        '        zones: [{days: [mon-sun], from: "01:00", to: "02:30", price_per_kwh: 0.07}]',
        "containers:",
    ]
    for number, container in enumerate(farm.containers):
        lines += [f"  - name: {container.name}", f"    timezone: {container.timezone}"]
        lines += ["    tariff: night-day"] if number == 0 else []
        lines += ["    miners:"]
        lines += [
            f"      - {{name: {miner.name}, address: 127.9.{number}.{at}}}"
            for at, miner in enumerate(container.miners, 1)
        ]
    file = folder / "targets.yml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load([file])


def run_farm(farm: Farm, folder: Path) -> Iterator[Books]:
    assert PROMTOOL is not None
    farm.write(str(PROMTOOL), folder / "data")
    inventory = inventory_of(farm, folder)
    with prometheus(folder, retention="60d") as url:
        yield Books(farm, inventory, url, folder)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """A day and some hours, over the night in which the clocks are put back in Berlin."""
    begins = utc(23, 21)
    yield from run_farm(farm_of(begins, begins + 34 * HOUR, utc(24, 16)), tmp_path_factory.mktemp("days"))


@pytest.fixture(scope="module")
def filled_days(days: Books) -> Books:
    """The same with the books of it already kept, as soon as that can be."""

    async def fill() -> None:
        async with days.opened("filled") as (asker, storage):
            await keeper(days, storage, asker, Clock(days.end() + timedelta(minutes=1))).keep()

    asyncio.run(fill())
    return dataclasses.replace(days, filled=days.folder / "filled.db")


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    begins = utc(1) - 10 * HOUR
    yield from run_farm(farm_of(begins, utc(31) + 34 * HOUR, utc(14, 16)), tmp_path_factory.mktemp("month"))


async def kept_hours(books: Books, storage: Storage) -> dict[str, list[KeptHour]]:
    begin = datetime.fromtimestamp(books.farm.begins - HOUR, UTC)
    return {
        one.name: await storage.ledger.kept(one.id, begin, books.end() + timedelta(hours=1))
        for one in books.inventory.containers
    }


def added(hours: Sequence[KeptHour]) -> Sums:
    total = Sums()
    for hour in hours:
        for piece in hour.pieces:
            total += piece.sums
    return total


async def check_against_truth(books: Books) -> None:
    """Hold whatever the books say of each day against what was so."""
    async with books.opened("checked") as (asker, storage):
        bookkeeper = keeper(books, storage, asker, Clock(books.end() + timedelta(minutes=1)))
        await bookkeeper.keep()
        hours = await kept_hours(books, storage)
        for container in books.farm.containers:
            truth = books.farm.truth[container.name]
            of_it = hours[container.name]
            expected = list(
                hours_between(container.timezone, datetime.fromtimestamp(books.farm.begins, UTC), books.end())
            )
            ended = [span for span in expected if span[1] <= books.end()]
            # All hours are there, but the last, after which nothing was scraped.
            assert [(one.begins, one.ends) for one in of_it] == ended[: len(of_it)]
            assert len(of_it) >= len(ended) - 1
            by_day: dict[date, list[KeptHour]] = {}
            for hour in of_it[1:]:
                by_day.setdefault(hour.day, []).append(hour)
            check_whole(container, of_it[1:], truth)
            for day, some in by_day.items():
                check_day(container.name, day, added(some), [truth[one.begins] for one in some], container)
            check_hours(of_it[1:], truth)
        check_owners(books, hours)
        check_prices(hours["Berlin 1"])
        await check_adding_up(books, storage, hours)
        await check_closing(books, storage, asker)


def check_whole(container: FarmContainer, hours: Sequence[KeptHour], truth: dict[datetime, Truth]) -> None:
    """Hold all hours together against what was so: what Prometheus did not see is counted, only not to the hour."""
    sums, so = added(hours), [truth[hour.begins] for hour in hours]
    assert sums.total_j == pytest.approx(sum(one.readable_j for one in so), rel=NEAR), container.name
    assert sums.read_s == pytest.approx(sum(one.readable_s for one in so), rel=NEAR), container.name
    hashes = sum(one.readable_megahashes for one in so)
    assert sum(sums.megahashes.values()) == pytest.approx(hashes, rel=NEAR), container.name


def check_day(name: str, day: date, sums: Sums, truth: Sequence[Truth], container: FarmContainer) -> None:
    joules, megahashes = sum(one.readable_j for one in truth), sum(one.megahashes for one in truth)
    readable_s, seconds = sum(one.readable_s for one in truth), sum(one.seconds for one in truth)
    assert sums.miner_s == seconds, (name, day)
    # What was read is what could be read: minutes beside each outage, in which a poll stands alone, are the difference.
    assert sums.read_s == pytest.approx(readable_s, rel=NEAR, abs=120), (name, day)
    # What an outage of Prometheus hides is spread evenly, though profiles changed in it.
    hidden_s = 120 + sums.bridged_s
    assert sums.total_j == pytest.approx(joules, rel=NEAR, abs=hidden_s * 4000), (name, day)
    # Readings lag by some seconds, at both ends of a day alike; a part of a day may begin and end at different profiles.
    begin, end = day_bounds(container.timezone, day)
    whole = seconds == (end - begin).total_seconds() * len(container.miners)
    if whole and readable_s == seconds and not sums.bridged_s:
        assert sums.total_j == pytest.approx(sum(one.joules for one in truth), rel=NEAR), (name, day)
        assert sums.read_s == pytest.approx(sums.miner_s, rel=NEAR), (name, day)
    assert sums.megahashes.get("sha256d", 0) == pytest.approx(
        sum(one.readable_megahashes for one in truth), rel=NEAR, abs=hidden_s * 1e8
    ), (name, day)
    assert (sums.measured_j == 0) == (not any(miner.measured for miner in container.miners))
    assert megahashes >= 0
    for kind in KINDS:
        # A minute in which a container changes hands is cut, and what it was worth cannot be more than its part.
        assert sums.seconds_of(kind) == pytest.approx(sum(one.classes[kind] for one in truth), abs=60)
    watched_s = sum(one.classes[kind] for one in truth for kind in KINDS)
    assert sums.unwatched_s == pytest.approx(seconds - watched_s, abs=60), (name, day)


def check_hours(hours: Sequence[KeptHour], truth: dict[datetime, Truth]) -> None:
    """Hold single hours against what was so: within what two scrapes hide, where no outage was bridged."""
    for hour in hours:
        sums, so = added([hour]), truth[hour.begins]
        assert 0 <= sums.bridged_s <= sums.read_s <= sums.miner_s
        if not sums.bridged_s:
            assert sums.total_j == pytest.approx(so.readable_j, rel=NEAR, abs=90 * 4000 * 3), hour.begins


def check_owners(books: Books, hours: dict[str, list[KeptHour]]) -> None:
    """Hold each hour's client against whose the container was: it changed hands at a midnight of its own."""
    for container in books.farm.containers:
        for hour in hours[container.name]:
            for piece in hour.pieces:
                owner = [name for since, name in container.owners if since <= piece.ends.timestamp() - 60][-1]
                assert piece.terms.client == owner


def check_prices(hours: Sequence[KeptHour]) -> None:
    """Hold each piece's price against the tariff, by the clock on the wall, on both sides of the night of the change."""
    zone = ZoneInfo("Europe/Berlin")
    seen = set()
    for hour in hours:
        for piece in hour.pieces:
            wall = piece.begins.astimezone(zone)
            minute = wall.hour * 60 + wall.minute
            if wall.date() < date(2026, 10, 25):
                price = "0.10" if minute >= 22 * 60 or minute < 6 * 60 else "0.20"
            else:
                price = "0.07" if 60 <= minute < 150 else "0.31"
            assert piece.terms.price_per_kwh is not None
            assert float(piece.terms.price_per_kwh) == float(price), wall
            assert (piece.terms.tariff, piece.terms.currency) == ("night-day", "EUR")
            seen.add(price)
    assert seen == {"0.10", "0.20", "0.07", "0.31"}
    # 02:30 came twice in that night: each of the two hours from 02:00 is in two pieces.
    night = [hour for hour in hours if hour.begins.astimezone(zone).strftime("%d %H") == "25 02"]
    assert [len(hour.pieces) for hour in night] == [2, 2]


def rows_by_miner(connection: Connection, container: str, day: date) -> list[Sequence[int]]:
    number = day_number(day)
    period = Period(number, number, [ledger_reading.numbers_of(connection)[container]], None)
    return [row.sums for row in ledger_reading.miner_sums(connection, period, miners=None, by_day=True)]


async def check_adding_up(books: Books, storage: Storage, hours: dict[str, list[KeptHour]]) -> None:
    """Hold the rows by miner and day against the hours of each complete day: not a joule, nor a second, is apart."""
    complete = 0
    for container in books.inventory.containers:
        by_day: dict[date, Sums] = {}
        for hour in hours[container.name]:
            by_day[hour.day] = by_day.get(hour.day, Sums()) + added([hour])
        open_days = set(await storage.ledger.open_days(container.id))
        for day, sums in by_day.items():
            rows = await storage.database.read(partial(rows_by_miner, container=container.id, day=day))
            figures = [sum(column) for column in zip(*rows, strict=True)]
            counted = [getattr(sums, name) for name in SUMS[:-1]]
            assert figures == [*counted, sum(sums.megahashes.values())], (container.name, day)
            complete += day not in open_days
    assert complete > 0


async def check_closing(books: Books, storage: Storage, asker: Asker) -> None:
    """Close October and hold every row of it against what it was: nothing that comes later changes one."""
    now = datetime(2026, 11, 2, 12, tzinfo=UTC)
    closing = await close_month(
        storage, books.inventory, "2026-10", basis="readings", by="anna", now=now, incomplete=True
    )
    report = await storage.closings.report(closing.number)
    before = await kept_hours(books, storage)
    bookkeeper = keeper(books, storage, asker, Clock(now))
    await bookkeeper.keep()
    begin, end = day_bounds("Europe/Berlin", date(2026, 10, 24))
    dearer = msgspec.structs.replace(books.inventory.tariffs["night-day"], price_per_kwh="9.99")
    changed = msgspec.structs.replace(books.inventory, tariffs={"night-day": dearer})
    late = keeper(dataclasses.replace(books, inventory=changed), storage, asker, Clock(now))
    with pytest.raises(ClosedMonth, match="2026-10 is closed"):
        await late.correct("berlin-1", begin, end, "anna", "dearer")
    after = await kept_hours(books, storage)
    for name, hours in before.items():
        october = [hour for hour in hours if hour.day.month == 10]
        assert [hour for hour in after[name] if hour.day.month == 10] == october
    assert await storage.closings.report(closing.number) == report


async def check_live_filling(books: Books, step: timedelta) -> None:
    """Fill the books hour by hour, with a controller that is away for a time, and compare with filling them at once."""
    async with books.opened("live", "late") as (asker, live, late):
        clock = Clock(datetime.fromtimestamp(books.farm.begins, UTC) + timedelta(minutes=50))
        bookkeeper = keeper(books, live, asker, clock)
        begun = clock.at
        while clock.at < books.end():
            since = clock.at - begun
            if timedelta(hours=7) < since < timedelta(hours=12):
                clock.at = begun + timedelta(hours=12)
                bookkeeper = keeper(books, live, asker, clock)
            await bookkeeper.keep()
            clock.at += step
        clock.at = books.end() + timedelta(minutes=1)
        await bookkeeper.keep()
        await keeper(books, late, asker, Clock(clock.at)).keep()
        assert await kept_hours(books, live) == await kept_hours(books, late)
        for container in books.inventory.containers:
            assert await live.ledger.open_days(container.id) == await late.ledger.open_days(container.id)


async def test_the_books_say_what_was_so(filled_days: Books) -> None:
    await check_against_truth(filled_days)


async def test_filling_late_gives_the_rows_that_filling_by_the_hour_gives(days: Books) -> None:
    await check_live_filling(days, timedelta(minutes=60))


async def test_where_an_exporter_began_anew_the_figures_beside_that_are_enough(
    days: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Find out from one miner when it was, or ask for all samples of every miner: it is the same."""
    asker = Asker(days.url)
    begin, end = (days.farm.begins + at * HOUR for at in (11, 12))
    scrapes = await scrapes_around(asker, ["Berlin 1"], begin, end, days.farm.ends)
    found, asked_whole = [], []
    for witnesses in (1, 100):
        monkeypatch.setattr(reading, "WITNESSES", witnesses)
        read = await read_hour(asker, ["Berlin 1"], [begin, end], scrapes.moments)
        asked_whole.append(len(read.dense))
        found.append(
            {
                name: miner_sums(
                    points, [begin, end], () if name in read.dense else scrapes.moments, "sha256d"
                )
                for name, points in read.points.items()
            }
        )
    await asker.close()
    assert asked_whole == [0, 3]
    assert found[0] == found[1]
    assert len(found[0]) == 3


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_the_books_say_what_was_so_in_a_month(month: Books) -> None:
    await check_against_truth(month)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_filling_a_month_late_gives_the_rows_that_filling_by_the_hour_gives(month: Books) -> None:
    await check_live_filling(month, timedelta(minutes=60))


async def test_without_prometheus_the_books_wait_say_so_and_go_on_when_it_answers(days: Books) -> None:
    async with days.opened("away") as (asker, storage):
        gone = Asker("http://127.0.0.1:9")
        clock = Clock(datetime.fromtimestamp(days.farm.begins, UTC) + timedelta(hours=2, minutes=5))
        bookkeeper = keeper(days, storage, asker, clock)
        await bookkeeper.keep()
        assert {one.why for one in bookkeeper.state()} == {None}
        before = {one.container: one.booked_until for one in bookkeeper.state()}
        bookkeeper._asker = gone
        clock.at += timedelta(hours=3)
        with pytest.raises(HistoryAway, match="Prometheus does not answer"):
            await bookkeeper.keep()
        assert all("Prometheus does not answer" in str(one.why) for one in bookkeeper.state())
        assert {one.container: one.booked_until for one in bookkeeper.state()} == before
        assert bookkeeper.figures().failures == 1
        bookkeeper._asker = asker
        assert await bookkeeper.keep() == 3 * len(before)
        assert {one.why for one in bookkeeper.state()} == {None}
        await gone.close()


async def test_an_hour_after_which_nothing_was_scraped_waits_seven_days(filled_days: Books) -> None:
    async with filled_days.opened("waits") as (asker, storage):
        clock = Clock(filled_days.end() + timedelta(hours=3))
        bookkeeper = keeper(filled_days, storage, asker, clock)
        await bookkeeper.keep()
        state = next(one for one in bookkeeper.state() if one.container == "kolkata")
        assert "read nothing of it since the hour ended" in str(state.why)
        assert state.booked_until is not None
        clock.at = state.booked_until + timedelta(days=7, hours=1, minutes=5)
        await bookkeeper.keep()
        later = next(one for one in bookkeeper.state() if one.container == "kolkata")
        assert later.booked_until is not None
        assert later.booked_until >= state.booked_until + timedelta(hours=1)
        # The miner stood there, and nobody read it: that is time without readings, and not full coverage.
        last = (await storage.ledger.kept("kolkata", state.booked_until, later.booked_until))[0]
        assert added([last]).miner_s == HOUR
        assert added([last]).read_s < HOUR


async def test_a_container_that_left_the_inventory_is_booked_as_far_as_it_is_known(days: Books) -> None:
    async with days.opened("left") as (asker, storage):
        left = msgspec.structs.replace(days.inventory, containers=days.inventory.containers[:1])
        books = Books(days.farm, left, days.url, days.folder)
        clock = Clock(days.end() + timedelta(days=2))
        await keeper(books, storage, asker, clock).keep()
        known = {one.id: one for one in await storage.ledger.containers()}
        assert set(known) == {"berlin-1", "konteiner-2", "kolkata"}
        assert known["kolkata"].timezone == "Asia/Kolkata"
        # Up to the hour of its last scrape, and no further: after it the container was not there.
        assert days.end() <= known["kolkata"].booked_until < days.end() + timedelta(hours=1)
        hours = await storage.ledger.kept("konteiner-2", days.end() - timedelta(hours=36), days.end())
        assert {piece.terms.client for hour in hours for piece in hour.pieces} == {"volga", "amur"}


async def test_hours_are_put_on_other_terms_without_asking_prometheus(filled_days: Books) -> None:
    async with filled_days.opened("corrected") as (asker, storage):
        clock = Clock(filled_days.end())
        bookkeeper = keeper(filled_days, storage, asker, clock)
        await bookkeeper.keep()
        begin, end = day_bounds("Europe/Berlin", date(2026, 10, 24))
        before = await storage.ledger.kept("berlin-1", begin, end)
        text = (filled_days.folder / "targets.yml").read_text(encoding="utf-8").replace("0.20", "0.25")
        file = filled_days.folder / "dearer.yml"
        file.write_text(text, encoding="utf-8")
        dearer = Books(filled_days.farm, load([file]), filled_days.url, filled_days.folder)
        corrected = keeper(dearer, storage, Asker("http://127.0.0.1:9"), clock)
        changed = await corrected.correct("berlin-1", begin, end, "anna", "the contract says 0.25")
        assert changed > 0
        after = await storage.ledger.kept("berlin-1", begin, end)
        assert added(after) == added(before)
        revised = [hour for hour in after if hour.revision]
        assert len(revised) == changed
        assert {(hour.actor, hour.reason) for hour in revised} == {("anna", "the contract says 0.25")}
        prices = {float(piece.terms.price_per_kwh or 0) for hour in after for piece in hour.pieces}
        assert 0.25 in prices
        assert 0.2 not in prices
