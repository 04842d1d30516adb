"""Files of meter readings as people send them: every usual form is read, every fault is named with its line, nothing crashes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounting.meter_csv import CsvPlace, ReadLine, read_csv

PLACES = {
    "Container 1": CsvPlace("k-1", "Europe/Berlin"),
    "k-1": CsvPlace("k-1", "Europe/Berlin"),
    "Контейнер 2": CsvPlace("k-2", "Asia/Novosibirsk"),
}
HEAD = "container,at,kwh\n"


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("2026-10-03", datetime(2026, 10, 2, 22, tzinfo=UTC)),
        ("2026-10-03 18:05", datetime(2026, 10, 3, 16, 5, tzinfo=UTC)),
        ("2026-10-03T18:05:07", datetime(2026, 10, 3, 16, 5, 7, tzinfo=UTC)),
        ("2026-10-03T18:05:07Z", datetime(2026, 10, 3, 18, 5, 7, tzinfo=UTC)),
        ("2026-10-03 18:05+0530", datetime(2026, 10, 3, 12, 35, tzinfo=UTC)),
        ("2026/10/03 18:05", datetime(2026, 10, 3, 16, 5, tzinfo=UTC)),
        ("03.10.2026", datetime(2026, 10, 2, 22, tzinfo=UTC)),
        ("3.10.2026 8:05", datetime(2026, 10, 3, 6, 5, tzinfo=UTC)),
        ("2026-10-25 02:30+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
)
def test_times_in_their_usual_forms(cell: str, at: datetime) -> None:
    assert read_csv(f"{HEAD}k-1,{cell},1".encode(), PLACES) == (
        [ReadLine(line=2, container="k-1", at=at, kwh="1")],
        [],
    )


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("2026-02-30", "no time that there is"),
        ("2026-10-03 25:00", "no time that there is"),
        ("03/10/2026", "may be two dates"),
        ("yesterday", "no time such as"),
        ("2026-10-25 02:30", "twice that night"),
        ("2026-03-29 02:30", "put forward"),
        ("20261003", "no time such as"),
        ("0000-01-01", "no time that there is"),
        ("9999-12-31 23:59-23:59", "no time that there is"),
        ("9999-12-31", "no time that there is"),
        ("٢٠٢٦-١٠-٠٣", "no time such as"),
    ],
)
def test_times_that_are_none(cell: str, words: str) -> None:
    found, [fault] = read_csv(f"{HEAD}k-1,{cell},1".encode(), PLACES)
    assert found == []
    assert fault.line == 2
    assert words in fault.why


@pytest.mark.parametrize(
    ("cell", "kwh"),
    [
        ("120345", "120345"),
        ("120345.60", "120345.60"),
        ("120345,6", "120345.6"),
        ("120 345,6", "120345.6"),
        ("1234,567", "1234.567"),
        ("1 234,567", "1234.567"),
        ("0,567", "0.567"),
        ("1,23", "1.23"),
        ("1.234", "1.234"),
        ("120\u00a0345", "120345"),
    ],
)
def test_figures_in_their_usual_forms(cell: str, kwh: str) -> None:
    [line], faults = read_csv(f"container;at;kwh\nk-1;2026-10-03;{cell}".encode(), PLACES)
    assert (line.kwh, faults) == (kwh, [])


@pytest.mark.parametrize(
    "cell", ["-1", "1.234,5", "1,234.5", "1e9", "NaN", "12 kWh", "9" * 20, "1.1234567", "0x10", "٣"]
)
def test_figures_that_are_none(cell: str) -> None:
    found, [fault] = read_csv(f"container;at;kwh\nk-1;2026-10-03;{cell}".encode(), PLACES)
    assert (found, fault.line) == ([], 2)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1,234", "1,234 may be two figures: write it as 1234 or as 1.234"),
        ("120,345", "120,345 may be two figures: write it as 120345 or as 120.345"),
        ("1,234,567", "1,234,567: write it without a sign between thousands"),
        ("1,234.5", "1,234.5: write it without a sign between thousands"),
    ],
)
def test_a_figure_that_may_be_two_is_refused_with_both(cell: str, words: str) -> None:
    text = f"container;at;kwh\nk-1;2026-10-03;1234,5\nk-1;2026-10-04;{cell}"
    [line], [fault] = read_csv(text.encode(), PLACES)
    assert (line.line, fault.line, str(fault.why)) == (2, 3, words)


@pytest.mark.parametrize(
    ("timezone", "day", "begins"),
    [
        ("Asia/Beirut", "2026-03-29", datetime(2026, 3, 28, 22, tzinfo=UTC)),  # midnight is left out
        ("America/Havana", "2026-11-01", datetime(2026, 11, 1, 4, tzinfo=UTC)),  # and is there twice
    ],
)
def test_a_date_alone_is_where_the_day_begins(timezone: str, day: str, begins: datetime) -> None:
    places = {"k-1": CsvPlace("k-1", timezone)}
    [line], faults = read_csv(f"{HEAD}k-1,{day},1".encode(), places)
    assert (line.at, faults) == (begins, [])
    _, [fault] = read_csv(f"{HEAD}k-1,{day} 00:00,1".encode(), places)
    assert "put forward" in fault.why or "twice that night" in fault.why


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_forms_of_files(delimiter: str, encoding: str, end: str) -> None:
    rows = [
        ["Контейнер", "Показание", "Дата", "замена", "что-то", "Примечание"],
        ["Контейнер 2", '"1,5"', "03.10.2026 06:00", "да", "", '"a, b; c\td"'],
        [],
        ["k-1", "7", "2026-10-03 18:00", "", ""],
    ]
    text = end.join(delimiter.join(row) for row in rows)
    found, faults = read_csv(text.encode(encoding), PLACES)
    assert faults == []
    assert [(one.line, one.container, one.kwh, one.replaced, one.note) for one in found] == [
        (2, "k-2", "1.5", True, "a, b; c\td"),
        (4, "k-1", "7", False, ""),
    ]
    assert found[0].at == datetime(2026, 10, 2, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "lacks container, at, kwh"),
        (b"k-1,2026-10-03,5", "lacks container, at, kwh"),
        (b"container,kwh\n", "lacks at"),
        (b"container,at,date,kwh\n", "twice"),
        (HEAD.encode(), "no reading stands"),
        (b"\xff\xff\xff", "UTF-8"),
        ("container,at,kwh\nКонтейнер 2,2026-10-03,5".encode("cp1251"), "UTF-8"),
        (b'container,at,kwh\nk-1,2026-10-03,"5', "quotation mark"),
        (b"container,at,kwh\nk-1,2026-10-03,5,6", "decimal comma"),
        (b"container,at,kwh\nk-9,2026-10-03,5", "no container k-9"),
        (b"container,at,kwh\nk-1,,5", "the cell at is empty"),
        (b"container,at,kwh,replaced\nk-1,2026-10-03,5,perhaps", "yes or no"),
        (b"container,at,kwh\nk-1,2026-10-03\0,5", "no text"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, words: str) -> None:
    found, faults = read_csv(raw, PLACES)
    assert found == []
    assert any(words in fault.why for fault in faults), faults


def test_each_wrong_line_is_named_and_the_right_ones_too() -> None:
    text = "container;at;kwh\nk-1;2026-10-03;1\nk-1;x;1\n\nk-1;2026-10-04;x\nk-1;2026-10-05;2\n"
    found, faults = read_csv(text.encode(), PLACES)
    assert [one.line for one in found] == [2, 6]
    assert [one.line for one in faults] == [3, 5]


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: (HEAD + text).encode("utf-8", "replace"))
)
def test_nothing_that_is_sent_breaks_it(raw: bytes) -> None:
    found, faults = read_csv(raw, PLACES)
    assert found or faults


def test_every_fault_of_a_line_is_named() -> None:
    found, faults = read_csv(b"container,at,kwh,replaced\nnobody,31.02.2026,many,perhaps\nk-1,,,\n", PLACES)
    assert found == []
    assert [(fault.line, str(fault.why)) for fault in faults] == [
        (2, "there is no container nobody"),
        (2, "31.02.2026 is no time that there is"),
        (2, "many is no figure of a meter"),
        (2, "replaced is yes or no, not perhaps"),
        (3, "the cell at is empty"),
        (3, "the cell kwh is empty"),
    ]


def test_ten_thousand_lines_are_read_and_a_wrong_one_among_them_is_found() -> None:
    lines = [
        f"k-1;2026-{1 + at // 840:02}-{1 + at // 30 % 28:02} 0{at % 6}:{at % 30:02}Z;{at},5"
        for at in range(10_000)
    ]
    found, faults = read_csv("\r\n".join(["container;at;kwh", *lines]).encode(), PLACES)
    assert (len(found), faults[:1]) == (10_000, [])
    assert found[-1].line == 10_001
    lines[7_000] = "k-1;;7000"
    found, [fault] = read_csv("\n".join(["container;at;kwh", *lines]).encode(), PLACES)
    assert (len(found), fault.line) == (9_999, 7_002)
