"""What a reading of a miner is: frozen types in the field's words, base units in the names.

`None` means that the device does not report it: never a zero. All texts come from strangers (the miners) and have
been cut to a sane length, nothing more: whoever shows them escapes them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

State: TypeAlias = Literal["mining", "sleeping", "starting", "fault", "unknown"]
FailureReason: TypeAlias = Literal["refused", "unreachable", "timeout", "auth", "malformed", "unsupported"]
PowerSource: TypeAlias = Literal["measured", "estimated"]

STATES: tuple[State, ...] = ("mining", "sleeping", "starting", "fault", "unknown")
FAILURE_REASONS: tuple[FailureReason, ...] = (
    "refused",
    "unreachable",
    "timeout",
    "auth",
    "malformed",
    "unsupported",
)


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Who the miner says it is. `model` as the device names itself; `algorithm` from the model table."""

    manufacturer: str | None = None
    model: str | None = None
    algorithm: str | None = None
    firmware: str | None = None
    firmware_version: str | None = None
    mac: str | None = None
    serial: str | None = None
    hostname: str | None = None


class Temperatures(msgspec.Struct, frozen=True, gc=False):
    """Degrees Celsius, of the whole miner: the hottest board and chip, the mean of the chips."""

    inlet: float | None = None
    outlet: float | None = None
    board_max: float | None = None
    chip_max: float | None = None
    chip_avg: float | None = None
    psu: float | None = None


class Board(msgspec.Struct, frozen=True, gc=False):
    """One hash board that is there. `index` as the miner numbers it (an S9 begins at 6)."""

    index: int
    serial: str | None = None
    hashrate_hs: float | None = None
    nominal_hashrate_hs: float | None = None
    chips: int | None = None
    expected_chips: int | None = None
    inlet_c: float | None = None
    outlet_c: float | None = None
    board_c: float | None = None
    chip_max_c: float | None = None
    chip_avg_c: float | None = None
    frequency_hz: float | None = None
    voltage_v: float | None = None
    hardware_errors: int | None = None


class Fan(msgspec.Struct, frozen=True, gc=False):
    """One fan that is there. A fan that stands has speed 0; a slot without a fan is no Fan."""

    index: int
    speed_rpm: float


class Psu(msgspec.Struct, frozen=True, gc=False):
    """The power supply, where the miner knows it."""

    model: str | None = None
    serial: str | None = None
    input_v: float | None = None
    input_a: float | None = None
    output_v: float | None = None
    fan_rpm: float | None = None
    temperature_c: float | None = None


class Pool(msgspec.Struct, frozen=True, gc=False):
    """One configured pool. `active` is the one that gets the work now."""

    index: int
    url: str | None = None
    user: str | None = None
    alive: bool | None = None
    active: bool | None = None
    priority: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    last_share_at: datetime | None = None


class Shares(msgspec.Struct, frozen=True, gc=False):
    """Shares since the miner's own start, as it counts them."""

    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One fault that the miner reports now. `code` is the maker's, short and stable; it becomes a label."""

    code: str
    text: str | None = None
    since: datetime | None = None


class Snapshot(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag="snapshot"):
    """One miner, read once.

    `uptime_s` is the system's where reported, else the time since mining started. `power_w` is at the wall.
    `power_mode` and `profile` are the firmware's own words. `estimated` names the fields whose figure the device
    did not report and the model table (or the inventory) gave: never taken for a measurement. `power_percent`: the share
    of nominal power that it is set to, where the device says so. `locating`: its fault light is on, where it says so.
    """

    container: str
    miner: str
    address: str
    taken_at: datetime
    duration_s: float
    driver: str
    state: State
    identity: Identity
    uptime_s: float | None = None
    mining_s: float | None = None
    hashrate_hs: float | None = None
    hashrate_average_hs: float | None = None
    nominal_hashrate_hs: float | None = None
    hashes_total: float | None = None
    power_w: float | None = None
    power_source: PowerSource | None = None
    nominal_power_w: float | None = None
    power_limit_w: float | None = None
    power_mode: str | None = None
    profile: str | None = None
    temperatures_c: Temperatures = Temperatures()
    boards: tuple[Board, ...] = ()
    expected_boards: int | None = None
    fans: tuple[Fan, ...] = ()
    fan_duty_ratio: float | None = None
    psu: Psu | None = None
    pools: tuple[Pool, ...] = ()
    shares: Shares = Shares()
    hardware_errors: int | None = None
    faults: tuple[Fault, ...] = ()
    estimated: tuple[str, ...] = ()
    truncated: bool = False
    power_percent: float | None = None
    locating: bool | None = None


class PollFailure(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag="poll_failure"):
    """A miner that could not be read, why, and in words: data, never a crash. `driver` is None if none was found yet."""

    container: str
    miner: str
    address: str
    taken_at: datetime
    duration_s: float
    reason: FailureReason
    detail: str
    driver: str | None = None


Reading: TypeAlias = Snapshot | PollFailure


class Credentials(msgspec.Struct, frozen=True, gc=False):
    """A user and a password, already resolved. Prints as `<secret>`, whatever prints it."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


class Target(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What has to be known of one miner to talk to it, whoever names it: the inventory, `hashyard read`, a scan.

    A port of None is not asked. `credentials` None means: the maker's default, once, for reading only.
    `nominal_power_w`, `nominal_hashrate_hs` and `standby_power_w` are the operator's figures and win over the table.
    `gateway`: URL of the service through which it is commanded, None: directly; reading never goes there.
    """

    container: str
    miner: str
    address: str
    port: int | None = 4028
    web_port: int | None = 80
    v3_port: int | None = 4433
    manufacturer: str | None = None
    model: str | None = None
    driver: str | None = None
    credentials: Credentials | None = None
    nominal_power_w: float | None = None
    nominal_hashrate_hs: float | None = None
    standby_power_w: float | None = None
    connect_timeout_s: float = 3.0
    timeout_s: float = 10.0
    gateway: str | None = None
    gateway_credentials: Credentials | None = None


def to_json(value: Reading | Mapping[str, object]) -> bytes:
    """Return the JSON of a reading: field by field as above, times in RFC 3339, absent is null."""
    return _ENCODER.encode(value)


_ENCODER = msgspec.json.Encoder()
