"""The keys of power: what a container and a feed may carry, and in which steps power may rise and fall there."""

from typing import Any, Final

from miners.inventory.fleet import Feed, Origin, Ramp
from miners.inventory.kinds import Measure, Number
from miners.inventory.sections import Entry, Field, Section

WATTS: Final = {"W": 1.0, "kW": 1e3, "MW": 1e6}
MAX_BATCH: Final = 10_000

POWER: Final = Measure(
    "a power such as 800 kW", WATTS, 0, 1e9, bare=True, advice="write watts, or 800 kW, 1.2 MW"
)


def _ramp(entry: Entry) -> dict[str, Any]:
    return entry.values


RAMP = Section(
    "how power may step, such as {step: 250 kW, every: 10s, batch: 20}",
    {
        "step": Field(
            kind=Measure(
                "a power such as 250 kW (100 W to 1 GW)",
                WATTS,
                100,
                1e9,
                bare=True,
                advice="write watts, or 250 kW, 1.2 MW",
            ),
            meaning="Power rises or falls by no more than this in one step; one miner that is larger goes by itself.",
            example="250 kW",
            attribute="step_w",
        ),
        "every": Field(
            kind=Measure(
                "a duration from 1 s to 3600 s",
                {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0},
                1,
                3600,
                bare=True,
                advice="write seconds, or 30s, 2m",
            ),
            meaning="How long a step lasts; within any such time no more than one step's power changes.",
            example="10s",
            attribute="every_s",
        ),
        "batch": Field(
            kind=Number(f"a whole number from 1 to {MAX_BATCH}", 1, MAX_BATCH, whole=True),
            meaning="No more miners than this in one step.",
            example="20",
            attribute="batch",
        ),
    },
    build=_ramp,
)

FEED = Section(
    "a feed: a mapping with power_limit, or ramp",
    {
        "power_limit": Field(
            kind=POWER,
            meaning="What all containers on it may draw together: watts, or a text with `W`, `kW` or `MW`.",
            example="2.5 MW",
            attribute="power_limit_w",
        ),
        "ramp": Field(
            kind=RAMP,
            meaning="How power may step on it, all its containers together; its own `batch` is not limited unless given.",
            example="{step: 500 kW}",
            default="see below",
        ),
    },
    elsewhere={"power_limit_w": "did you mean power_limit (watts, or 800 kW)?"},
)


def ramp_of(given: dict[str, Any], base: Ramp = Ramp()) -> Ramp:  # noqa: B008  # frozen
    """Return a ramp from the keys that were given, the others from `base`."""
    return Ramp(
        step_w=given.get("step", base.step_w),
        every_s=given.get("every", base.every_s),
        batch=given.get("batch", base.batch),
    )


def feed_of(name: str, entry: Entry) -> Feed | None:
    """Return the feed that was written; None if something of it is wrong (which has been reported)."""
    if entry.wrong:
        return None
    return Feed(
        name=name,
        power_limit_w=entry.values.get("power_limit"),
        ramp=ramp_of(entry.values.get("ramp", {}), Ramp(batch=MAX_BATCH)),
        origin=Origin(entry.report.file, entry.line),
    )
