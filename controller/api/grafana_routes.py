"""The route that brings Grafana in line now, and says what was done."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from controller.api.problems import Problem
from controller.api.route import ADMINISTRATORS, Call, NoQuery, Route
from controller.grafana_sync import GrafanaSync
from controller.wording import worded


class GrafanaBrought(msgspec.Struct, frozen=True, kw_only=True):
    """What came of bringing Grafana in line, a line each. `in_line`: nothing failed.

    `notes`: what was made by hand, was left alone, and somebody should know.
    """

    at: datetime
    in_line: bool
    done: Sequence[str]
    failed: Sequence[str]
    notes: Sequence[str]


async def post_grafana_sync(call: Call[None, NoQuery]) -> GrafanaBrought:
    """Bring people, organisations and data sources of Grafana in line."""
    sync: GrafanaSync | None = call.services.get(GrafanaSync)
    outcome = None if sync is None else await sync.bring_in_line(call.actor)
    if outcome is None:
        raise Problem(
            "not-found",
            worded(
                "nobody brings Grafana in line here: start the controller with --grafana-api and --grafana-password-file"
            ),
        )
    failed = [*([outcome.away] if outcome.away else []), *outcome.failed]
    return GrafanaBrought(
        at=call.now, in_line=not failed, done=outcome.done, failed=failed, notes=outcome.notes
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/api/v1/grafana/sync",
        roles=ADMINISTRATORS,
        scopes=("people",),
        reply=GrafanaBrought,
        problems=("not-found",),
        everywhere=True,
        summary="Bring Grafana in line",
        description=(
            "Makes and takes away accounts, clients' organisations and their data sources, so that they agree with the "
            "people and clients of the controller. What was made by hand in Grafana is left alone. A second time nothing is "
            "done. It may take minutes; 200 also where something failed, with `in_line` false and what failed."
        ),
        tags=("people",),
        handler=post_grafana_sync,
    ),
)
