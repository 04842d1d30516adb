"""Fault codes: every shape in which firmwares list them, and what they say."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers.whatsminer_faults import MAX_FAULTS, fault_text, read_faults

NOW = datetime(2024, 6, 16, tzinfo=UTC).timestamp()
MORNING = datetime(2024, 6, 15, 9, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "listed",
    [
        [{"110": "2024-06-15 09:15:00"}],
        ["110", "2024-06-15 09:15:00"],
        [["110", "2024-06-15 09:15:00"]],
        {"110": "2024-06-15 09:15:00"},
        {"error_code": [{"110": "2024-06-15 09:15:00"}]},
        {"error_code": ["110", "2024-06-15 09:15:00"]},
        {"error_code": {"110": "2024-06-15 09:15:00"}},
        {"error_code": {"110": {"time": "2024-06-15 09:15:00"}}},
        {"error-code": [{"code": 110, "time": "2024/06/15 09:15:00"}]},
        [{"110": MORNING.timestamp()}],
        [{"110": "2024-06-15T17:15:00+08:00"}],
    ],
)
def test_every_shape_gives_code_text_and_time(listed: object) -> None:
    [fault] = read_faults(listed, NOW)
    assert fault.code == "110"
    assert fault.text == "intake fan: no speed measured"
    assert fault.since == MORNING


def test_bare_codes_have_no_time() -> None:
    faults = read_faults([218, 110, "5070"], NOW)
    assert [(fault.code, fault.since) for fault in faults] == [("218", None), ("110", None), ("5070", None)]


def test_pairs_of_code_and_time_follow_each_other() -> None:
    faults = read_faults(["329", "2024-06-15 09:15:00", "540", "2024-06-15 09:15:00"], NOW)
    assert [(fault.code, fault.since) for fault in faults] == [("329", MORNING), ("540", MORNING)]


def test_the_miners_own_reason_is_the_text() -> None:
    [fault] = read_faults([{"264": "2024-06-15 09:15:00", "reason": "Power xfer error. code: 0xc0"}], NOW)
    assert fault.text == "Power xfer error. code: 0xc0"


def test_an_unknown_code_stays_a_fault_without_words() -> None:
    [fault] = read_faults([{"99998": "2024-06-15 09:15:00"}], NOW)
    assert (fault.code, fault.text) == ("99998", None)


def test_a_code_is_told_once() -> None:
    assert len(read_faults([{"110": "2024-06-15 09:15:00"}, 110, "110"], NOW)) == 1


@pytest.mark.parametrize(
    "listed", [None, [], {}, "", 0, "0", [0], [None], True, "none", [{"reason": "x"}], 1.5]
)
def test_no_fault_is_no_fault(listed: object) -> None:
    assert read_faults(listed, NOW) == []


@pytest.mark.parametrize(
    "time",
    [
        "",
        "yesterday",
        "1970-01-01 00:00:10",
        "2030-01-01 00:00:00",
        None,
        12,
        [],
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_time_that_cannot_be_is_none(time: object) -> None:
    [fault] = read_faults([{"110": time}], NOW)
    assert fault.since is None


def test_a_clock_east_of_greenwich_is_not_taken_for_the_future() -> None:
    [fault] = read_faults([{"110": "2024-06-16 08:00:00"}], NOW)
    assert fault.since == datetime(2024, 6, 16, 8, tzinfo=UTC)


def test_a_strangers_list_is_cut() -> None:
    assert len(read_faults(list(range(1, 10_000)), NOW)) == MAX_FAULTS
    deep: object = 110
    for _ in range(500):
        deep = [deep]
    assert read_faults(deep, NOW) == []


def test_codes_of_boards_name_the_board() -> None:
    assert fault_text(530) == "board 0: not found"
    assert fault_text(532) == "board 2: not found"
    assert fault_text(5073) == "board 3: coolant flow abnormal"
    assert fault_text(534) is None
    assert fault_text(329) == "control board: temperature sensor does not answer"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["110", "reason", "time"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["110", "error_code"]), inner)
    ),
)


@given(JSON)
def test_whatever_comes_gives_faults_or_none(listed: object) -> None:
    for fault in read_faults(listed, NOW):
        assert fault.code.isdigit()
        assert fault.text is None or fault.text.isprintable()
        json.dumps(fault.code)
