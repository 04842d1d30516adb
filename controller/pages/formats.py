"""How numbers, times and strangers' words are written on pages: pure functions, and the table of them for templates.

What is not known is None and is never written as a number; the templates say it in words. Numbers and units stand
together by a no-break space.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

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
_DIRECTIONS: Final = frozenset(
    map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
"""Characters that turn the direction of what follows, beyond the text in which they stand."""


def hash_rate_unit(rates: Iterable[float | None]) -> tuple[float, str]:
    """Return (how many H/s it is, its name) of the one unit in which these hash rates are written."""
    largest = max((rate for rate in rates if rate is not None), default=0.0)
    return next(
        ((size, name) for size, name in _HASH_UNITS if largest >= size),
        _HASH_UNITS[-1] if largest else (1e12, "TH/s"),
    )


def hash_rate(rate_hs: float, unit: tuple[float, str] | None = None) -> str:
    """Return a hash rate in its unit: 66.1 TH/s."""
    size, name = unit or hash_rate_unit([rate_hs])
    return f"{figure(rate_hs / size)}{NBSP}{name}"


def figure(number: float) -> str:
    """Return a number to three figures or four: 1.02, 66.1, 412.6, 5,640."""
    if number == 0:
        return "0"
    digits = 2 if abs(number) < 10 else 1 if abs(number) < 1000 else 0
    return f"{number:,.{digits}f}"


def whole(number: float) -> str:
    """Return a number without a fraction, its thousands apart: 12,480."""
    return f"{number:,.0f}"


def watts(power_w: float) -> str:
    """Return the power of a miner: 3,250 W."""
    return f"{whole(power_w)}{NBSP}W"


def percent(ratio: float) -> str:
    """Return a share: 94.1 %."""
    return f"{ratio * 100:.1f}{NBSP}%"


def of(number: float, unit: str, digits: int = 0) -> str:
    """Return a number with its unit: 71 °C."""
    return f"{number:,.{digits}f}{NBSP}{unit}"


def duration(seconds: float) -> str:
    """Return a length of time in its two largest parts: 8 s, 4 min, 3 h 10 min, 12 d 4 h."""
    whole_s = max(0, int(seconds))
    if whole_s < 60:
        return f"{whole_s}{NBSP}s"
    minutes, hours, days = whole_s // 60, whole_s // 3600, whole_s // 86_400
    if hours == 0:
        return f"{minutes}{NBSP}min"
    if days == 0:
        rest = minutes % 60
        return f"{hours}{NBSP}h" + (f" {rest}{NBSP}min" if rest else "")
    rest = hours % 24
    return f"{days}{NBSP}d" + (f" {rest}{NBSP}h" if rest else "")


def wait(seconds: float) -> str:
    """Return how long to wait, rounded up so that it is over then: 40 s, 13 min."""
    whole_s = math.ceil(seconds)
    return f"{whole_s}{NBSP}s" if whole_s < 60 else f"{math.ceil(whole_s / 60)}{NBSP}min"


def clock(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Return a moment as people say it: 14:06, yesterday 18:44, 21 Nov 2026, 18:00. In the zone of the container."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    if local.date() == today - timedelta(days=1):
        return f"yesterday {local:%H:%M}"
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M}"


def zone_words(now: datetime, zone: tzinfo) -> str:
    """Return a zone and how far it is from UTC: Europe/Samara (UTC+04:00)."""
    local = now.astimezone(zone)
    offset = local.strftime("%z")
    return f"{zone} (UTC{offset[:3]}:{offset[3:5]})" if offset.strip("+0") else str(zone)


def iso(moment: datetime) -> str:
    """Return a moment for machines."""
    return moment.isoformat(timespec="seconds")


def sentence(text: str) -> str:
    """Return a line of a log as a sentence: a capital before, a full stop behind."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def plain(text: str) -> str:
    """Return a text without what turns its surroundings: for titles, where nothing can be set apart."""
    return "".join(
        " " if unicodedata.category(character) == "Cc" else character
        for character in text
        if character not in _DIRECTIONS
    )


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters, three dots where it goes on."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def breakable(name: str) -> Markup:
    """Return a name of several words written as one, which may be broken between them on a narrow screen."""
    return Markup("<wbr>").join(escape(part) for part in re.findall(r"[A-Z]+[^A-Z]*|[^A-Z]+", name))


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "breakable": breakable,
    "cut": cut,
    "duration": duration,
    "figure": figure,
    "hash_rate": hash_rate,
    "iso": iso,
    "percent": percent,
    "plain": plain,
    "sentence": sentence,
    "unit": of,
    "wait": wait,
    "watts": watts,
    "whole": whole,
}
