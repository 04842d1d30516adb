"""A client's queries against a real Prometheus that holds another's series too: no answer ever depends on these.

Whatever is asked and not refused has the same answer as from a Prometheus in which there is nothing but his own.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from controller.gateway.promql import Refused, confined, confined_selector, everything_of
from tests.unit.controller.gateway.grown_queries import queries
from tests.unit.controller.gateway.two_clients import GAUGES, HIDDEN, PLANTED, Answer, Stored, both
from tests.unit.grafana import dashboard_files

TRIES = 20
"""Prometheus adds in no fixed order, so the last digits of a deviation differ from time to time, and what counts changes
of it with them. What depended on the other client would never be the same."""

DASHBOARD = [asked for asked in dashboard_files.ASKED if asked.uid == "hashyard-client"]


@pytest.fixture(scope="module")
def stored(
    prometheus: Path, promtool: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stored, Stored]]:
    """A Prometheus of both clients, and one of acme alone."""
    with both(promtool, tmp_path_factory.mktemp("two-clients")) as found:
        yield found


def in_order(answer: Answer) -> Any:
    """The answer with its series in one order, and figures to nine digits: the order is Prometheus' own affair."""
    if not answer.ok or answer.data["resultType"] not in ("vector", "matrix"):
        return answer
    series = [
        (sorted(one["metric"].items()), [(at, f"{float(text):.9g}") for at, text in points(one)])
        for one in answer.data["result"]
    ]
    return sorted(series)


def points(series: dict[str, Any]) -> list[Any]:
    found: list[Any] = series["values"] if "values" in series else [series["value"]]
    return found


def compare(query: str, stored: tuple[Stored, Stored]) -> str:
    """Ask as acme of both, and the same without the gateway where there is nobody else; say what came of it."""
    together, alone = stored
    try:
        sent = confined(query, "acme")
    except Refused:
        return "refused"
    # `absent` gives the labels of its selector back, and so the client's own name: there the same is sent to both.
    plain = sent if "absent" in query.lower() else query
    for ask in (Stored.now, Stored.range):
        for _ in range(TRIES):
            one, other = ask(together, sent), ask(alone, plain)
            if in_order(one) == in_order(other):
                break
        else:
            pytest.fail(f"{query}\n{sent}\n{in_order(one)}\n{in_order(other)}"[:5000])
        assert f"{PLANTED:.0f}" not in json.dumps(one.data)
        if not one.ok:
            return "no"
    return "answered" if one.data["result"] else "empty"


# What the fuzzer found once, and what people know: kept, so that it is tried each time.
KNOWN = (
    'miner_power_watts{client="borealis"}',
    'miner_power_watts{client=~".*"}',
    'miner_power_watts{client!="acme"}',
    'sum({__name__=~".+"})',
    "count by (__name__) ({__name__=~'.+'})",
    "count by (client) ({container='C 1'})",
    "miner_power_watts or strange_series",
    "sum(miner_power_watts) by (client)",
    "quantile(scalar(max(miner_power_watts)), miner_power_watts)",
    "max_over_time(sum(miner_power_watts)[1h:5m])",
    "sum(miner_power_watts @ 1780275600 offset -10m)",
    'label_replace(miner_power_watts, "client", "borealis", "", "")',
    'sum by (client) (label_replace(miner_power_watts, "client", "borealis", "", ""))',
    "miner_power_watts * on (container, miner, class) group_left () container_miners",
    "miner_power_watts * on (client) container_miners",
    "topk(3, miner_power_watts)",
    "count_values('client', miner_power_watts)",
    "rate(miner_energy_joules_total[5m])",
    "container_energy_price_per_kilowatt_hour",
    'miner_power_watts{container="}, {client"}',
    "scalar(container_miners)",
    "vector(scalar(miner_power_watts{miner='a0',container='C 9'}))",
)


@pytest.mark.parametrize("query", KNOWN)
def test_the_ways_around_that_people_know(stored: tuple[Stored, Stored], query: str) -> None:
    compare(query, stored)


def test_the_comparison_would_see_another_clients_value(stored: tuple[Stored, Stored]) -> None:
    together, alone = stored
    for query in ("sum(miner_power_watts)", "count(container_miners)", "sum by (client) (miner_power_watts)"):
        assert in_order(together.now(query)) != in_order(alone.now(query))
        assert in_order(together.range(query)) != in_order(alone.range(query))
    assert compare("sum(miner_power_watts)", stored) == "answered"


def test_absence_is_told_of_ones_own_series(stored: tuple[Stored, Stored]) -> None:
    """The answer carries the client's own name, which stands in the selector now; else it is the same."""
    together, alone = stored
    for query in (
        'absent(miner_power_watts{container="C 9"})',
        'absent(miner_power_watts{container="C 1"})',
        'absent_over_time(miner_power_watts{client="borealis"}[5m])',
    ):
        one = together.now(confined(query, "acme")).data["result"]
        other = alone.now(query).data["result"]
        assert len(one) == len(other)
        for series in one:
            assert series["metric"].pop("client", "acme") == "acme"
        for series in other:
            series["metric"].pop("client", None)
        assert one == other


@pytest.mark.parametrize("asked", DASHBOARD, ids=str)
def test_the_clients_dashboard_shows_what_it_would_show_him_alone(
    stored: tuple[Stored, Stored], asked: dashboard_files.Asked
) -> None:
    def value(match: Any) -> str:
        return dashboard_files._DURATIONS.get(match[1] or match[2], ".+")

    query = dashboard_files._VARIABLE.sub(value, asked.expression)
    assert compare(query, stored) in {"answered", "empty"}


def test_the_dashboard_has_something_to_show(stored: tuple[Stored, Stored]) -> None:
    """Else the test above would compare nothing with nothing."""
    together, _ = stored
    for name in GAUGES:
        assert together.now(confined(name, "acme")).data["result"], name


def test_lists_of_labels_values_and_series_are_those_of_one_alone(stored: tuple[Stored, Stored]) -> None:
    together, alone = stored
    cut = {"match[]": everything_of("acme")}
    for path in ("labels", "label/client/values", "label/container/values", "label/__name__/values"):
        assert together.ask(path, cut) == alone.ask(path, {})
    for selector in (
        '{__name__=~".+"}',
        "container_miners",
        '{client="borealis"}',
        '{miner=~".*",class!=""}',
    ):
        one = together.ask("series", {"match[]": confined_selector(selector, "acme")})
        assert sorted(map(str, one.data)) == sorted(map(str, alone.ask("series", {"match[]": selector}).data))


def test_hidden_names_are_found_by_no_pattern(stored: tuple[Stored, Stored]) -> None:
    together, _ = stored
    for name in HIDDEN:
        assert together.now(name).data["result"]
        for query in (f'{{__name__=~"{name}"}}', f'{{__name__=~"{name[:8]}.*"}}', '{currency="EUR"}'):
            found = together.now(confined(query, "acme")).data["result"]
            assert name not in {one["metric"]["__name__"] for one in found}


def run(examples: int, stored: tuple[Stored, Stored]) -> Counter[str]:
    """Compare so many grown queries; count what came of them."""
    outcomes: Counter[str] = Counter()

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(queries())
    def grow(query: str) -> None:
        outcomes[compare(query, stored)] += 1

    grow()
    return outcomes


def test_no_grown_query_sees_the_other_client(stored: tuple[Stored, Stored]) -> None:
    outcomes = run(150, stored)
    assert outcomes["answered"] > 5
    assert outcomes["refused"] > 5


@pytest.mark.long
def test_none_of_many_grown_queries_sees_the_other_client(stored: tuple[Stored, Stored]) -> None:
    outcomes = run(10_000, stored)
    assert min(outcomes[kind] for kind in ("answered", "empty", "refused")) > 1000, outcomes
    assert outcomes["no"] > 20, outcomes
