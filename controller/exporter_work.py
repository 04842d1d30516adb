"""How an exporter keeps up with its own work, as its `/metrics/own` tells: what the page of health says of it. Pure.

What it does not tell (it is of another version, or has not been round yet) is None.
"""

import math

import msgspec


class ExporterWork(msgspec.Struct, frozen=True, kw_only=True):
    """Times in s. `sweep_s`: of its latest round, for which `interval_s` is meant; `lag_s`: how late its polls begin now.

    `waiting`: miners whose time has come and that wait for their turn; `backing_off`: silent ones that are asked less often.
    """

    sweep_s: float | None = None
    interval_s: float | None = None
    lag_s: float | None = None
    waiting: int | None = None
    backing_off: int | None = None


def work_of(page: str) -> ExporterWork:
    """Return what a page of metrics says, in the text format 0.0.4 of Prometheus: `name value`, these without labels."""
    found: dict[str, float] = {}
    for line in page.splitlines():
        name, _, rest = line.partition(" ")
        if name.startswith(_BEGIN):
            value = _number(rest)
            if value is not None:
                found[name.removeprefix(_BEGIN)] = value
    return ExporterWork(
        sweep_s=found.get("sweep_duration_seconds"),
        interval_s=found.get("poll_interval_seconds"),
        lag_s=found.get("poll_lag_seconds"),
        waiting=_count(found.get("polls_waiting")),
        backing_off=_count(found.get("miners_backing_off")),
    )


_BEGIN = "hashyard_exporter_"


def _number(text: str) -> float | None:
    """Return a value; None for what is none, or no figure that anything could be said of."""
    try:
        value = float(text.split(" ", 1)[0])
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _count(value: float | None) -> int | None:
    return None if value is None else round(value)
