"""The table of `targets.yml`: every key, what it holds, what it means. Validation, JSON schema and docs all come of it.

Keys that stand in several sections are in shared_keys.py, those of tariffs in pricing.py, those of control in profiles.py,
schedules.py and feeds.py.
"""

from collections.abc import Mapping as Names

import msgspec

from miners.inventory import ranges
from miners.inventory.feeds import FEED, POWER, RAMP
from miners.inventory.hours import DATE
from miners.inventory.kinds import Choice, Flag, Free, ListOf, Number, OrNull, Parsed, Text
from miners.inventory.pricing import CHANGE, TARIFF, ZONE
from miners.inventory.profiles import PROFILE, PROFILE_NAME, WAY
from miners.inventory.schedules import EXCEPTION, EXCEPTION_WINDOW, SCHEDULE, WINDOW
from miners.inventory.sections import Either, Field, Named, Section
from miners.inventory.shared_keys import (
    ALERTS,
    CONTAINERS_SHARED,
    CREDENTIALS,
    LIMITS,
    MINERS_SHARED,
    NAME,
    POOL,
    SLUG,
)


def _without_attribute(field: Field, meaning: str) -> Field:
    """Return the field as it stands in an entry that extends a container, where leaving it out says nothing."""
    return msgspec.structs.replace(field, meaning=meaning, attribute=None, default="what the container says")


_PLACE = Number("a whole number from 1 to 1000", 1, 1000, whole=True)

MINER = Section(
    "a miner: a mapping with an address, or addresses",
    {
        "name": Field(
            kind=NAME,
            meaning="Name, unique in its container. For a range a pattern with {n} or {n:03} (running number), {row}, {column}, "
            "{address} or {last} (the address's last number).",
            example="a1",
            default="the address",
        ),
        "address": Field(
            kind=Parsed(
                "an IPv4 or IPv6 address or a host name", ranges.host_address, r"^[0-9A-Za-z.:%_-]+$"
            ),
            meaning="Address of one miner.",
            example="10.1.7.10",
        ),
        "addresses": Field(
            kind=ListOf(
                "addresses such as 10.1.7.10-200 or 10.1.7.0/24, or a list of them",
                Parsed(
                    "addresses such as 10.1.7.10-200 or 10.1.7.0/24",
                    ranges.span,
                    r"^[0-9A-Fa-f.:]+( ?- ?[0-9A-Fa-f.:]+|/[0-9.]+)?$",
                ),
                alone=True,
            ),
            meaning="Addresses of many miners, instead of `address`.",
            example="10.1.7.10-200",
        ),
        "except": Field(
            kind=ListOf(
                "addresses to leave out, or a list of them",
                Parsed(
                    "addresses to leave out", ranges.span, r"^[0-9A-Fa-f.:]+( ?- ?[0-9A-Fa-f.:]+|/[0-9.]+)?$"
                ),
                alone=True,
            ),
            meaning="Addresses of the range where no miner is; their numbers and places stay empty.",
            example="[10.1.7.55, 10.1.7.60-70]",
        ),
        "number": Field(
            kind=Number("a whole number from 0 to 1000000", 0, 1_000_000, whole=True),
            meaning="{n} of the range's first miner.",
            example="101",
            default="`1`",
        ),
        "fill": Field(
            kind=Choice("a way to fill places", ("rows", "columns")),
            meaning="How a range takes its places from `row` and `column` on: along the rows, or down the columns.",
            example="rows",
            default="`rows`",
        ),
        "row": Field(
            kind=_PLACE,
            meaning="Row in the container, from 1; of a range, of its first miner.",
            example="1",
            attribute="row",
        ),
        "column": Field(
            kind=_PLACE,
            meaning="Column in the container, from 1; of a range, of its first miner.",
            example="1",
            attribute="column",
        ),
        "active": Field(
            kind=Flag(), meaning="`false`: known, but not read.", example="true", attribute="active"
        ),
        **MINERS_SHARED,
        "simulate": Field(
            kind=Free(),
            meaning="Read by `hashyard simulate` only.",
            example="{}",
            default="nothing",
        ),
    },
    one_of=("address", "addresses"),
    together={
        "row": ("column",),
        "column": ("row",),
        "except": ("addresses",),
        "fill": ("addresses", "row"),
        "number": ("addresses",),
    },
    elsewhere={
        **{key: f"{key} belongs to the container, or to defaults" for key in CONTAINERS_SHARED},
        "ip": "did you mean address?",
        "ip_address": "did you mean address?",
        "host": "did you mean address?",
        "make": "did you mean manufacturer?",
        "vendor": "did you mean manufacturer?",
        "type": "did you mean model?",
        "is_active": "did you mean active?",
        "enabled": "did you mean active?",
        "nominal_hashrate_hs": "did you mean nominal_hashrate, with its unit (110 TH/s)?",
    },
)

TARIFF_CHANGE = Section(
    "another tariff: a mapping with from and tariff",
    {
        "from": Field(
            kind=DATE,
            meaning="The first day on which the container has it, in its time zone: year-month-day.",
            example="2026-11-01",
            required=True,
        ),
        "tariff": Field(
            kind=OrNull(NAME),
            meaning="Name of one of the `tariffs`; `null`: none.",
            example="day-night",
            required=True,
        ),
    },
    elsewhere={"date": "did you mean from?"},
)

CONTAINER = Section(
    "a container: a mapping with a name",
    {
        "name": Field(
            kind=NAME,
            meaning="Name, unique in the fleet, in any script; the label `container`.",
            example="Контейнер 1",
            required=True,
        ),
        "id": Field(
            kind=SLUG, meaning="Its name in URLs.", example="konteiner-1", default="the slug of the name"
        ),
        "description": Field(
            kind=Text(most=500),
            meaning="What people should know of it.",
            example="air-cooled",
            attribute="description",
        ),
        "location": Field(kind=Text(), meaning="Where it stands.", example="Братск", attribute="location"),
        "client": Field(
            kind=SLUG,
            meaning="Slug of the client it belongs to; travels as the label `client`.",
            example="volga",
            attribute="client",
        ),
        "tariff_changes": Field(
            kind=ListOf("a list of tariffs with dates", TARIFF_CHANGE),
            meaning="Which tariff it has from a date on; until the first of them `tariff` holds.",
            example="[{from: 2026-11-01, tariff: day-night}]",
            default="none",
        ),
        "feed": Field(
            kind=NAME,
            meaning="Name of the power feed it hangs on, shared with other containers; `feeds` may say what it carries.",
            example="feeder 2",
            attribute="feed",
        ),
        "rows": Field(kind=_PLACE, meaning="Rows of miners in it.", example="8", attribute="rows"),
        "columns": Field(kind=_PLACE, meaning="Columns of miners in it.", example="25", attribute="columns"),
        "power_limit": Field(
            kind=POWER,
            meaning="What its feed may carry: watts, or a text with `W`, `kW` or `MW`; no profile is brought about above it.",
            example="800 kW",
            attribute="power_limit_w",
        ),
        **CONTAINERS_SHARED,
        **MINERS_SHARED,
        "simulate": Field(
            kind=Free(),
            meaning="Read by `hashyard simulate` only.",
            example="{}",
            default="nothing",
        ),
        "miners": Field(
            kind=ListOf("a list of miners", MINER),
            meaning="Its miners.",
            example="[{name: a1, address: 10.1.7.10}]",
            default="none",
        ),
    },
    elsewhere={
        "time_zone": "did you mean timezone?",
        "tz": "did you mean timezone?",
        "power_limit_w": "did you mean power_limit (watts, or 800 kW)?",
        "nominal_hashrate_hs": "did you mean nominal_hashrate, with its unit (110 TH/s)?",
        "polling_interval": "did you mean interval?",
        "addresses": "addresses belong into an entry of miners: `miners: [{addresses: 10.1.7.10-200}]`",
    },
)

EXTENDING = ("miners", "client", "tariff", "tariff_changes")

EXTENSION = Section(
    "more of a container: a mapping with extends and miners, client or tariff",
    {
        "extends": Field(
            kind=NAME,
            meaning="Name of a container that another file describes, or this one elsewhere.",
            example="Контейнер 1",
            required=True,
        ),
        "miners": Field(
            kind=ListOf("a list of miners", MINER),
            meaning="Further miners of it; what it says for its miners holds for them too.",
            example="[{name: a2, address: 10.1.7.11}]",
            default="none",
        ),
        "client": _without_attribute(
            CONTAINER.fields["client"], "Where the container itself names no client: its slug."
        ),
        "tariff": _without_attribute(
            CONTAINER.fields["tariff"],
            "Where the container itself says nothing of tariffs: its tariff, or `null`.",
        ),
        "tariff_changes": _without_attribute(
            CONTAINER.fields["tariff_changes"], "Likewise: which tariff it has from a date on."
        ),
    },
    any_of=EXTENDING,
    elsewhere={
        key: f"{key} belongs to the container itself: beside extends stand only {', '.join(EXTENDING)}"
        for key in CONTAINER.fields
        if key not in EXTENDING
    },
)

DEFAULTS = Section(
    "a mapping of defaults",
    {**CONTAINERS_SHARED, **MINERS_SHARED},
    elsewhere={
        key: f"{key} cannot be a default: it belongs to each container or miner"
        for key in (*CONTAINER.fields, *MINER.fields)
        if key not in {**CONTAINERS_SHARED, **MINERS_SHARED}
    }
    | {"time_zone": "did you mean timezone?", "polling_interval": "did you mean interval?"},
)

TOP = Section(
    "a mapping with the key containers",
    {
        "defaults": Field(
            kind=DEFAULTS,
            meaning="What holds for every container and miner that does not say otherwise.",
            example="{interval: 30s}",
            default="none",
        ),
        "tariffs": Field(
            kind=Named("a mapping of names to tariffs", NAME, TARIFF),
            meaning="Prices of energy, by name.",
            example="{flat: {currency: USD, price_per_kwh: 0.05}}",
            default="none",
        ),
        "profiles": Field(
            kind=Named("a mapping of names to profiles", PROFILE_NAME, PROFILE),
            meaning="Power profiles, by name. `overclock` (115 %), `normal` (100), `underclock` (75) and `curtail` (0) are there "
            "without being written, and may be written otherwise.",
            example="{night: {target_percent: 90}}",
            default="the four",
        ),
        "schedules": Field(
            kind=Named("a mapping of names to schedules", NAME, SCHEDULE),
            meaning="Which profile holds when, by name. `default` is there without being written: 00:00 overclock, 06:00 normal, "
            "12:00 underclock, 18:00 curtail.",
            example="{always: {otherwise: normal}}",
            default="`default`",
        ),
        "feeds": Field(
            kind=Named("a mapping of names to feeds", NAME, FEED),
            meaning="What containers hang on, by name: what it carries, and in which steps power may rise and fall on it.",
            example="{feeder 2: {power_limit: 2.5 MW}}",
            default="no limits",
        ),
        "networks": Field(
            kind=ListOf(
                "a list of networks",
                Parsed("a network such as 10.1.0.0/16", ranges.network, r"^[0-9A-Fa-f.:]+/[0-9.]+$"),
            ),
            meaning="Networks in which the HTTP API may name addresses.",
            example="[10.1.0.0/16]",
            default="none",
        ),
        "containers": Field(
            kind=ListOf("a list of containers", Either(CONTAINER.words, CONTAINER, "extends", EXTENSION)),
            meaning="The containers, and more of containers that stand elsewhere.",
            example="[{name: Container 1}]",
            default="none",
        ),
    },
    elsewhere={
        "miners": "miners belong to a container: `containers: [{name: Container 1, miners: […]}]`",
        "targets": "did you mean containers?",
        "container": "did you mean containers?",
        "default": "did you mean defaults?",
        "profile": "did you mean profiles?",
        "schedule": "did you mean schedules? Or `defaults: {schedule: …}`",
        "feed": "did you mean feeds?",
    },
)

SECTIONS: Names[str, tuple[str, Section]] = {
    "Top of the file": ("", TOP),
    "`defaults`": ("defaults", DEFAULTS),
    "`containers[]`": ("containers", CONTAINER),
    "`containers[]` with `extends`": ("extensions", EXTENSION),
    "`containers[].miners[]`": ("miners", MINER),
    "`containers[].tariff_changes[]`": ("tariff_changes", TARIFF_CHANGE),
    "`credentials`": ("credentials", CREDENTIALS),
    "`pools[]`": ("pools", POOL),
    "`alerts`": ("alerts", ALERTS),
    "`temperature_limits`": ("temperature_limits", LIMITS),
    "`tariffs.NAME`": ("tariffs", TARIFF),
    "`tariffs.NAME.zones[]`": ("zones", ZONE),
    "`tariffs.NAME.changes[]`": ("changes", CHANGE),
    "`profiles.NAME`": ("profiles", PROFILE),
    "`profiles.NAME.by_make.MAKE`": ("by_make", WAY),
    "`schedules.NAME`": ("schedules", SCHEDULE),
    "`schedules.NAME.windows[]`": ("windows", WINDOW),
    "`schedules.NAME.exceptions[]`": ("exceptions", EXCEPTION),
    "`schedules.NAME.exceptions[].windows[]`": ("exception_windows", EXCEPTION_WINDOW),
    "`feeds.NAME`": ("feeds", FEED),
    "`ramp`": ("ramp", RAMP),
}
