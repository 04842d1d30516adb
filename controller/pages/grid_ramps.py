"""Pictures of a container by a figure: each miner in one of five steps of one hue, filled the higher the more. Pure.

The steps are fixed, so that containers and days can be compared; the legend says them in numbers. What has no value now is
hatched. The step of a profile is its rank among those that are wanted here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from controller.api.figures import nominal_of, places_of
from controller.deeds import MinerView
from controller.pages.grid import NOTCH, WRENCH, Pen, Shape, filled_to, notch, size_of, wrench
from controller.pages.language import Words
from miners.inventory.fleet import Container
from miners.model import Snapshot

Colour: TypeAlias = Literal["state", "hashrate", "chip", "profile"]
COLOURS: Final[tuple[Colour, ...]] = ("state", "hashrate", "chip", "profile")

STEPS: Final = 5
NOTHING: Final = "nothing"
RAMP_PARTS: Final = (*(f"step-{step}" for step in range(STEPS)), NOTHING, NOTCH, WRENCH)
"""The paths of such a picture: the steps, the lowest first, then who has no value, then what lies over any."""

HASH_RATE_BOUNDS: Final = (0.5, 0.8, 0.95, 1.05)
"""Shares of the nominal hash rate at which the next step begins."""

CHIP_BOUNDS_C: Final = (60.0, 70.0, 80.0, 90.0)


class RampPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of `width` by `height` pixels. `paths`: the `d` of each of RAMP_PARTS; `legend`: (part, words), the lowest first."""

    width: int
    height: int
    paths: Mapping[str, str]
    legend: Sequence[tuple[str, str]]


Step: TypeAlias = Callable[[MinerView], int | None]


def ramp_picture(
    container: Container,
    views: Sequence[MinerView],
    colour: Literal["hashrate", "chip", "profile"],
    *,
    cell: int,
    targets: Mapping[str, float],
    words: Words,
) -> RampPicture:
    """Return the picture of a container by a figure. `targets`: percent of nominal power, by profile."""
    ranked = _ranked(views, targets) if colour == "profile" else ()
    step_of: Step = {
        "hashrate": _hash_rate_step,
        "chip": _chip_step,
        "profile": lambda view: _rank(ranked, view.wanted.profile),
    }[colour]
    grid, places = places_of(container, views)
    size = size_of(cell)
    pen = Pen(grid.columns, cell)
    for place, view in places.items():
        step = step_of(view)
        if step is None:
            pen.draw(NOTHING, place, _hatched(size))
        else:
            pen.draw(f"step-{step}", place, filled_to(size, (step + 1) * size // STEPS))
        if view.matches is False:
            pen.draw(NOTCH, place, notch(size))
        if view.service is not None:
            pen.draw(WRENCH, place, wrench(size))
    return RampPicture(
        width=grid.columns * cell,
        height=grid.rows * cell,
        paths={part: pen.path(part) for part in RAMP_PARTS},
        legend=_legend(colour, ranked, words),
    )


def sample(part: str, size: int) -> str:
    """Return the shape of a part by itself, for the legend."""
    shape = _hatched(size) if part == NOTHING else filled_to(size, (int(part[-1]) + 1) * size // STEPS)
    return f"m{shape[0]} {shape[1]}{shape[2]}"


def _hash_rate_step(view: MinerView) -> int | None:
    reading, nominal = _reading(view), nominal_of(view)
    if reading is None or reading.hashrate_hs is None or not nominal:
        return None
    return _step(reading.hashrate_hs / nominal, HASH_RATE_BOUNDS)


def _chip_step(view: MinerView) -> int | None:
    reading = _reading(view)
    if reading is None or reading.temperatures_c.chip_max is None:
        return None
    return _step(reading.temperatures_c.chip_max, CHIP_BOUNDS_C)


def _reading(view: MinerView) -> Snapshot | None:
    """Return the reading of now."""
    return (
        view.reading if isinstance(view.reading, Snapshot) and not view.stale and view.miner.active else None
    )


def _step(value: float, bounds: Sequence[float]) -> int:
    return sum(1 for bound in bounds if value >= bound)


def _ranked(views: Sequence[MinerView], targets: Mapping[str, float]) -> tuple[tuple[str, int], ...]:
    """Return the profiles that are wanted here with their steps, the weakest first; more than the steps share the highest."""
    wanted = {view.wanted.profile for view in views if view.wanted.profile is not None}
    names = sorted(wanted, key=lambda name: (targets.get(name, 0.0), name))
    lowest = max(0, STEPS - len(names))
    return tuple((name, min(STEPS - 1, lowest + rank)) for rank, name in enumerate(names))


def _rank(ranked: Sequence[tuple[str, int]], profile: str | None) -> int | None:
    return next((step for name, step in ranked if name == profile), None)


def _hatched(size: int) -> Shape:
    half = size // 2
    return 0, half, f"l{half}-{half}m{half} 0l-{size} {size}m{half} 0l{half}-{half}", size, half


def _legend(colour: Colour, ranked: Sequence[tuple[str, int]], words: Words) -> list[tuple[str, str]]:
    figures = words.formats
    if colour == "profile":
        found = [(f"step-{step}", name) for name, step in ranked]
    elif colour == "chip":
        found = _between([figures.of(bound, "°C") for bound in CHIP_BOUNDS_C], words)
    else:
        found = _between([figures.percent(bound, 0) for bound in HASH_RATE_BOUNDS], words)
    nothing = words.gettext("nothing ordered") if colour == "profile" else words.gettext("no value")
    return [*found, (NOTHING, nothing)]


def _between(bounds: Sequence[str], words: Words) -> list[tuple[str, str]]:
    last = len(bounds) - 1
    told = [words.gettext("below %(bound)s", bound=bounds[0])]
    told += [words.gettext("%(low)s to %(high)s", low=bounds[at], high=bounds[at + 1]) for at in range(last)]
    told.append(words.gettext("%(bound)s and more", bound=bounds[last]))
    return [(f"step-{step}", text) for step, text in enumerate(told)]
