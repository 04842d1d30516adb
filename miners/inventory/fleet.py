"""What an inventory is, once it has been read and found right: containers and their miners, every default filled in."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

Control: TypeAlias = Literal["observe", "enforce"]


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where an entry stands, for messages: `targets.yml`, line 31 (counted from 1)."""

    file: str
    line: int


class CredentialsReference(msgspec.Struct, frozen=True, gc=False):
    """Where the user and password of a miner stand; never the password itself. Exactly one of the two is set.

    `file` lies below the secrets folder, `environment` begins with HASHYARD_MINER_; either holds `user:password`.
    """

    file: str | None = None
    environment: str | None = None


class AlertLimits(msgspec.Struct, frozen=True, gc=False):
    """Limits that the alert rules read as series. Shares of what is expected, of all shares, of all miners."""

    hashrate_min_ratio: float = 0.85
    reject_max_ratio: float = 0.02
    down_max_ratio: float = 0.3


class PoolRule(msgspec.Struct, frozen=True, gc=False):
    """One pool that is allowed: shell patterns (`*`, `?`) for its URL and its user."""

    url: str
    user: str = "*"


class TariffZone(msgspec.Struct, frozen=True, gc=False):
    """A price for some hours of some days: minutes since midnight in the container's zone, 1440 is the day's end.

    Days count from 0, Monday. A zone whose end is before its beginning runs over midnight and belongs to the day on
    which it begins. The zones of a tariff do not overlap.
    """

    days: tuple[int, ...]
    from_minute: int
    to_minute: int
    price_per_kwh: str


class TariffChange(msgspec.Struct, frozen=True, gc=False):
    """The prices of a tariff from a date (YYYY-MM-DD, in the container's zone) on, whole: nothing of the ones before stays."""

    from_date: str
    price_per_kwh: str | None
    zones: tuple[TariffZone, ...] = ()


class Tariff(msgspec.Struct, frozen=True, gc=False):
    """A price of energy. Prices are decimal texts, never floats; `price_per_kwh` holds where no zone does.

    None: the zones fill the week. `changes`, in the order of their dates: what holds from each of them on.
    `miners.tariffs` reads the price of a moment.
    """

    name: str
    currency: str
    price_per_kwh: str | None
    zones: tuple[TariffZone, ...] = ()
    changes: tuple[TariffChange, ...] = ()
    origin: Origin | None = None


class ContainerTariff(msgspec.Struct, frozen=True, gc=False):
    """The tariff that a container has from a date (YYYY-MM-DD, in its zone) on. None: none."""

    from_date: str
    tariff: str | None


class Window(msgspec.Struct, frozen=True, gc=False):
    """Some hours of some days and the profile that holds in them: minutes since midnight, 1440 is the day's end.

    Days count from 0, Monday. A window whose end is not after its beginning runs over midnight and belongs to the day
    on which it begins; from X to the same X is a whole day.
    """

    days: tuple[int, ...]
    from_minute: int
    to_minute: int
    profile: str


class DayException(msgspec.Struct, frozen=True, gc=False):
    """One date (YYYY-MM-DD, in the container's zone) with windows of its own; their `days` are not looked at.

    No windows: `otherwise` holds all day.
    """

    date: str
    windows: tuple[Window, ...] = ()


class Schedule(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """Which profile holds when, in the time zone of the container that it is given to. Windows do not overlap.

    `otherwise` fills the gaps; without it there are none. `id` is the name's slug.
    """

    id: str
    name: str
    windows: tuple[Window, ...] = ()
    otherwise: str | None = None
    exceptions: tuple[DayException, ...] = ()
    origin: Origin | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A power profile: a target in percent of nominal power, 0 for asleep, and a make's own way of saying it.

    `by_make`: driver or manufacturer in small letters (`whatsminer`, `luxos`, `avalon`, `antminer` …) to `{"mode": …}`,
    `{"preset": …}`, `{"power_limit_w": …}` or `{"power_percent": …}`, exactly one of them. `origin` None: built in.
    """

    name: str
    target_percent: float
    by_make: Mapping[str, Mapping[str, Any]] = {}
    origin: Origin | None = None


class Ramp(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How power may step: at most `step_w` watts up or down within `every_s` seconds, at most `batch` miners at once."""

    step_w: float = 250_000.0
    every_s: float = 10.0
    batch: int = 20


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What several containers hang on: its power limit, and how fast power may step on it (`Ramp`)."""

    name: str
    power_limit_w: float | None = None
    ramp: Ramp | None = None
    origin: Origin | None = None


class Miner(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One miner. `name` is unique in its container. A port of None is not asked.

    `pools` None: no list was given, every pool is accepted without a word. `row` and `column` count from 1.
    `gateway`: URL of the farm's own HTTP service through which this miner is commanded; None: directly.
    `simulate` is what `hashyard simulate` reads (faults to begin with); nothing else does.
    """

    name: str
    container: str
    address: str
    port: int | None = 4028
    web_port: int | None = 80
    v3_port: int | None = 4433
    manufacturer: str | None = None
    model: str | None = None
    driver: str | None = None
    row: int | None = None
    column: int | None = None
    nominal_power_w: float | None = None
    nominal_hashrate_hs: float | None = None
    standby_power_w: float | None = None
    pools: tuple[PoolRule, ...] | None = None
    credentials: CredentialsReference | None = None
    gateway: str | None = None
    gateway_credentials: CredentialsReference | None = None
    active: bool = True
    simulate: Mapping[str, Any] = {}
    origin: Origin


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """One container with its miners. `name` is the label in Prometheus, `id` its slug in URLs.

    `timezone` is an IANA name. `tariff` holds until the first of `tariff_changes`, which stand in the order of their dates.
    `temperature_limits_c`: by sensor name (inlet, chip_max …), the operator's own.
    `said_at`: where `client`, and where its `tariff` or `tariff_changes`, stand, in its own entry or one that extends it;
    without the key where they are not said, or come from the defaults.
    """

    name: str
    id: str
    description: str = ""
    location: str = ""
    timezone: str = "UTC"
    client: str | None = None
    tariff: str | None = None
    tariff_changes: tuple[ContainerTariff, ...] = ()
    schedule: str | None = None
    control: Control = "observe"
    feed: str | None = None
    rows: int | None = None
    columns: int | None = None
    interval_s: float = 30.0
    connect_timeout_s: float = 3.0
    timeout_s: float = 10.0
    power_limit_w: float | None = None
    alerts: AlertLimits = AlertLimits()
    temperature_limits_c: Mapping[str, float] = {}
    ramp: Ramp = Ramp()
    simulate: Mapping[str, Any] = {}
    miners: tuple[Miner, ...] = ()
    said_at: Mapping[str, Origin] = {}
    origin: Origin


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """The whole fleet. `networks`: what the API may name addresses in. `warnings`: right, but worth a look.

    `profiles` (by name) and `schedules` (by id) hold the built-in ones as well, unless a file gives them otherwise.
    """

    containers: tuple[Container, ...] = ()
    tariffs: Mapping[str, Tariff] = {}
    profiles: Mapping[str, Profile] = {}
    schedules: Mapping[str, Schedule] = {}
    feeds: Mapping[str, Feed] = {}
    networks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
