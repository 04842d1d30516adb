"""Values and texts as the Prometheus text formats want them, byte for byte as prometheus_client writes them.

Texts come from strangers: they are cut, control characters are replaced, quotes escaped. Inside the renderer a text
is held as "wire text": a str whose characters are the UTF-8 bytes of what is meant. Such a str never grows beyond one
byte a character, whatever the script, and `encode("latin-1")` turns it into the UTF-8 page by a plain copy.
"""

import re
from collections.abc import Iterable

import orjson

MAX_LABEL = 200
"""Label values are cut to this many characters."""

# Line feed and tab are left: the first is escaped, the second does no harm.
_NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SPECIAL = re.compile('[\\\\"\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]')

_LOWEST = -1e300
_EXPONENTS = tuple(f"e+{digits - 1:02d}" for digits in range(20))


class NotFinite(ValueError):
    """A value that no sample may have: NaN, infinity, or an integer too large for a float."""


def number(value: float) -> str:
    """Return a value as prometheus_client writes it: shortest digits that read back the same, Go's exponents.

    Raises NotFinite for what is not finite.
    """
    try:
        text = repr(value * 1.0)  # a product is twice as fast as float(), and keeps the sign of zero
    except OverflowError:
        raise NotFinite(value) from None
    if _LOWEST <= value < 1e6:
        return text
    if "n" in text:
        raise NotFinite(value)
    if (
        value < 0 or "." not in text or "e" in text
    ):  # from 1e16 on Python writes exponents itself, in the same way
        return text
    return _with_exponent(text)


def numbers(values: Iterable[float]) -> list[str]:
    """Return many values as `number` writes each. Raises NotFinite.

    Of the sizes that are usual, the JSON writer's digits are the same ones, and it writes them ten times faster.
    """
    try:
        floats = list(map(float, values))
    except OverflowError:
        raise NotFinite(values) from None
    texts = orjson.dumps(floats)[1:-1].decode().split(",")
    return [
        text
        if value < 1e6 and (value >= 0.001 or value == 0.0)
        else (_with_exponent(text) if 1e6 <= value < 1e16 else number(value))
        for value, text in zip(floats, texts, strict=True)
    ]


def _with_exponent(text: str) -> str:
    """Return digits of a million and more, with a point among them, in Go's form."""
    whole, _, part = text.partition(".")
    digits = (whole + part).rstrip("0")
    if len(digits) == 1:
        return digits + _EXPONENTS[len(whole)]
    return f"{digits[0]}.{digits[1:]}{_EXPONENTS[len(whole)]}"


def clean(text: str) -> str:
    """Return a stranger's text cut to MAX_LABEL, with control characters and broken surrogates as U+FFFD."""
    return _NOT_SHOWN.sub("\ufffd", text[:MAX_LABEL])


def label(text: str | None) -> str:
    """Return a label's value, cleaned and escaped, as wire text; "" for None."""
    if text is None:
        return ""
    if len(text) > MAX_LABEL or _SPECIAL.search(text):
        text = clean(text).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return text if text.isascii() else text.encode().decode("latin-1")
