"""What the controller keeps and speaks of: intentions, deeds, their outcomes, events, people. Frozen types, no behaviour.

Containers and miners are named by their ids in URLs (`konteiner-1`, `konteiner-1.a3-12`); other things by a prefix and a
ULID (`op_…`, `ov_…`, `evt_…`, `usr_…`, `cli_…`, `tok_…`, `ses_…`, `gwt_…`, `inv_…`, `hold_…`). Times are aware datetimes in UTC.
Nothing here holds a secret.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec
from ulid import ULIDGenerator

from miners.actions import Action, Status

Role: TypeAlias = Literal["administrator", "accountant", "client"]
ROLES: tuple[Role, ...] = ("administrator", "accountant", "client")

Scope: TypeAlias = Literal["read", "reports", "inventory", "control", "people"]
SCOPES: tuple[Scope, ...] = ("read", "reports", "inventory", "control", "people")

ActorType: TypeAlias = Literal["user", "token", "schedule", "system"]
Category: TypeAlias = Literal[
    "command", "schedule", "state", "fault", "inventory", "people", "auth", "money", "system"
]
Ends: TypeAlias = Literal["at", "next_change", "manual"]
Cause: TypeAlias = Literal["override", "override_end", "schedule", "command", "retry"]
OperationState: TypeAlias = Literal[
    "queued", "running", "cancelling", "done", "done_with_failures", "cancelled", "interrupted"
]
ResultState: TypeAlias = Literal["waiting", "sending", "verifying", "skipped", "cancelled"] | Status
RESULT_STATES: tuple[ResultState, ...] = (
    "waiting",
    "sending",
    "verifying",
    "applied",
    "unchanged",
    "accepted_unverified",
    "refused",
    "auth_failed",
    "unsupported",
    "unreachable",
    "skipped",
    "cancelled",
)
OPEN_STATES: Final[frozenset[ResultState]] = frozenset(("waiting", "sending", "verifying"))
FAILED_STATES: tuple[ResultState, ...] = (
    "accepted_unverified",
    "refused",
    "auth_failed",
    "unsupported",
    "unreachable",
)
GrafanaState: TypeAlias = Literal["linked", "failed", "none"]
Deed: TypeAlias = Literal["reboot", "locate", "poll", "reapply"]


class _Randomness:
    """Random bytes in stock: each question to the system lets another thread take over in the middle of a turn."""

    _STOCK, _ONE = 4000, 10

    def __init__(self) -> None:
        self._stock, self._used = b"", 0

    def __call__(self, _timestamp: int) -> bytes:
        if self._used >= len(self._stock):
            self._stock, self._used = os.urandom(self._STOCK), 0
        self._used += self._ONE
        return self._stock[self._used - self._ONE : self._used]


_ids: Final = ULIDGenerator(randomness=_Randomness())


def new_id(prefix: str) -> str:
    """Return a new id: the prefix, `_`, a ULID (ids made later sort after those made before)."""
    return f"{prefix}_{_ids.generate()}"


class Actor(msgspec.Struct, frozen=True):
    """Who did it. `id` is None for the schedule and the system. `token_id`: by which token, where it was one."""

    type: ActorType
    name: str
    id: str | None = None
    token_id: str | None = None


SCHEDULE = Actor("schedule", "schedule")
SYSTEM = Actor("system", "Hashyard")


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One line of the record; never changed once written.

    `kind`: what happened, dotted, such as `command.sent`, `override.created`, `auth.failed`. `params`: the figures and
    words of it. `before`, `after`: what a change changed. `outcome`: a Status, or `ok`, `failed`, `refused`.
    `miner_address`: where the miner was then. `address`: where the request came from.
    """

    id: str
    at: datetime
    category: Category
    kind: str
    actor: Actor
    params: Mapping[str, Any] = {}
    container: str | None = None
    miner: str | None = None
    miner_address: str | None = None
    client: str | None = None
    operation_id: str | None = None
    before: Any = None
    after: Any = None
    outcome: str | None = None
    request_id: str | None = None
    address: str | None = None


class Stagger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A slower ramp than the inventory's: at most `batch` miners of a container at once, all spread over `over_s`."""

    over_s: float | None = None
    batch: int | None = None


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """An intention of a person that stands above the schedule. The newest in force wins, whatever its reach.

    `containers`, `miners`: what it holds for (ids); `except_miners`: what a cancelled operation has taken out of it.
    `until`: when it lapses; set for `at`, worked out at the start for `next_change` (the earliest of its containers'
    next changes is not shared: each container's own next change ends it there), None for `manual`. `emergency`: a
    curtailment that skips the ramp on the way down.
    """

    id: str
    profile: str
    ends: Ends
    reason: str
    created_by: Actor
    created_at: datetime
    starts_at: datetime
    containers: tuple[str, ...] = ()
    miners: tuple[str, ...] = ()
    except_miners: tuple[str, ...] = ()
    until: datetime | None = None
    until_by_container: Mapping[str, datetime] = {}
    emergency: bool = False
    stagger: Stagger | None = None
    ended_at: datetime | None = None
    ended_by: Actor | None = None
    operation_id: str | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """All writing stopped, for one container (id) or, with None, everywhere."""

    id: str
    container: str | None
    reason: str
    created_by: Actor
    created_at: datetime


class ServiceMark(msgspec.Struct, frozen=True, kw_only=True):
    """A miner under somebody's hands: nothing is written to it until a person ends it."""

    miner: str
    reason: str
    created_by: Actor
    created_at: datetime


class Result(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an operation did with one miner. Powers in W, None where not known."""

    miner: str
    state: ResultState = "waiting"
    detail: str = ""
    attempts: int = 0
    started_at: datetime | None = None
    duration_s: float | None = None
    power_before_w: float | None = None
    power_after_w: float | None = None


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A deed on many miners, from its start to an outcome for each.

    `action`: `profile NAME`, `reboot`, `locate`, `poll` or `reapply`. `intent`: it goes on after a restart of the
    controller (it carries an intention); without, it is then `interrupted`. `counts`: by state of the results.
    """

    id: str
    cause: Cause
    action: str
    state: OperationState
    created_by: Actor
    created_at: datetime
    reason: str = ""
    profile: str | None = None
    override_id: str | None = None
    retry_of: str | None = None
    intent: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    total: int = 0
    counts: Mapping[str, int] = {}
    power_before_w: float | None = None
    power_expected_w: float | None = None
    stagger: Stagger | None = None


class MinerRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the controller remembers of one miner over a restart.

    `mac`, `serial`: last seen under this name, by which swapped addresses show; `address` where. `applied_profile` and
    `applied_ratio` (share of nominal power): last confirmed by read-back, None if never. `desired_profile`,
    `desired_since`: the present order. `attempts`: tries of it in a row that failed; `not_before`: none before then.
    `restarts_on` (a date) and `restarts`: commands that restarted its mining that day. `unverified_at`: when a command
    was accepted and did not show, to be looked at again. `nominal_power_w`: the highest that this device has named, W.
    """

    miner: str
    address: str | None = None
    mac: str | None = None
    serial: str | None = None
    applied_profile: str | None = None
    applied_ratio: float | None = None
    applied_at: datetime | None = None
    desired_profile: str | None = None
    desired_since: datetime | None = None
    attempts: int = 0
    not_before: datetime | None = None
    last_outcome: Status | None = None
    last_detail: str | None = None
    restarts_on: str | None = None
    restarts: int = 0
    unverified_at: datetime | None = None
    nominal_power_w: float | None = None


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A customer. `slug` travels as the label `client`, never changes, and is never used again for another.

    `active` False: no customer any more, kept for the books. `shows_cost`: its people see prices and costs in reports.
    """

    id: str
    slug: str
    name: str
    language: str = "en"
    currency: str | None = None
    active: bool = True
    shows_cost: bool = False
    created_at: datetime


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person who can sign in. `client_id` is set for the role client and for no other."""

    id: str
    username: str
    role: Role
    created_at: datetime
    email: str | None = None
    name: str | None = None
    client_id: str | None = None
    language: str = "en"
    active: bool = True
    password_change_needed: bool = False
    last_seen: datetime | None = None


class WebSession(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser. `confirmed_at`: when the password was last given (step-up).

    `viewed_client_id`: the client whose view an administrator has taken in it; until he ends that, it reads as that
    client does and changes nothing.
    """

    id: str
    user_id: str
    created_at: datetime
    last_seen: datetime
    confirmed_at: datetime
    address: str | None = None
    user_agent: str | None = None
    viewed_client_id: str | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link with which a person chooses the own password, once; without its token. `used_at`: when that was done."""

    id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    created_by: Actor
    used_at: datetime | None = None


class GrafanaLink(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a user or a client (`owner_id`) in Grafana at the last try. `detail`: why not, in one line."""

    owner_id: str
    state: GrafanaState
    detail: str = ""
    at: datetime


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token, without the token. `containers` empty: all that the owner may see. `miner`: good for that one only."""

    id: str
    user_id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime
    containers: tuple[str, ...] = ()
    miner: str | None = None
    last_used_at: datetime | None = None
    last_address: str | None = None


class GatewayToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a client's programs show to the query gateway, without the token. It is good for nothing else."""

    id: str
    client_id: str
    created_at: datetime
    last_used_at: datetime | None = None


class Wanted(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one miner should be doing, and by whose will: the answer of the pure decision.

    `since`: when this began to be wanted. `source` none: no schedule and no override, nothing is wanted.
    """

    profile: str | None = None
    source: Literal["schedule", "override", "default", "none"] = "none"
    override_id: str | None = None
    since: datetime | None = None


class Step(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The actions that bring one miner to a profile, in order; the first that does not show yet is sent.

    `ratio`: the share of nominal power that it comes to. `power_w`: expected at the wall, None if not known.
    `hashrate_hs`: only where a preset promises one. `problem`: why this make cannot do it (then there are no actions).
    """

    actions: tuple[Action, ...] = ()
    ratio: float = 1.0
    power_w: float | None = None
    hashrate_hs: float | None = None
    problem: str | None = None
