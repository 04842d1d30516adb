"""What the page of a miner shows, made of the API's answer: whether it is of now, which reading it is from, and its parts.

Pure: no I/O, and no decision on who sees what. What the API does not give the person is not here either.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from controller.api.shapes import Miner, MinerDetail
from controller.history import FiringAlert
from controller.pages.formats import hash_rate_unit
from miners.model import PollFailure, Snapshot

Freshness: TypeAlias = Literal["now", "stale", "failed", "never", "inactive"]
"""Of what is shown: read just now; too old; of before it failed; nothing was read yet; neither read nor commanded."""


class ShownAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A firing alert. `runbook`, `dashboard`: addresses, None where the alert or the person has none."""

    name: str
    severity: str
    of_container: bool
    summary: str
    description: str
    since: datetime | None
    runbook: str | None


class MinerShown(msgspec.Struct, frozen=True, kw_only=True):
    """A miner as its page shows it.

    `figures`: of the reading that is shown, `reading` with all its parts (None: there is none, or not for the person);
    `read_at`: when that was taken. `board_unit`: in which all boards' hash rates are written.
    """

    detail: MinerDetail
    container: str
    freshness: Freshness
    figures: Miner
    reading: Snapshot | None
    read_at: datetime | None
    board_unit: tuple[float, str]
    missing_boards: int

    @property
    def known(self) -> bool:
        """Whether the figures are of a reading, be it an old one: what is absent in them was not reported."""
        return self.reading is not None or (self.detail.taken_at is not None and self.detail.failure is None)

    @property
    def current(self) -> bool:
        """Whether the figures are of now."""
        return self.freshness == "now"


def shown(detail: MinerDetail, last: Miner | None, container: str) -> MinerShown:
    """Return what a page shows. `last`: the figures of the last good reading, for when the latest one failed."""
    freshness = _freshness(detail)
    reading = detail.snapshot if isinstance(detail.snapshot, Snapshot) else detail.last_snapshot
    figures = last if last is not None and freshness == "failed" else detail
    boards = reading.boards if reading is not None else ()
    expected = reading.expected_boards if reading is not None else None
    return MinerShown(
        detail=detail,
        container=container,
        freshness=freshness,
        figures=figures,
        reading=reading,
        read_at=detail.last_seen if freshness == "failed" else detail.taken_at,
        board_unit=hash_rate_unit(board.hashrate_hs for board in boards),
        missing_boards=max(0, (expected or 0) - len(boards)),
    )


def concerning(alerts: Sequence[FiringAlert], container: str, miner: str) -> list[ShownAlert]:
    """Return the firing alerts of a miner, then those of its container as a whole, the graver first in each."""
    own = [
        alert
        for alert in alerts
        if alert.state == "firing"
        and alert.labels.get("container") == container
        and alert.labels.get("miner", miner) == miner
    ]
    found = [_alert(alert) for alert in own]
    return sorted(found, key=lambda alert: (alert.of_container, alert.severity != "critical", alert.name))


def failure_of(detail: MinerDetail) -> PollFailure | None:
    """Return the failure with its words, for those to whom the API gives it."""
    return detail.snapshot if isinstance(detail.snapshot, PollFailure) else None


def _freshness(detail: MinerDetail) -> Freshness:
    if not detail.active:
        return "inactive"
    if detail.failure is not None:
        return "failed"
    if detail.taken_at is None:
        return "never"
    return "stale" if detail.stale else "now"


def _alert(alert: FiringAlert) -> ShownAlert:
    return ShownAlert(
        name=alert.name,
        severity=alert.labels.get("severity", ""),
        of_container="miner" not in alert.labels,
        summary=alert.annotations.get("summary", ""),
        description=alert.annotations.get("description", ""),
        since=alert.active_at,
        runbook=_runbook(alert.annotations.get("runbook_url", "")),
    )


def _runbook(address: str) -> str | None:
    """Return where the runbook is: a path of ours for the rules' own, a whole address for an operator's; never anything else."""
    path = address.lstrip("/")
    if path.startswith("runbooks/"):
        return f"/{path}"
    return address if address.startswith(("https://", "http://")) else None
