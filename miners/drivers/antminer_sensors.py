"""What an Antminer's temperature sensors say: `"73-45-64-65"`, a list, or single figures where 0 means silence."""

import re
from collections.abc import Sequence
from typing import Any

from miners.units import celsius, number

_MAX_SENSORS = 128
"""A longer text is no list of temperatures, and splitting it would cost what a stranger chose."""

_MAX_LISTED = 64

SILENT = (None, "0-0-0-0")
"""What an empty slot's sensors say."""

_DEGREES = {str(degrees): float(degrees) for degrees in range(1, 201)}
"""What a sensor may write, and what it means: twice as fast as float, and it knows what is believable."""

_TEMPERATURE = re.compile(r"(?:^|-)(-?\d+(?:\.\d+)?)", re.ASCII)


def warm(value: object) -> float | None:
    """Return °C, or None for 0: that is how these firmwares write that no sensor reported."""
    if value is None:
        return None
    if type(value) is int and 0 < value <= 200:
        return float(value)
    return celsius(value) or None


_Sensors = tuple[float | None, float | None, float | None, float | None]
_NONE: _Sensors = (None, None, None, None)


def sensors(value: Any, scale: float = 1.0) -> _Sensors:
    """Return inlet, outlet, hottest and mean of `"73-45-64-65"` or of a list.

    Of four sensors the first two sit at the inlet, the others at the outlet. One that reads 0 did not report.
    """
    if value in SILENT:
        return _NONE
    if isinstance(value, str):
        try:
            first, second, third, fourth = value.split("-", 4)
            one, two, three, four = _DEGREES[first], _DEGREES[second], _DEGREES[third], _DEGREES[fourth]
        except (ValueError, KeyError):
            # Fewer sensors, parts of degrees, or below zero, where the sign looks like what parts them: "-5--6-3-4".
            return _mixed_sensors(_TEMPERATURE.findall(value) if len(value) <= _MAX_SENSORS else [], scale)
        if scale == 1.0:
            near, far = one + two, three + four
            return near / 2, far / 2, max(one, two, three, four), (near + far) / 4
        return _mixed_sensors((one, two, three, four), scale)
    return _mixed_sensors(value[:_MAX_LISTED] if isinstance(value, list) else (value,), scale)


def _mixed_sensors(parts: Sequence[Any], scale: float) -> _Sensors:
    figures = [number(part) for part in parts]
    read = [None if figure is None else celsius(figure * scale) or None for figure in figures]
    there = [sensor for sensor in read if sensor is not None]
    if not there:
        return _NONE
    inlet, outlet = (_mean(*read[:2]), _mean(*read[2:])) if len(read) == 4 else (None, None)
    return inlet, outlet, max(there), sum(there) / len(there)


def _mean(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return (one + other) / 2.0
