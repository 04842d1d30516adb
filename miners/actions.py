"""What can be done to a miner, and what came of it: frozen types in the field's words.

An Action is a wish in terms that hold for every make; which makes know which, and how they are told, is the writers'
business (`miners/writing.py`, `miners/writers/`). An Outcome says `applied` only after the miner's own state was read
back and shows it.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Mode: TypeAlias = Literal["low", "normal", "high"]
"""A work mode, whatever the make calls it: Whatsminer low/normal/high, Antminer 3/0/2, Avalon eco/standard/super (0/1/2)."""

Status: TypeAlias = Literal[
    "applied", "unchanged", "accepted_unverified", "refused", "auth_failed", "unsupported", "unreachable"
]

STATUSES: tuple[Status, ...] = (
    "applied",
    "unchanged",
    "accepted_unverified",
    "refused",
    "auth_failed",
    "unsupported",
    "unreachable",
)


class Sleep(msgspec.Struct, frozen=True, gc=False, tag="sleep"):
    """Stop hashing and draw next to nothing, until told to wake."""


class Wake(msgspec.Struct, frozen=True, gc=False, tag="wake"):
    """Hash again, as it is set."""


class SetPowerPercent(msgspec.Struct, frozen=True, gc=False, tag="set_power_percent"):
    """Draw so many percent of its nominal power. Not for stopping: that is Sleep."""

    percent: Annotated[float, Meta(gt=0, le=200)]


class SetPowerLimit(msgspec.Struct, frozen=True, gc=False, tag="set_power_limit"):
    """Draw at most so many watts at the wall."""

    watts: Annotated[float, Meta(gt=0, le=1e6)]


class SetMode(msgspec.Struct, frozen=True, gc=False, tag="set_mode"):
    """Work in one of the make's modes."""

    mode: Mode


class SetPreset(msgspec.Struct, frozen=True, gc=False, tag="set_preset"):
    """Work by one of the firmware's presets, by the firmware's own name for it."""

    preset: Annotated[str, Meta(min_length=1, max_length=64)]


class Reboot(msgspec.Struct, frozen=True, gc=False, tag="reboot"):
    """Restart the whole device."""


class Locate(msgspec.Struct, frozen=True, gc=False, tag="locate"):
    """Switch the light that shows a person which miner is meant."""

    on: bool = True


Action: TypeAlias = Sleep | Wake | SetPowerPercent | SetPowerLimit | SetMode | SetPreset | Reboot | Locate

ACTIONS: tuple[type[Action], ...] = (
    Sleep,
    Wake,
    SetPowerPercent,
    SetPowerLimit,
    SetMode,
    SetPreset,
    Reboot,
    Locate,
)


def action_name(action: Action | type[Action]) -> str:
    """Return the name of an action as it stands in JSON, metrics and the log: `set_power_percent`."""
    kind = action if isinstance(action, type) else type(action)
    return str(kind.__struct_config__.tag)


class Outcome(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What came of one action on one miner.

    `detail`: one line, with the miner's own words where it had any and what to do next; never a secret. `sent`: whether
    a command that changes something has left for the miner (then it may have been obeyed, whatever the status).
    `duration_s`: from the order to the read-back, on the clock that was handed in.
    """

    action: Action
    status: Status
    detail: str
    duration_s: float
    sent: bool = False
