"""Which of a miner's boards and chips are lost: one rule for filters, sums and pages. Pure.

Asleep some firmware hides its boards, and after a start they come one by one: then nothing is said of them.
"""

from typing import Final

from miners.model import Snapshot, State

CHIPS_LEAST: Final = 0.98
"""Share of its chips that a sound miner finds, as the alert MinerChipsLost has it: one or two in a hundred are within what
makers ship."""

_SILENT_OF_BOARDS: Final[frozenset[State]] = frozenset({"sleeping", "starting"})


def lost_boards(reading: Snapshot | None) -> int:
    """Return how many boards should be there and are not; 0 where none is reported, or it is not known how many should be."""
    if reading is None or not reading.expected_boards or reading.state in _SILENT_OF_BOARDS:
        return 0
    there = len({board.index for board in reading.boards})
    return max(0, reading.expected_boards - there) if there else 0


def misses_chips(reading: Snapshot | None) -> bool:
    """Return whether the boards that are there find fewer chips than a sound miner does; False where that is not known."""
    if reading is None or reading.state in _SILENT_OF_BOARDS:
        return False
    found = expected = 0
    for board in reading.boards:
        if board.chips is not None and board.expected_chips is not None:
            found += board.chips
            expected += board.expected_chips
    return found < expected * CHIPS_LEAST
