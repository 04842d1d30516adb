"""Whole numbers are cut without loss, and money is rounded once from exact sums."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounting.apportioning import divided, table
from controller.accounting.model import Money, Terms
from controller.accounting.money import amount, costs, half_up, kwh, rounding

AMOUNTS = st.integers(0, 10**15)
PRICES = st.decimals("0", "999", places=5).map(str)


@given(AMOUNTS, st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_parts_add_up_to_what_was_cut(whole: int, shares: list[int]) -> None:
    parts = divided(whole, shares)
    assert sum(parts) == whole
    assert min(parts) >= 0
    for part, share in zip(parts, shares, strict=True):
        if sum(shares):
            assert abs(part - Fraction(whole * share, sum(shares))) < 1


@given(st.data(), st.lists(AMOUNTS, min_size=1, max_size=8), st.integers(1, 4))
def test_rows_and_columns_add_up(data: st.DataObject, rows: list[int], count: int) -> None:
    shares = data.draw(st.lists(st.integers(0, 1000), min_size=count, max_size=count))
    columns = divided(sum(rows), shares)
    cells = table(rows, columns)
    assert [sum(row) for row in cells] == rows
    assert [sum(column) for column in zip(*cells, strict=True)] == columns
    assert all(cell >= 0 for row in cells for cell in row)


def test_sums_that_differ_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="rows add up to 3"):
        table([1, 2], [4])


@given(AMOUNTS, PRICES)
def test_money_is_what_exact_reckoning_says(joules: int, price: str) -> None:
    charges, cost, unpriced = costs({Terms(currency="EUR", price_per_kwh=price, tariff="t"): joules})
    exact = Decimal(half_up(Fraction(joules) * Fraction(price) * 100 / 3_600_000)) / 100
    assert [Decimal(one.amount) for one in cost] == [exact]
    assert [one.amount for one in charges] == [one.amount for one in cost]
    assert unpriced == 0


@given(st.lists(st.tuples(PRICES, AMOUNTS), min_size=1, max_size=6, unique_by=lambda pair: Decimal(pair[0])))
def test_the_whole_is_rounded_once_and_rounding_says_the_rest(given_: list[tuple[str, int]]) -> None:
    energy = {Terms(currency="EUR", price_per_kwh=price): joules for price, joules in given_}
    charges, [whole], _ = costs(energy)
    exact = sum(Fraction(joules) * Fraction(price) for price, joules in given_) / 3_600_000
    assert abs(Fraction(whole.amount) - exact) <= Fraction(1, 200)
    parts = [Money(currency=one.currency, amount=one.amount) for one in charges]
    left = sum(Decimal(one.amount) for one in rounding(parts, [whole]))
    assert sum(Decimal(one.amount) for one in parts) + left == Decimal(whole.amount)


@pytest.mark.parametrize(
    ("exact", "currency", "text"),
    [
        (Fraction(5, 1000), "EUR", "0.01"),
        (Fraction(4999, 1000000), "EUR", "0.00"),
        (Fraction(25, 10), "JPY", "3"),
        (Fraction(12345, 10000), "KWD", "1.235"),
        (Fraction(-5, 1000), "EUR", "-0.01"),
        (Fraction(10**30), "EUR", f"{10**30}.00"),
    ],
)
def test_the_small_unit_is_the_currencys(exact: Fraction, currency: str, text: str) -> None:
    assert amount(exact, currency) == text


@given(AMOUNTS)
def test_kilowatt_hours_are_rounded_half_up_to_a_thousandth(joules: int) -> None:
    exact = (Decimal(joules) / 3600).quantize(Decimal(1), ROUND_HALF_UP)
    assert kwh(joules) == float(exact / 1000)


def test_clients_are_charged_together_and_what_has_no_price_apart() -> None:
    terms = [Terms(client=client, tariff="t", currency="EUR", price_per_kwh="0.1") for client in ("a", "b")]
    charges, cost, unpriced = costs({terms[0]: 3_600_000, terms[1]: 7_200_000, Terms(client="a"): 36})
    assert [(one.kwh, one.amount) for one in charges] == [(3.0, "0.30")]
    assert [one.amount for one in cost] == ["0.30"]
    assert unpriced == 36
