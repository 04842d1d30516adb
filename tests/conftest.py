"""What every test has: programs from outside the virtual environment, and a gate that lets no tool be missing in CI."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests import postgresql_server
from tools import packages

IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false", "no"}
# A test that cannot run because the machine lacks something begins its reason so; importorskip words it its own way.
MISSING = ("missing tool", "could not import")

# No test asserts how fast a machine is that others use as well; and of one state of the code each run says the same.
# What nobody has thought of yet is looked for by `make test-long`.
USUAL = hypothesis.settings(
    deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("hashyard", USUAL)
hypothesis.settings.register_profile("exploring", USUAL, derandomize=False)
hypothesis.settings.load_profile("hashyard")
expect.set_options(timeout=60_000)


def pytest_configure(config: pytest.Config) -> None:
    """Let tests find the programs that `make test` unpacked as if they were installed."""
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], str(packages.programs_folder())])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report: pytest.TestReport = yield
    _fail_for_missing_tool(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    report: pytest.CollectReport = yield
    _fail_for_missing_tool(report)
    return report


def _fail_for_missing_tool(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (IN_CI and report.outcome == "skipped" and isinstance(report.longrepr, tuple)):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if reason.startswith(MISSING):
        report.outcome = "failed"
        report.longrepr = f"{reason} (a skip like this fails where CI is set)"


def _program(name: str) -> Path:
    found = packages.find_program(name)
    if found is None:
        pytest.skip(f"missing tool: {name} is not on the PATH; `make prometheus` gets it")
    return found


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Path of Prometheus' own checker."""
    return _program("promtool")


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """Path of the Prometheus server."""
    return _program("prometheus")


@pytest.fixture(scope="session")
def alertmanager() -> Path:
    """Path of the Alertmanager server, under Debian's name for it."""
    return _program("prometheus-alertmanager")


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Path of Alertmanager's own checker."""
    return _program("amtool")


@pytest.fixture(scope="session")
def victoria_metrics() -> Path:
    """Path of the VictoriaMetrics server."""
    return _program("victoria-metrics")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresql_server.PostgresqlServer]:
    """A running PostgreSQL server; `postgresql.fresh()` makes an empty database and gives its URL."""
    programs = packages.find_postgresql()
    if programs is None:
        pytest.skip("missing tool: no PostgreSQL server is installed; `make prometheus` gets it")
    with postgresql_server.running(programs) as server:
        yield server


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A running Chromium without a display."""
    async with _chromium() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def same_browser() -> AsyncIterator[Browser]:
    """A running Chromium for all tests of a module; they run in one loop: `pytest.mark.asyncio(loop_scope="module")`."""
    async with _chromium() as opened:
        yield opened


@asynccontextmanager
async def _chromium() -> AsyncIterator[Browser]:
    if packages.find_browser() is None:
        pytest.skip("missing tool: no Chromium is installed; `make prometheus` gets it")
    how = packages.browser_launch()
    # The bounds within which tests may talk are a browser's as well: other hosts have no address.
    how["args"] += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*"]
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(**how)
        yield opened
        await opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database of each kind in turn: what holds of one has to hold of the other."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hashyard.db'}"
        return
    server: postgresql_server.PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.fresh()
    yield url
    server.take_back(url)
