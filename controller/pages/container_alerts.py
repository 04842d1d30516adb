"""The firing alerts of a container and its miners, those of one name together, the graver first. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from controller.history import FiringAlert

NAMED: Final = 6
"""As many miners of an alert are named; the others are counted."""

_GRAVE: Final = {"critical": 0, "warning": 1}


class AlertGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of one name. `miners`: (id, name) of whom it is, none of the container as a whole; `more`: of whom it is besides.

    `since`: of the oldest. `summary`: of the only one, "" where there are several. `runbook`: a path of ours, or a whole address.
    """

    name: str
    severity: str
    since: datetime | None
    summary: str
    runbook: str | None
    miners: Sequence[tuple[str, str]]
    more: int


def grouped(alerts: Sequence[FiringAlert], container: str, ids: Mapping[str, str]) -> list[AlertGroup]:
    """Return what fires in a container, by its name. `ids`: of its miners, by their names."""
    by_name: dict[str, list[FiringAlert]] = {}
    for alert in alerts:
        if alert.state == "firing" and alert.labels.get("container") == container:
            by_name.setdefault(alert.name, []).append(alert)
    groups = [_group(name, found, ids) for name, found in by_name.items()]
    return sorted(groups, key=lambda group: (gravity(group.severity), bool(group.miners), group.name))


def _group(name: str, found: Sequence[FiringAlert], ids: Mapping[str, str]) -> AlertGroup:
    first = min(found, key=lambda alert: gravity(alert.labels.get("severity", "")))
    miners = sorted({alert.labels["miner"] for alert in found if "miner" in alert.labels})
    known = [(ids[miner], miner) for miner in miners if miner in ids]
    return AlertGroup(
        name=name,
        severity=first.labels.get("severity", ""),
        since=min((alert.active_at for alert in found if alert.active_at is not None), default=None),
        summary=first.annotations.get("summary", "") if len(found) == 1 else "",
        runbook=runbook_path(first.annotations.get("runbook_url", "")),
        miners=known[:NAMED],
        more=max(0, len(miners) - min(NAMED, len(known))),
    )


def gravity(severity: str) -> int:
    """Return the place of a severity in an order that begins with the gravest."""
    return _GRAVE.get(severity, 2)


def runbook_path(address: str) -> str | None:
    """Return where the annotation `runbook_url` of an alert leads: a path of ours, or a whole address; None if nowhere."""
    path = address.lstrip("/")
    if path.startswith("runbooks/"):
        return f"/{path}"
    return address if address.startswith(("https://", "http://")) else None
