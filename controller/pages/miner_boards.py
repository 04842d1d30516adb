"""Which rows the tables of a miner's page have: those for what is there, for what should be there, and some to spare. Pure.

Spare rows are hidden; when a board or a pool appears while the page is looked at, it has its row.
"""

from typing import Final

from controller.api.boards import lost_boards
from miners.model import Snapshot

BOARDS: Final = 5
POOLS: Final = 4
"""Rows at least."""


def board_rows(reading: Snapshot | None) -> list[int]:
    """Return the numbers of the boards that have a row."""
    there = {board.index for board in reading.boards} if reading is not None else set()
    return sorted({*range(max(BOARDS, _expected(reading) + 1)), *there})


def missing_boards(reading: Snapshot | None) -> list[int]:
    """Return the numbers of the boards that should be there and are not; none where it cannot be told which they are.

    Most miners count their boards from 0, some from 1, an S9 from 6. Of 1 and 2, where three should be, it may be 0 or 3
    that is gone, and somebody with a screwdriver is not to be sent to the wrong one.
    """
    there = {board.index for board in reading.boards} if reading is not None else set()
    expected = _expected(reading)
    if not lost_boards(reading) or not there or max(there) > expected:
        return []
    if 0 not in there and max(there) != expected:
        return []
    first = 0 if 0 in there else 1
    return [index for index in range(first, first + expected) if index not in there]


def pool_rows(reading: Snapshot | None) -> int:
    """Return how many pools have a row."""
    return max(POOLS, len(reading.pools) if reading is not None else 0)


def _expected(reading: Snapshot | None) -> int:
    return (reading.expected_boards or 0) if reading is not None else 0
