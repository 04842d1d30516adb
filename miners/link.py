"""One miner's ports during one poll: the questions that a driver can ask, within one deadline.

The Link owns the deadline and what went wrong on the way (`truncated`); the transports own the bytes.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from miners.errors import Unsupported
from miners.model import Target

Object = dict[str, Any]


class Link(Protocol):
    """What a driver may ask. Every method raises a PollError and nothing else.

    `now`: unix seconds when the poll began, the time base of a driver's Memory. `truncated`: a reply of this poll
    was cut, and the Snapshot will say so; what was whole was used. A port that the target does not give is not asked.
    """

    target: Target
    now: float
    truncated: bool

    async def ask(self, command: str, parameter: str | None = None, **more: object) -> Object:
        """Ask one cgminer-style command on `target.port`; return the reply object, whatever its STATUS says.

        `more` are further fields of the request object (`new_api=True`).
        """

    async def ask_joined(self, commands: Sequence[str]) -> dict[str, Object]:
        """Ask several commands in one connection (`summary+stats`); return the sections that came, by command.

        Each section is the reply object as if its command had been asked singly. A section that failed (STATUS E)
        or is missing is left out. Raises Unsupported if the firmware does not join (code 14, or no section at all).
        """

    async def frame(self, command: str, parameter: object = None) -> Object:
        """Ask one Whatsminer v3 command on `target.v3_port`; return the whole reply object, whatever its code."""

    async def web(self, path: str) -> Object | list[Any]:
        """GET a path on `target.web_port` with digest authentication; return the JSON document (repaired).

        Reading only. Raises AuthFailed on 401, Unsupported on 404, Refused and the others as on TCP.
        """


def no_reading(target: Target, asked: str) -> Unsupported:
    """Return the error of a miner whose replies to what was asked hold nothing that is a reading."""
    return Unsupported(
        f"{target.address}: answers, but its {asked} hold no reading: is this its driver? "
        "`hashyard read --raw` shows the replies"
    )
