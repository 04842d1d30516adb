"""The form of a tariff: rows come and go, every mistake stands at its field, and what is right means the tariff that was typed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from controller.pages.language import words
from controller.pages.tariff_form import (
    TariffForm,
    field_of,
    form_of,
    mistakes_in,
    pressed,
    read_form,
    tariff_of,
    typed_price,
    without_blanks,
)
from controller.pages.tariff_week import price_week
from miners.inventory.fleet import Tariff, TariffChange, TariffZone

EN, RU = words("en"), words("ru")
ALL = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GRID = Tariff(
    name="Grid",
    currency="RUB",
    price_per_kwh="3.90",
    zones=(TariffZone((0, 1, 2, 3, 4), 7 * 60, 23 * 60, "5.10"),),
    changes=(TariffChange("2026-11-01", "4.05"),),
)


def sent(*pairs: tuple[str, str], **more: str) -> TariffForm:
    given_ = {"name": "Grid", "currency": "RUB", "t-0-price": "3.90"} | {
        key.replace("_", "-"): value for key, value in more.items()
    }
    return read_form(MultiDict([*given_.items(), *pairs]))


def zone(place: str, begin: str, end: str, price: str, days: Any = ALL) -> list[tuple[str, str]]:
    return [
        *((f"{place}-days", day) for day in days),
        (f"{place}-from", begin),
        (f"{place}-to", end),
        (f"{place}-price", price),
    ]


def test_a_tariff_comes_back_as_it_was() -> None:
    assert tariff_of(form_of(GRID)) == GRID
    assert mistakes_in(form_of(GRID), EN) == []


def test_what_is_typed_loosely_is_understood() -> None:
    form = sent(*zone("t-0-z-0", "7", "23.00", "5,10"), t_0_price=" 1 200,5 ", currency="rub")
    assert (form.currency, form.terms[0].price) == ("RUB", "1200.5")
    assert (form.terms[0].zones[0].from_, form.terms[0].zones[0].price) == ("07:00", "5.10")
    assert mistakes_in(form, EN) == []


@pytest.mark.parametrize(
    ("form", "field", "text"),
    [
        (sent(name=""), "name", "Give the tariff a name"),
        (sent(name="x" * 65), "name", "A name has at most 64 characters"),
        (sent(currency="RUR1"), "currency", "Give a currency by its three letters, such as RUB or USD"),
        (sent(t_0_price=""), "t-0-price", "Give a price, or rows that fill the week"),
        (sent(t_0_price="-3"), "t-0-price", "-3 is no price such as 5.10"),
        (sent(t_0_price="1e3"), "t-0-price", "1e3 is no price such as 5.10"),
        (sent(t_0_price="2000000"), "t-0-price", "2000000 is no price such as 5.10"),
        (sent(*zone("t-0-z-0", "7", "23", "")), "t-0-z-0-price", "Row 1: give a price such as 5.10"),
        (sent(*zone("t-0-z-0", "25", "23", "5")), "t-0-z-0-from", "Row 1: 25:00 is no time such as 06:00 (24:00 is the end of the day)"),
        (sent(*zone("t-0-z-0", "7", "7", "5")), "t-0-z-0-to", "Row 1: it has no time; a whole day is from 00:00 to 24:00"),
        (sent(*zone("t-0-z-0", "7", "23", "5", ())), "t-0-z-0-days", "Row 1: choose at least one day"),
        (sent(*zone("t-0-z-0", "7", "23", "5"), *zone("t-0-z-1", "22", "24", "3", ["sat"])), "t-0-z-1-from", "Rows 1 and 2 both hold 22:00–23:00 (Sat)"),
        (sent(*zone("t-0-z-0", "7", "24", "5"), t_0_price=""), "t-0-price", "No row has a price for 00:00–07:00 (every day): add one, or give a price for all other hours"),
        (sent(t_1_from="2026-02-30", t_1_price="4"), "t-1-from", "Give a date such as 2026-12-31"),
        (sent(t_1_from="2026-11-01", t_1_price="4", t_2_from="2026-11-01", t_2_price="5"), "t-2-from", "1 Nov 2026 is given already"),
        (sent(t_1_from="2026-11-01", t_1_price="4", t_2_from="2026-10-01", t_2_price="5"), "t-2-from", "1 Oct 2026 lies before the change above it"),
    ],
)  # fmt: skip
def test_every_mistake_stands_at_its_field(form: TariffForm, field: str, text: str) -> None:
    assert mistakes_in(form, EN) == [(field, text)]


def test_rows_and_changes_come_and_go() -> None:
    form = sent(*zone("t-0-z-0", "7", "23", "5"))
    for button, shape in (
        ("add-zone:0", [2]),
        ("add-change", [2, 2]),
        ("remove-zone:1:0", [2, 1]),
        ("add-zone:1", [2, 2]),
        ("remove-change:0", [2, 2]),
        ("remove-change:1", [2]),
    ):
        found = pressed(form, button)
        assert found is not None
        form = found
        assert [len(one.zones) for one in form.terms] == shape, button
    assert form.terms[0].zones[1].from_ == "23:00"
    assert [len(one.zones) for one in without_blanks(form).terms] == [2]
    assert pressed(form, "save") is None


def test_a_mistake_of_the_inventory_finds_its_field() -> None:
    assert field_of("/currency") == "currency"
    assert field_of("/price_per_kwh") == "t-0-price"
    assert field_of("/zones/2/price_per_kwh") == "t-0-z-2-price"
    assert field_of("/changes/0/from") == "t-1-from"
    assert field_of("/changes/1/zones/0/days") == "t-2-z-0-days"
    assert field_of("/what/is/this") == ""


def test_a_week_has_each_hour_once_and_dearer_is_darker() -> None:
    week = price_week(GRID, "RUB", EN)
    monday, sunday = week.days[0], week.days[6]
    assert [piece.title for piece in monday.pieces] == [
        "00:00–07:00 3.90\u00a0RUB/kWh",
        "07:00–23:00 5.10\u00a0RUB/kWh",
        "23:00–24:00 3.90\u00a0RUB/kWh",
    ]
    assert [piece.density for piece in monday.pieces] == [0, 3, 0]
    assert [piece.width for piece in sunday.pieces] == ["100%"]
    assert [line.price for line in price_week(GRID, "RUB", RU).lines] == [
        "3,90\u00a0₽/кВт·ч", "5,10\u00a0₽/кВт·ч",
    ]  # fmt: skip


FIELDS = (
    "name",
    "currency",
    "t-0-price",
    "t-0-z-0-from",
    "t-0-z-0-to",
    "t-0-z-0-days",
    "t-0-z-0-price",
    "t-1-from",
    "t-999-z-9-to",
)


@given(st.lists(st.tuples(st.sampled_from(FIELDS), st.text(max_size=12)), max_size=20))
def test_whatever_is_sent_is_a_mistake_or_a_tariff(pairs: list[tuple[str, str]]) -> None:
    form = without_blanks(read_form(MultiDict(pairs)))
    if not mistakes_in(form, EN):
        assert form_of(tariff_of(form)) == form
    assert typed_price(form.terms[0].price) == form.terms[0].price
