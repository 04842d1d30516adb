"""The controller as a whole: it starts in order, serves, follows its files, and ends in order; in one process and as one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse
from structlog.testing import capture_logs

from controller.clock_watch import STEADY_S
from controller.main import Controller, Settings
from miners.driver import Memory
from miners.errors import ConfigurationError
from miners.model import Reading, Target
from tests.unit.controller.driven_clock import DrivenClock
from tests.unit.controller.exporter_site import until
from tests.unit.controller.small_fleet import answer

TARGETS = """\
networks: [127.0.0.0/8]
defaults: {interval: 1s, timeout: 1s}
containers:
  - name: Контейнер 1
    client: acme
    miners:
      - {name: a, address: 127.9.1.1, model: M50, nominal_power_w: 3300}
      - {name: b, address: 127.9.1.2}
"""
MORE = "  - {name: two, miners: [{name: c, address: 127.9.2.1}]}\n"


async def read(to: Target, memory: Memory) -> Reading:
    assert isinstance(memory, Memory)
    return answer(to)


class Site:
    """A folder with an inventory, and the controllers started on it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "targets.yml"
        self.file.write_text(TARGETS, encoding="utf-8")
        self.data = folder / "data"

    def settings(self, **more: Any) -> Settings:
        given: dict[str, Any] = {"targets": (self.file,), "data": self.data, "port": 0} | more
        return Settings(**given)

    @asynccontextmanager
    async def running(self, **more: Any) -> AsyncIterator[tuple[Controller, aiohttp.ClientSession]]:
        controller = Controller(self.settings(**more), reader=read, synchronised=lambda: None)
        async with (
            controller.serving() as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            yield controller, session


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def text(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def series(session: aiohttp.ClientSession) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in parse(await text(session, "/metrics")):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def test_it_serves_its_series_as_soon_as_it_answers(site: Site) -> None:
    async with site.running() as (controller, session):
        assert await text(session, "/-/healthy") == "healthy\n"
        assert await text(session, "/-/ready") == "ready\n"
        found = await series(session)
        miners = found["hashyard_controller_container_miners"]
        assert list(miners.values()) == [2.0]
        assert found["hashyard_controller_config_last_reload_successful"] == {(): 1.0}
        assert len(found["hashyard_controller_commands_total"]) == 8 * 7
        assert "hashyard_controller_desired_power_ratio" not in found  # it only observes
        await until(lambda: all(known.reading is not None for known in controller.live.all().values()))
        states = {part.name: part.state for part in controller.process.parts()}
        assert states["exporter"] == states["inventory"] == states["database"] == "ok"
        assert states["clock"] == "unknown"
        assert (site.data / "initial-admin-password").stat().st_mode & 0o777 == 0o600


async def test_it_follows_its_inventory_and_keeps_the_last_good_one(site: Site) -> None:
    async with site.running() as (controller, session):
        site.file.write_text(TARGETS + MORE, encoding="utf-8")
        assert await controller.reload() is None
        assert "two.c" in controller.live.all()
        assert controller.engine.view("two.c") is not None
        assert len((await series(session))["hashyard_controller_container_miners"]) == 2
        site.file.write_text(TARGETS + "  - {name: Контейнер 1}\n", encoding="utf-8")
        assert await controller.reload() is not None
        assert "two.c" in controller.live.all()
        found = await series(session)
        assert found["hashyard_controller_config_last_reload_successful"] == {(): 0.0}
        assert {part.name: part.state for part in controller.process.parts()}["inventory"] == "failed"


async def test_a_second_controller_is_refused_and_a_later_one_is_not(site: Site) -> None:
    async with site.running():
        with pytest.raises(ConfigurationError, match=f"another controller .process {os.getpid()}."):
            Controller(site.settings(), reader=read)
    async with site.running() as (_, session):
        assert await text(session, "/-/ready") == "ready\n"


async def test_a_busy_port_stops_it_before_it_reads_or_writes_and_frees_the_folder(site: Site) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    controller = Controller(site.settings(port=port), reader=read)
    with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port} is in use"):
        async with controller.serving():
            raise AssertionError("it serves")
    assert not controller.live.all()
    server.close()
    await server.wait_closed()
    async with site.running():
        pass


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"targets": (Path("/no/such/targets.yml"),)}, "/no/such/targets.yml: does not exist"),
        ({"database_url": "sqlite:////no/such/folder/hashyard.db"}, "/no/such/folder"),
        ({"retention_days": 0}, "--retention-days"),
        ({"exporters": ("nowhere",)}, "--exporter"),
    ],
)
async def test_what_is_wrong_is_said_and_the_folder_is_free_again(
    site: Site, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Controller(site.settings(**more), reader=read)
    assert said in str(refused.value)
    async with site.running():
        pass


async def test_credentials_that_are_missing_are_named_without_what_they_hold(
    site: Site, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    with_credentials = TARGETS.replace("nominal_power_w: 3300}", "credentials: {file: rack-a}}")
    site.file.write_text(with_credentials, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="rack-a does not exist"):
        Controller(site.settings(secrets_dir=secrets), reader=read)
    (secrets / "rack-a").write_text("root:hunter2\n")
    with capture_logs() as logs:
        async with site.running(secrets_dir=secrets) as (controller, _):
            known = controller.live.known("konteiner-1.a")
            assert known is not None
            assert known.target.credentials is not None
            (secrets / "rack-a").write_text("root:hunter3\n")
            assert await controller.reload() is None
            assert known.target.credentials.password == "hunter3"
            (secrets / "rack-a").unlink()
            assert await controller.reload() is None
    assert any(entry["event"] == "credentials missing" for entry in logs)
    assert "hunter" not in str(logs)


async def test_a_clock_that_jumps_reaches_the_engine_and_is_forgiven_when_it_runs_steadily(
    site: Site,
) -> None:
    clock = DrivenClock()
    controller = Controller(
        site.settings(), clock=clock, steady=clock.steady, reader=read, synchronised=lambda: True
    )
    async with controller.serving():
        await clock.advance(10)
        assert list(controller.engine.doubts()) == []
        clock.jump(3600)
        await clock.advance(10)
        assert "the clock jumped forward by 3600 s" in "".join(controller.engine.doubts())
        states = {part.name: part.state for part in controller.process.parts()}
        assert states["clock"] == "failed"
        await clock.advance(STEADY_S)
        assert list(controller.engine.doubts()) == []
        states = {part.name: part.state for part in controller.process.parts()}
        assert states["clock"] == states["schedule"] == "ok"


async def test_a_part_that_ends_is_noticed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: Any) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("controller.jobs.Jobs.run", broken)
    with capture_logs() as logs:
        async with site.running() as (controller, _):
            async with asyncio.timeout(60):
                await controller.failed.wait()
    (told,) = [entry for entry in logs if entry["log_level"] == "critical"]
    assert told["part"] == "jobs"


def test_as_a_process_it_ends_on_a_signal_and_leaves_everything_whole(site: Site) -> None:
    command = [sys.executable, "-m", "hashyard", "controller", "--env-file", os.devnull]
    command += ["--targets", str(site.file), "--data", str(site.data), "--listen", "127.0.0.1:0"]
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            if "controller serving" in line:
                break
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
        assert process.returncode == 0, "".join(lines) + rest
        assert "controller ending" in rest
        assert "Traceback" not in rest


def test_as_a_process_it_says_what_is_wrong_in_one_line(site: Site) -> None:
    command = [sys.executable, "-m", "hashyard", "controller", "--env-file", os.devnull]
    command += ["--targets", str(site.file), "--data", str(site.data), "--exporter", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "--exporter: 'nowhere' is no address such as http://127.0.0.1:9428\n"
    assert done.stdout == ""


async def test_the_gateway_is_served_and_its_answers_are_counted(site: Site) -> None:
    async with site.running() as (_, session):
        for path, status in (("query?query=a", 401), ("targets", 404)):
            async with session.get(f"/gateway/api/v1/{path}", headers={"Host": "anything"}) as response:
                assert response.status == status
                assert (await response.json())["status"] == "error"
        async with session.get("/metrics") as response:
            text = await response.text()
    counted = {
        sample.labels["code"]: sample.value
        for family in parse(text)
        for sample in family.samples
        if sample.name == "hashyard_controller_gateway_requests_total"
    }
    assert (counted["200"], counted["401"], counted["404"], counted["502"]) == (0, 1, 1, 0)
