"""Closing a month: of all containers at once, with its reports kept whole, after which nothing of it changes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection

from controller.accounting.model import Basis, Closing, Gap, Report, ReportWish
from controller.accounting.periods import month_bounds, month_days
from controller.accounting.reporting import report_of
from controller.storage.closings import ALL
from controller.storage.faults import Refusal
from controller.storage.ledger import complete_days
from controller.storage.storage import Storage
from controller.wording import Wording, worded, worded_many
from miners.inventory.fleet import Inventory

NUMBER_TO_COME: Final = 0


class NotOver(Refusal):
    """The month is not over in every container's zone."""


class NotComplete(Refusal):
    """Hours of the month are not booked. `gaps`: which."""

    def __init__(self, text: Wording, gaps: tuple[Gap, ...]) -> None:
        """`text`: one line."""
        super().__init__(text)
        self.gaps = gaps


async def close_month(
    storage: Storage,
    inventory: Inventory,
    month: str,
    *,
    basis: Basis,
    by: str,
    now: datetime,
    incomplete: bool = False,
) -> Closing:
    """Close a month (`2026-10`) and return it; it is numbered from 1, without a gap.

    `by`: who closes it. `incomplete`: also where hours are missing, which the closing then says. Raises ValueError for what
    is no month, NotOver, NotComplete, Taken where it is closed, StorageAway.
    """
    first, last = month_days(month)
    if not await is_over(storage, inventory, month, now):
        raise NotOver(worded("%(month)s is not over yet", month=month))
    wish = ReportWish(begins=first, ends=last, basis=basis)
    lacking: list[bool] = []

    def reports(connection: Connection, number: int) -> Mapping[str, Report]:
        whole = report_of(connection, inventory, wish, now)
        lacking.append(is_lacking(whole))
        if lacking[-1] and not incomplete:
            raise _not_complete(month, whole)
        complete_days(connection, first, last)
        found = {ALL: whole}
        by_client = report_of(connection, inventory, msgspec.structs.replace(wish, by="client"), now)
        for row in by_client.rows:
            if row.key:
                his = msgspec.structs.replace(wish, clients=(row.key,))
                found[row.key] = report_of(connection, inventory, his, now)
        return {client: msgspec.structs.replace(report, closed=number) for client, report in found.items()}

    closing = Closing(
        number=NUMBER_TO_COME, month=month, basis=basis, closed_at=now, closed_by=by, incomplete=incomplete
    )
    return await storage.closings.close(
        closing, reports, lambda made: msgspec.structs.replace(made, incomplete=lacking[-1])
    )


async def is_over(storage: Storage, inventory: Inventory, month: str, now: datetime) -> bool:
    """Return whether a month (`2026-10`) is over by the clock of every container, and in UTC. Raises ValueError, StorageAway."""
    zones = {container.timezone for container in inventory.containers}
    zones |= {kept.timezone for kept in await storage.ledger.containers()}
    return all(month_bounds(zone, month)[1] <= now for zone in zones | {"UTC"})


def is_lacking(report: Report) -> bool:
    """Return whether hours of a whole month's report are not booked; so are all of them where there is nothing at all."""
    return report.total.not_booked_s > 0 or not report.rows


def _not_complete(month: str, report: Report) -> NotComplete:
    if not report.rows:
        nothing = worded(
            "nothing of %(month)s is booked: wait for the books, or close the month as incomplete",
            month=month,
        )
        return NotComplete(nothing, report.gaps)
    hours = -(-report.total.not_booked_s // 3600)
    text = worded_many(
        "%(num)s hour of %(month)s is not booked yet: wait for it, or close the month as incomplete",
        "%(num)s hours of %(month)s are not booked yet: wait for them, or close the month as incomplete",
        hours,
        month=month,
    )
    return NotComplete(text, report.gaps)
