"""Sections and pools of a cgminer-style reply."""

from typing import Any

import pytest
from hypothesis import given

from miners.reply import MAX_POOLS, first, is_complete, keepsake, numbering, pools, rows, share_sum
from tests.unit.miners.mutation import ANY_JSON, finite

NOW = 1_700_000_000.0


def pool(number: Any, **more: Any) -> dict[str, Any]:
    return {
        "POOL": number,
        "URL": f"stratum+tcp://p{number}.invalid:3333",
        "User": "u",
        "Status": "Alive",
        **more,
    }


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"A": [{"x": 1}, 5, {"y": 2}]}, [{"x": 1}, {"y": 2}]),
        ({"A": {"x": 1}}, [{"x": 1}]),
        ({"A": "text"}, []),
        ({}, []),
        (None, []),
        ([1], []),
    ],
)
def test_rows(reply: Any, expected: list[Any]) -> None:
    assert rows(reply, "A") == expected
    assert first(reply, "A") == (expected[0] if expected else {})


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ([0, 1], [0, 1]),
        ([6, 7, 8], [6, 7, 8]),
        (["2", 1.0], [2, 1]),
        ([1, 1], [0, 1]),
        ([None, 1], [0, 1]),
        ([-1, 1], [0, 1]),
        ([], []),
    ],
)
def test_numbering(said: list[Any], numbers: list[int]) -> None:
    assert numbering(said) == numbers


def active(found: list[dict[str, Any]]) -> list[bool | None]:
    return [entry.active for entry in pools(found, NOW)]


def test_the_connected_pool_is_the_active_one() -> None:
    rows = [pool(0, **{"Stratum Active": False}), pool(1, **{"Stratum Active": True})]
    assert active(rows) == [False, True]


def test_of_several_connected_pools_the_first_by_priority_is_active() -> None:
    rows = [
        pool(0, Priority=2, **{"Stratum Active": "true"}),
        pool(1, Priority=1, **{"Stratum Active": True}),
    ]
    assert active([*rows, pool(2, Priority=0, **{"Stratum Active": False})]) == [False, True, False]


def test_where_no_connection_is_told_the_first_that_is_alive_gets_the_work() -> None:
    assert active([pool(0, Status="Dead"), pool(1), pool(2)]) == [False, True, False]
    assert active([pool(0, Status="Dead")]) == [False]
    assert active([pool(0, Status="?"), pool(1, Status="?")]) == [None, None]


def test_a_fee_pool_is_active_only_alone() -> None:
    fee = pool(0, User="DevFee", Priority=0, **{"Stratum Active": True})
    assert active([fee, pool(1, Priority=5, **{"Stratum Active": True})]) == [False, True]
    assert active([fee, pool(1, **{"Stratum Active": False})]) == [True, False]


def test_slots_without_a_url_are_no_pools_and_a_password_in_one_is_dropped() -> None:
    found = pools(
        [{"POOL": 0, "URL": "", "Status": "Dead"}, {"POOL": 1, "URL": "stratum+tcp://a:b@c.invalid:1"}], NOW
    )
    assert [(entry.index, entry.url) for entry in found] == [(1, "stratum+tcp://c.invalid:1")]


def test_a_stranger_cannot_list_pools_without_end() -> None:
    assert len(pools([pool(number) for number in range(1000)], NOW)) == MAX_POOLS


def test_share_sum() -> None:
    assert share_sum([1, None, 2]) == 3
    assert share_sum([None]) is None
    assert share_sum([]) is None


@given(reply=ANY_JSON, value=ANY_JSON)
def test_any_json_gives_pools_of_finite_figures(reply: Any, value: Any) -> None:
    found = [
        *rows(reply, "POOLS"),
        {"POOL": value, "URL": value, "User": value, "Status": value, "Priority": value},
    ]
    found += [{"URL": "x", "Stratum Active": value, "Accepted": value, "Last Share Time": value}]
    listed = pools(found, NOW)
    assert finite(listed)
    assert len({entry.index for entry in listed}) == len(listed)
    assert sum(entry.active is True for entry in listed) <= 1


@pytest.mark.parametrize(
    ("found", "numbers"),
    [
        ([1, None, 3], [1, 2, 3]),
        ([None, "2"], [1, 2]),
        ([1, None, 4], [0, 1, 2]),
        ([3, 3], [0, 1]),
        ([None, 0], [0, 1]),
        ([None, None], [0, 1]),
    ],
)
def test_a_lost_number_is_told_by_its_neighbours(found: list[object], numbers: list[int]) -> None:
    assert numbering(found) == numbers


@pytest.mark.parametrize(
    ("message", "complete"),
    [
        ("2 ASC(s)", True),
        ("2 Pool(s)", True),
        ("3 ASC(s)", False),
        ("Summary", False),
        (2, False),
        ("2 ASC", False),
    ],
)
def test_a_reply_says_how_many_rows_it_has(message: object, complete: bool) -> None:
    rows_found = [{"ASC": 0}, {"ASC": 1}]
    assert is_complete({"STATUS": [{"Msg": message}], "DEVS": rows_found}, rows_found) is complete


def test_a_keepsake_is_short_whatever_came() -> None:
    reply = {
        "VERSION": [
            {"Type": "S9", "Miner": 16, "CompileTime": "x" * 10_000, "More": [0] * 10_000},
            {"Type": "T9"},
        ]
    }
    kept = keepsake(reply, "VERSION", ("Type", "Miner", "CompileTime", "Missing"))
    assert kept == {"VERSION": [{"Type": "S9", "Miner": "16", "CompileTime": "x" * 200}]}
    assert keepsake(None, "VERSION", ("Type",)) == keepsake({"VERSION": 5}, "VERSION", ()) == {"VERSION": []}
