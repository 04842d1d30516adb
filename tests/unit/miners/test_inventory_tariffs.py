"""Tariffs as they are written: prices by date and by zone, and a clear word for each hour and date that does not fit."""

from pathlib import Path

import pytest

from miners.errors import InventoryError
from miners.inventory.check import check_report
from miners.inventory.fleet import Inventory, TariffChange, TariffZone
from miners.inventory.load import load

WEEK = tuple(range(7))
DAY = '{from: "07:00", to: "23:00", price_per_kwh: 2}'
NIGHT = '{from: "23:00", to: "07:00", price_per_kwh: 1}'


def read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tariff: str, container: str = "name: A"
) -> Inventory:
    monkeypatch.chdir(tmp_path)
    text = f"tariffs:\n  t: {{currency: EUR, {tariff}}}\ncontainers:\n- {{{container}}}\n"
    Path("targets.yml").write_text(text, encoding="utf-8")
    return load([Path("targets.yml")])


def test_zones_that_fill_the_week_need_no_other_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tariff = read(tmp_path, monkeypatch, f"zones: [{DAY}, {NIGHT}]").tariffs["t"]
    assert tariff.price_per_kwh is None
    assert tariff.zones == (TariffZone(WEEK, 420, 1380, "2"), TariffZone(WEEK, 1380, 420, "1"))


def test_a_change_gives_the_whole_from_a_date_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = f"[{{from: 2026-11-01, price_per_kwh: 0.30}}, {{from: 2027-01-01, price_per_kwh: 1, zones: [{NIGHT}]}}]"
    tariff = read(tmp_path, monkeypatch, f"price_per_kwh: 0.20, changes: {changes}").tariffs["t"]
    assert tariff.changes == (
        TariffChange("2026-11-01", "0.30"),
        TariffChange("2027-01-01", "1", (TariffZone(WEEK, 1380, 420, "1"),)),
    )
    assert (
        "tariff t: EUR, other prices from 2026-11-01, 2027-01-01 on" in check_report([Path("targets.yml")])[0]
    )


@pytest.mark.parametrize(
    ("tariff", "mistakes"),
    [
        ("zones: []", [".zones: no price holds 00:00–24:00 every day: {add}"]),
        (f"zones: [{DAY}]", [".zones: no price holds 00:00–07:00 every day; 23:00–24:00 every day: {add}"]),
        (
            f"zones: [{DAY}, {NIGHT.replace('{', '{days: mon-fri, ')}]",
            [".zones: no price holds 00:00–07:00 on Mon, Sun; 23:00–24:00 on Sat, Sun: {add}"],
        ),
        (
            f"price_per_kwh: 1, changes: [{{from: 2026-11-01, zones: [{DAY}]}}]",
            [".changes[0].zones: no price holds 00:00–07:00 every day; 23:00–24:00 every day: {add}"],
        ),
        (
            "price_per_kwh: 1, changes: [{from: 2026-11-01}]",
            [".changes[0]: price_per_kwh or zones is missing"],
        ),
        (
            "price_per_kwh: 1, changes: [{price_per_kwh: 1}]",
            [".changes[0]: from is missing: give a date such as 2026-12-31"],
        ),
        (
            "price_per_kwh: 1, changes: [{from: 2026-11-31, price_per_kwh: 1}]",
            [".changes[0].from: 2026-11-31 is not in the calendar"],
        ),
        (
            "price_per_kwh: 1, changes: [{from: 2026-11-01, price_per_kwh: 1}, {from: 2026-11-01, price_per_kwh: 2}]",
            [
                ".changes[1].from: there is a change from 2026-11-01 already, in changes[0] (targets.yml:2); keep one of them"
            ],
        ),
        (
            "price_per_kwh: 1, changes: [{from: 2026-12-01, price_per_kwh: 1}, {from: 2026-11-01, price_per_kwh: 2}]",
            [
                ".changes[1].from: 2026-11-01 stands behind 2026-12-01, in changes[0] (targets.yml:2): write them in the order of their dates"
            ],
        ),
        (
            "price_per_kwh: 1, changes: [{from: 2026-11-01, currency: USD, price_per_kwh: 1}]",
            [
                (
                    ".changes[0].currency: unknown key; the currency of a tariff stays: give another tariff, and the container "
                    "`tariff_changes`"
                )
            ],
        ),
        (
            f"price_per_kwh: 1, changes: [{{from: 2026-11-01, price_per_kwh: 1, zones: [{DAY}, {DAY}]}}]",
            [".changes[0].zones[1]: overlaps zones[0] (targets.yml:2)"],
        ),
    ],
)
def test_mistakes_of_a_tariff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tariff: str, mistakes: list[str]
) -> None:
    add = "add a zone, or write `price_per_kwh` for the hours without one"
    with pytest.raises(InventoryError) as caught:
        read(tmp_path, monkeypatch, tariff)
    assert list(caught.value.mistakes) == [
        f"targets.yml:2: tariffs.t{line.format(add=add)}" for line in mistakes
    ]


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ("[{from: 2026-11-01}]", "[0]: tariff is missing: give a name, or null"),
        ("[{tariff: t}]", "[0]: from is missing: give a date such as 2026-12-31"),
        ("[{from: 2026-11-01, tariff: u}]", "[0].tariff: there is no tariff u; write it under `tariffs`"),
        (
            "[{from: 2026-11-01, tariff: t}, {from: 2026-11-01, tariff: null}]",
            "[1].from: there is a tariff from 2026-11-01 already, in tariff_changes[0] (targets.yml:4); keep one of them",
        ),
        (
            "[{from: 2026-11-01, tariff: t}, {from: 2026-10-01, tariff: null}, {from: 2026-10-15, tariff: t}]",
            "[1].from: 2026-10-01 stands behind 2026-11-01, in tariff_changes[0] (targets.yml:4): write them in the order of their dates",
        ),
        ("5", ": 5 is not a list of tariffs with dates"),
    ],
)
def test_mistakes_of_a_containers_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: str, mistake: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        read(tmp_path, monkeypatch, "price_per_kwh: 1", f"name: A, tariff_changes: {changes}")
    assert caught.value.mistakes[0] == f"targets.yml:4: containers[0].tariff_changes{mistake}"


def test_thousands_of_zones_are_refused_before_they_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InventoryError) as caught:
        read(tmp_path, monkeypatch, f"price_per_kwh: 1, zones: [{', '.join([DAY] * 5000)}]")
    assert list(caught.value.mistakes) == ["targets.yml:2: tariffs.t.zones: are 5000, more than 200"]
