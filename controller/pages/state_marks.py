"""The mark of a state as one path, for marks that change while they are looked at: the stream sends the path and the state.

The shapes are those of `marks.html`, on a field of 12 by 12, each filled by the even-odd rule.
"""

from collections.abc import Mapping
from typing import Final

_HOLLOW: Final = "M1 1h10v10H1zM2.5 2.5v7h7v-7z"

MARKS: Final[Mapping[str, str]] = {
    "mining": "M1 1h10v10H1z",
    "sleeping": "M1 1h10v10H1zM2.5 2.5V6h7V2.5z",
    "starting": "M6 .75a5.25 5.25 0 100 10.5A5.25 5.25 0 006 .75zM6 2.25V6h3.75A3.75 3.75 0 116 2.25z",
    "fault": "M6 .8L11.6 11H.4z",
    "unreachable": "M1 1h10v10H1zM3.6 2.5L6 4.9l2.4-2.4zM2.5 3.6v4.8L4.9 6zM9.5 3.6L7.1 6l2.4 2.4zM6 7.1L3.6 9.5h4.8z",
    "unknown": "M1 1h10v10H1zM2.5 2.5v7h7v-7zM5.3 8h1.4v1.3H5.3zM4 4.9c0-2.6 4-2.6 4-.2 0 1.4-1.4 1.4-1.4 2.6H5.4c0-1.8 1.3-2 1.3-2.6 0-.7-1.4-.7-1.4.2z",
    "inactive": "M6 3.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5z",
}
"""The `d` of each state."""


def mark_path(state: str, *, current: bool = True) -> str:
    """Return the path of a state's mark; hollow where it is not of now."""
    if not current and state in ("mining", "sleeping", "starting", "fault"):
        return _HOLLOW
    return MARKS.get(state, _HOLLOW)
