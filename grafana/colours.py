"""The colours that every dashboard shares: one value has one colour everywhere, and always its word beside it.

Names are of Grafana's own palette, so that dark and light themes both work. Judgement (red, yellow) is kept for what is
wrong; a figure that is as it should be has no colour of its own.
"""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models import dashboard

GREY = "#8e8e8e"
RED = "semi-dark-red"
YELLOW = "dark-yellow"
GREEN = "semi-dark-green"
BLUE = "semi-dark-blue"
PLAIN = "transparent"

CLASSES: Mapping[str, str] = {
    "hashing": GREEN,
    "settling": "yellow",
    "curtailed": BLUE,
    "sleeping": "super-light-blue",
    "fault": RED,
    "unreachable": "dark-orange",
}
"""Classes of time, best first: in this order they are stacked, and listed."""

CLASS_NUMBERS: Mapping[str, int] = {
    "hashing": 1,
    "settling": 2,
    "curtailed": 3,
    "fault": 4,
    "unreachable": 5,
    "sleeping": 6,
}
"""What stands for a class where one cell or one row of a timeline must show it (`queries.class_number`)."""

CLASS_SIGNS: Mapping[str, str] = {
    "hashing": "●",
    "settling": "◐",
    "curtailed": "–",
    "fault": "✖",
    "unreachable": "?",
    "sleeping": "z",
}
"""One sign a class, for the cells of a map by position, where a word does not fit."""

PROFILES: Mapping[str, str] = {
    "overclock": "semi-dark-purple",
    "normal": GREEN,
    "underclock": "light-blue",
    "curtail": BLUE,
}
SOURCES: Mapping[str, str] = {"measured": "light-orange", "estimated": "super-light-orange"}
SEVERITIES: Mapping[str, str] = {"critical": RED, "warning": YELLOW}
RESULTS: Mapping[str, str] = {"accepted": GREEN, "rejected": RED, "stale": YELLOW}

HASH_RATE = GREEN
OTHER_HASH_RATE = "light-green"
POWER = "light-orange"
CHIP = "orange"
OUTLET = "yellow"
INLET = "blue"
LIMIT = "red"


def steps(*pairs: tuple[float | None, str]) -> ThresholdsConfig:
    """Thresholds from (lower end, colour) pairs, the first with None for its end."""
    return ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(_steps(pairs))


def judged_share() -> ThresholdsConfig:
    """Colour a cell by its share of the expected hash rate: red, yellow and, where colour is the point, green."""
    return steps((None, RED), (0.85, YELLOW), (0.95, GREEN))


def percent_steps(*pairs: tuple[float | None, str]) -> ThresholdsConfig:
    """Thresholds in percent of the field's maximum, which a query may give (`panels.stat(maximum=…)`)."""
    return ThresholdsConfig().mode(dashboard.ThresholdsMode.PERCENTAGE).steps(_steps(pairs))


def low(*, red: float, yellow: float, good: str = PLAIN) -> ThresholdsConfig:
    """Too little is wrong: red under the first, yellow under the second, no colour above."""
    return steps((None, RED), (red, YELLOW), (yellow, good))


def high(*, yellow: float | None = None, red: float, good: str = PLAIN) -> ThresholdsConfig:
    """Too much is wrong: red from `red` on, yellow from `yellow` on, no colour below."""
    middle = [] if yellow is None else [(yellow, YELLOW)]
    return steps((None, good), *middle, (red, RED))


def _steps(pairs: Sequence[tuple[float | None, str]]) -> list[dashboard.Threshold]:
    return [dashboard.Threshold(value=end, color=colour) for end, colour in pairs]


def values(
    table: Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str]],
) -> list[dashboard.ValueMapping]:
    """Value mapping: the value as the query gives it → (word, colour)."""
    return [
        dashboard.ValueMap(
            options={
                str(value): dashboard.ValueMappingResult(text=word, color=colour, index=place)
                for place, (value, (word, colour)) in enumerate(table.items())
            }
        )
    ]


def ranges(*rows: tuple[float | None, float | None, str, str]) -> list[dashboard.ValueMapping]:
    """Value mapping by ranges: (from, to, word, colour), ends included, None for no end."""
    return [
        dashboard.RangeMap(
            options=dashboard.DashboardRangeMapOptions(
                from_val=start,
                to=end,
                result=dashboard.ValueMappingResult(text=word, color=colour, index=place),
            )
        )
        for place, (start, end, word, colour) in enumerate(rows)
    ]


def absent(word: str, colour: str) -> list[dashboard.ValueMapping]:
    """Value mapping of no value (null or NaN) to a word: a cell that says why it is empty."""
    return _special(dashboard.SpecialValueMatch.NULL_AND_NAN, word, colour)


def no_number(word: str, colour: str) -> list[dashboard.ValueMapping]:
    """Value mapping of NaN alone to a word: one of several figures that is not known."""
    return _special(dashboard.SpecialValueMatch.NA_N, word, colour)


def _special(match: dashboard.SpecialValueMatch, word: str, colour: str) -> list[dashboard.ValueMapping]:
    return [
        dashboard.SpecialValueMap(
            options=dashboard.DashboardSpecialValueMapOptions(
                match=match,
                result=dashboard.ValueMappingResult(text=word, color=colour, index=0),
            )
        )
    ]


def class_words() -> list[dashboard.ValueMapping]:
    """Map the number of a class (`queries.class_number`) to its word and colour."""
    return values({number: (name, CLASSES[name]) for name, number in CLASS_NUMBERS.items()})


def class_signs() -> list[dashboard.ValueMapping]:
    """Map the number of a class to its sign and colour."""
    return values({number: (CLASS_SIGNS[name], CLASSES[name]) for name, number in CLASS_NUMBERS.items()})


def profile_words() -> list[dashboard.ValueMapping]:
    """Map a share of nominal power to the word and colour of its profile, whatever the plans call it."""
    return ranges(
        (None, 0.01, "curtail", PROFILES["curtail"]),
        (0.01, 0.9, "underclock", PROFILES["underclock"]),
        (0.9, 1.05, "normal", PROFILES["normal"]),
        (1.05, None, "overclock", PROFILES["overclock"]),
    )
