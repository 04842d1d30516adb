"""Pictures of containers: every miner is drawn once, in its own cell, by the shape of its state."""

import gzip
import re
from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as some

from controller.api.figures import grid_of
from controller.api.shapes import Grid
from controller.deeds import MinerView
from controller.pages.grid import (
    NOTCH,
    PARTS,
    SOLID,
    STATES,
    WRENCH,
    grid_picture,
    grid_places,
    grid_words,
    picture_of,
)
from controller.pages.grid_ramps import CHIP_BOUNDS_C, NOTHING, STEPS, ramp_picture
from controller.pages.language import words
from miners.inventory.fleet import Container, Miner, Origin
from miners.model import Identity, Snapshot, Temperatures
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds

LETTERS = "mstfukiMSTFUKI."
CELL = 10
GRIDS = some.builds(
    lambda columns, rows, letters: Grid(rows, columns, (letters * columns * rows)[: columns * rows]),
    some.integers(1, 30),
    some.integers(1, 12),
    some.text(LETTERS, min_size=1, max_size=400),
)
STROKE = re.compile(r"([mhvlaz])([^mhvlaz]*)")


def traced(d: str) -> list[tuple[set[tuple[float, float]], bool]]:
    """Return the points of each sub-path of a path, where the pen goes, and whether it is closed."""
    x = y = begin_x = begin_y = 0.0
    found: list[tuple[set[tuple[float, float]], bool]] = []
    for kind, numbers in STROKE.findall(d):
        given = [float(one) for one in re.findall(r"-?[\d.]+", numbers)]
        if kind == "m":
            begin_x, begin_y = x, y = x + given[0], y + given[1]
            found.append((set(), False))
        elif kind == "z":
            x, y = begin_x, begin_y
            found[-1] = found[-1][0], True
        else:
            x += given[0] if kind == "h" else 0 if kind == "v" else given[-2]
            y += given[0] if kind == "v" else 0 if kind == "h" else given[-1]
        found[-1][0].add((x, y))
    return found


def cells_of(d: str, columns: int) -> set[int]:
    """Return the cells in which a path draws. Fails where a stroke leaves its cell."""
    found = set()
    for points, _ in traced(d):
        across = {int(x // CELL) for x, _ in points}
        down = {int(y // CELL) for _, y in points}
        assert len(across) == len(down) == 1, points
        found.add(across.pop() + down.pop() * columns)
    return found


@given(GRIDS)
def test_each_miner_is_drawn_once_in_its_cell_by_its_state(grid: Grid) -> None:
    picture = grid_picture(grid, cell=CELL)
    drawn = {part: cells_of(d, grid.columns) for part, d in picture.paths.items()}
    for state in STATES.values():
        letters = {letter for letter, named in STATES.items() if named == state}
        assert drawn[state] == {at for at, letter in enumerate(grid.cells) if letter.lower() in letters}
    assert drawn[NOTCH] == {at for at, letter in enumerate(grid.cells) if letter.isupper()}
    assert not drawn[WRENCH]
    assert not any(drawn[f"{state}-old"] for state in SOLID)
    assert picture.counts == Counter(STATES[one.lower()] for one in grid.cells if one != ".")
    assert (picture.width, picture.height) == (grid.columns * CELL, grid.rows * CELL)


@given(GRIDS, some.sets(some.integers(0, 359)), some.sets(some.integers(0, 359)))
def test_what_is_not_of_now_is_hollow_and_who_is_in_service_has_a_wrench(
    grid: Grid, old: set[int], service: set[int]
) -> None:
    picture = grid_picture(grid, cell=CELL, old=old, service=service)
    miners = {at for at, letter in enumerate(grid.cells) if letter != "."}
    assert cells_of(picture.paths[WRENCH], grid.columns) == miners & service
    for state in SOLID:
        assert not cells_of(picture.paths[state], grid.columns) & old
        assert cells_of(picture.paths[f"{state}-old"], grid.columns) <= old
    assert not any(f"{state}-old" in PARTS for state in ("unknown", "unreachable", "inactive"))


def test_no_two_states_have_the_same_shape() -> None:
    alone = [grid_picture(Grid(1, 1, letter), cell=28).paths[state] for letter, state in STATES.items()]
    assert len(set(alone)) == len(STATES)
    full, half, quarter, triangle, *_ = (d.count("z") for d in alone)
    assert (full, half, quarter, triangle) == (1, 2, 1, 1)
    assert "h24v24h-24z" in alone[0]


def test_ten_thousand_cells_are_a_small_page() -> None:
    letters = ("m" * 83 + "sF" + "m" * 40 + "u" + "s" * 100 + "tkiM" * 4)[:242] + "." * 8
    grid = Grid(10, 25, letters)
    pictures = [grid_picture(grid, cell=10) for _ in range(40)]
    page = "".join(rendered_picture(f"container-{number}", one) for number, one in enumerate(pictures))
    assert len(gzip.compress(page.encode(), 5)) < 12_000
    assert page.count("<path") == 40 * len(PARTS)


def rendered_picture(container: str, picture: object) -> str:
    template = words("en")
    live = grid_places(container, picture, template)  # type: ignore[arg-type]
    return "".join(f'<path data-live-path="{key}" d="{d}"/>' for key, d in live.paths.items())


def test_the_words_say_what_is_seen() -> None:
    english, russian = words("en"), words("ru")
    assert (
        grid_words({"sleeping": 264, "unreachable": 24}, english)
        == "288 miners: 264 sleeping, 24 unreachable"
    )
    assert grid_words({"mining": 1}, english) == "1 miner: 1 mining"
    assert grid_words({}, english) == "no miners"
    assert "264" in grid_words({"sleeping": 264}, russian)


async def test_a_container_is_drawn_as_its_letters_say_with_what_they_do_not(fleet: FleetHouse) -> None:
    deeds = fleet.deeds
    assert isinstance(deeds, ChangedDeeds)
    container = fleet.store.inventory.containers[0]
    letters = grid_of(container, deeds.views(container.id))
    assert letters.cells.startswith("mu")
    assert set(letters.cells[2:]) == {"."}
    before = picture_of(container, deeds.views(container.id), cell=CELL)
    assert before.paths == grid_picture(letters, cell=CELL).paths
    deeds.altered["container-1.a1"] = {"stale": True}
    after = picture_of(container, deeds.views(container.id), cell=CELL)
    assert (after.paths["mining"], after.paths["mining-old"]) == ("", before.paths["mining"])


@given(some.dictionaries(some.sampled_from(("container-1.a1", "container-1.a2")), some.floats(-20, 200)))
def test_a_figure_is_drawn_in_the_step_that_its_legend_says(celsius: dict[str, float]) -> None:
    views = [view_of(id_, celsius.get(id_)) for id_ in ("container-1.a1", "container-1.a2")]
    drawn = ramp_picture(CONTAINER, views, "chip", cell=CELL, targets={}, words=words("en"))
    for place, view in enumerate(views):
        value = celsius.get(view.id)
        step = None if value is None else sum(value >= bound for bound in CHIP_BOUNDS_C)
        for number in range(STEPS):
            assert (place in cells_of(drawn.paths[f"step-{number}"], 2)) is (number == step)
        assert (place in cells_of(drawn.paths[NOTHING], 2)) is (step is None)
    assert [part for part, _ in drawn.legend] == [*(f"step-{number}" for number in range(STEPS)), NOTHING]


ORIGIN = Origin("targets.yml", 1)
MINERS = tuple(
    Miner(name=name, container="Container 1", address="10.1.7.1", row=1, column=column, origin=ORIGIN)
    for column, name in ((1, "a1"), (2, "a2"))
)
CONTAINER = Container(name="Container 1", id="container-1", rows=1, columns=2, miners=MINERS, origin=ORIGIN)


def view_of(id_: str, chip_max_c: float | None) -> MinerView:
    miner = next(miner for miner in MINERS if id_.endswith(miner.name))
    reading = Snapshot(
        container="Container 1",
        miner=miner.name,
        address=miner.address,
        taken_at=datetime(2026, 3, 2, tzinfo=UTC),
        duration_s=0.1,
        driver="antminer",
        state="mining",
        identity=Identity(),
        temperatures_c=Temperatures(chip_max=chip_max_c),
    )
    return MinerView(id=id_, container=CONTAINER, miner=miner, reading=reading, stale=False)
