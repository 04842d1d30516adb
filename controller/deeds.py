"""What the HTTP API (and later the pages) may ask of the running controller: one interface over live state and deeds.

The engine implements it. Every method that commands returns once the intention is durable in the database, not once the
miners have obeyed. Refusals are errors of the tree below; each carries what the API answers with.

DeedRefused (a HashyardError; text: one line, what is wrong and what to do)
├── NotThere          no such container, miner, override, operation, hold
├── Observed          a container says `observe`: `places` names file and line to change
├── PlanChanged       what would happen differs from what the person saw: `plan` is the new one
├── Busy              an operation that cannot run beside this one is running: `operation_id`
├── OverLimit         the plan exceeds a limit of a container, a feed or a make
├── InDoubt           nothing is written now, and why
└── Invalid           a value cannot be used: `at` is a JSON pointer
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, Protocol

import msgspec

from controller.model import (
    Actor,
    Deed,
    Ends,
    Hold,
    MinerRecord,
    Operation,
    Override,
    Result,
    ResultState,
    ServiceMark,
    Stagger,
    Step,
    Wanted,
)
from miners.actions import Action
from miners.errors import HashyardError
from miners.inventory.fleet import Container, Inventory, Miner
from miners.model import PollFailure, Snapshot


class DeedRefused(HashyardError):
    """The controller will not do it."""


class NotThere(DeedRefused):
    """What was named is not there."""


class Observed(DeedRefused):
    """A container that is only observed was meant."""

    def __init__(self, text: str, places: Sequence[str] = ()) -> None:
        """`places`: `file:line` of each entry to change."""
        super().__init__(text)
        self.places = tuple(places)


class PlanChanged(DeedRefused):
    """The miners meant have changed since the preview."""

    def __init__(self, text: str, plan: "Plan") -> None:
        """`plan`: as it is now."""
        super().__init__(text)
        self.plan = plan


class Busy(DeedRefused):
    """Another operation is in the way."""

    def __init__(self, text: str, operation_id: str) -> None:
        """`operation_id`: of the one in the way."""
        super().__init__(text)
        self.operation_id = operation_id


class OverLimit(DeedRefused):
    """More power than a container, a feed or a make allows."""


class InDoubt(DeedRefused):
    """The controller does not trust what it knows, so it writes nothing."""


class Invalid(DeedRefused):
    """A value that cannot be used."""

    def __init__(self, text: str, at: str = "") -> None:
        """`at`: JSON pointer into the request."""
        super().__init__(text)
        self.at = at


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which miners are meant: whole containers, or miners, by id. A filter has been resolved to miners before."""

    containers: tuple[str, ...] = ()
    miners: tuple[str, ...] = ()


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """Miners that a plan leaves out, grouped. `detail`: what to do about it."""

    reason: Literal[
        "observe", "inactive", "unreachable", "unsupported", "service", "held", "doubt", "superseded"
    ]
    miners: int
    model: str | None = None
    firmware: str | None = None
    detail: str = ""


OVER_LIMIT: Final = "over_limit"
"""What a plan warns of that would be refused."""

OVER_LIMIT_LATER: Final = "over_limit_later"
"""What a plan warns of that is let through: the power is not raised when its time has come."""


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know before saying yes."""

    code: str
    detail: str


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """Miners of a plan: how many are meant, will change, are so already, are skipped."""

    targeted: int
    will_change: int
    already: int
    skipped: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen. Powers in W: of the miners whose power is known (`power_known_ratio` of them).

    `becomes`: how many of those that would change are put into which profile, the most first.
    """

    fingerprint: str
    miners: Planned
    skipped: tuple[Skipped, ...] = ()
    power_now_w: float = 0.0
    power_after_w: float = 0.0
    power_change_w: float = 0.0
    power_known_ratio: float = 1.0
    starts_at: datetime
    done_by_estimate: datetime | None = None
    ends_at: datetime | None = None
    then_profile: str | None = None
    becomes: Mapping[str, int] = {}
    warnings: tuple[Warned, ...] = ()


class OverrideWish(msgspec.Struct, frozen=True, kw_only=True):
    """An override that a person asks for. `starts_at` None: now. `plan`: fingerprint of the preview, if there was one."""

    choice: Choice
    profile: str
    ends: Ends
    reason: str
    until: datetime | None = None
    starts_at: datetime | None = None
    emergency: bool = False
    stagger: Stagger | None = None
    plan: str | None = None


class CommandWish(msgspec.Struct, frozen=True, kw_only=True):
    """A deed without an intention: reboot, locate, poll, reapply. `locate_on`: for locate."""

    choice: Choice
    deed: Deed
    reason: str
    locate_on: bool = True
    stagger: Stagger | None = None
    plan: str | None = None


class MinerView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All that is known of one miner now. `reading` None: never read. `last_snapshot`: the last good one.

    `stale`: the reading is older than three poll intervals, or its source is away. `failing_since`: first failure in a
    row. `matches`: whether it shows what is wanted; None where that cannot be told or nothing is wanted. `doubt`: why
    nothing would be written to it now (in one line), None if nothing stands against it.
    """

    id: str
    container: Container
    miner: Miner
    reading: Snapshot | PollFailure | None = None
    last_snapshot: Snapshot | None = None
    failing_since: datetime | None = None
    stale: bool = True
    wanted: Wanted = Wanted()
    step: Step | None = None
    matches: bool | None = None
    record: MinerRecord | None = None
    service: ServiceMark | None = None
    doubt: str | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where live state comes from, and how that goes. `since`: of the present state."""

    state: Literal["ok", "stale", "away"]
    since: datetime | None = None
    reason: str | None = None


class Deeds(Protocol):
    """The running controller."""

    @property
    def inventory(self) -> Inventory:
        """The inventory in use."""
        ...

    @property
    def now(self) -> datetime:
        """The time on the controller's clock, UTC."""
        ...

    def source(self) -> Source:
        """Return how the live state is had: from the exporter, or by reading itself while that is away."""
        ...

    def view(self, miner_id: str) -> MinerView | None:
        """Return all that is known of one miner. A look-up: no I/O."""
        ...

    def views(self, container_id: str | None = None) -> Sequence[MinerView]:
        """Return all miners, or those of one container, in the order of the inventory. No I/O; kept between changes."""
        ...

    def wanted_of(self, container_id: str) -> Wanted:
        """Return what is wanted of a container as a whole: its newest override in force, else its schedule.

        Overrides for single miners are not looked at. Raises NotThere.
        """
        ...

    def running_in(self, container_id: str) -> str | None:
        """Return the id of the newest operation that is running on miners of a container, None if there is none."""
        ...

    def version(self) -> int:
        """Return a number that grows whenever anything in the views has changed."""
        ...

    async def changed(self, version: int, timeout_s: float) -> int:
        """Wait until `version()` is above this, at most so long; return it."""
        ...

    def overrides(self) -> Sequence[Override]:
        """Return the overrides that wait or are in force, newest first."""
        ...

    def holds(self) -> Sequence[Hold]:
        """Return the holds."""
        ...

    def doubts(self) -> Sequence[str]:
        """Return why nothing is written anywhere now, each in one line; empty if nothing stands against it."""
        ...

    def operation(self, operation_id: str) -> Operation | None:
        """Return a running operation with its counts now; None if it is not running (the database knows it then)."""
        ...

    def results(self, operation_id: str) -> Sequence[Result] | None:
        """Return the results of a running operation now."""
        ...

    def results_in(self, operation_id: str, container_id: str) -> Sequence[Result]:
        """Return the results of a running operation in one container: a look-up, however many it has elsewhere."""
        ...

    def actions_of(self, miner_id: str) -> Sequence[str]:
        """Return the names of the actions that the miner's driver can do; empty if the driver is not known."""
        ...

    async def plan_override(self, wish: OverrideWish, actor: Actor) -> Plan:
        """Return what this override would do. Changes nothing."""
        ...

    async def plan_end_override(self, override_id: str) -> Plan:
        """Return what ending an override would do at once. `then_profile`: what holds without it, if that is one for all."""
        ...

    async def plan_change_override(
        self, override_id: str, *, ends: Ends, until: datetime | None
    ) -> Plan | None:
        """Return what is done when an override ends so (`starts_at`: when), as miners are now; None where it ends no sooner."""
        ...

    async def plan_release(self, containers: Sequence[str] | None) -> Plan:
        """Return what would be done at once were the holds on these containers, or (None) the one on everything, not there."""
        ...

    async def plan_command(self, wish: CommandWish, actor: Actor) -> Plan:
        """Return what this deed would do. Changes nothing."""
        ...

    async def plan_inventory(self, inventory: Inventory) -> Plan:
        """Return what would change at once if this were the inventory (a schedule or a profile edited)."""
        ...

    async def override(
        self, wish: OverrideWish, actor: Actor, *, request_id: str | None = None, address: str | None = None
    ) -> tuple[Override, Operation]:
        """Put an override in force (or make it wait for its start) and begin to bring it about."""
        ...

    async def change_override(
        self,
        override_id: str,
        *,
        ends: Ends,
        until: datetime | None,
        reason: str,
        actor: Actor,
        request_id: str | None = None,
        plan: str | None = None,
    ) -> Override:
        """Change the end or the reason. `plan`: fingerprint of the preview of a sooner end, if there was one."""
        ...

    async def end_override(
        self, override_id: str, actor: Actor, *, request_id: str | None = None, plan: str | None = None
    ) -> Operation:
        """End it now; the operation brings back what holds without it. `plan`: fingerprint of the preview, if there was one."""
        ...

    async def command(
        self, wish: CommandWish, actor: Actor, *, request_id: str | None = None, address: str | None = None
    ) -> Operation:
        """Begin a deed on many miners."""
        ...

    async def act(self, miner_id: str, action: Action, actor: Actor, *, reason: str) -> Result:
        """Do one action on one miner and wait for its outcome: what `hashyard set` asks for beside profiles."""
        ...

    async def cancel(
        self, operation_id: str, *, undo: bool, actor: Actor, request_id: str | None = None
    ) -> Operation:
        """Send nothing more; with `undo`, end the override and bring changed miners back."""
        ...

    async def retry(
        self,
        operation_id: str,
        states: Sequence[ResultState],
        actor: Actor,
        *,
        request_id: str | None = None,
    ) -> Operation:
        """Try the failures again, in an operation of their own."""
        ...

    async def wait(self, operation_id: str, timeout_s: float) -> Operation | None:
        """Wait until an operation has ended, at most so long (seconds of the wall); return it as it is then."""
        ...

    async def hold(
        self, containers: Sequence[str] | None, reason: str, actor: Actor, *, request_id: str | None = None
    ) -> Sequence[Hold]:
        """Stop all writing, for these containers or (None) everywhere, at once."""
        ...

    async def release(
        self,
        containers: Sequence[str] | None,
        reason: str,
        actor: Actor,
        *,
        request_id: str | None = None,
        plan: str | None = None,
    ) -> None:
        """End holds. `plan`: fingerprint of the preview, if there was one."""
        ...

    async def mark_service(
        self, miner_id: str, reason: str, actor: Actor, *, request_id: str | None = None
    ) -> ServiceMark:
        """Mark a miner as being under somebody's hands."""
        ...

    async def end_service(
        self, miner_id: str, reason: str, actor: Actor, *, request_id: str | None = None
    ) -> None:
        """End the mark."""
        ...

    async def poll(self, miner_id: str) -> Snapshot | PollFailure:
        """Have the exporter read a miner now (so that it enters history); DeedRefused when the exporter is away."""
        ...
