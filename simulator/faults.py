"""The faults that a simulated miner can have, as one table: what each is called, what it takes and what it does.

Here are those of the body and of its manners; those of taking orders are in `order_faults`. Mistakes in what people ask
for are all named, each in one line.
"""

import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from simulator.catalogue import Figures
from simulator.fault import Conditions, Count, Fault, Hostility, Manners, Ratio, Seconds, Text
from simulator.order_faults import ORDER_FAULTS


class BoardDead(Fault, frozen=True, tag="board_dead"):
    """A board is gone; `board` by its place from 1."""

    board: Count = 1

    def _harm(self, conditions: Conditions) -> None:
        conditions.dead_boards.add(self.board - 1)

    def _misfit(self, figures: Figures) -> str | None:
        return _too_many("board", self.board, figures.boards, "boards", figures)


class ChipLoss(Fault, frozen=True, tag="chip_loss"):
    """`chips` chips of a board are dead."""

    board: Count = 1
    chips: Count = 10

    def _harm(self, conditions: Conditions) -> None:
        lost = conditions.lost_chips
        lost[self.board - 1] = lost.get(self.board - 1, 0) + self.chips

    def _misfit(self, figures: Figures) -> str | None:
        return _too_many("board", self.board, figures.boards, "boards", figures) or _too_many(
            "chips", self.chips, figures.chips_per_board, "chips a board", figures
        )


class FanDead(Fault, frozen=True, tag="fan_dead"):
    """A fan stands; `fan` by its place from 1."""

    fan: Count = 1

    def _harm(self, conditions: Conditions) -> None:
        conditions.dead_fans.add(self.fan - 1)

    def _misfit(self, figures: Figures) -> str | None:
        return _too_many("fan", self.fan, figures.fans, "fans", figures)


class Overheating(Fault, frozen=True, tag="overheating"):
    """What flows in is hotter by `degrees`; from about 25 on the miner protects itself and stops."""

    degrees: Annotated[float, Meta(gt=0, le=60)] = 30.0

    def _harm(self, conditions: Conditions) -> None:
        conditions.extra_inlet_c += self.degrees


class LowHashrate(Fault, frozen=True, tag="low_hashrate"):
    """It hashes `ratio` of what it should."""

    ratio: Ratio = 0.6

    def _harm(self, conditions: Conditions) -> None:
        conditions.rate_ratio *= self.ratio


class HardwareErrors(Fault, frozen=True, tag="hardware_errors"):
    """`ratio` of the nonces are wrong."""

    ratio: Ratio = 0.05

    def _harm(self, conditions: Conditions) -> None:
        conditions.error_ratio += self.ratio


class StaleHashrate(Fault, frozen=True, tag="stale_hashrate"):
    """Hashing has stopped, and its display still shows the last hash rate."""

    def _harm(self, conditions: Conditions) -> None:
        conditions.hung = True


class PoolDead(Fault, frozen=True, tag="pool_dead"):
    """A pool does not answer; `pool` by its place from 1, or `all`."""

    pool: Count | Literal["all"] = 1

    def _harm(self, conditions: Conditions) -> None:
        conditions.dead_pools.update(range(3) if self.pool == "all" else (self.pool - 1,))

    def _misfit(self, figures: Figures) -> str | None:
        return None if self.pool == "all" else _too_many("pool", self.pool, 3, "pools", figures)


class RejectShares(Fault, frozen=True, tag="reject_shares"):
    """The pool rejects `ratio` of the shares."""

    ratio: Ratio = 0.1

    def _harm(self, conditions: Conditions) -> None:
        conditions.reject_ratio = max(conditions.reject_ratio, self.ratio)


class ForeignPool(Fault, frozen=True, tag="foreign_pool"):
    """Somebody has put his own pool (`url`) and user (`user`) in the first place."""

    url: Text = "stratum+tcp://elsewhere.example:3333"
    user: Text = "stranger.worker"

    def _harm(self, conditions: Conditions) -> None:
        conditions.foreign_pool = (self.url, self.user)


class RebootLoop(Fault, frozen=True, tag="reboot_loop"):
    """It restarts every `every_s` seconds."""

    every_s: Annotated[float, Meta(ge=120, le=86_400)] = 600.0


class Sleeping(Fault, frozen=True, tag="sleeping"):
    """It has been put to sleep."""


class Silent(Fault, frozen=True, tag="silent"):
    """It accepts the connection and never answers."""

    def _spoil(self, manners: Manners) -> None:
        manners.silent = True


class RefusedConnections(Fault, frozen=True, tag="refused"):
    """Its ports are closed."""

    def _spoil(self, manners: Manners) -> None:
        manners.refuse = True


class Flapping(Fault, frozen=True, tag="flapping"):
    """Its network goes: every `every_s` seconds the ports are closed for `down_s`."""

    every_s: Annotated[float, Meta(ge=20, le=86_400)] = 300.0
    down_s: Seconds = 60.0

    def _misfit(self, figures: Figures) -> str | None:
        del figures
        if self.down_s < self.every_s:
            return None
        return f"down_s: {self.down_s:g} leaves nothing of every_s ({self.every_s:g}): take a shorter one"


class Slow(Fault, frozen=True, tag="slow"):
    """Each answer comes `seconds` late."""

    seconds: Seconds = 4.0

    def _spoil(self, manners: Manners) -> None:
        manners.delay_s = max(manners.delay_s, self.seconds)


class Drip(Fault, frozen=True, tag="drip"):
    """The answer comes byte by byte, one every `seconds`."""

    seconds: Seconds = 1.0

    def _spoil(self, manners: Manners) -> None:
        manners.drip_s = self.seconds


class Cut(Fault, frozen=True, tag="cut"):
    """Answers end after `ratio` of their bytes."""

    ratio: Ratio = 0.6

    def _spoil(self, manners: Manners) -> None:
        manners.cut_ratio = self.ratio


class Hostile(Fault, frozen=True, tag="hostile"):
    """Answers are no replies of a miner; `kind` says what they are."""

    kind: Hostility = "html"

    def _spoil(self, manners: Manners) -> None:
        manners.hostility = self.kind


class WrongPassword(Fault, frozen=True, tag="wrong_password"):
    """Somebody has changed the password."""

    def _spoil(self, manners: Manners) -> None:
        manners.wrong_password = True


_KINDS: tuple[type[Fault], ...] = (
    BoardDead,
    ChipLoss,
    FanDead,
    Overheating,
    LowHashrate,
    HardwareErrors,
    StaleHashrate,
    PoolDead,
    RejectShares,
    ForeignPool,
    RebootLoop,
    Sleeping,
    Silent,
    RefusedConnections,
    Flapping,
    Slow,
    Drip,
    Cut,
    Hostile,
    WrongPassword,
    *ORDER_FAULTS,
)
FAULTS: Mapping[str, type[Fault]] = types.MappingProxyType(
    {str(kind.__struct_config__.tag): kind for kind in _KINDS}
)


def read_fault(value: Any, place: str, mistakes: list[str]) -> Fault | None:
    """Return the fault that a mapping asks for; every mistake in it is added, each begun with `place`."""
    if not isinstance(value, Mapping):
        mistakes.append(f"{place}: a fault is a mapping such as {{fault: board_dead, board: 2}}")
        return None
    word = value.get("fault")
    kind = FAULTS.get(word) if isinstance(word, str) else None
    if kind is None:
        mistakes.append(f"{place}.fault: {_shown(word)} is no fault; there are {', '.join(FAULTS)}")
        return None
    hints = get_type_hints(kind, include_extras=True)
    wanted = {field: hints[field] for field in kind.__struct_fields__}
    found: dict[str, Any] = {}
    before = len(mistakes)
    for key, given in value.items():
        if key == "fault":
            continue
        if key not in wanted:
            mistakes.append(f"{place}.{key}: {word} has no such field; it has {', '.join(wanted)}")
            continue
        try:
            found[key] = msgspec.convert(given, wanted[key])
        except msgspec.ValidationError as error:
            mistakes.append(f"{place}.{key}: {_shown(given)} does not do: {error}")
    return kind(**found) if len(mistakes) == before else None


def read_faults(values: Any, place: str, mistakes: list[str]) -> tuple[Fault, ...]:
    """Return the faults of a list (or of the one mapping that stands for a list of one)."""
    if isinstance(values, Mapping):
        values = [values]
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        mistakes.append(f"{place}: a list of faults is wanted, such as [{{fault: silent}}]")
        return ()
    read = [read_fault(value, f"{place}[{number}]", mistakes) for number, value in enumerate(values)]
    return tuple(fault for fault in read if fault is not None)


def as_mapping(fault: Fault) -> dict[str, Any]:
    """Return the fault in the form it is asked for in."""
    plain: dict[str, Any] = msgspec.to_builtins(fault)
    return {
        key: value for key, value in plain.items() if value is not None and (key, value) != ("after_s", 0.0)
    }


def _too_many(field: str, asked: int, there: int, what: str, figures: Figures) -> str | None:
    if asked <= there:
        return None
    return f"{field}: {asked} is too many, {figures.manufacturer} {figures.name} has {there} {what}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
