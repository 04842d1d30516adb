"""Where the demo's past ends as the present begins: what each counter says there, and what is asked of Prometheus for it."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import READ
from exporter.render import READ_AT, Row
from tools.history_blocks import BlocksFailed
from tools.history_joining import JOINED, Counters, First, joined, series_of
from tools.history_pages import FINE_BLOCK_S, Span, stretches
from tools.history_present import first_values

HERE = 1_700_000_000.0
WIRE = 'miner_shares_total{client="v",container="Контейнер \\"1\\"",miner="a\\\\1",result="stale"}'.encode()


def increase(values: Sequence[float]) -> float:
    """Return what Prometheus makes of a counter's samples, without stretching it."""
    return sum(after - before if after >= before else after for before, after in itertools.pairwise(values))


def minutes(values: Sequence[float]) -> list[float]:
    return [HERE + 60 * place for place in range(len(values))]


@st.composite
def counters(draw: st.DrawFn) -> list[float]:
    value, found = float(draw(st.integers(0, 10**6))), []
    for step in draw(st.lists(st.none() | st.integers(0, 50), min_size=1, max_size=60)):
        value = 0.0 if step is None else value + step
        found.append(value)
    return found


@given(counters(), st.integers(0, 10**6), st.integers(0, 90))
def test_over_the_join_a_counter_grows_as_before_wherever_it_stands(
    values: list[float], present: int, passed: int
) -> None:
    times = minutes(values)
    first = First(times[-1] + passed, float(present))
    found = joined(times, values, first)
    assert len(found) == len(values)
    assert min(found) >= 0
    meanwhile = passed * increase(values) / (times[-1] - times[0]) if len(values) > 1 else 0.0
    most = max((after - before for before, after in itertools.pairwise(values)), default=0.0)
    assert increase([*found, first.value]) <= increase(values) + max(meanwhile, passed * most / 60) + 1
    for before, after, was, then in zip(found, found[1:], values, values[1:], strict=False):
        # It falls where the miner has restarted, or where the present counter began.
        assert after >= before or then < was or after <= most


def test_a_counter_that_stands_elsewhere_is_moved_whole() -> None:
    values = [float(60 * place) for place in range(100)]
    found = joined(minutes(values), values, First(HERE + 100 * 60, 1_000_000.0))
    assert found[-1] == 1_000_000 - 60
    assert [after - before for before, after in itertools.pairwise(found)] == [60.0] * 99


def test_a_present_counter_that_is_old_knows_of_no_restart() -> None:
    values = [*(float(place) for place in range(50)), *(float(place) for place in range(50))]
    found = joined(minutes(values), values, First(HERE + 100 * 60, 5_000.0))
    assert found == sorted(found)
    assert increase(found) == increase(values)


def test_one_that_began_lately_falls_where_it_began_and_nowhere_else() -> None:
    values = [float(10 * place) for place in range(100)]
    found = joined(minutes(values), values, First(HERE + 100 * 60, 105.0))
    assert [place for place in range(1, 100) if found[place] < found[place - 1]] == [90]
    assert found[90:] == [5.0 + 10 * place for place in range(10)]
    assert found[:90] == values[:90]


def test_one_that_restarted_with_the_demo_ends_as_it_was_made() -> None:
    values = [float(10 * (place % 15)) for place in range(100)]
    assert joined(minutes(values), values, First(HERE + 100 * 60, 0.0)) == values


def test_series_are_known_by_their_labels() -> None:
    assert series_of(WIRE) == frozenset(
        {
            ("__name__", "miner_shares_total"),
            ("client", "v"),
            ("container", 'Контейнер "1"'),
            ("miner", "a\\1"),
            ("result", "stale"),
        }
    )


def row_with(name: str, chunk: bytes) -> Row:
    names = [metric.name for metric in READ]
    row = [b""] * (READ_AT + len(names))
    row[READ_AT + names.index(name)] = chunk
    return tuple(row)


def test_counters_are_taken_out_of_rows_and_written_by_block(tmp_path: Path) -> None:
    counted = Counters()
    begin = int(HERE // FINE_BLOCK_S * FINE_BLOCK_S)
    for place in range(4):
        row = row_with("miner_shares_total", WIRE + b" %d.0\n" % (5 * place))
        left = counted.without(row, begin + 3600 * place)
        assert WIRE not in b"".join(left)
        assert len(left) == len(row)
    counted.join({series_of(WIRE): First(begin + 3 * 3600, 1000.0)})
    spans = stretches(begin, begin + 3 * 3600, "miners-counters")
    assert spans == [
        Span(begin, begin + 7200, FINE_BLOCK_S, "miners-counters"),
        Span(begin + 7200, begin + 10_801, FINE_BLOCK_S, "miners-counters"),
    ]
    counted.write(tmp_path, spans)
    texts = [span.file(tmp_path).read_bytes().splitlines() for span in spans]
    assert texts == [
        [WIRE + b" 985.0 %d" % begin, WIRE + b" 990.0 %d" % (begin + 3600), b"# EOF"],
        [WIRE + b" 995.0 %d" % (begin + 7200), WIRE + b" 1000.0 %d" % (begin + 10_800), b"# EOF"],
    ]


def test_what_the_exporter_counts_from_0_is_left_where_it_is() -> None:
    assert "miner_hashes_total" in JOINED
    assert "miner_pool_switches_total" not in JOINED
    row = row_with("miner_pool_switches_total", b"miner_pool_switches_total 3.0\n")
    assert b"miner_pool_switches_total" in b"".join(Counters().without(row, HERE))


class Prometheus(BaseHTTPRequestHandler):
    """Says that two miners of three were polled, and one sample of one counter; or what is no answer."""

    broken = False

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        result: list[dict[str, Any]] = []
        if path.endswith("tsdb"):
            answer: Any = {"data": {"headStats": {"minTime": (HERE - 1000) * 1000}}}
        else:
            if query["query"][0].startswith("miner_hashes_total"):
                metric = {"__name__": "miner_hashes_total", "miner": "a1"}
                result = [{"metric": metric, "values": [[HERE - 990.5, "7e+15"], [HERE - 960, "8e+15"]]}]
            answer = {"data": {"result": result}}
        body = b"<html>" if self.broken and not path.endswith("tsdb") else orjson.dumps(answer)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Prometheus.broken = False
    with HTTPServer(("127.0.0.1", 0), Prometheus) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_first_sample_is_taken_and_nobody_is_waited_for_who_has_not_come_long_since(url: str) -> None:
    assert first_values(url, 3) == {
        frozenset({("__name__", "miner_hashes_total"), ("miner", "a1")}): First(HERE - 990.5, 7e15)
    }


def test_what_is_no_prometheus_is_named(url: str) -> None:
    Prometheus.broken = True
    with pytest.raises(BlocksFailed, match=url):
        first_values(url, 3)
