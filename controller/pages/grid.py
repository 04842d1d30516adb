"""The picture of a container's miners by position: one SVG path a state, so that ten thousand cells are a small page.

Each state has a shape of its own, the colour comes on top of it. `grid_picture` makes the paths of a `shapes.Grid`,
`picture_of` those of a container with what the letters do not say: which readings are not of now (drawn hollow) and who is
under somebody's hands. `grid_places` are the live places of a picture: `c.<container>.grid.<part>` for each of PARTS, and
its text alternative `c.<container>.grid.words`; `grid.html` draws them (`picture` for one that does not change, `live`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec

from controller.api.figures import EMPTY, LETTERS, places_of
from controller.api.shapes import MINER_STATES, Grid, MinerState
from controller.deeds import MinerView
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from miners.inventory.fleet import Container

STATES: Final[Mapping[str, MinerState]] = {letter: state for state, letter in LETTERS.items()}
SOLID: Final[tuple[MinerState, ...]] = ("mining", "sleeping", "starting", "fault")
"""States whose mark is filled, and hollow when it is not of now; the marks of the others are hollow anyway."""

NOTCH: Final = "notch"
WRENCH: Final = "wrench"
PARTS: Final = (*MINER_STATES, *(f"{state}-old" for state in SOLID), NOTCH, WRENCH)
"""The paths of a picture in the order in which they are drawn: states, the same not of now, then what lies over any."""

Shape = tuple[int, int, str, int, int]
"""Where a shape begins in its cell (x, y), its strokes, and where the pen is behind them (x, y in the cell)."""


class GridPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of `width` by `height` pixels. `paths`: the `d` of each of PARTS, empty where there is none such.

    `counts`: miners by state; `old`: how many of them are drawn as not of now.
    """

    width: int
    height: int
    paths: Mapping[str, str]
    counts: Mapping[MinerState, int]
    old: int


class Pen:
    """Writes shapes into the cells of a grid, each from where the one before ended: relative moves are short and alike."""

    def __init__(self, columns: int, cell: int) -> None:
        """`cell`: pixels from one cell to the next."""
        self._columns, self._cell = columns, cell
        self._written: dict[str, list[str]] = {}
        self._at: dict[str, tuple[int, int]] = {}

    def draw(self, part: str, place: int, shape: Shape) -> None:
        """Draw a shape in a cell, counted from 0 row by row."""
        x, y = place % self._columns * self._cell, place // self._columns * self._cell
        begin_x, begin_y, strokes, end_x, end_y = shape
        was_x, was_y = self._at.get(part, (0, 0))
        move = f"m{x + begin_x - was_x} {y + begin_y - was_y}"
        self._written.setdefault(part, []).append(move + strokes)
        self._at[part] = x + end_x, y + end_y

    def path(self, part: str) -> str:
        """Return the `d` of all that was drawn of a part."""
        return "".join(self._written.get(part, ()))


def size_of(cell: int) -> int:
    """Return the pixels of a shape in a cell of so many: even, so that halves are whole, with a gap to the next."""
    size = cell - max(2, cell // 7)
    return size - size % 2


def grid_picture(
    grid: Grid, *, cell: int, old: Collection[int] = (), service: Collection[int] = ()
) -> GridPicture:
    """Return the picture of a grid. `cell`: pixels from one cell to the next, 8 at least.

    `old`, `service`: the cells, counted from 0 row by row, whose reading is not of now, and that are in service.
    """
    size = size_of(cell)
    shapes = {state: shape(size) for state, shape in _SHAPES.items()}
    corner, tool = notch(size), wrench(size)
    pen = Pen(grid.columns, cell)
    counts: Counter[MinerState] = Counter()
    hollows = 0
    for place, letter in enumerate(grid.cells):
        if letter == EMPTY:
            continue
        state = STATES[letter.lower()]
        counts[state] += 1
        hollow = place in old and state in SOLID
        hollows += hollow
        pen.draw(f"{state}-old" if hollow else state, place, shapes[state])
        if letter.isupper():
            pen.draw(NOTCH, place, corner)
        if place in service:
            pen.draw(WRENCH, place, tool)
    return GridPicture(
        width=grid.columns * cell,
        height=grid.rows * cell,
        paths={part: pen.path(part) for part in PARTS},
        counts=counts,
        old=hollows,
    )


def picture_of(container: Container, views: Sequence[MinerView], *, cell: int) -> GridPicture:
    """Return the picture of a container as it is known now."""
    grid, places = places_of(container, views)
    return grid_picture(
        grid,
        cell=cell,
        old={place for place, view in places.items() if view.stale},
        service={place for place, view in places.items() if view.service is not None},
    )


def grid_places(container_id: str, picture: GridPicture, words: Words) -> LiveState:
    """Return the live places of a container's picture."""
    begin = f"c.{container_id}.grid"
    return LiveState(
        texts={f"{begin}.words": grid_words(picture.counts, words, old=picture.old)},
        paths={f"{begin}.{part}": d for part, d in picture.paths.items()},
    )


def grid_words(counts: Mapping[MinerState, int], words: Words, *, old: int = 0) -> str:
    """Return what a picture shows, in words: 288 miners: 264 sleeping, 24 unreachable. `old`: so many are not of now."""
    total = sum(counts.values())
    found = [counted(state, counts[state], words) for state in MINER_STATES if counts.get(state)]
    if not found:
        return words.gettext("no miners")
    if old:
        found.append(words.ngettext("%(num)s not read lately", "%(num)s not read lately", old))
    return words.ngettext(
        "%(num)s miner: %(states)s", "%(num)s miners: %(states)s", total, states=", ".join(found)
    )


def counted(state: MinerState, number: int, words: Words) -> str:
    """Return how many are in a state: 24 unreachable."""
    return _COUNTED[state](words, number)


_COUNTED: Final[Mapping[MinerState, Callable[[Words, int], str]]] = {
    "mining": lambda words, n: words.ngettext("%(num)s mining", "%(num)s mining", n),
    "sleeping": lambda words, n: words.ngettext("%(num)s sleeping", "%(num)s sleeping", n),
    "starting": lambda words, n: words.ngettext("%(num)s starting", "%(num)s starting", n),
    "fault": lambda words, n: words.ngettext("%(num)s with a fault", "%(num)s with a fault", n),
    "unknown": lambda words, n: words.ngettext("%(num)s unknown", "%(num)s unknown", n),
    "unreachable": lambda words, n: words.ngettext("%(num)s unreachable", "%(num)s unreachable", n),
    "inactive": lambda words, n: words.ngettext("%(num)s disabled", "%(num)s disabled", n),
}


def line_of(size: int) -> int:
    """Return how thick the lines of a shape are."""
    return max(1, size // 12)


def full(size: int) -> Shape:
    """Return the full square."""
    return 0, 0, f"h{size}v{size}h-{size}z", 0, 0


def filled_to(size: int, height: int) -> Shape:
    """Return a square of which the lower part is filled, so many pixels high, and above it only its line."""
    line = line_of(size)
    inside, above = size - 2 * line, size - height - line
    if above <= 0:
        return full(size)
    # The hole is drawn the other way round, so that it is none of the filling.
    return 0, 0, f"h{size}v{size}h-{size}zm{line} {line}v{above}h{inside}v-{above}z", line, line


def _half(size: int) -> Shape:
    return filled_to(size, size // 2)


def _quarter(size: int) -> Shape:
    return 0, 0, f"a{size} {size} 0 0 1 {size} {size}h-{size}z", 0, 0


def _triangle(size: int) -> Shape:
    half = size // 2
    return half, 0, f"l{half} {size}h-{size}z", half, 0


def _cross(size: int) -> Shape:
    """Return a hollow square with a cross: lines, which the style sheet does not fill."""
    return 0, 0, f"h{size}v{size}h-{size}zl{size} {size}m0-{size}l-{size} {size}", 0, size


def _question(size: int) -> Shape:
    """Return a hollow square with a question mark: lines as well."""
    half, quarter, stem = size // 2, size // 4, size // 12
    dot = max(1, stem)
    begin_x, begin_y = half - quarter, half - quarter // 2
    mark = f"a{quarter} {quarter} 0 1 1 {quarter} {quarter}v{stem}m0 {dot}v{dot}"
    square = f"h{size}v{size}h-{size}z"
    return 0, 0, f"{square}m{begin_x} {begin_y}{mark}", half, begin_y + quarter + stem + 2 * dot


def _dot(size: int) -> Shape:
    radius = max(1, size // 5)
    half = size // 2
    around = f"a{radius} {radius} 0 1 1 {2 * radius} 0a{radius} {radius} 0 1 1-{2 * radius} 0z"
    return half - radius, half, around, half - radius, half


def notch(size: int) -> Shape:
    """Return the notch in the upper corner."""
    side = max(4, size * 2 // 5)
    return size - side, 0, f"h{side}v{side}z", size - side, 0


def wrench(size: int) -> Shape:
    """Return a wrench over the lower left: a shaft with an open jaw."""
    unit = max(1, size // 8)
    jaw = f"l{unit} {unit}h{unit}v-{unit}l-{unit}-{unit}h{2 * unit}l{unit} {unit}v{2 * unit}l-{unit} {unit}h-{unit}"
    shaft = f"l-{2 * unit} {2 * unit}h-{unit}v-{unit}l{2 * unit}-{2 * unit}v-{unit}z"
    return 2 * unit, size - 5 * unit, jaw + shaft, 2 * unit, size - 5 * unit


_SHAPES: Final[Mapping[MinerState, Callable[[int], Shape]]] = {
    "mining": full,
    "sleeping": _half,
    "starting": _quarter,
    "fault": _triangle,
    "unknown": _question,
    "unreachable": _cross,
    "inactive": _dot,
}
