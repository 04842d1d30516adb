"""What a reading must be before it is kept and shown: finite values, each board, fan, pool and fault once, not too many.

Drivers see to this as far as they know their makes; here it holds for whatever a stranger sends, since one series
twice or one NaN spoils a page for everybody.
"""

import sys
from collections.abc import Sequence
from typing import TypeVar, cast

import msgspec

from miners.model import Board, Fan, Fault, Pool, Snapshot

MAX_BOARDS, MAX_FANS, MAX_POOLS, MAX_FAULTS = 256, 128, 32, 64
"""More of a kind than this are not shown."""

_Numbered = TypeVar("_Numbered", Board, Fan, Pool)


def each_once(snapshot: Snapshot) -> Snapshot:
    """Return the Snapshot with the first of each board, fan and pool number and fault code; itself if it was so."""
    boards = _numbered_once(snapshot.boards, MAX_BOARDS)
    fans = _numbered_once(snapshot.fans, MAX_FANS)
    pools = _numbered_once(snapshot.pools, MAX_POOLS)
    faults = snapshot.faults and _faults_once(snapshot.faults)
    if (
        boards is snapshot.boards
        and fans is snapshot.fans
        and pools is snapshot.pools
        and faults is snapshot.faults
    ):
        return snapshot
    return msgspec.structs.replace(snapshot, boards=boards, fans=fans, pools=pools, faults=faults)


def finite_only(snapshot: Snapshot) -> Snapshot:
    """Return the Snapshot without values that are not finite: they are as good as not reported."""
    return cast(Snapshot, _finite_struct(snapshot))


def _numbered_once(parts: tuple[_Numbered, ...], most: int) -> tuple[_Numbered, ...]:
    numbers = {part.index for part in parts}
    if len(numbers) == len(parts) <= most:
        return parts
    first: dict[int, _Numbered] = {}
    for part in parts:
        first.setdefault(part.index, part)
    return tuple(first.values())[:most]


def _faults_once(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    first: dict[str, Fault] = {}
    for fault in faults:
        first.setdefault(fault.code, fault)
    return faults if len(first) == len(faults) <= MAX_FAULTS else tuple(first.values())[:MAX_FAULTS]


def _finite_struct(struct: msgspec.Struct) -> msgspec.Struct | None:
    """Return a copy with None for what is not finite; None if a field that must be there is not."""
    cleaned: dict[str, object] = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if isinstance(value, msgspec.Struct):
            value = _finite_struct(value)
        elif isinstance(value, tuple):
            value = _finite_parts(value)
        elif isinstance(value, float | int) and not abs(value) <= sys.float_info.max:
            if field.required:
                return None
            value = None
        cleaned[field.name] = value
    return type(struct)(**cleaned)


def _finite_parts(parts: Sequence[object]) -> tuple[object, ...]:
    cleaned = (_finite_struct(part) if isinstance(part, msgspec.Struct) else part for part in parts)
    return tuple(part for part in cleaned if part is not None)
