"""For whom the controller vouches to Grafana: people who stand there under the very address that it vouches for.

Grafana finds somebody who signs on for the first time by his address. Until it has been brought in line, an address may still
be that of an account of somebody else, whose address it was before; so nobody is vouched for until then.
"""

from collections.abc import Mapping
from typing import Any, Final

from controller.api.route import Call
from controller.grafana_sync import GrafanaSync, Standing
from controller.model import User
from controller.wording import Wording, worded

_WHY: Final[Mapping[Standing, Wording]] = {
    "soon": worded(
        "you are not in Grafana yet: it follows some seconds after an account or its address has changed. Wait a moment, then "
        "open it again"
    ),
    "away": worded(
        "you are not in Grafana yet, and it does not answer the controller, which asks again each minute. If this lasts, tell an "
        "administrator: Settings, Health says why"
    ),
    "failed": worded(
        "you could not be brought into Grafana. Tell an administrator: the reason stands beside your name under People"
    ),
    "none": worded("you have no place in Grafana: your client has none any more. Ask an administrator"),
}


async def why_not(call: Call[Any, Any], user: User) -> Wording | None:
    """Return why this person is not vouched for, and what he can do; None where he is.

    Where nobody has the controller bring Grafana in line, its people are in the hands of whoever makes them.
    """
    sync: GrafanaSync | None = call.services.get(GrafanaSync)
    return None if sync is None else _WHY.get(await sync.standing(user))
