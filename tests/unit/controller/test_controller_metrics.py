"""The controller's page of metrics: the table, what prometheus_client reads in it, and what is not there."""

import asyncio
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector, CollectorRegistry

from controller import metrics
from controller.figures import (
    DURATION_BUCKETS_S,
    CommandCounts,
    ContainerFigures,
    FleetFigures,
    LedgerFigures,
    MinerFigures,
)
from controller.metrics_page import MetricsPage, content_type, wants_openmetrics
from miners.actions import ACTIONS, STATUSES, action_name

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics-controller.md"
TABLE = (*metrics.MINER, *metrics.CONTAINER, *metrics.OWN)
OURS = "hashyard_controller_"


def fleet(**more: Any) -> FleetFigures:
    given_: dict[str, Any] = {
        "version": "1.2.3",
        "miners": (),
        "containers": (),
        "commands": CommandCounts(),
    } | more
    return FleetFigures(**given_)


FULL_MINER = MinerFigures(
    client="acme",
    container="Контейнер 1",
    miner='a "quoted" \\ one',
    desired_ratio=0.75,
    applied_ratio=1.0,
    planned_ratio=1.15,
    desired_since=1_780_000_000.25,
    desired_hashrate_hs=126.5e12,
    desired_profile="underclock",
    applied_profile="normal",
    power_target_w=2475.0,
    control="enforce",
    drifting=True,
    in_service=True,
)
FULL_CONTAINER = ContainerFigures(
    client="acme",
    container="Контейнер 1",
    control="enforce",
    miners=1,
    next_change=1_780_000_600.0,
    held=True,
    drifting=1,
    in_service=0,
    power_target_w=2475.0,
)


async def page(figures: FleetFigures, *, openmetrics: bool = False, by: MetricsPage | None = None) -> str:
    pieces = (by or MetricsPage()).pieces(figures, openmetrics=openmetrics)
    return b"".join([piece async for piece in pieces]).decode()


async def samples(figures: FleetFigures) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(await page(figures))
        for sample in family.samples
        if sample.name.startswith(OURS)
    }


class Parsed(Collector):
    """What a parser read, to be written again by prometheus_client."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Family]:
        return self._families


def written_again(families: Iterable[Family], write: Any) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Parsed(families))
    text: bytes = write(registry)
    return text.decode()


def counted() -> CommandCounts:
    counts = CommandCounts()
    counts.count("acme", "Контейнер 1", "sleep", "applied", 7.0)
    counts.count("acme", "Контейнер 1", "sleep", "applied", 61.5)
    counts.count("acme", "Контейнер 1", "set_mode", "refused", 5000.0)
    return counts


async def test_prometheus_client_would_have_written_the_same() -> None:
    bare = MinerFigures(client=None, container="two", miner="b")
    figures = fleet(
        miners=(FULL_MINER, bare),
        containers=(
            FULL_CONTAINER,
            ContainerFigures(client=None, container="two", control="observe", miners=1),
        ),
        commands=counted(),
        schedule_last_run=1_780_000_123.5,
        last_good_reload=1_780_000_000.0,
        clock_synchronised=True,
        exporters={"http://127.0.0.1:9428": True, "http://10.1.0.5:9428": False},
        gateway_requests={200: 7, 401: 0},
    )
    text = await page(figures)
    assert written_again(parse_text(text), generate_latest) == text
    open_text = await page(figures, openmetrics=True)
    assert open_text.endswith("# EOF\n")
    assert written_again(parse_openmetrics(open_text), generate_openmetrics) == open_text


async def test_every_metric_of_the_table_is_on_a_full_page_and_no_other() -> None:
    figures = fleet(
        miners=(FULL_MINER,),
        containers=(FULL_CONTAINER,),
        schedule_last_run=1.0,
        last_good_reload=1.0,
        clock_synchronised=False,
        exporters={"http://127.0.0.1:9428": True},
        gateway_requests={200: 1},
        ledger=LedgerFigures(booked_until={(None, "C1"): 1.0}),
        address="https://control.example",
    )
    families = [
        family.name
        for family in parse_openmetrics(await page(figures, openmetrics=True))
        if family.name.startswith(OURS)
    ]
    assert families == [metric.family for metric in TABLE]


async def test_a_miners_series_are_what_is_known_of_it() -> None:
    found = await samples(fleet(miners=(FULL_MINER,)))
    whose = (("client", "acme"), ("container", "Контейнер 1"), ("miner", 'a "quoted" \\ one'))
    assert found[f"{OURS}desired_power_ratio", whose] == 0.75
    assert found[f"{OURS}applied_power_ratio", whose] == 1.0
    assert found[f"{OURS}planned_power_ratio", whose] == 1.15
    assert found[f"{OURS}desired_since_timestamp_seconds", whose] == 1_780_000_000.25
    assert found[f"{OURS}desired_hashrate_hashes_per_second", whose] == 126.5e12
    assert found[f"{OURS}power_target_watts", whose] == 2475.0
    assert found[f"{OURS}in_service", whose] == 1.0
    assert found[f"{OURS}desired_profile_info", (*whose, ("profile", "underclock"))] == 1.0
    assert found[f"{OURS}applied_profile_info", (*whose, ("profile", "normal"))] == 1.0


async def test_what_is_not_known_is_not_there_and_zero_is() -> None:
    curtailed = MinerFigures(
        client=None, container="c", miner="m", desired_ratio=0.0, power_target_w=math.nan
    )
    found = await samples(fleet(miners=(curtailed,)))
    whose = (("container", "c"), ("miner", "m"))
    assert [name for name, labels in found if labels == whose] == [f"{OURS}desired_power_ratio"]
    assert found[f"{OURS}desired_power_ratio", whose] == 0.0
    own = {name for name, labels in found if not labels}
    assert f"{OURS}schedule_last_run_timestamp_seconds" not in own
    assert f"{OURS}clock_synchronised" not in own
    assert {f"{OURS}event_write_failures_total", f"{OURS}events_written_total", f"{OURS}doubts"} <= own


async def test_commands_are_counted_from_zero_for_every_outcome() -> None:
    found = await samples(fleet(containers=(FULL_CONTAINER,), commands=counted()))
    commands = {labels: value for (name, labels), value in found.items() if name == f"{OURS}commands_total"}
    assert len(commands) == len(ACTIONS) * len(STATUSES)
    assert sum(commands.values()) == 3.0
    usual = (("client", "acme"), ("container", "Контейнер 1"))
    assert commands[(("action", "sleep"), *usual, ("status", "applied"))] == 2.0
    for action in ACTIONS:
        labels = (("action", action_name(action)), *usual)
        count = found[f"{OURS}command_duration_seconds_count", labels]
        assert count == {"sleep": 2.0, "set_mode": 1.0}.get(action_name(action), 0.0)
        bounds = [f"{bound}" for bound in DURATION_BUCKETS_S] + ["+Inf"]
        buckets = [
            found[f"{OURS}command_duration_seconds_bucket", tuple(sorted((*labels, ("le", bound))))]
            for bound in bounds
        ]
        assert buckets == sorted(buckets)
        assert buckets[-1] == count
    labels = (("action", "sleep"), *usual)
    assert found[f"{OURS}command_duration_seconds_sum", labels] == 68.5
    assert found[f"{OURS}command_duration_seconds_bucket", (*labels, ("le", "10.0"))] == 1.0
    # A container that has left the inventory has left the page.
    assert not any("commands" in name for name, _ in await samples(fleet(commands=counted())))


async def test_a_container_says_what_control_it_is_under() -> None:
    found = await samples(fleet(containers=(FULL_CONTAINER,)))
    usual = (("client", "acme"), ("container", "Контейнер 1"))
    control = f"{OURS}container_control"
    assert found[control, (*usual[:1], usual[1], ("control", "enforce"))] == 1.0
    assert found[control, (*usual[:1], usual[1], ("control", "observe"))] == 0.0
    assert found[f"{OURS}container_held", usual] == 1.0
    assert found[f"{OURS}container_drifting_miners", usual] == 1.0
    assert found[f"{OURS}next_change_timestamp_seconds", usual] == 1_780_000_600.0


async def test_lines_follow_the_figures_and_are_forgotten_with_them() -> None:
    by = MetricsPage()
    first = [MinerFigures(client=None, container="c", miner=f"m{at}", desired_ratio=1.0) for at in range(300)]
    text = await page(fleet(miners=first), by=by)
    assert text.count(f"{OURS}desired_power_ratio{{") == 300
    second = [*first[:-1], MinerFigures(client=None, container="c", miner="m299", desired_ratio=0.5)]
    text = await page(fleet(miners=second), by=by)
    assert f'{OURS}desired_power_ratio{{container="c",miner="m299"}} 0.5\n' in text
    assert text.count(f"{OURS}desired_power_ratio{{") == 300
    text = await page(fleet(miners=second[:10]), by=by)
    assert text.count(f"{OURS}desired_power_ratio{{") == 10


async def test_the_loop_has_its_turn_while_a_large_page_is_made() -> None:
    miners = [
        MinerFigures(client=None, container="c", miner=f"m{at}", desired_ratio=1.0, desired_profile="normal")
        for at in range(5000)
    ]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    pieces = [piece async for piece in MetricsPage().pieces(fleet(miners=miners), openmetrics=False)]
    task.cancel()
    assert turns > 50
    assert max(map(len, pieces)) < 400_000


_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
_NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(_TEXTS, _TEXTS, _TEXTS, _NUMBERS, _NUMBERS)
async def test_any_name_and_number_is_read_back(
    container: str, miner: str, profile: str, ratio: float | None, watts: float | None
) -> None:
    figures = MinerFigures(
        client=None,
        container=container,
        miner=miner,
        applied_ratio=ratio,
        power_target_w=watts,
        desired_profile=profile,
    )
    found = await samples(fleet(miners=(figures,)))
    whose = (("container", container), ("miner", miner))
    assert found.get((f"{OURS}applied_power_ratio", whose)) == ratio
    assert found.get((f"{OURS}power_target_watts", whose)) == watts
    assert found[f"{OURS}desired_profile_info", (*whose, ("profile", profile))] == 1.0


def test_the_document_is_what_the_table_says() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == metrics.as_markdown(), (
        "docs/metrics-controller.md is stale: python -m controller.metrics docs/metrics-controller.md"
    )


@pytest.mark.parametrize("metric", TABLE, ids=lambda metric: metric.name)
def test_suffix_and_kind_agree(metric: metrics.Metric) -> None:
    assert metric.name.startswith(OURS)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.name.endswith("_info") == (metric.kind == "info")
    assert metric.help.endswith(".")
    assert "\n" not in metric.help
    assert "\\" not in metric.help


def test_a_name_stands_once() -> None:
    names = [metric.name for metric in TABLE]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("text/plain", False),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", True),
        ("text/plain;q=0.5, application/openmetrics-text", True),
    ],
)
def test_openmetrics_is_given_when_asked_for(accept: str, wanted: bool) -> None:
    assert wants_openmetrics(accept) is wanted
    assert content_type(openmetrics=wanted).startswith(
        "application/openmetrics-text; version=1.0.0" if wanted else "text/plain; version=0.0.4"
    )
