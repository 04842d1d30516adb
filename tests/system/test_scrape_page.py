"""A page of the demo's real fleet satisfies promtool and both of prometheus_client's parsers, whole and by container."""

import gzip
import subprocess
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.system.stack import PLACEHOLDER, REPOSITORY, Program, Stack, ask, metrics, samples_of
from tools import place

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Stack(tmp_path_factory.mktemp("page")) as stack:
        demo_fleet = (REPOSITORY / "targets.demo.yml").read_text(encoding="utf-8")
        ours = place.moved(demo_fleet, 10, stack.network)
        assert ours != demo_fleet
        assert PLACEHOLDER not in ours
        targets = stack.write_targets(ours)
        stack.start_simulator(targets)
        yield stack.start_exporter(targets)


def check(promtool: Path, page: bytes) -> None:
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")


def test_the_fleet_is_the_demos(exporter: Program) -> None:
    up = [one.value for one in metrics(exporter) if one.name == "miner_up"]
    assert len(up) >= 240
    assert len(up) * 0.9 < sum(up) < len(up), "most answer, and some are faulty"


@pytest.mark.parametrize("path", ["/metrics", "/metrics/own"])
def test_promtool_finds_nothing_to_say(exporter: Program, promtool: Path, path: str) -> None:
    answer = ask(exporter.url + path)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    check(promtool, answer.body)


def containers(exporter: Program) -> list[str]:
    return [group["labels"]["container"] for group in ask(f"{exporter.url}/sd").json()]


def test_pages_of_the_containers_are_the_whole_page_in_parts(exporter: Program, promtool: Path) -> None:
    names = containers(exporter)
    assert "Контейнер 1" in names
    assert len(names) >= 4
    series = set()
    for name in names:
        page = ask(f"{exporter.url}/metrics?{urllib.parse.urlencode({'container': name})}").body
        check(promtool, page)
        found = samples_of(page)
        assert {one.labels["container"] for one in found} == {name}
        series |= {(one.name, frozenset(one.labels.items())) for one in found}
    # Readings come and go between two pages; what the exporter knows of its miners does not.
    whole = {
        (one.name, frozenset(one.labels.items()))
        for one in metrics(exporter)
        if one.name in ("miner_up", "miner_inventory_info", "container_info", "miner_energy_joules_total")
    }
    assert len(whole) > 4 * 240
    assert whole <= series


@pytest.mark.parametrize("path", ["/metrics", "/metrics/own"])
def test_openmetrics_is_parsed_by_its_own_strict_parser(exporter: Program, path: str) -> None:
    answer = ask(exporter.url + path, headers=OPENMETRICS)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families = list(parse_openmetrics(answer.body.decode()))
    names = {family.name: family.type for family in families}
    assert len(names) == len(families)
    if path == "/metrics":
        assert names["miner_energy_joules"] == "counter"
        assert names["miner"] == "info"
        assert names["miner_state"] == "gauge"
    assert names["hashyard_exporter_poll_duration_seconds"] == "histogram"


def test_a_compressed_page_is_a_page(exporter: Program, promtool: Path) -> None:
    answer = ask(f"{exporter.url}/metrics", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    page = gzip.decompress(answer.body)
    assert len(answer.body) * 4 < len(page)
    check(promtool, page)
