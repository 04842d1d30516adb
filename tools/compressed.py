"""The demo's clock: a schedule that goes through the four profiles in minutes, so that a newcomer sees a change soon.

It takes the place of the built-in schedule `default`, in the file that the demo's controller manages: so it can be looked
at and edited like any other, and the fleet's own file stays as it would be in earnest.
"""

from pathlib import Path

import yaml

MINUTES = 6
"""How long each profile holds: enough for a simulated miner to be seen following, short enough to be waited for."""
PROFILES = ("overclock", "normal", "underclock", "curtail")
HEAD = (
    "# Made by the demo: the schedule `default` in minutes instead of hours. In earnest it is 00–06 overclock,\n"
    "# 06–12 normal, 12–18 underclock, 18–24 curtail.\n"
)


def windows() -> list[dict[str, str]]:
    """Return the windows of a day, each profile in turn for MINUTES."""
    day = 24 * 60
    return [
        {
            "from": _clock(start),
            "to": _clock(start + MINUTES),
            "profile": PROFILES[start // MINUTES % len(PROFILES)],
        }
        for start in range(0, day, MINUTES)
    ]


def write_schedule(path: Path) -> None:
    """Write the schedule as a managed inventory, unless there is one: somebody may have edited it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"schedules": {"default": {"windows": windows()}}}, sort_keys=False, width=110)
    path.write_text(HEAD + text, encoding="utf-8")


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
