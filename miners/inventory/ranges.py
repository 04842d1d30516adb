"""Ranges of addresses and what they stand for: `10.1.7.10-200`, `10.1.7.0/24`, the names of their miners, their places.

Pure functions. Everything that a range could blow up to has a ceiling, checked before anything is built.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec

from miners.inventory.nodes import shortened
from miners.inventory.report import Wrong

MAX_RANGE = 65_536

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV4 = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_NUMERIC = re.compile(r"[0-9.]+")
_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\{(n|row|column|address|last)(?::0?([1-9]))?\}")
_BRACES = re.compile(r"[{}]")


class Span(msgspec.Struct, frozen=True):
    """Addresses from `first` to `last`, both included, of IP `version` 4 or 6, as whole numbers."""

    version: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """Return how many addresses it holds."""
        return self.last - self.first + 1

    @property
    def first_address(self) -> str:
        """Return its first address as text."""
        return next(self.addresses())[1]

    def holds(self, other: "Span") -> bool:
        """Return whether every address of the other is one of this."""
        return self.version == other.version and self.first <= other.first and other.last <= self.last

    def addresses(self) -> Iterator[tuple[int, str]]:
        """Return each address as a number and as text."""
        for number in range(self.first, self.last + 1):
            if self.version == 4:
                yield number, f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            else:
                yield number, str(ipaddress.IPv6Address(number))


class Place(msgspec.Struct, frozen=True):
    """Where in the container a miner stands: row and column, counted from 1."""

    row: int
    column: int


def host_address(text: str) -> str:
    """Return an address in its one right spelling: an IPv4 or IPv6 address or a host name. Raises Wrong."""
    if _IPV4.fullmatch(text) or ":" in text:
        return str(_host(text))
    if _NUMERIC.fullmatch(text):
        raise Wrong(f"{shortened(text)} is not an IPv4 address: it has four numbers from 0 to 255")
    if ("-" in text and _IPV4.match(text)) or "/" in text:
        raise Wrong(f"{shortened(text)} is more than one address: write `addresses:` for a range")
    if not _HOST.fullmatch(text):
        raise Wrong(f"{shortened(text)} is not an IPv4 or IPv6 address or a host name")
    return text.lower()


def span(text: str) -> Span:
    """Return the addresses of `10.1.7.10`, `10.1.7.10-200`, `10.1.7.10-10.1.8.20` or `10.1.7.0/24`. Raises Wrong.

    A network stands for its hosts: without its own and the broadcast address where it has more than two.
    """
    if "%" in text:
        raise Wrong(f"{shortened(text)} has an interface in it, which a range cannot have")
    if "/" in text:
        found = _network_span(text)
    else:
        begin, dash, end = (part.strip() for part in text.partition("-"))
        first = _host(begin)
        if not dash:
            last = first
        elif end.isdecimal() and first.version == 4:
            last = _host(f"{begin.rpartition('.')[0]}.{end}")
        else:
            last = _host(end)
        if first.version != last.version:
            raise Wrong(f"{shortened(text)} begins with IPv{first.version} and ends with IPv{last.version}")
        if int(last) < int(first):
            raise Wrong(f"{shortened(text)} runs backwards: the smaller address comes first")
        found = Span(first.version, int(first), int(last))
    if found.size > MAX_RANGE:
        raise Wrong(f"{shortened(text)} stands for {found.size} addresses; {MAX_RANGE} at most")
    return found


def addresses_in(text: str) -> list[str]:
    """Return every address of a range (see `span`). Raises Wrong, a ValueError."""
    return [address for _, address in span(text).addresses()]


def network(text: str) -> str:
    """Return a network in its one right spelling (`10.1.0.0/16`). Raises Wrong."""
    if "/" not in text:
        raise Wrong(f"{shortened(text)} is not a network such as 10.1.0.0/16")
    return str(_network(text))


def check_pattern(pattern: str, count: int, *, placed: bool) -> None:
    """Check the name of a range's miners. Raises Wrong for stray braces, or if it would give all of them one name.

    `placed`: the miners have rows and columns, which the pattern may then use.
    """
    if _BRACES.search(_PLACEHOLDER.sub("", pattern)):
        raise Wrong(
            f"{shortened(pattern)} has braces that mean nothing; there are {{n}}, {{n:03}}, {{row}}, {{column}}, {{address}} "
            "and {last}"
        )
    used = {found[1] for found in _PLACEHOLDER.finditer(pattern)}
    if not used and count > 1:
        raise Wrong(
            f"{shortened(pattern)} would name all {count} miners of the range; put {{n}} into it, such as "
            f'"{shortened(pattern, 30)}{{n:0{len(str(count))}}}"'
        )
    if used & {"row", "column"} and not placed:
        raise Wrong(f"{shortened(pattern)} names a place: give the row and column of the first miner")


def name_for(pattern: str, *, n: int, address: str, place: Place | None) -> str:
    """Return the name of one miner of a range: `a{n:03}` with n 7 gives `a007`. The pattern was checked before."""
    last = address.rpartition(":" if ":" in address else ".")[2] or "0"
    words = {"n": str(n), "address": address, "last": last}
    if place is not None:
        words |= {"row": str(place.row), "column": str(place.column)}
    return _PLACEHOLDER.sub(lambda found: words[found[1]].rjust(int(found[2] or 1), "0"), pattern)


def place_at(start: Place, offset: int, *, fill: str, rows: int | None, columns: int | None) -> Place:
    """Return where the miner `offset` places after `start` stands. Raises Wrong if what that takes is not known.

    `fill` "rows": along the row to its end, then the next row from its first column; "columns": the same, down.
    """
    if fill == "columns":
        if rows is None:
            raise Wrong("filling by columns takes the container's `rows`")
        steps = start.row - 1 + offset
        return Place(steps % rows + 1, start.column + steps // rows)
    if columns is None:
        raise Wrong("filling by rows takes the container's `columns`")
    steps = start.column - 1 + offset
    return Place(start.row + steps // columns, steps % columns + 1)


def numbered(spans: Iterable[Span], left_out: Iterable[Span]) -> Iterator[tuple[int, str]]:
    """Return (offset, address) for every address of the spans but those left out, which keep their numbers."""
    holes = {(hole.version, number) for hole in left_out for number in range(hole.first, hole.last + 1)}
    offset = 0
    for one in spans:
        for number, address in one.addresses():
            if (one.version, number) not in holes:
                yield offset, address
            offset += 1


def _host(text: str) -> IPAddress:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise Wrong(_why_no_address(text)) from None
    if found.is_unspecified or found.is_multicast or found == _BROADCAST:
        raise Wrong(f"{found} is no address of a single host")
    return found


def _why_no_address(text: str) -> str:
    begin = text.rpartition(":")[0]
    if _IPV4.fullmatch(begin):
        return f"{shortened(text)} has a port in it: write `port:` beside the address"
    if any(len(part) > 1 and part[0] == "0" for part in text.split(".")) and _IPV4.fullmatch(text):
        return f"{shortened(text)} has leading zeros, which some programs read as octal: leave them out"
    return f"{shortened(text) or 'nothing'} is not an IPv4 or IPv6 address"


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        loose = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Wrong(f"{shortened(text)} is not a network such as 10.1.7.0/24") from None
    if str(loose.network_address) != str(ipaddress.ip_address(text.partition("/")[0])):
        raise Wrong(f"{shortened(text)} has host bits set; the network is {loose}")
    return loose


def _network_span(text: str) -> Span:
    net = _network(text)
    first, last = int(net.network_address), int(net.broadcast_address)
    if net.num_addresses > 2:
        first, last = first + 1, last - 1
    return Span(net.version, first, last)


_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
