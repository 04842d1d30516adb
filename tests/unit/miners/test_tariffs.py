"""The price of a moment, and the moments at which it changes, against the clock on the wall looked at minute by minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from miners.inventory.fleet import (
    Container,
    ContainerTariff,
    Inventory,
    Origin,
    Tariff,
    TariffChange,
    TariffZone,
)
from miners.tariffs import changes_between, price_at, price_of, tariff_name, tariff_of

WEEK = tuple(range(7))
NIGHT = Tariff("night", "RUB", "4.20", (TariffZone((0, 1, 2, 3, 4), 22 * 60, 6 * 60, "2.85"),))
MINUTE = timedelta(minutes=1)


def container(timezone: str = "UTC", tariff: str | None = "night", *changes: ContainerTariff) -> Container:
    return Container(
        name="C1",
        id="c1",
        timezone=timezone,
        tariff=tariff,
        tariff_changes=changes,
        origin=Origin("targets.yml", 1),
    )


def inventory(*tariffs: Tariff) -> Inventory:
    return Inventory(tariffs={tariff.name: tariff for tariff in tariffs})


@pytest.mark.parametrize(
    ("when", "price"),
    [
        ("2026-03-02T21:59", "4.20"),  # a Monday
        ("2026-03-02T22:00", "2.85"),
        ("2026-03-03T05:59", "2.85"),
        ("2026-03-03T06:00", "4.20"),
        ("2026-03-07T03:00", "2.85"),  # Saturday morning belongs to Friday's night
        ("2026-03-07T23:00", "4.20"),
        ("2026-03-02T03:00", "4.20"),  # Monday morning belongs to Sunday's night
    ],
)
def test_prices_follow_the_containers_own_clock(when: str, price: str) -> None:
    at = datetime.fromisoformat(f"{when}+08:00").astimezone(UTC)
    assert price_at(NIGHT, "Asia/Irkutsk", at) == price


def test_a_zone_within_a_day_ends_at_midnight() -> None:
    tariff = Tariff("t", "EUR", "0.2", (TariffZone((6,), 0, 1440, "0.1"),))
    assert price_at(tariff, "UTC", datetime(2026, 3, 1, 23, 59, tzinfo=UTC)) == "0.1"
    assert price_at(tariff, "UTC", datetime(2026, 3, 2, tzinfo=UTC)) == "0.2"


def test_a_change_holds_whole_from_the_first_moment_of_its_date_on() -> None:
    night = (TariffZone(WEEK, 22 * 60, 6 * 60, "0.1"),)
    tariff = Tariff("t", "EUR", "0.2", night, (TariffChange("2026-11-01", "0.3"),))
    prices = [
        price_at(
            tariff, "Europe/Berlin", datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))
        )
        for text in ("2026-10-31T21:59", "2026-10-31T23:59", "2026-11-01T00:00", "2026-11-01T23:00")
    ]
    assert prices == ["0.2", "0.1", "0.3", "0.3"]


def test_where_the_zones_fill_the_week_no_other_price_is_needed() -> None:
    zones = (TariffZone(WEEK, 23 * 60, 7 * 60, "1"), TariffZone(WEEK, 7 * 60, 23 * 60, "2"))
    tariff = Tariff("t", "EUR", None, zones)
    assert price_at(tariff, "UTC", datetime(2026, 3, 1, 6, 59, tzinfo=UTC)) == "1"
    assert price_at(tariff, "UTC", datetime(2026, 3, 1, 7, 0, tzinfo=UTC)) == "2"
    with pytest.raises(LookupError, match="no price at 12:00 on 2026-03-01"):
        price_at(Tariff("t", "EUR", None), "UTC", datetime(2026, 3, 1, 12, tzinfo=UTC))


def test_a_container_has_another_tariff_from_a_date_on_or_none() -> None:
    changing = container(
        "Asia/Kathmandu", "night", ContainerTariff("2026-05-01", "flat"), ContainerTariff("2026-06-01", None)
    )
    known = inventory(NIGHT, Tariff("flat", "NPR", "9"))
    midnight = datetime(2026, 5, 1, tzinfo=ZoneInfo("Asia/Kathmandu"))
    assert tariff_name(changing, midnight - MINUTE) == "night"
    assert tariff_of(changing, known, midnight) == Tariff("flat", "NPR", "9")
    assert price_of(changing, known, midnight) == (Tariff("flat", "NPR", "9"), "9")
    assert tariff_of(changing, known, midnight + timedelta(days=40)) is None
    assert price_of(changing, known, midnight + timedelta(days=40)) is None
    assert tariff_of(container(tariff=None), known, midnight) is None
    assert changes_between(
        changing, known, datetime(2026, 5, 30, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    ) == [datetime(2026, 5, 31, 18, 15, tzinfo=UTC)]


def test_a_zone_that_begins_in_the_hour_the_wall_shows_twice_begins_twice() -> None:
    tariff = Tariff("t", "EUR", "2", (TariffZone(WEEK, 2 * 60 + 30, 12 * 60, "1"),))
    begin = datetime(2026, 10, 24, 22, tzinfo=UTC)
    found = changes_between(
        container("Europe/Berlin", "t"), inventory(tariff), begin, begin + timedelta(hours=5)
    )
    assert [moment.strftime("%H:%M") for moment in found] == ["00:30", "01:00", "01:30"]


def test_a_zone_that_begins_in_the_hour_the_wall_leaves_out_begins_when_it_has_left_it_out() -> None:
    tariff = Tariff("t", "EUR", "2", (TariffZone(WEEK, 2 * 60 + 30, 12 * 60, "1"),))
    begin = datetime(2026, 3, 28, 23, tzinfo=UTC)
    found = changes_between(
        container("Europe/Berlin", "t"), inventory(tariff), begin, begin + timedelta(hours=5)
    )
    assert [moment.strftime("%H:%M") for moment in found] == ["01:00"]


def test_the_edges_themselves_are_no_changes() -> None:
    flat = container("Asia/Irkutsk", "night")
    begin = datetime(2026, 3, 2, 22, tzinfo=ZoneInfo("Asia/Irkutsk"))
    end = datetime(2026, 3, 3, 6, tzinfo=ZoneInfo("Asia/Irkutsk"))
    assert changes_between(flat, inventory(NIGHT), begin, end) == []
    assert changes_between(flat, inventory(NIGHT), begin - MINUTE, end + MINUTE) == [begin, end]
    assert changes_between(container(tariff=None), inventory(NIGHT), begin, end) == []


PRICE = st.integers(1, 9).map(str)
CLOCK = st.integers(0, 48).map(lambda half: half * 30)


@st.composite
def zones(draw: st.DrawFn) -> tuple[TariffZone, ...]:
    found = []
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, 47)) * 30
        end = draw(CLOCK.filter(lambda minute, begin=begin: minute != begin))  # type: ignore[misc]
        days = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
        found.append(TariffZone(days, begin, end, draw(PRICE)))
    return tuple(found)


@st.composite
def tariffs(draw: st.DrawFn, days: list[str]) -> list[Tariff]:
    found = []
    for name in ("a", "b"):
        dates = sorted(draw(st.sets(st.sampled_from(days), max_size=2)))
        changes = tuple(TariffChange(day, draw(PRICE), draw(zones())) for day in dates)
        found.append(Tariff(name, "EUR", draw(PRICE), draw(zones()), changes))
    return found


# Nights at which clocks change, by an hour or half of one, at night or at midnight itself; and one without.
NIGHTS = (
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("America/Havana", "2026-03-08"),
    ("America/Havana", "2026-11-01"),
    ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-30"),
    ("Asia/Beirut", "2026-10-25"),
    ("Asia/Kathmandu", "2026-05-05"),
)


@settings(max_examples=60)
@given(night=st.sampled_from(NIGHTS), data=st.data())
@example(night=NIGHTS[1], data=None)
def test_changes_are_those_that_a_look_at_every_minute_finds(
    night: tuple[str, str], data: st.DataObject | None
) -> None:
    timezone, text = night
    middle = datetime.fromisoformat(text).replace(hour=12, tzinfo=UTC)
    days = [(middle + timedelta(days=step)).date().isoformat() for step in (-1, 0, 1)]
    if data is None:
        given_tariffs = [Tariff("a", "EUR", "1", (), (TariffChange(text, "2"),)), NIGHT]
        changes: tuple[ContainerTariff, ...] = (ContainerTariff(days[2], None),)
    else:
        given_tariffs = data.draw(tariffs(days))
        dates = sorted(data.draw(st.sets(st.sampled_from(days), max_size=2)))
        changes = tuple(ContainerTariff(day, data.draw(st.sampled_from(["a", "b", None]))) for day in dates)
    whole = inventory(*given_tariffs)
    one = container(timezone, "a", *changes)
    begin, end = middle - timedelta(days=1, hours=20), middle + timedelta(days=1, hours=20)

    def at(moment: datetime) -> tuple[str, str] | None:
        found = price_of(one, whole, moment)
        return None if found is None else (found[0].name, found[1])

    seen, moment = [], begin + MINUTE
    while moment < end:
        if at(moment) != at(moment - MINUTE):
            seen.append(moment)
        moment += MINUTE
    assert changes_between(one, whole, begin, end) == seen
