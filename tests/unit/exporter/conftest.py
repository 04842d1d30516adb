"""A small fleet to try things on: containers, miners and readings as plain values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from miners.inventory.fleet import Container, Inventory, Miner, Origin, PoolRule, Tariff, TariffZone
from miners.inventory.secrets import target_of
from miners.model import (
    Board,
    Fan,
    Fault,
    Identity,
    PollFailure,
    Pool,
    Psu,
    Shares,
    Snapshot,
    Target,
    Temperatures,
)

ORIGIN = Origin("targets.yml", 1)
TAKEN_AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)


class Build:
    """Makes parts of a fleet with sensible values, each of which can be given otherwise."""

    taken_at = TAKEN_AT

    def miner(self, name: str = "A3-12", container: str = "Контейнер 1", **more: Any) -> Miner:
        given: dict[str, Any] = {"address": "10.1.7.12", "row": 3, "column": 12} | more
        return Miner(name=name, container=container, origin=ORIGIN, **given)

    def container(
        self, name: str = "Контейнер 1", miners: tuple[Miner, ...] | None = None, **more: Any
    ) -> Container:
        given: dict[str, Any] = {
            "id": "konteiner-1",
            "client": "acme",
            "location": "Bratsk",
            "timezone": "Asia/Irkutsk",
            "power_limit_w": 1_200_000.0,
            "tariff": "day and night",
        } | more
        own = (self.miner(container=name),) if miners is None else miners
        return Container(name=name, origin=ORIGIN, miners=own, **given)

    def inventory(self, *containers: Container) -> Inventory:
        tariff = Tariff(
            "day and night", "RUB", "4.20", (TariffZone(tuple(range(7)), 23 * 60, 7 * 60, "2.85"),)
        )
        return Inventory(containers=containers or (self.container(),), tariffs={tariff.name: tariff})

    def target(self, container: Container, miner: Miner) -> Target:
        return target_of(container, miner, None)

    def snapshot(self, target: Target | None = None, **more: Any) -> Snapshot:
        whose = {"container": "Контейнер 1", "miner": "A3-12", "address": "10.1.7.12"}
        if target is not None:
            whose = {"container": target.container, "miner": target.miner, "address": target.address}
        given: dict[str, Any] = {
            "taken_at": TAKEN_AT,
            "duration_s": 0.0625,
            "driver": "whatsminer_v2",
            "state": "mining",
            "identity": Identity(
                "Whatsminer",
                "M99_unheard_of",
                "SHA-256",
                "stock",
                "20230803.17",
                "c6:07:20:00:1e:d8",
                "HTM3",
                None,
            ),
            "uptime_s": 123_456.0,
            "mining_s": 123_400.0,
            "hashrate_hs": 126.34567e12,
            "hashrate_average_hs": 125.7654e12,
            "nominal_hashrate_hs": 128e12,
            "hashes_total": 1.552e19,
            "power_w": 3321.0,
            "power_source": "measured",
            "power_limit_w": 3600.0,
            "temperatures_c": Temperatures(31.5, 52.0, 78.2, 88.1, 80.4, 55.0),
            "boards": tuple(
                Board(
                    index,
                    f"B{index}",
                    42.12e12,
                    42.7e12,
                    111,
                    111,
                    30.5,
                    51.25,
                    77.25,
                    88.5,
                    79.9,
                    620e6,
                    14.2,
                    7,
                )
                for index in range(3)
            ),
            "expected_boards": 3,
            "fans": (Fan(0, 5040.0), Fan(1, 5130.0)),
            "fan_duty_ratio": 0.85,
            "psu": Psu("P221", "SN", 231.0, 14.4, 14.2, 6000.0, 55.0),
            "pools": tuple(
                Pool(
                    index,
                    f"stratum+tcp://pool{index}.example.com:3333",
                    "farm.worker12",
                    alive=True,
                    active=index == 0,
                    priority=index,
                    accepted=12_345_678,
                    rejected=12,
                    stale=3,
                    last_share_at=TAKEN_AT,
                )
                for index in range(3)
            ),
            "shares": Shares(12_345, 12, 3),
            "hardware_errors": 5,
            "faults": (Fault("111", "Fan 0 speed", TAKEN_AT),),
        } | more
        return Snapshot(**whose, **given)

    def failure(self, target: Target | None = None, **more: Any) -> PollFailure:
        snapshot = self.snapshot(target)
        given: dict[str, Any] = {
            "container": snapshot.container,
            "miner": snapshot.miner,
            "address": snapshot.address,
            "taken_at": TAKEN_AT,
            "duration_s": 3.0,
            "reason": "timeout",
            "detail": "no connection within 3 s",
        } | more
        return PollFailure(**given)

    def rules(self, *urls: str) -> tuple[PoolRule, ...]:
        return tuple(PoolRule(url) for url in urls)


@pytest.fixture(scope="session")
def build() -> Build:
    return Build()
