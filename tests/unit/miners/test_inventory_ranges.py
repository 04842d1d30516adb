import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.inventory import ranges
from miners.inventory.ranges import Place, Span
from miners.inventory.report import Wrong


@pytest.mark.parametrize(
    ("text", "first", "last", "size"),
    [
        ("10.1.7.10", "10.1.7.10", "10.1.7.10", 1),
        ("10.1.7.10-200", "10.1.7.10", "10.1.7.200", 191),
        ("10.1.7.10 - 200", "10.1.7.10", "10.1.7.200", 191),
        ("10.1.7.10-10.1.8.20", "10.1.7.10", "10.1.8.20", 267),
        ("10.1.7.0/24", "10.1.7.1", "10.1.7.254", 254),
        ("10.1.7.0/31", "10.1.7.0", "10.1.7.1", 2),
        ("10.1.7.4/32", "10.1.7.4", "10.1.7.4", 1),
        ("fd00::1-fd00::10", "fd00::1", "fd00::10", 16),
        ("fd00::/120", "fd00::1", "fd00::fe", 254),
    ],
)
def test_span(text: str, first: str, last: str, size: int) -> None:
    found = ranges.addresses_in(text)
    assert (found[0], found[-1], len(found)) == (first, last, size)


@given(st.ip_addresses(v=4).map(int), st.integers(0, 300))
def test_addresses_of_a_span_are_as_the_library_writes_them(first: int, more: int) -> None:
    last = min(first + more, 2**32 - 1)
    found = [address for _, address in Span(4, first, last).addresses()]
    assert found == [str(ipaddress.IPv4Address(number)) for number in range(first, last + 1)]


@given(st.text(alphabet="0123456789abcdef.:-/% x", max_size=40) | st.text())
def test_any_text_is_taken_or_refused(text: str) -> None:
    for parse in (ranges.span, ranges.host_address, ranges.network, ranges.addresses_in):
        refusal = None
        try:
            parse(text)
        except Wrong as wrong:
            refusal = str(wrong)
        assert refusal is None or len(refusal.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.7.10", "10.1.7.10"),
        ("FD00::0:1", "fd00::1"),
        ("Miner-7.LAN", "miner-7.lan"),
        ("localhost", "localhost"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_one_spelling_of_an_address(text: str, expected: str) -> None:
    assert ranges.host_address(text) == expected


def test_places_fill_the_container_once() -> None:
    for fill in ("rows", "columns"):
        places = [ranges.place_at(Place(1, 1), offset, fill=fill, rows=3, columns=4) for offset in range(12)]
        assert {(place.row, place.column) for place in places} == {
            (r, c) for r in range(1, 4) for c in range(1, 5)
        }


def test_left_out_addresses_keep_their_numbers() -> None:
    found = ranges.numbered([ranges.span("10.0.0.1-4")], [ranges.span("10.0.0.2-3")])
    assert list(found) == [(0, "10.0.0.1"), (3, "10.0.0.4")]


@given(st.text(max_size=20), st.integers(1, 300))
def test_a_pattern_that_passes_names_without_braces(pattern: str, count: int) -> None:
    try:
        ranges.check_pattern(pattern, count, placed=False)
    except Wrong:
        return
    name = ranges.name_for(pattern, n=7, address="10.0.0.9", place=None)
    assert "{" not in name
    assert "}" not in name


def test_last_of_an_address() -> None:
    assert ranges.name_for("{last:3}", n=1, address="10.0.0.9", place=None) == "009"
    assert ranges.name_for("{last}", n=1, address="fd00::1f", place=None) == "1f"
