"""Power profiles and schedules as requests order them and as answers show them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal

import msgspec

from controller.api.shapes import Place
from miners.inventory.hours import DAYS

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Clock = Annotated[str, msgspec.Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Percent = Annotated[float, msgspec.Meta(ge=0, le=200)]


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A make's own way of a profile: exactly one of them."""

    mode: Literal["low", "normal", "high"] | None = None
    preset: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    power_limit_w: Annotated[float, msgspec.Meta(ge=1, le=1e6)] | None = None
    power_percent: Annotated[float, msgspec.Meta(ge=1, le=200)] | None = None


class ShownProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A power profile. `used_by`: ids of the schedules that name it; `origin` null: built in, or managed here."""

    name: str
    target_percent: float
    by_make: Mapping[str, Way]
    used_by: Sequence[str]
    editable: bool
    origin: Place | None


class ProfileOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile as it is to be. `plan`: fingerprint of what the change alters at once, if it alters anything."""

    target_percent: Percent
    by_make: Annotated[Mapping[str, Way], msgspec.Meta(max_length=50)] = {}
    plan: str | None = None


class ShownWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some hours of some days and their profile, by the clock on the container's wall."""

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1, max_length=7)] = DAYS
    from_: Clock = msgspec.field(name="from")
    to: Clock
    profile: Name


class DayWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some hours of a date of exception."""

    from_: Clock = msgspec.field(name="from")
    to: Clock
    profile: Name


class ShownException(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A date with windows of its own; none: `otherwise` holds all day."""

    date: date
    windows: Annotated[tuple[DayWindow, ...], msgspec.Meta(max_length=500)] = ()


class ShownSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule. `containers`: ids of those that follow it and that one may see."""

    id: str
    name: str
    windows: Sequence[ShownWindow]
    otherwise: str | None
    exceptions: Sequence[ShownException]
    containers: Sequence[str]
    editable: bool
    origin: Place | None


class ScheduleOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule as it is to be. `plan`: fingerprint of what the change alters at once, if it alters anything."""

    name: Name
    windows: Annotated[tuple[ShownWindow, ...], msgspec.Meta(max_length=2000)] = ()
    otherwise: Name | None = None
    exceptions: Annotated[tuple[ShownException, ...], msgspec.Meta(max_length=500)] = ()
    plan: str | None = None
