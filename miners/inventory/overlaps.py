"""What two entries of the inventory cannot both have: a name, an id, an address and port, a place, an hour of a tariff.

Each overlap is named with both places. Where a range overlaps another in many addresses, the first is named and the
others are counted.
"""

from collections.abc import Iterable

import msgspec

from miners.inventory.fleet import Container, Miner, TariffZone
from miners.inventory.nodes import Scalar, Sequence, shortened
from miners.inventory.sections import Entry

_PORTS = ("port", "v3_port", "web_port")
_WEEK = 7 * 1440


class _Overlap(msgspec.Struct):
    """What one entry has in common with another: the first of it in words, and how many more there are."""

    entry: Entry
    key: str
    text: str
    more: int = 0


class Overlaps:
    """The overlaps found so far, one for each pair of entries and key."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, str], _Overlap] = {}

    def note(self, entry: Entry, other: Entry, key: str, text: str) -> None:
        """Note that `entry` has at `key` what `other` has; `text` says what."""
        known = self._found.get((id(entry), id(other), key))
        if known is None:
            self._found[id(entry), id(other), key] = _Overlap(entry, key, text)
        else:
            known.more += 1

    def report(self) -> None:
        """Report each as a mistake."""
        for one in self._found.values():
            more = f" (and {one.more} more)" if one.more else ""
            one.entry.mistake(one.key, one.text + more)


class Names:
    """Names, and the slugs of names, that are unique among the entries of one place."""

    def __init__(self, overlaps: Overlaps, among: str) -> None:
        """`among` says of what: "container", "miner in Контейнер 1"."""
        self._overlaps = overlaps
        self._among = among
        self._names: dict[str, Entry] = {}
        self._ids: dict[str, tuple[Entry, str]] = {}

    def take(self, name: str, identity: str, entry: Entry, id_key: str = "name") -> None:
        """Take a name and its id; note an overlap if another has either. `id_key`: the key that the id comes from."""
        other = self._names.get(name)
        if other is not None:
            self._overlaps.note(
                entry,
                other,
                "name",
                f"{shortened(name)} is already the name of a {self._among} ({other.place_of('name')})",
            )
            return
        self._names[name] = entry
        taken = self._ids.setdefault(identity, (entry, name))
        if taken[1] != name:
            with_id = self._among in ("container", "schedule")
            remedy = "give one of them another `id:`" if with_id else "rename one of them"
            self._overlaps.note(
                entry,
                taken[0],
                id_key,
                f"{shortened(name)} has the id {identity} in URLs, and so has {shortened(taken[1])} "
                f"({taken[0].place_of('name')}): {remedy}",
            )


class Places:
    """The places in one container: within its rows and columns, one miner each."""

    def __init__(self, overlaps: Overlaps, container: Container) -> None:
        self._overlaps = overlaps
        self._container = container
        self._taken: dict[tuple[int, int], tuple[Entry, str]] = {}

    def take(self, miner: Miner, entry: Entry) -> None:
        """Take the place of a miner, if it has one."""
        if miner.row is None or miner.column is None:
            return
        for key, at, most in (
            ("row", miner.row, self._container.rows),
            ("column", miner.column, self._container.columns),
        ):
            if most is not None and at > most:
                self._overlaps.note(
                    entry,
                    entry,
                    key,
                    f"{shortened(miner.name)} would stand in {key} {at}; the container has {most}",
                )
                return
        other = self._taken.setdefault((miner.row, miner.column), (entry, miner.name))
        if other[1] != miner.name:
            self._overlaps.note(
                entry,
                other[0],
                "row",
                f"row {miner.row}, column {miner.column} is already the place of {shortened(other[1])} "
                f"({other[0].place_of('row')})",
            )


class Addresses:
    """The addresses and ports of the whole fleet. Miners that are not active take none."""

    def __init__(self, overlaps: Overlaps) -> None:
        self._overlaps = overlaps
        self._alone: dict[str, tuple[Miner, Entry]] = {}
        self._shared: dict[str, list[tuple[Miner, Entry]]] = {}

    def take(self, miner: Miner, entry: Entry) -> None:
        """Take the address of a miner."""
        if not miner.active:
            return
        first = self._alone.setdefault(miner.address, (miner, entry))
        if first[0] is not miner:
            self._shared.setdefault(miner.address, [first]).append((miner, entry))

    def check(self) -> None:
        """Note each port of an address that two miners have, and warn of those that two only have by default."""
        for address, holders in self._shared.items():
            self._check_one(address, holders)

    def _check_one(self, address: str, holders: list[tuple[Miner, Entry]]) -> None:
        taken: dict[int, tuple[Miner, Entry, str]] = {}
        by_default: dict[int, tuple[Entry, str, int]] = {}
        for miner, entry in holders:
            for key in _PORTS:
                port: int | None = getattr(miner, key)
                if port is None or key in entry.wrong:
                    continue
                other, other_entry, other_key = taken.setdefault(port, (miner, entry, key))
                if other is miner:
                    continue
                both_first = key == _first_port(miner, entry) and other_key == _first_port(other, other_entry)
                if both_first or (key in entry.values and other_key in other_entry.values):
                    at = "addresses" if "addresses" in entry.values else "address"
                    other_at = "addresses" if "addresses" in other_entry.values else "address"
                    self._overlaps.note(
                        entry,
                        other_entry,
                        at if both_first else key,
                        f"{address_and_port(address, port)} is already that of {shortened(other.name)} in "
                        f"{shortened(other.container)} ({other_entry.place_of(other_at)})",
                    )
                else:
                    first, first_key, count = by_default.get(port, (entry, key, 0))
                    by_default[port] = first, first_key, count + 1
        for port, (entry, key, count) in by_default.items():
            entry.warning(
                None,
                f"{key} {port} of {address} is shared with {count} other miner{'s' if count > 1 else ''}; "
                f"give each its own, or `{key}: null` so that it is not asked",
            )


def address_and_port(address: str, port: int) -> str:
    """Return `10.1.7.10:4028`, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def check_zones(zones: Iterable[tuple[Entry, TariffZone]]) -> None:
    """Report each zone of a tariff that holds in a minute of the week in which an earlier one holds."""
    earlier: list[tuple[Entry, list[tuple[int, int]]]] = []
    for entry, zone in zones:
        mine = _minutes_of_week(zone)
        for other, theirs in earlier:
            if any(a < d and c < b for a, b in mine for c, d in theirs):
                entry.mistake(None, f"overlaps {other.whereabouts}")
                break
        earlier.append((entry, mine))


def line_of_item(entry: Entry, key: str, index: int) -> int:
    """Return the line of one item of a list in an entry."""
    for name, value in entry.node.pairs():
        if type(name) is Scalar and name.text == key and type(value) is Sequence:
            return value.items[index].line
    return entry.line


def _first_port(miner: Miner, entry: Entry) -> str:
    """Return the key of the port that tells this miner from others: its driver's, else one written, else the first."""
    if miner.driver == "whatsminer_v3":
        return "v3_port"
    asked = [key for key in _PORTS if getattr(miner, key) is not None]
    return next((key for key in asked if key in entry.values), asked[0] if asked else "port")


def _minutes_of_week(zone: TariffZone) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for day in zone.days:
        begin = day * 1440 + zone.from_minute
        end = day * 1440 + zone.to_minute + (1440 if zone.to_minute < zone.from_minute else 0)
        found.append((begin, min(end, _WEEK)))
        if end > _WEEK:
            found.append((0, end - _WEEK))
    return found
