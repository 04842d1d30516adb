"""How numbers, times and strangers' words are written on pages, by the reader's language: pure, and a table for templates.

What is not known is None and is never written as a number; the templates say it in words. Numbers and units stand
together by a no-break space. Hash rates keep their units in every language, as on the miners themselves; electrical units
and times are translated.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from functools import cache, cached_property, lru_cache
from typing import Any, Final, Protocol

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, parse_pattern
from markupsafe import Markup, escape

NBSP: Final = "\u00a0"
_HASH_UNITS: Final = (
    (1e18, "EH/s"),
    (1e15, "PH/s"),
    (1e12, "TH/s"),
    (1e9, "GH/s"),
    (1e6, "MH/s"),
    (1e3, "kH/s"),
    (1.0, "H/s"),
)
_SIZES: Final = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_DIRECTIONS: Final = frozenset(
    map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
"""Characters that turn the direction of what follows, beyond the text in which they stand."""

_ISOLATE, _ISOLATE_END = "\u2068", "\u2069"
_ISOLATES: Final = frozenset("\u2066\u2067\u2068")
_EMBEDS: Final = _DIRECTIONS - _ISOLATES - {_ISOLATE_END}
_TURNING: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
    + "".join(_DIRECTIONS)
    + "]"
)
"""Scripts that are written from right to left (Unicode's classes R, AL and AN lie there), and what else turns a line."""


class Gettext(Protocol):
    """Gives a sentence in the reader's language, filled in."""

    def __call__(self, pattern: str, /, **values: Any) -> str:
        """Return it."""
        ...


@cache
def _pattern(digits: int | None) -> NumberPattern:
    return parse_pattern("#,##0.###" if digits is None else "#,##0" + ("." + "0" * digits if digits else ""))


@lru_cache(maxsize=8192)
def _number(locale: Locale, number: float, digits: int | None) -> str:
    """Return a number as a language writes it. Most of a page's are counts, the same again and again."""
    text = str(format_decimal(number, format=_pattern(digits), locale=locale))
    if not text.strip("-0.,"):
        text = text.lstrip("-")  # a trifle below nought is no negative nought
    # A narrow no-break space is missing in many fonts.
    return text.replace("\u202f", NBSP).replace("-", "\u2212")


class Formats:
    """How one language writes figures and times."""

    def __init__(self, code: str, gettext: Gettext, ngettext: Callable[..., str]) -> None:
        """`code`: of the language. `gettext`, `ngettext`: its words for units and days."""
        self.locale = Locale.parse(code)
        self.gettext, self.ngettext = gettext, ngettext

    @cached_property
    def _units(self) -> Mapping[str, str]:
        return _unit_words(self.gettext)

    # numbers

    def number(self, number: float, digits: int | None = None) -> str:
        """Return a number as the language writes it, to so many digits behind the point (None: as many as it needs, at most 3)."""
        return _number(self.locale, number, digits)

    def small(self, number: float, digits: int) -> str:
        """Return a number to so many digits; one that is not 0 and would read as 0 as less than the least: < 0.1."""
        least = 10.0**-digits
        if number == 0 or abs(number) >= least / 2:
            return self.number(number, digits)
        return (
            f"<{NBSP}{self.number(least, digits)}" if number > 0 else f">{NBSP}{self.number(-least, digits)}"
        )

    def figure(self, number: float) -> str:
        """Return a number to three figures or four: 1.02, 66.1, 412.6, 5,640; < 0.01 for what is less, 0 for nought alone."""
        if number == 0:
            return "0"
        # Limits lie where the shorter form would be rounded up to: 9.996 is 10.0.
        size = abs(number)
        return self.small(number, 2 if size < 9.995 else 1 if size < 999.95 else 0)

    def whole(self, number: float) -> str:
        """Return a number without a fraction, its thousands apart: 12,480."""
        return self.number(number, 0)

    def of(self, number: float, unit: str, digits: int = 0) -> str:
        """Return a number with its unit, which the language may have a word for: 71 °C."""
        return f"{self.number(number, digits)}{NBSP}{self.unit_name(unit)}"

    def unit_name(self, unit: str) -> str:
        """Return the language's word for a unit: kW, кВт."""
        return self._units.get(unit, unit)

    def percent(self, ratio: float, digits: int = 1) -> str:
        """Return a share: 94.1 %; < 0.1 % for a small one, 0.0 % for none."""
        return f"{self.small(ratio * 100, digits)}{NBSP}%"

    def hash_rate(self, rate_hs: float, unit: tuple[float, str] | None = None) -> str:
        """Return a hash rate in its unit: 66.1 TH/s."""
        size, name = unit or hash_rate_unit([rate_hs])
        return f"{self.figure(rate_hs / size)}{NBSP}{name}"

    def watts(self, power_w: float) -> str:
        """Return the power of a miner: 3,250 W."""
        return self.of(power_w, "W")

    def power(self, power_w: float) -> str:
        """Return the power of a container or a fleet: 812.4 kW, 9.84 MW; below a kilowatt 640 W."""
        size = abs(power_w)
        if size >= 999_950:
            return self.of(power_w / 1e6, "MW", 2)
        return self.of(power_w / 1e3, "kW", 1) if size >= 999.5 else self.watts(power_w)

    def energy(self, energy_kwh: float) -> str:
        """Return an energy: 438,912 kWh; below ten of them 2.4 kWh."""
        return self.of(energy_kwh, "kWh", 1 if abs(energy_kwh) < 9.95 else 0)

    def size(self, octets: float) -> str:
        """Return how much a file or a disk holds: 84 MB, 1.2 GB."""
        size, unit = next(((size, unit) for size, unit in _SIZES if abs(octets) >= size * 0.9995), (1.0, "B"))
        return self.of(octets / size, unit, 1 if size > 1 and abs(octets) < 9.95 * size else 0)

    # times

    def duration(self, seconds: float) -> str:
        """Return a length of time in its two largest parts: 8 s, 4 min, 3 h 10 min, 12 d 4 h."""
        whole_s = max(0, int(seconds))
        if whole_s < 60:
            return self.of(whole_s, "s")
        minutes, hours, days = whole_s // 60, whole_s // 3600, whole_s // 86_400
        if hours == 0:
            return self.of(minutes, "min")
        large, small, unit = (hours, minutes % 60, "min") if days == 0 else (days, hours % 24, "h")
        text = self.of(large, "h" if days == 0 else "d")
        return f"{text} {self.of(small, unit)}" if small else text

    def wait(self, seconds: float) -> str:
        """Return how long to wait, rounded up so that it is over then: 40 s, 13 min."""
        whole_s = math.ceil(seconds)
        return self.of(whole_s, "s") if whole_s < 60 else self.of(math.ceil(whole_s / 60), "min")

    def clock(self, moment: datetime, now: datetime, zone: tzinfo) -> str:
        """Return a moment as people say it: 14:06, yesterday 18:44, tomorrow 06:00, 21 Nov 2026, 18:00; in a zone.

        Of a time that the clock shows twice that day it is said which of both: 02:30 (UTC+02:00).
        """
        local, today = moment.astimezone(zone), now.astimezone(zone).date()
        time = wall(local)
        if local.date() == today:
            return time
        if local.date() == today - timedelta(days=1):
            return self.gettext("yesterday %(time)s", time=time)
        if local.date() == today + timedelta(days=1):
            return self.gettext("tomorrow %(time)s", time=time)
        return f"{self.day(local.date())}, {time}"

    def day(self, day: date) -> str:
        """Return a date: 21 Nov 2026."""
        return str(format_date(day, "d MMM y", locale=self.locale))

    def moment(self, moment: datetime, now: datetime, zone: tzinfo) -> str:
        """Return a moment with its day, whichever that is: today 18:00, yesterday 18:44, 21 Nov 2026, 18:00; in a zone."""
        local = moment.astimezone(zone)
        if local.date() == now.astimezone(zone).date():
            return self.gettext("today %(time)s", time=wall(local))
        return self.clock(moment, now, zone)

    def zone_words(self, now: datetime, zone: tzinfo) -> str:
        """Return a zone and how far it is from UTC: Europe/Samara (UTC+04:00)."""
        offset = now.astimezone(zone).strftime("%z")
        return f"{zone} (UTC{offset[:3]}:{offset[3:5]})" if offset.strip("+0") else str(zone)

    def offset(self, moment: datetime, zone: tzinfo) -> str:
        """Return how far a zone is from UTC at a moment: UTC, UTC−6, UTC+5:30."""
        minutes = int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds()) // 60
        hours, rest = divmod(abs(minutes), 60)
        if not minutes:
            return "UTC"
        return f"UTC{'−' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"

    def filters(self) -> Mapping[str, Callable[..., Any]]:
        """Return what templates write figures with."""
        return {
            "breakable": breakable,
            "cut": cut,
            "day": self.day,
            "energy": self.energy,
            "duration": self.duration,
            "figure": self.figure,
            "hash_rate": self.hash_rate,
            "iso": iso,
            "number": self.number,
            "percent": self.percent,
            "plain": plain,
            "power": self.power,
            "sentence": sentence,
            "size": self.size,
            "unit": self.of,
            "unit_name": self.unit_name,
            "wait": self.wait,
            "watts": self.watts,
            "whole": self.whole,
        }


def hash_rate_unit(rates: Iterable[float | None]) -> tuple[float, str]:
    """Return (how many H/s it is, its name) of the one unit in which these hash rates are written."""
    largest = max((rate for rate in rates if rate is not None), default=0.0)
    return next(
        ((size, name) for size, name in _HASH_UNITS if largest >= size),
        _HASH_UNITS[-1] if largest else (1e12, "TH/s"),
    )


def iso(moment: datetime) -> str:
    """Return a moment for machines."""
    return moment.isoformat(timespec="seconds")


def sentence(text: str) -> str:
    """Return a line of a log as a sentence: a capital before, a full stop behind."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def wall(local: datetime, pattern: str = "%H:%M") -> str:
    """Return what the clock shows, and of a time that it shows twice how far it is from UTC. `local`: in its zone."""
    time = f"{local:{pattern}}"
    if not comes_twice(local):
        return time
    offset = local.strftime("%z")
    return f"{time} (UTC{offset[:3]}:{offset[3:5]})"


def comes_twice(local: datetime) -> bool:
    """Return whether the clock of a moment's zone shows its time twice that day, for it is put back."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def plain(text: str) -> str:
    """Return a text without what turns its surroundings: for titles and attributes, where nothing can be set apart."""
    return "".join(
        " " if unicodedata.category(character) == "Cc" else character
        for character in text
        if character not in _DIRECTIONS
    )


def isolated(text: str) -> str:
    """Return a text for a place within a sentence: a name that is written from right to left is set apart from what follows.

    Without it the number behind such a name is drawn before it. What stands in `<bdi>` needs none. A sentence in which
    names are set apart already stays so.
    """
    if text.isascii() or not _TURNING.search(text):
        return text
    return f"{_ISOLATE}{text if _is_closed(text) else plain(text)}{_ISOLATE_END}"


def _is_closed(text: str) -> bool:
    """Return whether a text sets apart nothing but what stands in it, and turns nothing otherwise."""
    depth = 0
    for character in text:
        if character in _EMBEDS:
            return False
        depth += (character in _ISOLATES) - (character == _ISOLATE_END)
        if depth < 0:
            return False
    return depth == 0


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters, three dots where it goes on."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def breakable(name: str) -> Markup:
    """Return a name of several words written as one, which may be broken between them on a narrow screen."""
    return Markup("<wbr>").join(escape(part) for part in re.findall(r"[A-Z]+[^A-Z]*|[^A-Z]+", name))


def _unit_words(gettext: Gettext) -> dict[str, str]:
    return {
        "W": gettext("W"),
        "kW": gettext("kW"),
        "MW": gettext("MW"),
        "kWh": gettext("kWh"),
        "V": gettext("V"),
        "A": gettext("A"),
        "MHz": gettext("MHz"),
        "B": gettext("B"),
        "kB": gettext("kB"),
        "MB": gettext("MB"),
        "GB": gettext("GB"),
        "TB": gettext("TB"),
        "rpm": gettext("rpm"),
        "ms": gettext("ms"),
        "s": gettext("s"),
        "min": gettext("min"),
        "h": gettext("h"),
        "d": gettext("d"),
    }
