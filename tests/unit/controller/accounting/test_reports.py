"""Reports over a real database: every figure follows from what was booked, once, and what is missing is named."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from sqlalchemy import insert

from controller.accounting import gaps
from controller.accounting.model import (
    BookedHour,
    By,
    MinerSums,
    Piece,
    Reading,
    Report,
    ReportWish,
    Sums,
    Terms,
)
from controller.accounting.periods import day_bounds, day_of, hours_between
from controller.accounting.reporting import make_report, make_reports
from controller.model import Client
from controller.storage.assignments import Assignment
from controller.storage.schema import miner_records
from controller.storage.storage import Storage
from miners.inventory.fleet import Container, Inventory, Miner, Origin

BERLIN = "Europe/Berlin"
ORIGIN = Origin("targets.yml", 1)
NIGHT = Terms(client="borealis", tariff="grid", currency="EUR", price_per_kwh="0.07")
DAY = Terms(client="borealis", tariff="grid", currency="EUR", price_per_kwh="0.123")
VOLGA = Terms(client="volga", tariff="grid", currency="EUR", price_per_kwh="0.123")
FREE = Terms()
FIRST, LAST = date(2026, 10, 24), date(2026, 10, 26)  # the 25th has 25 hours in Berlin
AFTER = datetime(2026, 11, 3, 12, 30, tzinfo=UTC)
KINDS = ("hashing", "curtailed", "sleeping", "settling", "fault", "unreachable", "unwatched")


@pytest.fixture
def storage(tmp_path: Any) -> Iterator[Storage]:
    opened = Storage.open(f"sqlite:///{tmp_path}/hashyard.db")
    yield opened
    opened.close()


def inventory(*names: str, miners: int = 3, nominal_w: float | None = 3000.0) -> Inventory:
    return Inventory(
        containers=tuple(
            Container(
                name=f"Container {name}",
                id=f"k-{name}",
                timezone=BERLIN,
                origin=ORIGIN,
                miners=tuple(
                    Miner(
                        name=f"A{number}",
                        container=f"Container {name}",
                        address="10.0.0.1",
                        nominal_power_w=nominal_w,
                        origin=ORIGIN,
                    )
                    for number in range(miners)
                ),
            )
            for name in names
        )
    )


def miner_sums(number: int, length: int, joules: int, **more: Any) -> MinerSums:
    given = {
        "measured_j": joules - joules // 4,
        "estimated_j": joules // 4,
        "miner_s": length,
        "read_s": length,
        "hashing_s": length,
        "megahashes": {"SHA-256": length * 10**8},
    }
    return MinerSums(f"A{number}", Sums(**{**given, **more}))


def booked(
    container: str,
    begins: datetime,
    ends: datetime,
    pieces: list[tuple[datetime, datetime, Terms]],
    *,
    miners: int = 3,
    joules: int = 10_000_001,
    **more: Any,
) -> BookedHour:
    return BookedHour(
        container=f"k-{container}",
        name=f"Container {container}",
        timezone=BERLIN,
        begins=begins,
        ends=ends,
        day=day_of(BERLIN, begins),
        pieces=tuple(
            Piece(
                begins=first,
                ends=last,
                terms=terms,
                peak_w=5000.0,
                miners=tuple(
                    miner_sums(number, int((last - first).total_seconds()), joules + number * 7, **more)
                    for number in range(miners)
                ),
            )
            for first, last, terms in pieces
        ),
    )


async def book_days(
    storage: Storage,
    container: str,
    terms: Terms = DAY,
    *,
    first: date = FIRST,
    last: date = LAST,
    close: bool = True,
    skip: tuple[int, ...] = (),
    **more: Any,
) -> None:
    """Book whole days of a container, nights cheaper; `skip`: hours from the beginning that are left out."""
    begin, end = day_bounds(BERLIN, first)[0], day_bounds(BERLIN, last)[1]
    hours = []
    for at, (begins, ends) in enumerate(hours_between(BERLIN, begin, end)):
        night = begins.astimezone(ZoneInfo(BERLIN)).hour < 6 and terms == DAY
        if at not in skip:
            of = NIGHT if night else terms
            hours.append(booked(container, begins, ends, [(begins, ends, of)], **more))
    await asyncio.gather(*(storage.ledger.book(hour) for hour in hours))  # one commit for many
    if close:
        day = first
        while day <= last:
            await storage.ledger.close_day(f"k-{container}", day)
            day += timedelta(days=1)


async def report(storage: Storage, by: By = "container", **more: Any) -> Report:
    given = {"begins": FIRST, "ends": LAST, "by": by}
    fleet = more.pop("inventory", inventory("1", "2"))
    now = more.pop("now", AFTER)
    return await make_report(storage, fleet, ReportWish(**{**given, **more}), now)


async def assign(storage: Storage, slug: str, *spans: tuple[str, datetime, datetime | None]) -> None:
    client = Client(id=f"cli_{slug}", slug=slug, name=slug.title(), language="en", created_at=AFTER)
    await storage.people.clients.add(client)
    await storage.people.assignments.replace(
        client.id,
        [
            Assignment(client_id=client.id, container=container, begins=begins, ends=ends)
            for container, begins, ends in spans
        ],
    )


async def test_every_way_of_adding_up_comes_to_the_same_total(storage: Storage) -> None:
    await book_days(storage, "1")
    await book_days(storage, "2", VOLGA, close=False, joules=3_333_333)
    totals = {}
    for by in ("container", "client", "miner", "day", "month"):
        made = await report(storage, by)
        total = made.total
        joules = 73 * 3 * (10_000_001 + 7) + 73 * 3 * (3_333_333 + 7)
        assert total.energy_kwh.total == pytest.approx(joules / 3.6e6, abs=0.0006)
        assert sum(row.energy_kwh.total for row in made.rows) == pytest.approx(
            total.energy_kwh.total, abs=0.02
        )
        for kind in KINDS:
            assert sum(row.hours[kind] for row in made.rows) == pytest.approx(total.hours[kind])
        assert total.hours["hashing"] == 73 * 6
        assert total.coverage_ratio == 1.0
        assert not made.gaps
        assert made.booked_until is None
        totals[by] = (total.energy_kwh, total.cost, total.charges, total.average_w, total.hashrate_hs)
    assert len(set(map(repr, totals.values()))) == 1
    by_day = await report(storage, "day")
    assert [row.key for row in by_day.rows] == ["2026-10-24", "2026-10-25", "2026-10-26"]
    assert [row.hours["hashing"] for row in by_day.rows] == [144, 150, 144]


@pytest.mark.parametrize("more", [{}, {"clients": ("volga",)}, {"miners": ("k-1.a1",)}, {"basis": "meter"}])
async def test_reports_made_at_once_are_those_made_one_by_one(storage: Storage, more: Any) -> None:
    begin = day_bounds(BERLIN, FIRST)[0]
    await assign(storage, "volga", ("k-1", begin + timedelta(days=1), None), ("k-2", begin, None))
    await book_days(storage, "1", last=FIRST, skip=(4,))
    await book_days(storage, "1", VOLGA, first=FIRST + timedelta(days=1), skip=(1,), close=False)
    await book_days(storage, "2", VOLGA, skip=(7,))
    await read_meter(storage, "2", (begin + timedelta(hours=9), "0", False), (AFTER, "1", False))
    await read_meter(storage, "2", (begin + timedelta(hours=19), "0.5", False))
    wish = ReportWish(begins=FIRST, ends=LAST, **more)
    fleet = inventory("1", "2")
    bys: tuple[By, ...] = ("container", "day", "client", "miner", "month")
    made = await make_reports(storage, fleet, wish, bys, AFTER)
    assert made == [
        await make_report(storage, fleet, msgspec.structs.replace(wish, by=by), AFTER) for by in bys
    ]
    assert len({report.total.energy_kwh for report in made}) == 1


async def test_a_line_says_what_its_figures_are(storage: Storage) -> None:
    await book_days(storage, "1", joules=10_800_000 - 7)  # a mean of 3 kW each
    made = await report(storage)
    [row] = made.rows
    assert (row.key, row.name, row.container, row.client) == ("k-1", "Container 1", "k-1", "borealis")
    assert row.average_w == pytest.approx(9000)
    assert row.peak_hour_w == pytest.approx(9000)
    assert row.peak_w == 5000.0
    assert row.hashrate_hs == {"SHA-256": pytest.approx(3 * 1e14)}
    assert row.joules_per_terahash == pytest.approx(30.0)
    assert row.measured_ratio == pytest.approx(0.75)
    assert row.hashing_ratio == row.reachable_ratio == 1.0
    assert row.uncovered_kwh == 0.0
    hours = {"0.07": 18 + 1, "0.123": 54}  # the doubled hour is one of the night
    assert {one.price_per_kwh: one.kwh for one in row.charges} == {
        price: pytest.approx(9.0 * count, abs=0.001) for price, count in hours.items()
    }
    exact = Decimal(32_400_000) * (19 * Decimal("0.07") + 54 * Decimal("0.123")) / 3_600_000
    assert Decimal(row.cost[0].amount) == exact.quantize(Decimal("0.01"), "ROUND_HALF_UP")
    [miner, *_] = (await report(storage, "miner")).rows
    assert (miner.key, miner.name) == ("k-1.a0", "Container 1/A0")
    assert miner.average_w == pytest.approx(3000, abs=0.01)


async def test_only_what_is_wished_for_is_in_it(storage: Storage) -> None:
    await book_days(storage, "1")
    await book_days(storage, "2", VOLGA)
    only = await report(storage, containers=("k-2",))
    assert [row.key for row in only.rows] == ["k-2"]
    his = await report(storage, clients=("volga",))
    assert [row.key for row in his.rows] == ["k-2"]
    assert his.total.energy_kwh == only.total.energy_kwh
    none = await report(storage, clients=())
    assert none.rows == ()
    assert none.total.energy_kwh.total == 0
    assert none.total.coverage_ratio is None
    assert none.total.uncovered_kwh is None
    miners = await report(storage, "day", miners=("k-1.a1",))
    assert len(miners.rows) == 3
    assert miners.total.hours["hashing"] == 73
    assert miners.total.average_w == pytest.approx((10_000_001 + 7) / 3600)


async def test_a_container_that_changes_hands_is_each_ones_while_it_was_his(storage: Storage) -> None:
    await book_days(storage, "1", last=FIRST)
    await book_days(storage, "1", VOLGA, first=LAST - timedelta(days=1))
    made = await report(storage, "client")
    assert [(row.key, row.hours["hashing"]) for row in made.rows] == [("borealis", 72), ("volga", 147)]
    for client, hours in (("borealis", 72), ("volga", 147)):
        his = await report(storage, clients=(client,))
        assert his.total.hours["hashing"] == hours
        assert [row.client for row in his.rows] == [client]
    [row] = (await report(storage)).rows
    assert row.client is None


async def test_an_hour_that_its_price_cuts_is_no_higher_for_it(storage: Storage) -> None:
    begin = day_bounds(BERLIN, FIRST)[0]
    cuts = [begin + timedelta(minutes=minutes) for minutes in (0, 20, 40, 60)]
    prices = (DAY, NIGHT, DAY)  # the same one twice in the hour
    pieces = [(*span, terms) for span, terms in zip(pairwise(cuts), prices, strict=True)]
    after = cuts[-1] + timedelta(hours=1)
    for begins, ends, of in ((begin, cuts[-1], pieces), (cuts[-1], after, [(cuts[-1], after, DAY)])):
        await storage.ledger.book(booked("1", begins, ends, of, miners=1, joules=3_600_000))
    [row] = (await report(storage, ends=FIRST)).rows
    assert row.peak_hour_w == pytest.approx(3000)  # three pieces of the same energy
    assert row.average_w == pytest.approx(2000)
    [by_day] = (await report(storage, "day", ends=FIRST)).rows
    assert (by_day.peak_hour_w, by_day.average_w) == (row.peak_hour_w, row.average_w)


async def test_a_day_of_two_containers_one_after_the_other_is_a_whole_day(storage: Storage) -> None:
    begin, end = day_bounds(BERLIN, FIRST)
    middle = begin + timedelta(hours=12)
    for begins, ends in hours_between(BERLIN, begin, end):
        for container, his in (("1", begins < middle), ("2", begins >= middle)):
            terms = VOLGA if his else DAY
            await storage.ledger.book(
                booked(container, begins, ends, [(begins, ends, terms)], miners=1, joules=3_600_000)
            )
    made = await report(storage, "day", ends=FIRST, clients=("volga",))
    for row in (made.rows[0], made.total):
        assert row.average_w == pytest.approx(1000)
        assert row.hashrate_hs == {"SHA-256": pytest.approx(1e14)}


async def test_what_is_not_booked_is_named_and_not_nought(storage: Storage) -> None:
    await book_days(storage, "1", skip=(30, 31, 50), close=False)
    made = await report(storage)
    begin = day_bounds(BERLIN, FIRST)[0]
    hour = timedelta(hours=1)
    assert [(gap.begins, gap.ends, gap.why) for gap in made.gaps if gap.container == "k-1"] == [
        (begin + 30 * hour, begin + 32 * hour, gaps.NOT_BOOKED),
        (begin + 50 * hour, begin + 51 * hour, gaps.NOT_BOOKED),
    ]
    assert made.rows[0].not_booked_s == made.total.not_booked_s == 3 * 3600
    assert [gap.why for gap in made.gaps if gap.container == "k-2"] == [gaps.NEVER]
    by_day = await report(storage, "day")
    assert [row.not_booked_s for row in by_day.rows] == [0, 7200, 3600]


async def test_a_day_that_is_not_over_says_up_to_when_it_is_booked(storage: Storage) -> None:
    await book_days(storage, "1", last=FIRST)
    until = day_bounds(BERLIN, FIRST)[1]
    made = await report(storage, now=until + timedelta(minutes=59), inventory=inventory("1"))
    assert made.booked_until == until
    assert made.gaps == ()  # the hour is not over
    later = await report(storage, now=until + timedelta(minutes=130), inventory=inventory("1"))
    assert [(gap.ends - gap.begins, gap.why) for gap in later.gaps] == [(timedelta(hours=2), gaps.NOT_BOOKED)]


async def test_unread_time_is_named_with_its_reason_and_size(storage: Storage) -> None:
    begin = day_bounds(BERLIN, FIRST)[0]
    hour = timedelta(hours=1)
    unwatched = {"read_s": 900, "hashing_s": 900, "joules": 1_000_000}
    dead = {"read_s": 0, "hashing_s": 0, "unreachable_s": 3600, "joules": 0, "megahashes": {}}
    for at, more in enumerate(({}, unwatched, unwatched, {}, dead)):
        begins = begin + at * hour
        await storage.ledger.book(booked("1", begins, begins + hour, [(begins, begins + hour, DAY)], **more))
    made = await report(storage, now=begin + 5 * hour, inventory=inventory("1"))
    assert [(gap.begins, gap.ends, gap.why, gap.missing_hours) for gap in made.gaps] == [
        (begin + hour, begin + 3 * hour, gaps.NOT_WATCHED, 1.5),
        (begin + 4 * hour, begin + 5 * hour, gaps.NOT_READ, 1.0),
    ]
    [row] = made.rows
    assert row.coverage_ratio == pytest.approx(2.5 / 5)
    assert row.uncovered_kwh == pytest.approx(2.5 * 9)
    assert row.reachable_ratio == pytest.approx(2.5 / 3.5)
    assert row.hours["unwatched"] == pytest.approx(4.5)
    unknown = await report(storage, now=begin + 5 * hour, inventory=inventory("1", nominal_w=None))
    assert unknown.rows[0].uncovered_kwh is None


async def test_nominal_power_is_what_a_miner_has_named_where_no_file_says_it(storage: Storage) -> None:
    begin = day_bounds(BERLIN, FIRST)[0]
    hour = (begin, begin + timedelta(hours=1), DAY)
    await storage.ledger.book(booked("1", *hour[:2], [hour], miners=1, read_s=1800))
    row = {column.name: None for column in miner_records.columns}
    row |= {"miner": "k-1.a0", "attempts": 0, "restarts": 0, "nominal_power_w": 2000.0}
    await storage.database.write(lambda connection: connection.execute(insert(miner_records).values(row)))
    made = await report(storage, inventory=inventory("1", nominal_w=None, miners=1))
    assert made.rows[0].uncovered_kwh == 1.0


async def test_a_container_that_is_gone_stays_in_the_books(storage: Storage) -> None:
    await book_days(storage, "1", last=FIRST)
    made = await report(storage, inventory=inventory("2"))
    assert [(row.key, row.name) for row in made.rows] == [("k-1", "Container 1")]
    assert [gap.why for gap in made.gaps if gap.container == "k-1"] == [gaps.GONE]
    assert made.total.not_booked_s == 0


async def test_a_client_hears_only_of_times_that_were_his(storage: Storage) -> None:
    middle = day_bounds(BERLIN, LAST)[0]
    begin = day_bounds(BERLIN, FIRST)[0]
    await assign(storage, "borealis", ("k-1", begin, middle))
    await assign(storage, "volga", ("k-1", middle, None))
    await book_days(storage, "1", last=LAST - timedelta(days=1), skip=(3,))
    await book_days(storage, "1", VOLGA, first=LAST, skip=(5, 6))
    await book_days(storage, "2", VOLGA, skip=(7,))
    for client, there in (
        ("borealis", [("k-1", begin + timedelta(hours=3), 1)]),
        ("volga", [("k-1", middle + timedelta(hours=5), 2)]),
    ):
        his = await report(storage, clients=(client,))
        assert [
            (gap.container, gap.begins, (gap.ends - gap.begins) // timedelta(hours=1)) for gap in his.gaps
        ] == there
        assert his.total.not_booked_s == there[0][2] * 3600
    by_client = await report(storage, "client")
    assert {row.key: row.not_booked_s for row in by_client.rows} == {"borealis": 3600, "volga": 7200}
    assert by_client.total.not_booked_s == 4 * 3600


async def test_a_client_is_told_how_far_the_books_of_his_own_time_go(storage: Storage) -> None:
    begin = day_bounds(BERLIN, FIRST)[0]
    middle = begin + timedelta(days=1)
    await assign(storage, "borealis", ("k-1", begin, middle))
    await assign(storage, "volga", ("k-1", middle, None))
    await book_days(storage, "1", last=FIRST)
    until = middle + timedelta(hours=1)
    await storage.ledger.book(booked("1", middle, until, [(middle, until, VOLGA)]))
    for clients, told in ((("borealis",), None), (("volga",), until), (None, until)):
        made = await report(storage, clients=clients, now=until, inventory=inventory("1"))
        assert made.booked_until == told


async def read_meter(storage: Storage, container: str, *figures: tuple[datetime, str, bool]) -> list[Reading]:
    given = [
        Reading(
            id=f"mr_{container}_{at}_{kwh}_{moment.timestamp()}",
            container=f"k-{container}",
            at=moment,
            kwh=kwh,
            replaced=replaced,
            entered_at=AFTER,
            entered_by="Anna",
        )
        for at, (moment, kwh, replaced) in enumerate(figures)
    ]
    await storage.meter_readings.add(given, AFTER)
    return given


async def test_the_meter_stands_beside_the_sum_of_exactly_its_time(storage: Storage) -> None:
    await book_days(storage, "1", joules=3_600_000 - 7)  # 3 kWh an hour
    begin, end = day_bounds(BERLIN, FIRST)[0], day_bounds(BERLIN, LAST)[1]
    quarter = timedelta(minutes=15)
    await read_meter(
        storage,
        "1",
        (begin - quarter, "10", False),  # before the period: not looked at
        (begin + quarter, "100.5", False),
        (end - quarter, "330.5", False),
    )
    made = await report(storage, by="container", basis="meter")
    [row] = made.rows
    assert row.meter is not None
    assert (row.meter.begins, row.meter.ends) == (begin + quarter, end - quarter)
    assert row.meter.kwh == 230.0
    assert row.meter.sum_kwh == 72.5 * 3
    assert row.meter.variance_ratio == pytest.approx(217.5 / 230 - 1, abs=1e-6)
    assert row.meter.verdict == "look"
    assert row.meter.whole
    assert made.meters == {"k-1": row.meter}
    assert made.total.meter == row.meter
    factor = Decimal(230) / Decimal("217.5")
    assert row.energy_kwh.total == 219.0
    assert row.billed_kwh == pytest.approx(float(219 * factor), abs=0.001)
    exact = 3 * factor * (19 * Decimal("0.07") + 54 * Decimal("0.123"))
    assert Decimal(row.cost[0].amount) == exact.quantize(Decimal("0.01"), "ROUND_HALF_UP")
    by_day = await report(storage, by="day", basis="meter")
    assert by_day.total.cost == row.cost
    assert sum(one.billed_kwh for one in by_day.rows) == pytest.approx(row.billed_kwh, abs=0.002)
    by_readings = await report(storage)
    assert by_readings.rows[0].billed_kwh == 219.0


async def test_meters_together_are_no_better_than_the_worst_of_them(storage: Storage) -> None:
    begin = day_bounds(BERLIN, FIRST)[0]
    until = begin + timedelta(hours=20)
    for container, kwh in (("1", "66"), ("2", "54.5")):  # 60 kWh of its miners: 9 % below, 10 % above
        await book_days(storage, container, last=FIRST, joules=3_600_000 - 7)
        await read_meter(storage, container, (begin, "0", False), (until, kwh, False))
    made = await report(storage)
    assert [row.meter and row.meter.verdict for row in made.rows] == ["look", "look"]
    assert made.total.meter is not None
    assert (made.total.meter.kwh, made.total.meter.sum_kwh) == (120.5, 120.0)
    assert abs(made.total.meter.variance_ratio) < 0.005
    assert made.total.meter.verdict == "look"
    of_one = await report(storage, miners=("k-1.a1",))
    assert [row.meter for row in (*of_one.rows, of_one.total)] == [None, None]  # not a miner's meter


async def test_a_meter_that_was_replaced_says_nothing_of_the_time_between(storage: Storage) -> None:
    await book_days(storage, "1", joules=3_600_000 - 7)
    begin = day_bounds(BERLIN, FIRST)[0]
    hour = timedelta(hours=1)
    await read_meter(
        storage,
        "1",
        (begin, "900", False),
        (begin + 10 * hour, "930", False),
        (begin + 20 * hour, "0.2", True),
        (begin + 30 * hour, "30.2", False),
    )
    [row] = (await report(storage, inventory=inventory("1"))).rows
    assert row.meter is not None
    assert (row.meter.kwh, row.meter.sum_kwh, row.meter.verdict, row.meter.whole) == (
        60.0,
        60.0,
        "agrees",
        False,
    )


async def test_there_is_no_comparison_over_time_that_is_not_booked_or_not_his(storage: Storage) -> None:
    begin = day_bounds(BERLIN, FIRST)[0]
    hour = timedelta(hours=1)
    await book_days(storage, "1", last=FIRST, skip=(4,))
    await book_days(storage, "1", VOLGA, first=FIRST + timedelta(days=1))
    await read_meter(storage, "1", (begin + 5 * hour, "0", False), (begin + 40 * hour, "99", False))
    assert (await report(storage)).meters.keys() == {"k-1"}
    for client in ("borealis", "volga"):
        assert (await report(storage, clients=(client,))).meters == {}
    await read_meter(storage, "1", (begin + 2 * hour - timedelta(seconds=1), "0", False))
    assert (await report(storage)).meters == {}


async def test_the_bill_goes_by_readings_where_the_sum_is_nought(storage: Storage) -> None:
    await book_days(storage, "1", joules=0, miners=1, read_s=0, hashing_s=0)
    begin = day_bounds(BERLIN, FIRST)[0]
    await read_meter(storage, "1", (begin, "0", False), (begin + timedelta(hours=9), "50", False))
    made = await report(storage, basis="meter")
    [row] = made.rows
    assert row.meter is not None
    assert (row.meter.variance_ratio, row.meter.verdict) == (-1.0, "dispute")
    assert row.billed_kwh == 0.0
    assert (row.average_w, row.peak_hour_w, row.coverage_ratio) == (None, None, 0.0)
    assert (row.hashing_ratio, row.reachable_ratio) == (None, None)


async def test_energy_without_a_price_is_said(storage: Storage) -> None:
    await book_days(storage, "1", FREE, joules=3_600_000 - 7)
    [row] = (await report(storage)).rows
    assert (row.cost, row.charges, row.unpriced_kwh, row.client) == ((), (), 219.0, None)
    [nobodys] = (await report(storage, "client")).rows
    assert (nobodys.key, nobodys.name) == ("", "")


async def test_a_report_can_be_sent_and_read_again(storage: Storage) -> None:
    await book_days(storage, "1", skip=(4,))
    made = await report(storage)
    assert msgspec.json.decode(msgspec.json.encode(made, enc_hook=str), type=Report) == made


@pytest.mark.parametrize(("begins", "ends"), [(LAST, FIRST), (date(2000, 1, 1), date(2026, 1, 1))])
async def test_a_period_that_is_none_or_too_long_is_refused(
    storage: Storage, begins: date, ends: date
) -> None:
    with pytest.raises(ValueError, match="a report is of 1 to 3660 days"):
        await report(storage, begins=begins, ends=ends)
