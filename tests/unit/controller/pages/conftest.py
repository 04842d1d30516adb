"""The pages over the same real socket and database as the API's tests, with a Prometheus that says what fires."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.history import History
from tests.unit.controller.api.conftest import MakeHouse, house, make_house
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, full_snapshot
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

__all__ = ["house", "make_house"]


@pytest.fixture(autouse=True)
def sums_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the first page wait for its sums, so that two answers differ by nothing but who asks for what."""
    monkeypatch.setattr("controller.pages.fleet_routes.SOON_S", 30.0)


@pytest.fixture
def alerts_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pages of containers and miners wait for their alerts, which a busy machine has them show behind."""
    for page in ("container", "miner"):
        monkeypatch.setattr(f"controller.pages.{page}_routes.SOON_S", 30.0)


@pytest.fixture
async def prometheus() -> AsyncIterator[PrometheusOfAlerts]:
    found = PrometheusOfAlerts()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def history(prometheus: PrometheusOfAlerts) -> AsyncIterator[History]:
    found = History(prometheus.url)
    yield found
    await found.close()


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path, history: History) -> FleetHouse:
    hand = HAND.replace("- name: Container 1", "- name: Container 1\n  timezone: Europe/Samara")
    found = await start(
        make_house,
        tmp_path,
        hand=hand,
        services={History: history},
        kind=ChangedDeeds,
        grafana_url="https://grafana.example",
    )
    full_snapshot(found)
    found.deeds.failure("container-1.a2")
    return found
