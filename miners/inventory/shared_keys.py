"""The keys that stand in several sections: what a container, or the whole fleet, can say for its miners.

A miner's own value wins over its container's, and that over the `defaults`.
"""

import re
from collections.abc import Mapping as Names
from functools import lru_cache
from typing import Any, get_args
from zoneinfo import ZoneInfo, available_timezones

from miners import models
from miners.inventory import gateway
from miners.inventory.feeds import RAMP
from miners.inventory.fleet import Control, CredentialsReference, PoolRule
from miners.inventory.kinds import MISSING, Choice, ListOf, Measure, Number, OrNull, Parsed, Text, nearest
from miners.inventory.nodes import shortened
from miners.inventory.report import Wrong
from miners.inventory.sections import CredentialsSection, Entry, Field, Reference, Section, Short
from miners.inventory.slugs import MAX_SLUG, SLUG_PATTERN

# Named as the files of miners/drivers that read.
DRIVERS = ("antminer", "whatsminer_v2", "whatsminer_v3", "avalon", "elphapex", "luxos", "vnish", "cgminer")
SENSORS = ("inlet", "outlet", "board_max", "chip_max", "chip_avg", "psu")

_VARIABLE = r"^HASHYARD_MINER_[A-Z0-9_]+$"
_FILE = r"^(?!.*(^|/)[.]{1,2}(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$"
_SHORT_REFERENCE = (
    r"^(HASHYARD_MINER_[A-Z0-9_]+|file:(?!.*(^|/|:)[.]{1,2}(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)$"
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_RATES = {
    f"{prefix}{unit}{per}": factor
    for prefix, factor in (
        ("", 1.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    )
    for unit in ("H", "Sol")
    for per in ("/s", "")
}


def _duration(least: float, most: float) -> Measure:
    words = f"a duration from {least:g} s to {most:g} s"
    return Measure(words, _SECONDS, least, most, bare=True, advice="write seconds, or 30s, 2m, 500ms")


def _watts(most: float) -> Number:
    return Number(f"a number of watts (0–{most:.0f})", 0, most)


@lru_cache(maxsize=1)
def _time_zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, LookupError):
        near = nearest(text, _time_zones())
        advice = f"; did you mean {near}?" if near else " such as Europe/Moscow"
        raise Wrong(f"{shortened(text)} is not a time zone{advice}") from None


def _variable_or_file(text: str) -> CredentialsReference | None:
    if not re.search(_SHORT_REFERENCE, text):
        return None
    if text.startswith("file:"):
        return CredentialsReference(file=text.removeprefix("file:"))
    return CredentialsReference(environment=text)


def _alerts(entry: Entry) -> dict[str, float]:
    return entry.values


def _pool(entry: Entry) -> PoolRule:
    return PoolRule(**entry.values)


def _reference(entry: Entry) -> Any:
    return CredentialsReference(**entry.values) if len(entry.values) == 1 else MISSING


def _ratio() -> Number:
    return Number("a share from 0 to 1, such as 0.85", 0, 1)


def _port() -> Number:
    return Number("a TCP port (1–65535)", 1, 65535, whole=True, nullable=True)


NAME = Text("a name", most=100)
SLUG = Text(
    "a slug",
    most=MAX_SLUG,
    pattern=SLUG_PATTERN,
    hint=": small letters a-z, digits and single hyphens, such as site-1",
)

POOL = Section(
    "a pool: a URL pattern, or url and user",
    {
        "url": Field(
            kind=Text("a URL pattern", most=300),
            meaning="Pattern of the pool's URL; `*` and `?` as in a shell.",
            example="stratum+tcp://*.pool.example:3333",
            required=True,
        ),
        "user": Field(
            kind=Text("a pattern of pool users", most=300),
            meaning="Pattern of the pool's user (worker) name.",
            example="volga.*",
            default="`*` (any)",
        ),
    },
    build=_pool,
)

CREDENTIALS = CredentialsSection(
    "a reference to credentials, {file: NAME} or {environment: HASHYARD_MINER_…}",
    {
        "file": Field(
            kind=Reference(
                "the name of a file below the secrets folder",
                lambda text: text if re.search(_FILE, text) else None,
                _FILE,
            ),
            meaning="A file below `--secrets-dir` that holds `user:password`.",
            example="antminer",
        ),
        "environment": Field(
            kind=Reference(
                "the name of a variable HASHYARD_MINER_…",
                lambda text: text if re.search(_VARIABLE, text) else None,
                _VARIABLE,
            ),
            meaning="A variable of the environment that holds `user:password`.",
            example="HASHYARD_MINER_WHATSMINER",
        ),
    },
    one_of=("file", "environment"),
    build=_reference,
)

ALERTS = Section(
    "limits of alerts",
    {
        "hashrate_min_ratio": Field(
            kind=_ratio(),
            meaning="Warn below this share of the expected hash rate.",
            example="0.85",
            attribute="hashrate_min_ratio",
        ),
        "reject_max_ratio": Field(
            kind=_ratio(),
            meaning="Warn above this share of rejected shares.",
            example="0.02",
            attribute="reject_max_ratio",
        ),
        "down_max_ratio": Field(
            kind=_ratio(),
            meaning="Call the container down when this share of its miners is silent, or more.",
            example="0.3",
            attribute="down_max_ratio",
        ),
    },
    build=_alerts,
)

_SENSOR_WORDS = {
    "inlet": "of the air or liquid that comes in",
    "outlet": "of the air or liquid that goes out",
    "board_max": "of the hottest board",
    "chip_max": "of the hottest chip",
    "chip_avg": "of the chips on average",
    "psu": "of the power supply",
}
LIMITS = Section(
    "temperature limits by sensor",
    {
        sensor: Field(
            kind=Number("a temperature in °C (-60–200)", -60, 200),
            meaning=f"Warn from this temperature on, in °C, {_SENSOR_WORDS[sensor]}.",
            example=example,
            default="not given",
        )
        for sensor, example in zip(SENSORS, ("35", "60", "80", "95", "85", "75"), strict=True)
    },
    build=_alerts,
)

_CREDENTIALS = Short(
    CREDENTIALS.words,
    Reference("a reference such as HASHYARD_MINER_A or file:antminer", _variable_or_file, _SHORT_REFERENCE),
    lambda reference: reference,
    CREDENTIALS,
)

MINERS_SHARED: Names[str, Field] = {
    "port": Field(
        kind=_port(),
        meaning="TCP port of the miner's API; `null`: not asked. With `driver: whatsminer_v3` and no `v3_port`, that one.",
        example="4028",
        attribute="port",
    ),
    "web_port": Field(
        kind=_port(),
        meaning="TCP port of the miner's web server; `null`: not asked.",
        example="80",
        attribute="web_port",
    ),
    "v3_port": Field(
        kind=_port(),
        meaning="TCP port of the Whatsminer API v3; `null`: not asked.",
        example="4433",
        attribute="v3_port",
    ),
    "manufacturer": Field(
        kind=Choice(
            "a manufacturer",
            models.manufacturers(),
            canonical=models.manufacturer_name,
            spellings=models.manufacturer_spellings(),
            hint="; leave it out for other makes",
        ),
        meaning="The make, in any case; other usual spellings (Bitmain, MicroBT, Canaan, Elhapex) are taken too.",
        example="Whatsminer",
        attribute="manufacturer",
    ),
    "model": Field(
        kind=Text("a model's name", most=models.MAX_NAME),
        meaning="The model, as the device names itself; one that the model table does not know is a warning.",
        example="M50S",
        attribute="model",
    ),
    "driver": Field(
        kind=Choice(
            "a driver",
            DRIVERS,
            refused={
                "token_gateway": "is no driver that reads: write `gateway: http://…` and leave it out, reading finds its own"
            },
        ),
        meaning="The driver that reads it, where asking the miner does not find the right one.",
        example="whatsminer_v2",
        attribute="driver",
    ),
    "nominal_power_w": Field(
        kind=_watts(1e6),
        meaning="Nominal power of one miner in watts; wins over the model table.",
        example="3250",
        attribute="nominal_power_w",
    ),
    "nominal_hashrate": Field(
        kind=Measure(
            "a hash rate such as 110 TH/s", _RATES, 0, 1e21, bare=False, advice="write it as 110 TH/s"
        ),
        meaning="Nominal hash rate of one miner, with its unit (H/s to EH/s; Sol/s for Equihash).",
        example="110 TH/s",
        attribute="nominal_hashrate_hs",
    ),
    "standby_power_w": Field(
        kind=_watts(1e5),
        meaning="Power of one miner asleep, in watts.",
        example="25",
        attribute="standby_power_w",
    ),
    "pools": Field(
        kind=ListOf(
            "a list of pools",
            Short("a pool", Text("a URL pattern", most=300), lambda url: PoolRule(url=url), POOL),
        ),
        meaning="Pools that are allowed; with a list, any other pool raises an alert. Texts are URL patterns.",
        example='[{url: "stratum+tcp://*.pool.example:3333", user: "volga.*"}]',
        attribute="pools",
    ),
    "credentials": Field(
        kind=_CREDENTIALS,
        meaning="Where user and password stand, never they themselves; without it the maker's default is tried once.",
        example="{file: antminer}",
        attribute="credentials",
    ),
    "gateway": Field(
        kind=Parsed(gateway.WORDS, gateway.gateway_url, gateway.PATTERN),
        meaning="URL of the farm's own HTTP service (login, profileset, curtail) through which it is commanded; reading goes "
        "to the miner.",
        example="http://10.1.0.5:8080",
        attribute="gateway",
    ),
    "gateway_credentials": Field(
        kind=_CREDENTIALS,
        meaning="Where the gateway's user and password (or `:token`) stand, if it asks for any.",
        example="HASHYARD_MINER_GATEWAY",
        attribute="gateway_credentials",
    ),
}

CONTAINERS_SHARED: Names[str, Field] = {
    "interval": Field(
        kind=_duration(1, 3600),
        meaning="Each miner is read once in this time; seconds, or `30s`, `2m`.",
        example="30s",
        attribute="interval_s",
    ),
    "connect_timeout": Field(
        kind=_duration(0.05, 60),
        meaning="Connecting may take so long.",
        example="3s",
        attribute="connect_timeout_s",
    ),
    "timeout": Field(
        kind=_duration(0.1, 120),
        meaning="A whole poll may take so long.",
        example="10s",
        attribute="timeout_s",
    ),
    "timezone": Field(
        kind=Parsed("a time zone", _time_zone, r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"),
        meaning="IANA name of the time zone that the container's clock, tariff and schedule go by.",
        example="Europe/Moscow",
        attribute="timezone",
    ),
    "control": Field(
        kind=Choice("a word for control", get_args(Control)),
        meaning="`observe` only reads; `enforce` lets the schedule command the miners.",
        example="observe",
        attribute="control",
    ),
    "tariff": Field(
        kind=OrNull(NAME),
        meaning="Name of one of the `tariffs`; `null`: none, whatever the defaults say.",
        example="day-night",
        attribute="tariff",
    ),
    "schedule": Field(
        kind=NAME,
        meaning="Name or id of the schedule that orders the power profile; `default` is there without being written.",
        example="default",
        attribute="schedule",
    ),
    "alerts": Field(
        kind=ALERTS,
        meaning="Limits that the alert rules go by.",
        example="{reject_max_ratio: 0.03}",
        default="see below",
    ),
    "temperature_limits": Field(
        kind=LIMITS,
        meaning=(
            "Temperatures that are too hot, by sensor, in °C: at them a miner is warned of, and its power is not raised."
        ),
        example="{chip_max: 95}",
        default="what the maker has published, mostly nothing",
    ),
    "ramp": Field(
        kind=RAMP,
        meaning="In which steps power may rise and fall in a container.",
        example="{step: 100 kW, every: 30s}",
        default="see below",
    ),
}
