"""The exporter from outside: a real server on a free port, miners that answer as the test says."""

import asyncio
import gzip
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from exporter.main import Exporter, Settings
from exporter.settings import in_share
from miners.driver import Memory
from miners.errors import ConfigurationError, InventoryError
from miners.model import Reading, Target

TARGETS = """\
networks: [127.0.0.0/8]
defaults:
  interval: 1s
  timeout: 1s
containers:
  - name: Контейнер 1
    location: Братск
    client: acme
    temperature_limits: {chip_max: 95}
    miners:
      - {name: a, address: 127.1.0.1, row: 1, column: 2}
      - {name: b, address: 127.1.0.2}
  - name: "<two> & more"
    id: two
    miners:
      - {name: c, address: 127.1.0.3}
"""

FIRST = 'client="acme",container="Контейнер 1",miner="a"'
SECOND = 'client="acme",container="Контейнер 1",miner="b"'


class Site:
    """An exporter that serves, its file of targets, and the miners it reads."""

    def __init__(self, build: Any, folder: Path) -> None:
        self.build = build
        self.file = folder / "targets.yml"
        self.file.write_text(TARGETS, encoding="utf-8")
        self.answers: dict[str, Callable[[Target], Any]] = {}
        self.memories: dict[str, Memory] = {}
        self.polls: Counter[str] = Counter()
        self.base = ""
        self.exporter: Exporter
        self.session: aiohttp.ClientSession

    async def read(self, target: Target, memory: Memory) -> Reading:
        self.polls[target.miner] += 1
        self.memories[target.miner] = memory
        answer = self.answers.get(target.miner, self.build.snapshot)(target)
        reading: Reading = await answer if asyncio.iscoroutine(answer) else answer
        return reading

    async def get(self, path: str, **more: Any) -> tuple[int, str]:
        async with self.session.get(self.base + path, **more) as response:
            return response.status, await response.text()

    async def post(self, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        async with self.session.post(self.base + path, json=body, **more) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def series(self, path: str = "/metrics") -> dict[str, float]:
        _, text = await self.get(path)
        lines = [line.rsplit(" ", 1) for line in text.split("\n") if line and not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    async def until(self, name: str, wanted: Callable[[float | None], bool], path: str = "/metrics") -> None:
        async with asyncio.timeout(60):
            while not wanted((await self.series(path)).get(name)):  # noqa: ASYNC110  # a page sets no event
                await asyncio.sleep(0.05)

    async def fleet(self, **query: Any) -> Any:
        status, text = await self.get("/api/v1/fleet", params=query)
        assert status == 200, text
        return json.loads(text)


@pytest.fixture
async def start(build: Any, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    site = Site(build, tmp_path)
    async with AsyncExitStack() as stack:

        async def begin(**more: Any) -> Site:
            given = {"targets": (site.file,), "port": 0} | more
            site.exporter = Exporter(Settings(**given), reader=site.read)
            port = await stack.enter_async_context(site.exporter.serving())
            site.base = f"http://127.0.0.1:{port}"
            site.session = await stack.enter_async_context(aiohttp.ClientSession())
            await site.until('miner_up{container="<two> & more",miner="c"}', lambda up: up is not None)
            return site

        begin.site = site  # type: ignore[attr-defined]
        yield begin


async def test_a_name_in_any_script_goes_from_file_to_label(start: Any) -> None:
    site = await start()
    await site.until(f"miner_up{{{FIRST}}}", lambda up: up == 1.0)
    _, text = await site.get("/metrics", params={"container": "Контейнер 1"})
    assert 'miner_info{address="127.1.0.1",algorithm="SHA-256",client="acme",container="Контейнер 1"' in text
    assert '"c"' not in text
    assert "hashyard_exporter" not in text
    series = await site.series()
    assert (
        series[
            'container_info{client="acme",container="Контейнер 1",description="",location="Братск",timezone="UTC"}'
        ]
        == 1.0
    )
    assert series['container_miners{container="<two> & more"}'] == 1.0
    assert series[f'miner_temperature_limit_celsius{{{FIRST},sensor="chip_max"}}'] == 95.0
    assert 'hashyard_exporter_polls_total{result="ok"}' in series
    own = await site.series("/metrics/own")
    assert own["hashyard_exporter_poll_interval_seconds"] == 1.0
    assert not any(name.startswith("miner_") for name in own)


async def test_every_miner_is_down_until_it_answers(start: Any) -> None:
    released = asyncio.Event()

    async def late(target: Target) -> Reading:
        await released.wait()
        return start.site.build.snapshot(target)

    start.site.answers["a"] = late
    site = await start()
    series = await site.series()
    assert series[f"miner_up{{{FIRST}}}"] == 0.0
    assert f"miner_last_seen_timestamp_seconds{{{FIRST}}}" not in series
    assert (await site.get("/-/ready"))[0] == 503
    assert (await site.get("/-/healthy"))[0] == 200
    released.set()
    await site.until(f"miner_up{{{FIRST}}}", lambda up: up == 1.0)
    await polled(site.exporter)
    assert (await site.get("/-/ready"))[0] == 200


async def test_a_miner_that_dies_leaves_no_readings_and_keeps_its_counters(start: Any) -> None:
    site = await start()
    energy = f'miner_energy_joules_total{{{FIRST},source="measured"}}'
    await site.until(energy, lambda joules: joules is not None and joules > 0)
    site.answers["a"] = site.build.failure
    await site.until(f"miner_up{{{FIRST}}}", lambda up: up == 0.0)
    dead = await site.series()
    assert dead[energy] > 0
    assert dead[f'miner_poll_failures_total{{{FIRST},reason="timeout"}}'] >= 1.0
    assert f"miner_hashrate_hashes_per_second{{{FIRST}}}" not in dead
    assert not any(
        name.startswith(("miner_board", "miner_state", "miner_pool")) and '"a"' in name for name in dead
    )
    del site.answers["a"]
    await site.until(f"miner_up{{{FIRST}}}", lambda up: up == 1.0)
    assert (await site.series())[energy] >= dead[energy]


async def test_a_hostile_reader_result_harms_nobody_else(start: Any) -> None:
    def broken(_target: Target) -> Reading:
        raise RuntimeError("a mistake of ours")

    start.site.answers["b"] = broken
    site = await start()
    await site.until(f"miner_up{{{FIRST}}}", lambda up: up == 1.0)
    await site.until(f'miner_poll_failures_total{{{SECOND},reason="malformed"}}', bool)
    fleet = await site.fleet()
    failed = next(item for item in fleet["items"] if item["miner"] == "b")
    assert (failed["kind"], failed["reason"]) == ("poll_failure", "malformed")


async def test_openmetrics_and_gzip_are_given_when_asked_for(start: Any) -> None:
    site = await start()
    headers = {
        "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
        "Accept-Encoding": "gzip",
    }
    async with aiohttp.ClientSession(auto_decompress=False) as raw:
        for path in ("/metrics", "/metrics/own", "/metrics?container=two"):
            async with raw.get(site.base + path, headers=headers) as response:
                content = await response.read()
                if response.status == 404:
                    continue
                assert response.headers["Content-Type"].startswith(
                    "application/openmetrics-text; version=1.0.0"
                )
                assert response.headers["Content-Encoding"] == "gzip"
                text = gzip.decompress(content).decode()
                assert text.endswith("# EOF\n")
                assert text.count("# EOF") == 1
        async with raw.get(site.base + "/metrics", headers={"Accept-Encoding": "identity"}) as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert "Content-Encoding" not in response.headers
            assert b"# EOF" not in await response.read()
        async with raw.head(site.base + "/metrics", headers=headers) as response:
            assert response.status == 200
            assert await response.read() == b""


async def test_promtool_accepts_everything_at_once(start: Any) -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool is not installed: it comes with the system's package prometheus"
    site = await start()
    await site.until(f"miner_up{{{FIRST}}}", lambda up: up == 1.0)
    _, text = await site.get("/metrics")
    command = [promtool, "check", "metrics"]
    done = await asyncio.to_thread(
        subprocess.run, command, input=text.encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")


async def test_service_discovery_names_each_container(start: Any) -> None:
    site = await start(advertise="10.1.0.5:9428")
    _, text = await site.get("/sd")
    assert json.loads(text) == [
        {"targets": ["10.1.0.5:9428"], "labels": {"__param_container": name, "container": name}}
        for name in ("Контейнер 1", "<two> & more")
    ]


async def test_without_another_name_it_is_found_where_it_was_reached(start: Any) -> None:
    site = await start()
    _, text = await site.get("/sd")
    assert {target for group in json.loads(text) for target in group["targets"]} == {
        site.base.removeprefix("http://")
    }
    assert Settings(targets=(), host="0.0.0.0").advertised is None
    assert Settings(targets=(), host="::1", port=1).advertised == "[::1]:1"


async def test_shards_part_the_containers(start: Any) -> None:
    share = 1 if in_share("two", (1, 3)) else 2 if in_share("two", (2, 3)) else 3
    site = await start(shard=(share, 3))
    names = [group["labels"]["container"] for group in json.loads((await site.get("/sd"))[1])]
    assert "<two> & more" in names
    assert ("Контейнер 1" in names) == in_share("konteiner-1", (share, 3))
    for container_id in ("konteiner-1", "two", "другой"):
        assert sum(in_share(container_id, (index, 5)) for index in range(1, 6)) == 1


async def test_unknown_containers_paths_and_methods_are_said_to_be_so(start: Any) -> None:
    site = await start()
    status, text = await site.get("/metrics", params={"container": "nobody"})
    problem = json.loads(text)
    assert (status, problem["type"]) == (404, "/problems/not-found")
    assert problem["error"] == problem["detail"]
    assert (await site.get("/metrics?container=a&container=b"))[0] == 400
    assert (await site.get("/nowhere"))[0] == 404
    async with site.session.put(site.base + "/sd") as response:
        assert response.status == 405
        assert "GET" in response.headers["Allow"]
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["X-Request-Id"] == (await response.json(content_type=None))["request_id"]


async def test_an_edited_file_shows_without_a_restart(start: Any) -> None:
    site = await start()
    energy = f'miner_energy_joules_total{{{FIRST},source="measured"}}'
    await site.until(energy, lambda joules: joules is not None and joules > 0)
    before = await site.series()
    text = TARGETS.replace("{name: b, address: 127.1.0.2}", "{name: new, address: 127.1.0.9}")
    text = text.replace("client: acme", "client: other").replace("row: 1", "row: 7")
    site.file.write_text(text, encoding="utf-8")
    status, answer = await site.post("/-/reload")
    assert (status, answer) == (200, {"containers": 2, "miners": 3})
    other = FIRST.replace("acme", "other")
    await site.until(
        f"miner_up{{{other.replace(chr(34) + 'a' + chr(34), chr(34) + 'new' + chr(34))}}}",
        lambda up: up == 1.0,
    )
    series = await site.series()
    assert series[energy.replace("acme", "other")] >= before[energy]
    assert not any('"acme"' in name or 'miner="b"' in name for name in series)
    assert any('position="07-02"' in name for name in series)


async def test_a_wrong_file_changes_nothing_and_is_named(start: Any) -> None:
    site = await start()
    site.file.write_text(TARGETS.replace("127.1.0.2", "127.1.0.2, port: 70000"), encoding="utf-8")
    status, problem = await site.post("/-/reload")
    assert (status, problem["type"]) == (422, "/problems/invalid")
    assert any("70000" in mistake["detail"] for mistake in problem["errors"])
    assert (await site.post("/-/reload"))[0] == 422  # each is counted, also those between two scrapes
    own = await site.series("/metrics/own")
    assert own["hashyard_exporter_config_last_reload_successful"] == 0.0
    assert own['hashyard_exporter_config_reloads_total{result="refused"}'] == 2.0
    assert "70000" in (await site.get("/"))[1]
    assert f"miner_up{{{FIRST}}}" in await site.series()
    site.file.write_text(TARGETS, encoding="utf-8")
    assert (await site.post("/-/reload"))[0] == 200
    assert (await site.series("/metrics/own"))["hashyard_exporter_config_last_reload_successful"] == 1.0


async def test_the_live_state_is_followed_by_cursor(start: Any) -> None:
    site = await start()
    for name in "abc":
        await site.post(
            "/api/v1/poll", {"container": "Контейнер 1" if name != "c" else "<two> & more", "miner": name}
        )
    whole = await site.fleet()
    assert whole["reset"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", whole["as_of"])
    assert {item["miner"] for item in whole["items"]} == {"a", "b", "c"}
    assert {item["kind"] for item in whole["items"]} == {"snapshot"}
    pages = []
    cursor = ""
    for _ in range(2):
        page = await site.fleet(limit=2, cursor=cursor)
        pages += page["items"]
        cursor = page["cursor"]
    assert {item["miner"] for item in pages} >= {"a", "b"}
    changed = await site.fleet(cursor=whole["cursor"], container="<two> & more")
    assert changed["reset"] is False
    assert {item["miner"] for item in changed["items"]} <= {"c"}
    assert (await site.fleet(cursor="00000000-5"))["reset"] is True


async def test_what_left_the_inventory_is_told_once_and_not_when_it_is_back(start: Any) -> None:
    site = await start()
    await site.post("/api/v1/poll", {"container": "Контейнер 1", "miner": "b"})
    cursor = (await site.fleet())["cursor"]
    site.file.write_text(TARGETS.replace("      - {name: b, address: 127.1.0.2}\n", ""), encoding="utf-8")
    await site.post("/-/reload")
    after = await site.fleet(cursor=cursor)
    assert after["removed"] == [{"container": "Контейнер 1", "miner": "b"}]
    assert (await site.fleet())["removed"] == []
    site.file.write_text(TARGETS, encoding="utf-8")
    await site.post("/-/reload")
    await site.post("/api/v1/poll", {"container": "Контейнер 1", "miner": "b"})
    back = await site.fleet(cursor=cursor)
    assert back["removed"] == []
    assert "b" in {item["miner"] for item in back["items"]}


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("limit=0", "?limit"),
        ("limit=many", "?limit"),
        ("limit=99999999", "?limit"),
        ("cursor=garbage", "?cursor"),
        ("limit=1&limit=2", "?limit"),
        ("colour=red", "?colour"),
    ],
)
async def test_bad_values_are_named(start: Any, query: str, at: str) -> None:
    site = await start()
    status, text = await site.get(f"/api/v1/fleet?{query}")
    problem = json.loads(text)
    assert (status, problem["type"]) == (400, "/problems/malformed")
    assert [mistake["at"] for mistake in problem["errors"]] == [at]


async def test_poll_now_gives_the_reading(start: Any) -> None:
    site = await start()
    name = {"container": "Контейнер 1", "miner": "a"}
    status, reading = await site.post("/api/v1/poll", name)
    assert (status, reading["kind"], reading["hashrate_hs"]) == (200, "snapshot", 126.34567e12)
    site.answers["a"] = site.build.failure
    status, reading = await site.post("/api/v1/poll", name)
    assert (status, reading["kind"], reading["reason"]) == (200, "poll_failure", "timeout")
    assert (await site.post("/api/v1/poll", {"container": "Контейнер 1", "miner": "x"}))[0] == 404
    status, problem = await site.post("/api/v1/poll", name | {"colour": "red"})
    assert (status, problem["type"]) == (422, "/problems/invalid")
    assert (await site.post("/api/v1/poll", ["x"]))[0] == 422
    async with site.session.post(site.base + "/api/v1/poll", data="{}") as response:
        assert response.status == 415
    headers = {"Content-Type": "application/json"}
    async with site.session.post(site.base + "/api/v1/poll", data="{", headers=headers) as response:
        assert response.status == 400
    async with site.session.post(site.base + "/api/v1/poll", data=" " * 300_000, headers=headers) as response:
        assert response.status == 413


async def test_a_lease_keeps_the_exporter_away(start: Any) -> None:
    site = await start()
    name = {"container": "Контейнер 1", "miner": "a"}
    status, lease = await site.post("/api/v1/lease", {"miners": [name], "seconds": 30})
    assert status == 200
    assert lease["miners"] == [name]
    polls = site.polls["a"]
    status, problem = await site.post("/api/v1/lease", {"miners": [name], "seconds": 1})
    assert (status, problem["type"]) == (409, "/problems/busy")
    assert (await site.post("/api/v1/poll", name))[0] == 409
    others = site.polls["b"]
    async with asyncio.timeout(60):
        while site.polls["b"] < others + 3:  # noqa: ASYNC110  # a number sets no event
            await asyncio.sleep(0.05)
    assert site.polls["a"] == polls
    assert (await site.series("/metrics/own"))["hashyard_exporter_miners_leased"] == 1.0
    async with site.session.delete(f"{site.base}/api/v1/lease/{lease['lease']}") as response:
        assert response.status == 204
    async with site.session.delete(f"{site.base}/api/v1/lease/{lease['lease']}") as response:
        assert response.status == 404
    assert (await site.post("/api/v1/poll", name))[0] == 200
    _, lapsing = await site.post("/api/v1/lease", {"miners": [name], "seconds": 0.2})
    await asyncio.sleep(0.3)
    assert (await site.post("/api/v1/poll", name))[0] == 200
    assert lapsing["lease"] != lease["lease"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"miners": [], "seconds": 5}, 422),
        ({"miners": [{"container": "Контейнер 1", "miner": "a"}], "seconds": 0}, 422),
        ({"miners": [{"container": "Контейнер 1", "miner": "a"}], "seconds": 3600}, 422),
    ],
)
async def test_a_lease_that_cannot_be(start: Any, body: Any, status: int) -> None:
    site = await start()
    answer, problem = await site.post("/api/v1/lease", body)
    assert answer == status
    assert problem["errors"][0]["at"].startswith(("/miners", "/seconds"))


async def test_a_lease_of_miners_that_are_not_there_names_all_of_them(start: Any) -> None:
    site = await start()
    names = [("nobody", "a"), ("Контейнер 1", "a"), ("Контейнер 1", "z")]
    miners = [{"container": container, "miner": miner} for container, miner in names]
    status, problem = await site.post("/api/v1/lease", {"miners": miners, "seconds": 5})
    assert (status, problem["type"]) == (404, "/problems/not-found")
    assert [mistake["at"] for mistake in problem["errors"]] == ["/miners/0/container", "/miners/2/miner"]


async def test_with_a_token_only_health_is_open(start: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s" * 32 + "\n", encoding="utf-8")
    site = await start_with_token(start, token)
    for path in ("/", "/metrics", "/metrics/own", "/sd", "/api/v1/fleet", "/nowhere"):
        async with site.session.get(site.base + path) as response:
            assert response.status == 401, path
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            assert "Контейнер" not in await response.text()
    for wrong in ("Bearer " + "s" * 31, "Basic " + "s" * 32, "Bearer", "Bearer \xff"):
        assert (await site.get("/metrics", headers={"Authorization": wrong}))[0] == 401
    assert (await site.post("/-/reload"))[0] == 401
    assert (await site.get("/-/healthy"))[0] == 200
    assert (await site.get("/-/ready"))[0] in (200, 503)
    assert (await site.get("/metrics", headers={"Authorization": "Bearer " + "s" * 32}))[0] == 200


async def start_with_token(start: Any, token: Path) -> Site:
    site: Site = start.site

    async def enough(*_: Any) -> None:
        return None

    site.until = enough  # type: ignore[method-assign]
    begun: Site = await start(token_file=token)
    return begun


async def test_strangers_hosts_and_sites_are_refused(start: Any) -> None:
    site = await start()
    assert (await site.get("/metrics", headers={"Host": "evil.example.com"}))[0] == 421
    assert (await site.get("/metrics", headers={"Host": "localhost:9428"}))[0] == 200
    assert (await site.get("/metrics", headers={"Host": "[::1]:9428"}))[0] == 200
    for headers in (
        {"Origin": "http://evil.example.com"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
    ):
        status, problem = await site.post("/-/reload", headers=headers)
        assert (status, problem["type"]) == (403, "/problems/cross-site")
    assert (await site.post("/-/reload", headers={"Origin": site.base}))[0] == 200


async def test_the_landing_page_escapes_and_links(start: Any) -> None:
    site = await start()
    await site.until(f"miner_up{{{FIRST}}}", lambda up: up == 1.0)
    async with site.session.get(site.base + "/") as response:
        text = await response.text()
        assert "script" not in text
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "&lt;two&gt; &amp; more" in text
    assert "<two>" not in text
    link = re.search(r'href="(/metrics\?container=[^"]+)">Контейнер', text)
    assert link is not None
    assert (await site.get(link[1]))[0] == 200


async def test_a_busy_port_and_a_bad_file_stop_the_start(start: Any, tmp_path: Path) -> None:
    site = await start()
    port = int(site.base.rsplit(":", 1)[1])
    second = Exporter(Settings(targets=(site.file,), port=port), reader=site.read)
    with pytest.raises(ConfigurationError, match="is in use by another program"):
        async with second.serving():
            pytest.fail("two exporters listen on one port")
    missing = tmp_path / "missing.yml"
    with pytest.raises(InventoryError, match="does not exist"):
        Exporter(Settings(targets=(missing,)), reader=site.read)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.0.5", "example.com"])
def test_another_address_than_loopback_wants_a_token(tmp_path: Path, host: str) -> None:
    settings = Settings(targets=(tmp_path / "targets.yml",), host=host)
    with pytest.raises(ConfigurationError, match="--token-file"):
        Exporter(settings)


@pytest.mark.parametrize("content", ["", "short", "x" * 20 + "\n" + "y" * 20, "é" * 20])
def test_a_token_that_is_none_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="must hold one token") as caught:
        Exporter(Settings(targets=(file,), token_file=file))
    assert not content or content not in str(caught.value)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Exporter(Settings(targets=(file,), token_file=tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="exclude each other"):
        Exporter(Settings(targets=(file,), token_file=file, no_auth=True))


async def test_drivers_and_nominal_figures_are_remembered_over_a_restart(start: Any, tmp_path: Path) -> None:
    site: Site = start.site
    data = tmp_path / "data"
    settings = Settings(targets=(site.file,), port=0, data=data)

    async def first(target: Target, memory: Memory) -> Reading:
        memory.driver, memory.firmware = "luxos", "LuxOS 2024"
        return await site.read(target, memory)

    exporter = Exporter(settings, reader=first)
    async with exporter.serving():
        await polled(exporter)
    assert "luxos" in (data / "exporter-remembers.json").read_text(encoding="utf-8")

    site.answers = dict.fromkeys("abc", lambda t: replace(site.build.snapshot(t), nominal_hashrate_hs=1e12))
    exporter = Exporter(settings, reader=site.read)
    async with exporter.serving():
        await polled(exporter)
        assert site.memories["a"].driver == "luxos"
        state = exporter.polling.fleet.find("Контейнер 1", "a")
        assert state is not None
        assert state.device.nominal_hashrate_hs == 128e12
        assert any(
            b"miner_nominal_hashrate_hashes_per_second" in chunk and b" 1.28e+14" in chunk
            for chunk in state.row
        )

    (data / "exporter-remembers.json").write_text('{"format": 1, "miners": [{"conta', encoding="utf-8")
    exporter = Exporter(settings, reader=site.read)
    async with exporter.serving():
        await polled(exporter)
        assert site.memories["a"].driver is None


async def polled(exporter: Exporter) -> None:
    async with asyncio.timeout(60):
        while exporter.polling.poller.unpolled:  # noqa: ASYNC110  # a number sets no event
            await asyncio.sleep(0.01)
