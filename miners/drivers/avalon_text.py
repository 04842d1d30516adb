"""The texts that an Avalon packs its readings into: `Ver[1246-…] DNA[…] Key[value value] …`, one a module.

Facts: protocols of Canaan's cgminer (its Avalon 8 and 10 drivers write these texts) and captured 12xx and Q replies.
Values may hold spaces, `%` and `-`, never a bracket. What stands behind the last closing bracket was cut off in
mid-air, and is dropped, as is a value whose closing bracket was lost: half a figure is no figure.
"""

import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec

from miners.link import Object
from miners.units import count, number

BOARDS_A_MODULE = 10
"""No module carries as many boards (the 910 has six), so module × 10 + board is a number of its own, for good."""

_MODULES = 40
"""More modules than the adapters of one controller can carry: the rest is no fleet but an attack."""

_MAX_ROWS = 100
"""One row for each adapter and each pool."""

_MAX_TEXT = 65_536
"""Canaan's own buffer for one module is 42 KiB with every debug list in it."""

_MAX_KEYS = 1_000
_MAX_LIST = 256
"""More figures than any list has: a board carries up to 240 chips."""

_MODULE_KEY = re.compile(r"MM ID(\d{1,2})(?::\w{1,20})?")
_BOARD_BLOCK = re.compile(r"'HB(\d)':\{([^{}]*)\}")
_OLD_VERSION = re.compile(r"(\d{3})(\d{4}[-_].{1,60}|\d{4}$)")
_BUILD = re.compile(r"-(?=\d{6})")

Keys = dict[str, str]


class Module(msgspec.Struct):
    """One module (`MM ID…`) of a controller. `number`: its own, plus 100 for each further device before it.

    `keys`: its readings as text. `board_keys`: those of single boards (`HBinfo` of the Q), by board. `work` and
    `boards_found`: what SYSTEMSTATU says, its state in small letters (`in work`). `supply`: the figures of PS.
    """

    number: int
    keys: Keys
    board_keys: dict[int, Keys]
    work: str = ""
    boards_found: int | None = None
    supply: Sequence[float | None] = ()

    def list_of(self, key: str) -> list[float | None]:
        """Return the figures of a list (`MGHS[26907.01 26025.06 26724.56]`); empty where the key is not there."""
        return figures(self.keys.get(key))


def modules(stats: Sequence[Object]) -> list[Module]:
    """Return the modules of a `stats` reply's rows, in their order; the rows of pools are passed over.

    Several devices (an AUC each) write an entry each, and count their modules from 1 again.
    """
    found: dict[int, Module] = {}
    device = 0
    for entry in stats[:_MAX_ROWS]:
        if str(entry.get("ID", "")).startswith("POOL"):
            continue
        first: Module | None = None
        for name, written in entry.items():
            if not (name.startswith("MM ID") and isinstance(written, str)):
                continue
            at = _MODULE_KEY.fullmatch(name)
            if at is None:
                continue
            place = 100 * device + int(at[1])
            module = found.get(place)
            if module is None:
                if len(found) >= _MODULES:
                    break
                module = found[place] = Module(place, {}, {})
            module.keys.update(read_keys(written))
            first = first or module
        if first is not None:
            device += 1
            first.board_keys = _board_keys(entry.get("HBinfo"))
    for module in found.values():
        module.work, module.boards_found = work_state(module.keys.get("SYSTEMSTATU", ""))
        module.supply = module.list_of("PS")
    return list(found.values())


def read_keys(written: str) -> Keys:
    """Return the values of `Key[value] Key[value] …` by key, in one pass. The Q's `'STATS':{…}` around it is taken off."""
    if len(written) > _MAX_TEXT:
        written = written[:_MAX_TEXT]
    brace = written.find("{")
    if 0 <= brace < written.find("["):
        written = written[brace + 1 :]
    pieces = written.split("]", _MAX_KEYS)
    del pieces[-1]
    keys: Keys = {}
    for piece in pieces:
        key, opened, value = piece.rpartition("[")
        if "[" in key:
            # The bracket that closed the value before was lost: where that one ended is unknown.
            key = key.rpartition(" ")[2]
            opened = opened if "[" not in key else ""
        if opened:
            keys[key.strip()] = value
    return keys


def figures(written: str | None) -> list[float | None]:
    """Return the figures of a list parted by spaces, None for what is none (`nan`)."""
    if not written:
        return []
    words = written.split(maxsplit=_MAX_LIST)[:_MAX_LIST]
    try:
        read = [float(word) for word in words]
    except ValueError:
        return [number(word) for word in words]
    return [figure if isfinite(figure) else None for figure in read]


def figure_at(listed: Sequence[float | None], at: int) -> float | None:
    """Return a figure of a list, None beyond its end."""
    return listed[at] if at < len(listed) else None


def model_and_build(version: str | None) -> tuple[str | None, str | None]:
    """Return model and firmware of a `Ver`: `1246-83-21072802_4ec6bb0` is a `1246-83` with `21072802_4ec6bb0`.

    Up to the 921 the first three digits are the model: `7411706-3162860` is a 741 with firmware `1706-3162860`.
    """
    if version is None:
        return None, None
    version = version.strip()[:100]
    old = _OLD_VERSION.fullmatch(version)
    if old is not None:
        return old[1], old[2]
    parts = _BUILD.split(version, maxsplit=1)
    if len(parts) == 2:
        return parts[0] or None, parts[1]
    return None, version or None


def work_state(status: str) -> tuple[str, int | None]:
    """Return what `SYSTEMSTATU[Work: In Work, Hash Board: 3 ]` says: its state in small letters, boards found."""
    state = ""
    boards: int | None = None
    for part in status[:200].split(","):
        name, _, value = part.partition(":")
        if name.strip() == "Work":
            state = value.strip().lower()
        elif name.strip() == "Hash Board":
            boards = count(value.strip())
    return state, boards


def _board_keys(written: Any) -> dict[int, Keys]:
    if not isinstance(written, str):
        return {}
    return {int(found[1]): read_keys(found[2]) for found in _BOARD_BLOCK.finditer(written[:_MAX_TEXT])}
