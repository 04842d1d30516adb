"""A hundred good miners beside everything hostile: their polls go on as if it were not there, and memory stays bounded."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import NamedTuple, get_args

import pytest

from simulator.fault import Hostility
from tests.replay.hostile import HOSTILE, hostile_server
from tests.system.stack import Program, Sample, Stack, ask, metrics, until

INTERVAL_S = 2.0
GAP_S = 2.5 * INTERVAL_S
WATCHED_S = 15.0

GOOD = """
defaults: {interval: 2s, web_port: 8080, connect_timeout: 1s, timeout: 3s}
containers:
  - name: Good
    connect_timeout: 10s  # what a busy machine takes is not what the hostile ones cost
    timeout: 20s
    miners:
      - {name: "w{n}", addresses: 127.N.1.1-40, manufacturer: Whatsminer, model: M50}
      - {name: "x{n}", addresses: 127.N.1.41-50, manufacturer: Whatsminer, model: M60S}
      - {name: "a{n}", addresses: 127.N.1.51-70, manufacturer: AntMiner, model: S19 Pro}
      - {name: "v{n}", addresses: 127.N.1.71-90, manufacturer: Avalon, model: "1246"}
      - {name: "l{n}", addresses: 127.N.1.91-95, manufacturer: AntMiner, model: S19k Pro, simulate: {device: luxos}}
      - {name: "e{n}", addresses: 127.N.1.96-100, manufacturer: Elphapex, model: DG1+}
"""
# Miners that have gone wrong: what each kind does stands in docs/simulator.md.
FAULTS = [
    *(f"{{fault: hostile, kind: {kind}}}" for kind in get_args(Hostility)),
    "{fault: drip, seconds: 1}",
    "{fault: slow, seconds: 2.5}",
    "{fault: cut, ratio: 0.02}",
    "{fault: silent}",
    "{fault: refused}",
]
MODELS = (
    "Whatsminer, model: M50",
    "Whatsminer, model: M60S",
    "AntMiner, model: S19 Pro",
    'Avalon, model: "1246"',
)
SPOILT = "  - name: Spoilt\n    miners:\n" + "".join(
    f"      - {{name: s{kind}-{make}, address: 127.N.{2 + make}.{kind + 1}, manufacturer: {model}, simulate: {fault}}}\n"
    for kind, fault in enumerate(FAULTS)
    for make, model in enumerate(MODELS)
)


def strangers(ports: dict[str, int]) -> str:
    """Return a container of what is no miner at all, each asked in both protocols and on the web."""
    return "  - name: Strangers\n    miners:\n" + "".join(
        f"      - {{name: {name!r}, address: 127.0.0.1, port: {port}, v3_port: null, web_port: null}}\n"
        for name, port in ports.items()
    )


@contextmanager
def hostile_servers() -> Iterator[dict[str, int]]:
    """Serve every hostile behaviour in a thread of its own, and give the ports."""
    ports: dict[str, int] = {}
    serving = threading.Event()
    end: list[Callable[[], object]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as servers:
            for name, behave in HOSTILE.items():
                ports[name] = await servers.enter_async_context(hostile_server(behave))
            end.append(lambda: loop.call_soon_threadsafe(stop.set))
            serving.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert serving.wait(60.0)
        yield ports
    finally:
        for call in end:
            call()
        thread.join()


class Watched(NamedTuple):
    """Two pages of the exporter, some time apart, and the most memory that it had in between."""

    exporter: Program
    before: list[Sample]
    after: list[Sample]
    most_rss: int


def of(page: list[Sample], name: str, container: str, **labels: str) -> dict[str, float]:
    return {
        one.labels["miner"]: one.value
        for one in page
        if one.name == name and one.labels["container"] == container and labels.items() <= one.labels.items()
    }


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with hostile_servers() as ports, Stack(tmp_path_factory.mktemp("hostile")) as stack:
        stack.start_simulator(stack.write_targets(GOOD + SPOILT, "simulated.yml"))
        exporter = stack.start_exporter(stack.write_targets(GOOD + SPOILT + strangers(ports)))

        def all_good_up() -> bool:
            assert set(of(metrics(exporter), "miner_up", "Good").values()) == {1.0}
            return True

        until(all_good_up, "the good ones are up")
        before = metrics(exporter)
        most_rss = 0
        end = time.monotonic() + WATCHED_S
        while time.monotonic() < end:
            most_rss = max(most_rss, exporter.rss)
            time.sleep(0.02)
        yield Watched(exporter, before, metrics(exporter), most_rss)


def test_the_good_ones_do_not_miss_a_poll(watched: Watched) -> None:
    before, after = watched.before, watched.after
    up = of(after, "miner_up", "Good")
    assert len(up) == 100
    assert set(up.values()) == {1.0}
    failed = [
        one
        for one in after
        if one.name == "miner_poll_failures_total" and one.labels["container"] == "Good" and one.value
    ]
    assert failed == []
    seen = [of(page, "miner_last_seen_timestamp_seconds", "Good") for page in (before, after)]
    observed = [of(page, "miner_observed_seconds_total", "Good") for page in (before, after)]
    for name in up:
        passed = seen[1][name] - seen[0][name]
        assert passed > WATCHED_S - GAP_S, name
        # Time counts as observed where two polls are close enough: so none of them was late or left out.
        assert observed[1][name] - observed[0][name] == pytest.approx(passed, abs=1.0), name


def test_the_hostile_ones_were_asked_and_their_failures_have_reasons(watched: Watched) -> None:
    for container, least in (("Strangers", len(HOSTILE)), ("Spoilt", len(FAULTS) * len(MODELS))):
        up = of(watched.after, "miner_up", container)
        assert len(up) == least
        failures: dict[str, float] = dict.fromkeys(up, 0.0)
        for one in watched.after:
            if one.name == "miner_poll_failures_total" and one.labels["container"] == container:
                failures[one.labels["miner"]] += one.value
        assert [name for name in up if not up[name] and failures[name] < 1.0] == []
    assert set(of(watched.after, "miner_up", "Strangers").values()) == {0.0}
    reasons = {
        one.labels["reason"]
        for one in watched.after
        if one.name == "miner_poll_failures_total" and one.value and one.labels["container"] != "Good"
    }
    assert reasons >= {"timeout", "malformed", "refused"}


def test_nothing_hostile_becomes_a_reading(watched: Watched) -> None:
    for one in watched.after:
        if one.name.startswith("miner_") and one.labels["container"] != "Good":
            assert abs(one.value) < 1e21, one
    told = [
        one
        for one in watched.after
        if one.name == "miner_hashrate_hashes_per_second" and one.labels["container"] == "Strangers"
    ]
    assert told == []


def test_memory_is_bounded(watched: Watched) -> None:
    """Some 50 MiB are the exporter's own; a reply of 10 MiB is broken off long before its end."""
    assert watched.most_rss < 100 * 2**20


def test_each_hostile_miner_is_explained_in_one_line(watched: Watched) -> None:
    items = ask(f"{watched.exporter.url}/api/v1/fleet?container=Strangers").json()["items"]
    assert len(items) == len(HOSTILE)
    for item in items:
        assert item["kind"] == "poll_failure", item
        assert 0 < len(item["detail"]) < 300
        assert "\n" not in item["detail"]
        assert "could not be understood" not in item["detail"], "a driver has stumbled"
    said = watched.exporter.said
    assert said.count("miner not read") >= len(HOSTILE)
    assert len(said) < 200_000, "the log tells of a change, and not of every poll"
