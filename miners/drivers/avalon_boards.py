"""The boards of an Avalon's module: their number, rates, chips and temperatures, out of the lists by board.

`MGHS` is each board's mean since mining began (it adds up to `GHSavg`), the only rate that a
board has; it is shown as 0 while the whole miner shows 0. Facts: Canaan's cgminer sources, captured replies of a 1246 and a Q.
"""

from miners.draft import Draft
from miners.drivers.avalon_text import BOARDS_A_MODULE, Module, figure_at, figures
from miners.model import Board
from miners.units import celsius, count, hashes, megahertz

_SLOTS = ("MGHS", "MTmax", "MH", "ECHU", "CRC")


def slots_of(module: Module) -> int:
    """Return how many boards the module has places for: the length of its lists by board."""
    for key in _SLOTS:
        length = len((module.keys.get(key) or "").split(maxsplit=BOARDS_A_MODULE))
        if 0 < length <= BOARDS_A_MODULE:
            return length
    return 0


def boards_of(draft: Draft, module: Module, base: int, slots: int) -> list[Board]:
    """Return a board for each of the module's `slots`, numbered from `base`."""
    keys = module.keys
    stands = draft.hashrate_hs == 0.0
    rates, errors = module.list_of("MGHS"), module.list_of("MH")
    ins, outs = module.list_of("HBITemp"), module.list_of("HBOTemp")
    if len(ins) != slots:
        ins = []  # One sensor for all boards is no board's own.
    if len(outs) != slots:
        outs = []
    total, chips = count(keys.get("TA")), None
    if total and slots and total % slots == 0 and module.boards_found in (None, slots):
        chips = total // slots  # with a board lost, it is not known of how many boards this is the total
    frequency = megahertz(keys.get("Freq")) or None
    hottest, means = _chip_temperatures(module, slots, bool(draft.asleep))
    several = module.number > 0
    boards = []
    for slot in range(slots):
        hashing = hashes(figure_at(rates, slot), 1e9)
        board_in = celsius(figure_at(ins, slot))
        if board_in is None and several:
            board_in = celsius(keys.get("Temp"))
        boards.append(
            Board(
                base + slot,
                None,
                0.0 if stands and hashing is not None else hashing,
                None,
                chips if chips is not None else _chips_counted(module, slot),
                None,
                board_in,
                celsius(figure_at(outs, slot)),
                None,
                figure_at(hottest, slot),
                figure_at(means, slot),
                frequency,
                None,
                count(figure_at(errors, slot)),
            )
        )
    return boards


def _chip_temperatures(
    module: Module, slots: int, asleep: bool
) -> tuple[list[float | None], list[float | None]]:
    """Return the hottest chip and the mean of each board in °C: `MTmax` and `MTavg`, else of the chips themselves.

    A module that sleeps goes on showing the chips it fell asleep with (a Q does): they are left out, as is 0.
    """
    if "MTmax" in module.keys:
        hottest = [chip_celsius(figure) for figure in module.list_of("MTmax")]
        return hottest, [chip_celsius(figure) for figure in module.list_of("MTavg")]
    if asleep or ("TMax" in module.keys and chip_celsius(module.keys["TMax"]) is None):
        return [], []
    if "PVT_T" in module.keys:
        return _old_chip_temperatures(module.keys["PVT_T"])
    hottest, means = [], []
    for slot in range(slots):
        chips = [
            degrees
            for figure in figures(_chip_list(module, slot))
            if (degrees := chip_celsius(figure)) is not None
        ]
        hottest.append(max(chips, default=None))
        means.append(sum(chips) / len(chips) if chips else None)
    return hottest, means


def _old_chip_temperatures(written: str) -> tuple[list[float | None], list[float | None]]:
    """Return the same of a 7xx: a board writes `21-80/14-88/84`, its coldest chip, its hottest, and the mean."""
    hottest: list[float | None] = []
    means: list[float | None] = []
    for board in written.split(maxsplit=BOARDS_A_MODULE)[:BOARDS_A_MODULE]:
        parts = board.split("/")
        high = parts[1].partition("-")[2] if len(parts) == 3 else None
        hottest.append(chip_celsius(high))
        means.append(chip_celsius(parts[2]) if len(parts) == 3 else None)
    return hottest, means


def _chip_list(module: Module, slot: int) -> str:
    """Return the temperatures of a board's chips as written: `PVT_T{board}`, in a Q's block of one board `PVT_T0`."""
    own = module.board_keys.get(slot)
    if own is not None:
        return own.get(f"PVT_T{slot}") or own.get("PVT_T0") or ""
    return module.keys.get(f"PVT_T{slot}") or ""


def _chips_counted(module: Module, slot: int) -> int | None:
    return len(_chip_list(module, slot).split()) or None


def chip_celsius(value: object) -> float | None:
    """Return a chip's temperature; 0 and below is what stands there when no chip was read."""
    degrees = celsius(value)
    return degrees if degrees is not None and degrees > 0.0 else None


def without_lost(boards: list[Board], present: int) -> list[Board]:
    """Return the boards that are there, where the module says that it found fewer than its lists have places for.

    Only if it is plain which are lost: as many as are missing show neither hash rate nor temperature.
    """
    dead = [board for board in boards if not board.hashrate_hs and board.chip_max_c is None]
    if not dead or len(dead) != len(boards) - present:
        return boards
    return [board for board in boards if board not in dead]
