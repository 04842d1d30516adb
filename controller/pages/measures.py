"""How each metric of history is named, drawn and written: its unit by the largest value, its axis, its words.

Pure. A measure is made for one chart, so that all its figures stand in one unit.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from controller.api.stats_routes import Metric
from controller.pages.formats import hash_rate_unit
from controller.pages.language import Words
from controller.pages.state_words import state_words

HOURS: Final = (1, 6, 24, 72, 168)
"""The times that charts offer."""


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric in a chart.

    `unit`: of the axis, in words; `size`: how many base units one of it is. `digits`: of a value behind the point. `least`:
    what the axis spans at least, on it. `from_zero`: the axis begins at nought. `steps`: it keeps a value until the next.
    `text`: of a value in base units, with its unit.
    """

    title: str
    unit: str
    size: float
    digits: int
    least: float
    from_zero: bool
    steps: bool
    text: Callable[[float], str]


def metric_titles(words: Words) -> Mapping[Metric, str]:
    """Return what each metric is called."""
    return {
        "hashrate": words.gettext("Hash rate"),
        "power": words.gettext("Power"),
        "chip_max": words.gettext("Hottest chip"),
        "inlet": words.gettext("Inlet air"),
        "efficiency": words.gettext("Efficiency"),
        "shares": words.gettext("Shares"),
        "state": words.gettext("State"),
        "reachable": words.gettext("Answers"),
    }


def hours_words(words: Words, hours: int) -> str:
    """Return a time that charts offer, short: 24 h, 3 d."""
    return words.formats.of(hours, "h") if hours <= 24 else words.formats.of(hours / 24, "d")


def measure(metric: Metric, most: float, words: Words) -> Measure:
    """Return how a metric is drawn whose largest value is `most` (in base units)."""
    size, unit, digits, least = _unit(metric, most)
    formats = words.formats

    def text(value: float) -> str:
        if metric == "shares":
            return words.gettext("%(number)s a minute", number=formats.number(value / size, digits))
        if metric == "state":
            return formats.number(value, digits)
        if metric == "reachable":
            return formats.percent(value, digits)
        return formats.of(value / size, unit, digits)

    return Measure(
        title=metric_titles(words)[metric],
        unit=_axis_unit(metric, unit, words),
        size=size,
        digits=digits,
        least=least,
        from_zero=metric not in ("chip_max", "inlet", "efficiency"),
        steps=metric in ("state", "reachable"),
        text=text,
    )


def _axis_unit(metric: Metric, unit: str, words: Words) -> str:
    if metric == "shares":
        return words.gettext("a minute")
    return words.gettext("miners") if metric == "state" else words.formats.unit_name(unit)


def line_words(words: Words, labels: Mapping[str, str]) -> str:
    """Return the name of one line among several, by what its series is about; "" for one that needs none."""
    if "state" in labels:
        return state_words(words).get(labels["state"], labels["state"])
    if "source" in labels:
        known = {"measured": words.gettext("measured"), "estimated": words.gettext("estimated")}
        return known.get(labels["source"], labels["source"])
    if "result" in labels:
        known = {
            "accepted": words.gettext("accepted"),
            "rejected": words.gettext("rejected"),
            "stale": words.pgettext("share", "stale"),
        }
        return known.get(labels["result"], labels["result"])
    return labels.get("algorithm", "")


def _unit(metric: Metric, most: float) -> tuple[float, str, int, float]:
    """Return (base units in one of the axis, its name, digits of a value, least span) for a largest value."""
    if metric == "hashrate":
        size, name = hash_rate_unit([most])
        shown = most / size
        return size, name, 2 if shown < 10 else 1 if shown < 1000 else 0, 1.0
    if metric == "power":
        if most >= 1e6:
            return 1e6, "MW", 2, 1.0
        return (1e3, "kW", 1, 1.0) if most >= 2e4 else (1.0, "W", 0, 100.0)
    fixed: Mapping[Metric, tuple[float, str, int, float]] = {
        "chip_max": (1.0, "°C", 0, 10.0),
        "inlet": (1.0, "°C", 1, 10.0),
        "efficiency": (1.0, "J/TH", 1, 4.0),
        "shares": (1 / 60, "", 1, 1.0),
        "state": (1.0, "", 0, 4.0),
        "reachable": (0.01, "%", 0, 104.0),
    }
    return fixed[metric]
