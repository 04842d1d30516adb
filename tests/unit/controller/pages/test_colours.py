"""The colours of states and text, computed from the style sheet: their contrast, and how far apart they are for the colour-blind.

Contrast as WCAG 2.2 defines it. Colour blindness as Machado, Oliveira and Fernandes model it ("A Physiologically-based Model
for Simulation of Color Vision Deficiency", 2009, severity 1.0, on linear light); distance as CIE's DE2000 (Sharma, Wu and
Dalal, "The CIEDE2000 Color-Difference Formula", 2005), whose own pairs are among the tests.
"""

import math
import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest

import controller.pages

STYLE = Path(controller.pages.__path__[0]) / "static" / "style"
TOKENS, GRIDS = STYLE / "10-tokens.css", STYLE / "50-grid.css"
STATES = ("mining", "sleeping", "starting", "fault", "unreachable", "unknown")
ALIKE = {"mining", "unknown"}
"""The nearest pair, told apart by shape: a full square, and a hollow one with a question mark."""

Three = tuple[float, float, float]
Matrix = tuple[Three, Three, Three]

BLIND: dict[str, Matrix] = {
    "nobody": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
TO_XYZ: Matrix = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
WHITE = (0.95047, 1.0, 1.08883)


def schemes(sheet: Path) -> dict[str, dict[str, str]]:
    """Return the tokens of a style sheet that are colours, light and dark."""
    light, dark = re.split(
        r"@media (?:screen and )?\(prefers-color-scheme: dark\)", sheet.read_text(encoding="utf-8")
    )
    first = [part.partition("}")[0] if ":root" in part.partition("}")[0] else part for part in (light, dark)]
    found = [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})\b", part)) for part in first]
    return {"light": found[0], "dark": {**found[0], **found[1]}}


SCHEMES, STEPS = schemes(TOKENS), schemes(GRIDS)


def linear(colour: str) -> Three:
    """Return the light of a colour, 0 to 1 for each of red, green and blue."""
    r, g, b = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _light(r), _light(g), _light(b)


def _light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def applied(matrix: Matrix, colour: Three) -> Three:
    first, second, third = (
        min(1.0, max(0.0, sum(factor * part for factor, part in zip(row, colour, strict=True))))
        for row in matrix
    )
    return first, second, third


def contrast(one: str, other: str) -> float:
    lights = sorted(
        sum(factor * part for factor, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))
        for colour in (one, other)
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def lab(colour: Three) -> Three:
    x, y, z = (
        _cube(sum(factor * part for factor, part in zip(row, colour, strict=True)) / white)
        for row, white in zip(TO_XYZ, WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube(value: float) -> float:
    return value ** (1 / 3) if value > (6 / 29) ** 3 else value / (3 * (6 / 29) ** 2) + 4 / 29


def distance(one: Three, other: Three) -> float:
    """Return DE2000 of two colours in L*a*b*."""
    mean_c = (math.hypot(*one[1:]) + math.hypot(*other[1:])) / 2
    grey = 1 + 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    (l1, a1, b1), (l2, a2, b2) = (one[0], one[1] * grey, one[2]), (other[0], other[1] * grey, other[2])
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    if c1 * c2 != 0 and abs(h2 - h1) == 180:
        turn = h2 - h1
    by_hue = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn) / 2)
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    hue = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = (
        1
        - 0.17 * math.cos(math.radians(hue - 30))
        + 0.24 * math.cos(math.radians(2 * hue))
        + 0.32 * math.cos(math.radians(3 * hue + 6))
        - 0.20 * math.cos(math.radians(4 * hue - 63))
    )
    s_l = 1 + 0.015 * (light - 50) ** 2 / math.sqrt(20 + (light - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c, 1 + 0.015 * c * t
    rotation = (
        -2
        * math.sqrt(c**7 / (c**7 + 25**7))
        * math.sin(math.radians(60 * math.exp(-(((hue - 275) / 25) ** 2))))
    )
    parts = (l2 - l1) / s_l, (c2 - c1) / s_c, by_hue / s_h
    return math.sqrt(sum(part**2 for part in parts) + rotation * parts[1] * parts[2])


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_distance_is_that_of_its_authors(one: Three, other: Three, known: float) -> None:
    assert distance(one, other) == pytest.approx(known, abs=1e-4)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_marks_stand_out_from_what_they_stand_on(scheme: str) -> None:
    colours = SCHEMES[scheme]
    for name in (*STATES, "accent", "field"):
        assert contrast(colours[name], colours["card"]) >= 3, name


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_can_be_read(scheme: str) -> None:
    colours = SCHEMES[scheme]
    for ground in ("page", "card", "notice", "alarm"):
        assert contrast(colours["text"], colours[ground]) >= 7, ground
    for name in ("muted", "accent"):
        for ground in ("page", "card"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for button in ("accent", "danger"):
        assert contrast(colours[f"on-{button}"], colours[button]) >= 4.5, button


def test_the_dark_scheme_names_every_colour_anew() -> None:
    same = {name for name, colour in SCHEMES["light"].items() if SCHEMES["dark"][name] == colour}
    assert len(SCHEMES["light"]) > 15
    assert same == set()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("blind", BLIND)
def test_states_are_told_apart_by_the_colour_blind(scheme: str, blind: str) -> None:
    seen = {name: lab(applied(BLIND[blind], linear(SCHEMES[scheme][name]))) for name in STATES}
    apart = {(one, other): distance(seen[one], seen[other]) for one, other in combinations(STATES, 2)}
    for pair, value in apart.items():
        assert value >= (12 if set(pair) == ALIKE else 17), (pair, value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_step_of_a_figure_is_seen_and_is_another_lightness(scheme: str) -> None:
    steps = [STEPS[scheme][f"step-{number}"] for number in range(5)]
    for step in steps:
        assert contrast(step, SCHEMES[scheme]["card"]) >= 3, step
    lightness = [lab(linear(step))[0] for step in steps]
    # The more, the further from the ground: darker on white, lighter on black.
    turned = lightness if scheme == "dark" else lightness[::-1]
    assert all(later - earlier >= 7 for earlier, later in pairwise(turned)), lightness
