"""What a large fleet costs Prometheus, and how long its dashboards take to answer, each panel and each variable.

The whole of it runs: simulated miners, the exporter, the controller that orders all of them, and Prometheus with the
committed rules, on an hour that was made before. Who asks waits for whole answers, a panel's queries one after the other.
"""

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil
from figures import Figure, median
from past_hour import blocks_in, make_hour
from stage import OTHERS, PATIENCE_S, Program, Size, exporter, folder, simulator

from grafana.catalogue import DASHBOARDS
from grafana.questions import choices, questions, selector_of, variables
from stack.prometheus_config import Places, rendered
from tools import packages

CONTAINER_SIZE = 250
COLUMNS = 25
INTERVAL_S = 30
LIVE_TIMES = 8
"""So many times as long as other parts that go by the clock: rules of two minutes have to be evaluated some times."""
LONGEST_S = 1.0
BLOCKS = 3
"""An hour that ends now lies in two blocks at most, and where its last sample is of a full hour in three."""
SLOWEST = 5

# What is wrong in each container, by the miner's number there; a container of fewer has fewer faults.
FAULTS = (
    ("silent", "", (3, 77)),
    ("refused", "", (14,)),
    ("board_dead", ", board: 2", (5, 120)),
    ("chip_loss", ", chips: 40", (6,)),
    ("reject_shares", ", ratio: 0.1", (8,)),
    ("sleeping", "", (9,)),
    ("foreign_pool", ', url: "stratum+tcp://elsewhere.example:3333", user: stranger.1', (10,)),
)
DEFAULTS = f"interval: {INTERVAL_S}s, web_port: null, v3_port: null, timezone: UTC, tariff: flat, control: enforce, schedule: halves"
MODEL = "manufacturer: Whatsminer, model: M30S+"
WINDOWS = ", ".join(
    f'{{from: "{hour:02}:{begin}", to: "{hour + (end == "00"):02}:{end}", profile: {profile}}}'
    for hour in range(24)
    for begin, end, profile in (("00", "30", "normal"), ("30", "00", "underclock"))
)


def inventory(size: Size, containers: int) -> str:
    """Return an inventory of so many containers; the last one holds what is left of the fleet's miners."""
    lines = [
        f"defaults: {{{DEFAULTS}}}",
        "tariffs:\n  flat: {currency: USD, price_per_kwh: 0.05}",
        f"schedules:\n  halves: {{windows: [{WINDOWS}]}}",
        "containers:",
    ]
    for place in range(containers):
        count = min(CONTAINER_SIZE, size.miners - place * CONTAINER_SIZE)
        rows = (count - 1) // COLUMNS + 1
        start = size.address(place * CONTAINER_SIZE)
        lines += [
            f"  - name: Container {place + 1}",
            "    client: farm",
            f"    rows: {rows}\n    columns: {COLUMNS}\n    power_limit: 1 MW",
            '    pools: [{url: "stratum+tcp://*.pool.example:3333", user: "farm.*"}]',
            "    simulate:",
            '      pools: [{url: "stratum+tcp://eu.pool.example:3333", user: "farm.{miner}"}]',
            "      faults:",
            *(
                f"        - {{fault: {fault}{more}, miners: [{', '.join(f'm{n}' for n in there)}]}}"
                for fault, more, numbers in FAULTS
                if (there := [n for n in numbers if n <= count])
            ),
            "    miners:",
            f'      - {{name: "m{{n}}", addresses: {start}-{count}, {MODEL}, row: 1, column: 1}}',
        ]
    return "\n".join(lines) + "\n"


def watching(size: Size) -> list[Figure]:
    """Measure Prometheus with the fleet: memory, rules, scrapes, and the answers that the dashboards wait for."""
    containers = (size.miners - 1) // CONTAINER_SIZE + 1
    with folder() as path:
        whole, one = path / "targets.yml", path / "one.yml"
        whole.write_text(inventory(size, containers), encoding="utf-8")
        one.write_text(inventory(size, 1), encoding="utf-8")
        data = path / "prometheus"
        where = size.place(3, 8000)
        copies = [
            (
                f"Container {place + 1}".encode(),
                size.address(place * CONTAINER_SIZE).removesuffix("1").encode(),
            )
            for place in range(containers)
        ]
        promtool = packages.find_program("promtool")
        assert promtool is not None, "promtool is not there: make prometheus gets it"
        make_hour(promtool, one, data, time.time(), copies, where)
        put_together(size, path, data)
        with (
            simulator(size, whole),
            exporter(size, whole, cores=OTHERS) as scraped,
            _controller(whole, where, path / "data", scraped),
            _prometheus(size, path, data, scraped, where) as prometheus,
        ):
            prometheus.watch(LIVE_TIMES * size.seconds)
            return [*prometheus.costs(), *_answers(prometheus, size.rounds)]


@contextmanager
def _controller(targets: Path, where: str, data: Path, scraped: Program) -> Iterator[Program]:
    flags = ("--data", str(data), "--exporter", scraped.url, "--restarts-a-day", "1000")
    program = Program("controller", targets, where, *flags, cores=OTHERS)
    try:
        program.wait()
        yield program
    finally:
        program.end()


class Prometheus:
    """A running Prometheus: what is asked of it, and what it uses."""

    def __init__(self, process: "subprocess.Popen[bytes]", where: str) -> None:
        self._connection = http.client.HTTPConnection(where, timeout=PATIENCE_S)
        self._usage = psutil.Process(process.pid)
        self._most = 0
        self._share = 0.0
        self.began = time.time()

    def get(self, path: str, form: Mapping[str, str]) -> Any:
        """Return the data of an answer, asked as Grafana does."""
        self._connection.request(
            "POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        return self._data(path, form)

    def label_values(self, selector: str, label: str, since: float | None = None) -> list[str]:
        """Return the values of a label in the series of a selector, of the last minutes unless since a time."""
        given = {"match[]": selector, "start": str(since or time.time() - 300), "end": str(time.time())}
        self._connection.request("GET", f"/api/v1/label/{quote(label)}/values?{urlencode(given)}")
        found: list[str] = self._data(selector, given)
        return found

    def _data(self, path: str, form: Mapping[str, str]) -> Any:
        response = self._connection.getresponse()
        body = response.read()
        assert response.status == 200, (path, form, body[:400])
        return json.loads(body)["data"]

    def value(self, expression: str) -> float:
        """Return the one value of an expression now, 0 where there is none."""
        result = self.get("/api/v1/query", {"query": expression})["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def watch(self, seconds: float) -> None:
        """Let it work for so long, and remember what it uses."""
        self.began, used = time.time(), self._cpu_s()
        while time.time() < self.began + seconds:
            time.sleep(min(1.0, seconds))
            self._most = max(self._most, self._usage.memory_info().rss)
        self._share = (self._cpu_s() - used) / (time.time() - self.began)

    def _cpu_s(self) -> float:
        used = self._usage.cpu_times()
        return float(used.user + used.system)

    def costs(self) -> list[Figure]:
        """Return what scraping and rules took while it was watched."""
        over = f"[{max(round(time.time() - self.began), 60)}s]"
        found = [
            Figure("series in memory", self.value("prometheus_tsdb_head_series")),
            Figure(
                "samples a scrape of all containers",
                self.value('sum(scrape_samples_scraped{job="hashyard"})'),
            ),
            Figure("memory at most", self._most / 2**30, "GiB"),
            Figure("CPU, of one core", self._share),
            Figure(
                "time of a scrape of a container",
                self.value(f'avg(avg_over_time(scrape_duration_seconds{{job="hashyard"}}{over}))'),
                "s",
            ),
            Figure(
                "the longest",
                self.value(f'max(max_over_time(scrape_duration_seconds{{job="hashyard"}}{over}))'),
                "s",
            ),
            Figure(
                "time of a scrape of the controller",
                self.value(f'max(avg_over_time(scrape_duration_seconds{{job="hashyard-controller"}}{over}))'),
                "s",
            ),
            Figure("alerts, pending and firing", self.value("count(ALERTS)")),
            Figure("rules that failed", self.value("sum(prometheus_rule_evaluation_failures_total)"), aim=0),
            Figure(
                "evaluations left out",
                self.value("sum(prometheus_rule_group_iterations_missed_total)"),
                aim=0,
            ),
        ]
        took = "prometheus_rule_group_last_duration_seconds"
        # Up to the first evaluation it stands at 0.
        mean = f"avg_over_time(({took} > 0){over[:-1]}:15s])"
        for one in self.get("/api/v1/query", {"query": f"sort_desc({mean})"})["result"]:
            name = one["metric"]["rule_group"].rpartition(";")[2]
            every = self.value(f'prometheus_rule_group_interval_seconds{{rule_group=~".*;{name}"}}')
            found.append(
                Figure(
                    f"an evaluation of {name}, every {every:.0f} s", float(one["value"][1]), "s", every / 2
                )
            )
        return found


def _answers(prometheus: Prometheus, rounds: int) -> list[Figure]:
    """Ask what each panel and variable asks; return the slowest, and of the others how long they take at most."""
    os.sched_setaffinity(0, OTHERS)
    took: dict[str, float] = {}
    queries = 0
    for uid in DASHBOARDS:
        values = next(choices(uid, prometheus.label_values))
        for asker, group in groupby(questions(uid), key=lambda question: question.asker):
            asked = list(group)
            queries += len(asked)

            def answered(asked: list[Any] = asked, values: dict[str, str] = values) -> None:
                for question in asked:
                    prometheus.get(*question.asked(values, time.time()))

            took[f"{uid}: {asker}"] = median([_timed(answered) for _ in range(rounds)])
        since = time.time() - questions(uid)[0].span_s
        for variable in variables(uid):
            selector = selector_of(variable, values)
            took[str(variable)] = median(
                [
                    _timed(lambda s=selector, v=variable, at=since: prometheus.label_values(s, v.label, at))
                    for _ in range(rounds)
                ]
            )
    slowest = sorted(took, key=lambda name: took[name], reverse=True)
    rest = [took[name] for name in slowest[SLOWEST:]]
    return [
        Figure("panels, annotations and variables", len(took)),
        Figure("their queries", queries),
        *(Figure(name, took[name], "s", LONGEST_S) for name in slowest[:SLOWEST]),
        Figure("every other one, at most", max(rest), "s", LONGEST_S),
        Figure("half of all, at most", median(list(took.values())), "s"),
    ]


def _timed(what: Any) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def put_together(size: Size, path: Path, data: Path, most: int = BLOCKS) -> None:
    """Let a Prometheus that does nothing else make one block of those of the same hours: in earnest there is one."""
    with running(size, path, data, "global: {}"):
        end = time.monotonic() + 3 * PATIENCE_S
        while blocks_in(data) > most:
            assert time.monotonic() < end, f"{blocks_in(data)} blocks are not put together"
            time.sleep(1)


@contextmanager
def _prometheus(
    size: Size, path: Path, data: Path, scraped: Program, controller: str
) -> Iterator[Prometheus]:
    rooms = packages.REPOSITORY / "prometheus"
    places = Places(
        exporters=[scraped.url],
        prometheus=f"http://{size.place(4, 9090)}",
        controller=f"http://{controller}",
        rules=[str(rooms / "rules" / "*.yml")],
    )
    config = rendered((rooms / "prometheus.yml").read_text(encoding="utf-8"), places)
    with running(size, path, data, config) as process:
        yield Prometheus(process, size.place(4, 9090))


@contextmanager
def running(size: Size, path: Path, data: Path, config: str) -> "Iterator[subprocess.Popen[bytes]]":
    program = packages.find_program("prometheus")
    assert program is not None, "Prometheus is not there: make prometheus gets it"
    where = size.place(4, 9090)
    file, log = path / "prometheus.yml", path / "prometheus.log"
    file.write_text(config, encoding="utf-8")
    with log.open("ab") as said:
        process = subprocess.Popen(
            [
                *(str(program), f"--config.file={file}", f"--storage.tsdb.path={data}"),
                *(f"--web.listen-address={where}", "--storage.tsdb.retention.time=30d"),
            ],
            stdout=said,
            stderr=said,
        )
    try:
        end = time.monotonic() + PATIENCE_S
        while not _is_ready(where):
            assert process.poll() is None, log.read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < end, "Prometheus does not get ready"
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        process.wait()


def _is_ready(where: str) -> bool:
    connection = http.client.HTTPConnection(where, timeout=5)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
