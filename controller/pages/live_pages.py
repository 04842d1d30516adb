"""The pages that the stream keeps up to date, by the kind that stands before the colon of a page's name.

A page's owner adds a line: the same maker gives the places of the first HTML. Every page carries the frame's places
beside its own: the notices, and how old the figures are.
"""

from collections.abc import Mapping
from typing import Any, Final

from controller.api.problems import Mistake, Problem
from controller.api.route import Call
from controller.pages.container_live import live_container
from controller.pages.fleet_routes import live_fleet
from controller.pages.frame import words_of
from controller.pages.frame_live import frame_state
from controller.pages.health import live_health
from controller.pages.live_state import LiveMaker, LiveState
from controller.pages.log_routes import live_log
from controller.pages.miner_routes import live_miner
from controller.pages.miners_routes import live_miners
from controller.pages.operation_page_routes import live_operation
from controller.pages.schedule_page_routes import live_schedule


async def live_frame(_call: Call[Any, Any], _of: str) -> LiveState:
    """Return no places: those of the frame, which all pages have, are all that changes on such a page."""
    return LiveState()


LIVE_PAGES: Final[Mapping[str, LiveMaker]] = {
    "fleet": live_fleet,
    "frame": live_frame,
    "health": live_health,
    "container": live_container,
    "miner": live_miner,
    "log": live_log,
    "miners": live_miners,
    "operation": live_operation,
    "schedule": live_schedule,
}


async def live_state(call: Call[Any, Any], name: str) -> LiveState:
    """Return the places of a page by its name, `container:konteiner-1`, and those of its frame.

    Raises Problem: malformed for a page that there is none of, and what its maker raises.
    """
    kind, _, of = name.partition(":")
    maker = LIVE_PAGES.get(kind)
    if maker is None:
        detail = f"there is no page {kind[:40]!r} that changes while it is looked at"
        raise Problem("malformed", detail, [Mistake("?page", "choice", detail)])
    return frame_state(call, words_of(call)) | await maker(call, of)
