"""Units: every figure a miner can write, and that no JSON at all can make them raise or give NaN."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.units import (
    alive,
    celsius,
    count,
    hashes,
    last_share,
    mac,
    megahertz,
    number,
    rate,
    rate_factor,
    rpm,
    text,
    watts,
)

NOW = 1_755_615_295.0

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**330)
    | st.floats()
    | st.text()
    | st.from_regex(r"[+-]?[0-9,._ eE:%-]{0,12}( ?[A-Za-z/%]{0,6})?", fullmatch=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        (17.5, 17.5),
        (-3, -3.0),
        ("3250 W", 3250.0),
        ("72%", 72.0),
        ("1,234.5", 1234.5),
        ("12,345,678", 12345678.0),
        (" 45.5 °C ", 45.5),
        ("5659.83 MH/s", 5659.83),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-273", -273.0),
        ("1,5", None),
        ("1 2", None),
        ("73-45-64-65", None),
        ("", None),
        ("-", None),
        ("W", None),
        ("N/A", None),
        ("nan", None),
        ("-inf", None),
        ("1e400", None),
        (nan, None),
        (inf, None),
        (10**400, None),
        (True, None),
        (None, None),
        ([1], None),
        ({"a": 1}, None),
        ("1" * 65, None),
    ],
)
def test_number(value: object, expected: float | None) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (7, 7), (7.0, 7), ("7", 7), (" 7 ", 7), (7.5, None), (-1, None), ("-1", None), (True, None),
     (2**63 - 1, 2**63 - 1), (2**63, None), (1e30, None), ("x", None), (None, None)],
)  # fmt: skip
def test_count(value: object, expected: int | None) -> None:
    assert count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" Antminer S9\n", "Antminer S9"),
        ("Контейнер 1", "Контейнер 1"),
        ("矿机", "矿机"),
        ("a\u202eb\u2028c\x00d\ud800", "abcd"),
        ("x" * 500, "x" * 200),
        ("\x00" * 10**6, None),
        ("  ", None),
        (17, "17"),
        (1.5, "1.5"),
        (nan, None),
        (True, None),
        (10**30, None),
        (["a"], None),
    ],
)
def test_text(value: object, expected: str | None) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("b8:4c:87:e0:66:b2", "B8:4C:87:E0:66:B2"),
        ("b84c87e066b2", "B8:4C:87:E0:66:B2"),
        ("B8-4C-87-E0-66-B2", "B8:4C:87:E0:66:B2"),
        ("02:55:97:22:3M:72", None),
        ("00:00:00:00:00:00", None),
        ("ff:ff:ff:ff:ff:ff", None),
        ("b84c87e066", None),
        (123456789012, None),
        (None, None),
    ],
)
def test_mac(value: object, expected: str | None) -> None:
    assert mac(value) == expected


@pytest.mark.parametrize(
    ("value", "unit", "default", "expected"),
    [
        (110566.89, "GH", "GH", 110566.89e9),
        ("504.3", None, "MH", 504.3e6),
        (3003.75, "MH/s", "GH", 3003.75e6),
        (420, "kSol/s", "GH", 420e3),
        (420, "Sol", "GH", 420.0),
        (1.5, "th/s", "GH", 1.5e12),
        (2, "PH", "GH", 2e15),
        (2, "GHS", "MH", 2e9),
        (5, "", "GH", 5e9),
        ("5659.83 MH/s", "GH", "GH", 5659.83e6),
        (5, "furlong", "GH", None),
        (5, 7, "GH", None),
        (-5, "GH", "GH", None),
        ("", "GH", "GH", None),
        (1e300, "PH", "GH", None),
    ],
)
def test_rate(value: object, unit: object, default: str, expected: float | None) -> None:
    assert rate(value, unit, default) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        ("45", 45.0),
        (-60, -60.0),
        (200, 200.0),
        (-273, None),
        (255, None),
        ("nan", None),
        (False, None),
    ],
)
def test_celsius(value: object, expected: float | None) -> None:
    assert celsius(value) == expected


def test_megahertz_rpm_and_watts() -> None:
    assert rpm("5880") == 5880.0
    assert rpm(-1) is None
    assert rpm(1e9) is None
    assert hashes("504.3", 1e6) == pytest.approx(504.3e6)
    assert hashes(1e30, 1.0) is None
    assert megahertz("525") == 525e6
    assert megahertz(-1) is None
    assert watts("3250 W") == 3250.0
    assert watts(-1) is None


def test_a_unit_nobody_knows_has_no_factor() -> None:
    assert rate_factor("XH/s", "GH") is None
    assert rate_factor(None, "GH") == 1e9


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0:00:27", NOW - 27),
        ("00:00:18", NOW - 18),
        ("123:00:01", NOW - 123 * 3600 - 1),
        ("1:00:00:00", NOW - 86400),
        ("0:00:00", NOW),
        (1755615292, 1755615292),
        ("1755615292", 1755615292),
        (NOW + 30, NOW),
        (NOW + 3600, None),
        (924247, None),
        ("0", None),
        ("", None),
        (0, None),
        ("99999999999999:0:0", None),
        ("²:00:01", None),
        ("a:b:c", None),
        ("1:2:3:4:5", None),
        (None, None),
    ],
)
def test_last_share(value: object, expected: float | None) -> None:
    assert last_share(value, NOW) == (None if expected is None else datetime.fromtimestamp(expected, UTC))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Alive", True),
        ("Dead", False),
        ("Unreachable", False),
        (" alive ", True),
        (True, True),
        ("", None),
        (1, None),
    ],
)
def test_alive(value: object, expected: bool | None) -> None:
    assert alive(value) is expected


@pytest.mark.parametrize(
    "read", [number, celsius, megahertz, rpm, watts, lambda value: rate(value, value, "GH")]
)
@given(value=ANYTHING)
def test_figures_are_finite_whatever_comes(read: Callable[[object], float | None], value: object) -> None:
    figure = read(value)
    assert figure is None or (type(figure) is float and isfinite(figure))


@given(value=ANYTHING)
def test_the_others_hold_their_promise_whatever_comes(value: object) -> None:
    counted, shown, address, when = count(value), text(value), mac(value), last_share(value, NOW)
    assert counted is None or 0 <= counted < 2**63
    assert shown is None or (0 < len(shown) <= 200 and shown.isprintable() and shown == shown.strip())
    assert address is None or len(address) == 17
    assert when is None or when.timestamp() <= NOW
    assert alive(value) in (True, False, None)
