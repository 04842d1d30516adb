"""The routes of Hashyard itself: how its parts are, and what it was set to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from controller.api.route import ADMINISTRATORS, EVERYBODY, Answer, Call, NoQuery, Route
from controller.grafana_sync import GrafanaSync
from controller.history import History
from controller.process import Process
from miners.errors import InventoryError

_TAGS = ("status",)


class PartShown(msgspec.Struct, frozen=True, kw_only=True):
    """One part: how it is, since when, and why. Reasons are the operator's business."""

    name: str
    state: str
    since: datetime | None = None
    reason: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the parts are. `doubts`: why nothing is written now; `mistakes`: of the inventory that is refused."""

    version: str
    as_of: datetime
    parts: Sequence[PartShown]
    doubts: Sequence[str]
    mistakes: Sequence[str]


class SettingShown(msgspec.Struct, frozen=True, kw_only=True):
    """One setting and where it is set. Whether something secret is set is told, what it is not."""

    value: str | int | float | bool | None
    flag: str


class SettingsShown(msgspec.Struct, frozen=True, kw_only=True):
    """What the controller was started with: nothing of it changes while it runs."""

    settings: Mapping[str, SettingShown]


async def get_status(call: Call[None, NoQuery]) -> Status:
    """Return how the parts are: to an administrator also since when and why, unless his token is for some containers only."""
    process = call.service(Process)
    full = call.person.role == "administrator" and not call.person.narrow
    parts = [
        PartShown(name=part.name, state=part.state, since=part.since, reason=part.reason)
        if full
        else PartShown(name=part.name, state=part.state)
        for part in process.parts()
    ]
    history = call.service(History)
    parts.append(
        PartShown(
            name="prometheus",
            state=history.state or ("unknown" if history.configured else "none"),
            reason=history.reason if full else None,
        )
    )
    sync: GrafanaSync | None = call.services.get(GrafanaSync)
    if full and sync is not None:
        seen = sync.seen
        parts.append(PartShown(name="grafana", state=seen.state, since=seen.at, reason=seen.reason))
    error = process.store.last_error
    return Status(
        version=process.version,
        as_of=call.now,
        parts=parts,
        doubts=call.deeds.doubts() if full else (),
        mistakes=error.mistakes if full and error is not None else (),
    )


async def post_reload(call: Call[None, NoQuery]) -> Answer:
    """Read the inventory and the credentials again."""
    await reload_inventory(call)
    return Answer(body=await get_status(call))


async def reload_inventory(call: Call[Any, Any]) -> InventoryError | None:
    """Read the inventory and the credentials again; return why the inventory is refused, where it is."""
    error = await call.service(Process).reload()
    await call.record(
        "inventory",
        "inventory.reloaded",
        params={"mistakes": list(error.mistakes[:20])} if error is not None else {},
        outcome="ok" if error is None else "refused",
    )
    return error


async def get_settings(call: Call[None, NoQuery]) -> SettingsShown:
    """Return what the controller was started with."""
    settings = call.settings
    shown: dict[str, tuple[str | int | float | bool | None, str]] = {
        "targets": (", ".join(str(path) for path in settings.targets), "--targets"),
        "data": (str(settings.data), "--data"),
        "exporters": (", ".join(settings.exporters) or None, "--exporter"),
        "prometheus": (settings.prometheus_url is not None, "--prometheus"),
        "database": ("PostgreSQL" if settings.database_url is not None else "SQLite", "--database-url"),
        "tls": (settings.tls, "--tls-cert"),
        "public_url": (settings.public_url, "--public-url"),
        "grafana": (settings.grafana_url, "--grafana"),
        "grafana_api": (settings.grafana_api, "--grafana-api"),
        "grafana_gateway": (
            settings.gateway if settings.grafana_api is not None else None,
            "--grafana-gateway",
        ),
        "trusted_proxies": (", ".join(settings.trusted_proxies) or None, "--trusted-proxy"),
        "retention_days": (settings.retention_days, "--retention-days"),
        "restarts_a_day": (settings.restarts_a_day, "--restarts-a-day"),
        "cool_down_s": (settings.cool_down_s, "--cool-down"),
        "max_commands": (settings.max_writes, "--max-commands"),
    }
    return SettingsShown(
        settings={name: SettingShown(value=value, flag=flag) for name, (value, flag) in shown.items()}
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/status",
        roles=EVERYBODY,
        scopes=("read",),
        reply=Status,
        summary="How the parts of Hashyard are",
        tags=_TAGS,
        handler=get_status,
    ),
    Route(
        method="POST",
        path="/api/v1/reload",
        roles=ADMINISTRATORS,
        scopes=("inventory",),
        reply=Status,
        everywhere=True,
        summary="Read the inventory and the credentials again",
        tags=_TAGS,
        handler=post_reload,
    ),
    Route(
        method="GET",
        path="/api/v1/settings",
        roles=ADMINISTRATORS,
        scopes=("read",),
        reply=SettingsShown,
        summary="What the controller was started with",
        description="Nothing of it changes while it runs: each value names the flag that sets it.",
        tags=_TAGS,
        handler=get_settings,
    ),
)
