"""From the sections of one or several files to the fleet: defaults laid under, ranges written out, references checked.

Mistakes and warnings go to the reports of the files they stand in; the fleet is right only if no report holds a mistake.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from miners.inventory import fleet, overlaps, ranges, schema
from miners.inventory.by_name import ByName
from miners.inventory.doubts import Doubts
from miners.inventory.feeds import ramp_of
from miners.inventory.kinds import MISSING, nearest
from miners.inventory.nodes import shortened
from miners.inventory.report import Wrong
from miners.inventory.sections import Entry
from miners.inventory.shared_keys import CONTAINERS_SHARED, MINERS_SHARED
from miners.inventory.slugs import slug

MAX_MINERS = 250_000

_CONTAINER_ATTRIBUTES = {
    key: field.attribute for key, field in schema.CONTAINER.fields.items() if field.attribute
}
_OF_CONTAINERS = {key: name for key, name in _CONTAINER_ATTRIBUTES.items() if key not in MINERS_SHARED}
_MINER_ATTRIBUTES = {key: field.attribute for key, field in schema.MINER.fields.items() if field.attribute}
_SHARED_BY_MINERS = {key: name for key, name in _MINER_ATTRIBUTES.items() if key in MINERS_SHARED}
_OF_ONE_MINER = {key: name for key, name in _MINER_ATTRIBUTES.items() if key not in ("row", "column")}
_SAID_ONCE = (("client",), ("tariff", "tariff_changes"))
"""What a container says itself, or else one entry that extends it: keys that belong together are said in one place."""
_RANGE_KEYS = frozenset({"name", "address", "addresses", "except", "number", "fill", "row", "column"})

_Standing = tuple[str, str, ranges.Place | None]


def assemble(tops: list[Entry]) -> fleet.Inventory:
    """Return the fleet of the files, whose tops have been read. Mistakes go to their reports."""
    return _Assembly(tops).inventory()


class _Assembly:
    """The fleet while it is put together."""

    def __init__(self, tops: list[Entry]) -> None:
        self.tops = tops
        self.overlaps = overlaps.Overlaps()
        self.addresses = overlaps.Addresses(self.overlaps)
        self.doubts = Doubts()
        self.defaults = self._defaults()
        self.by_name = ByName(tops, self.overlaps)
        self.containers, self.extensions = self._by_extending()
        self.miners = 0

    def inventory(self) -> fleet.Inventory:
        """Return the fleet."""
        networks = self._networks()
        for top in self.tops:
            if "defaults" in top.values:
                self._check_times(top.values["defaults"], dict(self.defaults))
                self._check_names(top.values["defaults"])
        names = overlaps.Names(self.overlaps, "container")
        containers = [self._container(entry, names) for entry in self.containers]
        self.addresses.check()
        self.overlaps.report()
        self.by_name.doubt_ways(containers)
        self.doubts.at_feeds(self.by_name.feeds, containers, self.tops)
        self.doubts.report()
        if not self.miners and self.tops:
            self.tops[0].warning(None, "the inventory names no miner, so none is read")
        return fleet.Inventory(
            containers=tuple(containers),
            tariffs=self.by_name.tariffs,
            profiles=self.by_name.profiles,
            schedules=self.by_name.schedules,
            feeds=self.by_name.feeds,
            networks=tuple(networks),
        )

    def _defaults(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        given: dict[str, Entry] = {}
        for top in self.tops:
            if "defaults" not in top.values:
                continue
            entry = top.values["defaults"]
            for key, value in entry.values.items():
                if key in given:
                    entry.mistake(key, f"is already a default ({given[key].place_of(key)}); keep one of them")
                else:
                    given[key] = entry
                    found[key] = value
        return found

    def _by_extending(self) -> tuple[list[Entry], dict[int, list[Entry]]]:
        """Return the entries of containers, and what extends each of them (by the entry's own identity)."""
        entries = [
            entry for top in self.tops for entry in top.values.get("containers", ()) if entry is not MISSING
        ]
        containers = [entry for entry in entries if "extends" not in entry.values.keys() | entry.wrong]
        by_name: dict[str, Entry] = {}
        for entry in containers:
            by_name.setdefault(entry.values.get("name", ""), entry)
        extensions: dict[int, list[Entry]] = {}
        for entry in entries:
            name = entry.values.get("extends")
            if name is None:
                continue
            if name in by_name:
                extensions.setdefault(id(by_name[name]), []).append(entry)
                continue
            near = nearest(name, tuple(by_name))
            advice = f"did you mean {shortened(near)}?" if near else "its name is that of a container"
            entry.mistake("extends", f"there is no container {shortened(name)}; {advice}")
        return containers, extensions

    def _networks(self) -> list[str]:
        seen: dict[str, str] = {}
        for top in self.tops:
            for index, network in enumerate(top.values.get("networks", ())):
                if network is MISSING:
                    continue
                place = top.report.place(line := overlaps.line_of_item(top, "networks", index))
                if network in seen:
                    path = ((top.path, "networks"), index)
                    top.report.mistake(line, path, f"{network} is already in the list ({seen[network]})")
                else:
                    seen[network] = place
        return list(seen)

    def _container(self, entry: Entry, names: overlaps.Names) -> fleet.Container:
        values = {
            **{key: value for key, value in self.defaults.items() if key in CONTAINERS_SHARED},
            **entry.values,
        }
        said_at = self._take_what_is_said(entry, values)
        name = values.get("name", "?")
        identity = values.get("id") or slug(name)
        if "name" in values and "id" not in entry.wrong:
            names.take(name, identity, entry, "id" if "id" in values else "name")
        for key in ("alerts", "temperature_limits", "ramp"):
            values[key] = self.defaults.get(key, {}) | entry.values.get(key, {})
        self._check_times(entry, values)
        self._check_names(entry)
        for extension in self.extensions.get(id(entry), ()):
            self.by_name.check_tariff(extension)
        self.by_name.check_feed(entry)
        if "schedule" in values:
            values["schedule"] = self.by_name.schedule_id(values["schedule"])
        container = fleet.Container(
            name=name,
            id=identity,
            alerts=fleet.AlertLimits(**values["alerts"]),
            temperature_limits_c=values["temperature_limits"],
            ramp=ramp_of(values["ramp"]),
            simulate=values.get("simulate", {}),
            tariff_changes=_tariff_changes(values.get("tariff_changes", ())),
            said_at=said_at,
            origin=fleet.Origin(entry.report.file, entry.line),
            **{attribute: values[key] for key, attribute in _OF_CONTAINERS.items() if key in values},
        )
        container = msgspec.structs.replace(container, miners=tuple(self._miners(entry, container)))
        self.doubts.at_container(container, entry)
        return container

    def _take_what_is_said(self, entry: Entry, values: dict[str, Any]) -> dict[str, fleet.Origin]:
        """Put what entries that extend a container say of it beside miners into its values; report what is said twice.

        Return where it is said, by the first of the keys that belong together.
        """
        said_at: dict[str, fleet.Origin] = {}
        for keys in _SAID_ONCE:
            first: tuple[Entry, str] | None = None
            for one in (entry, *self.extensions.get(id(entry), ())):
                there = [key for key in keys if key in one.values.keys() | one.wrong]
                if not there:
                    continue
                if first is not None:
                    said, key = first
                    one.mistake(
                        there[0],
                        f"{shortened(values.get('name', '?'))} has {key} already ({said.place_of(key)}); "
                        "say it in one of the two places",
                    )
                    continue
                first = one, there[0]
                said_at[keys[0]] = fleet.Origin(one.report.file, one.node.line_of(there[0]))
                values.update((key, one.values[key]) for key in there if key in one.values)
        return said_at

    def _check_times(self, entry: Entry, values: dict[str, Any]) -> None:
        whole, connecting = values.get("timeout", 10.0), values.get("connect_timeout")
        if connecting is None:
            values["connect_timeout"] = min(3.0, whole)
            return
        key = next((key for key in ("connect_timeout", "timeout") if key in entry.values), None)
        if key is not None and connecting > whole:
            entry.mistake(
                key, f"connect_timeout ({connecting:g} s) is a part of timeout ({whole:g} s) and not longer"
            )

    def _check_names(self, entry: Entry) -> None:
        self.by_name.check_tariff(entry)
        self.by_name.check_schedule(entry)

    def _miners(self, container_entry: Entry, container: fleet.Container) -> list[fleet.Miner]:
        layers = (self.defaults, container_entry.values)
        shared = {
            name: layer[key] for layer in layers for key, name in _SHARED_BY_MINERS.items() if key in layer
        }
        names = overlaps.Names(self.overlaps, f"miner in {shortened(container.name)}")
        places = overlaps.Places(self.overlaps, container)
        found: list[fleet.Miner] = []
        entries = [container_entry, *self.extensions.get(id(container_entry), ())]
        for entry in (one for whole in entries for one in whole.values.get("miners", ())):
            if entry is MISSING:
                continue
            own = dict(shared)
            for key, value in entry.values.items():
                attribute = _OF_ONE_MINER.get(key)
                if attribute is not None:
                    own[attribute] = value
            if (
                own.get("driver") == "whatsminer_v3"
                and "port" in entry.values
                and "v3_port" not in entry.values
            ):
                # Whoever names this driver and one port means the port of this driver's protocol.
                own["v3_port"] = own["port"]
            if "pools" in own:
                own["pools"] = tuple(pool for pool in own["pools"] if pool is not MISSING)
            if "simulate" in entry.values:
                own["simulate"] = entry.values["simulate"]
            origin = fleet.Origin(entry.report.file, entry.line)
            for name, address, place in self._standing_for(entry, container):
                miner = fleet.Miner(
                    name=name,
                    container=container.name,
                    address=address,
                    row=place.row if place is not None else None,
                    column=place.column if place is not None else None,
                    origin=origin,
                    **own,
                )
                names.take(name, slug(name), entry)
                places.take(miner, entry)
                self.addresses.take(miner, entry)
                self.doubts.at_miner(miner, entry)
                found.append(miner)
            if found and found[-1].origin is origin and _never_asked(found[-1]):
                entry.mistake(None, "port, web_port and v3_port are all null, so nothing of it would be read")
        return found

    def _standing_for(self, entry: Entry, container: fleet.Container) -> list[_Standing]:
        """Return (name, address, place) of each miner that the entry stands for; none if that cannot be known."""
        values = entry.values
        if entry.wrong and entry.wrong & _RANGE_KEYS:
            return []
        start = (
            ranges.Place(values["row"], values["column"]) if "row" in values and "column" in values else None
        )
        if "address" in values:
            self.miners += 1
            return [(values.get("name", values["address"]), values["address"], start)]
        spans, left_out = values.get("addresses", ()), values.get("except", ())
        if MISSING in spans or MISSING in left_out or not spans:
            return []
        count = sum(one.size for one in spans)
        if count + self.miners > MAX_MINERS:
            entry.mistake(
                "addresses", f"the inventory would hold more than {MAX_MINERS} miners; leave some to another"
            )
            return []
        for hole in left_out:
            if not any(one.holds(hole) for one in spans):
                entry.mistake("except", f"{hole.first_address} is not among the addresses")
        try:
            ranges.check_pattern(values.get("name", "{address}"), count, placed=start is not None)
        except Wrong as wrong:
            entry.mistake("name", str(wrong))
            return []
        try:
            found = _range(entry, container, start)
        except Wrong as wrong:
            entry.mistake("row", str(wrong))
            return []
        if not found:
            entry.mistake("except", "leaves none of the addresses")
        self.miners += len(found)
        return found


def _tariff_changes(entries: Iterable[Any]) -> tuple[fleet.ContainerTariff, ...]:
    """Return the changes that could be read whole."""
    return tuple(
        fleet.ContainerTariff(entry.values["from"], entry.values["tariff"])
        for entry in entries
        if entry is not MISSING and entry.values.keys() >= {"from", "tariff"}
    )


def _range(entry: Entry, container: fleet.Container, start: ranges.Place | None) -> list[_Standing]:
    """Return the miners of a range. Raises Wrong if their places cannot be known."""
    values = entry.values
    pattern = values.get("name", "{address}")
    spans, left_out = values["addresses"], values.get("except", [])
    first_number = values.get("number", 1)
    fill = values.get("fill", "rows")
    found: list[_Standing] = []
    for offset, address in ranges.numbered(spans, left_out):
        place = None
        if start is not None:
            place = ranges.place_at(start, offset, fill=fill, rows=container.rows, columns=container.columns)
        name = ranges.name_for(pattern, n=first_number + offset, address=address, place=place)
        found.append((name, address, place))
    return found


def _never_asked(miner: fleet.Miner) -> bool:
    return miner.port is None and miner.web_port is None and miner.v3_port is None
