"""VictoriaMetrics as long-term storage, written to by Prometheus over two shards: the dashboards' queries answer the same there.

Where they do not, docs/long-term.md says why. The made past comes into it by its own interface for imports; the present by
remote_write.
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import Request

import pytest

from grafana.questions import Question, Values, choices, every_question, every_variable, selector_of
from tests.system.stack import Program, Stack, _opener, ask, query, until
from tests.system.watched_fleet import SCRAPED_S, SHARDS, Watched, watched_fleet

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

SHOWN_S = 300
"""So long after its end the made past still counts as current, for Prometheus."""
SPAN_S, STEP_S = 120, 15
"""What of the present a graph is asked for."""
BEHIND_S = 60
"""So long ago is what both have: what is written arrives within seconds, and VictoriaMetrics shows none of the last 30."""
AWAY_S = 30
"""How long the storage is away."""
BETWEEN_S = 7
"""Beside the full minute on which the made past has its samples: no sample lies on the edge of a window."""
OTHER_IN_A_RANGE, FEWEST_OTHER = 0.1, 5
"""Made series end without a mark: Prometheus shows them for five minutes, VictoriaMetrics for as long as their interval."""
OF_AN_INCREASE = 0.15
"""After a gap VictoriaMetrics counts what grew within it, and Prometheus does not."""
OF_A_QUANTILE = 0.5
"""Of few commands: one more at a window's edge is another bucket."""
OF_A_SUBQUERY = 0.01
"""Its steps count what was current then, and what has ended without a mark was so for another time."""

SUBQUERY = re.compile(r"\[\d+[a-z]:\d+[a-z]\]")
COUNTED = re.compile(r"\b(rate|increase)\(")
REACHES_BACK = re.compile(r"\b(rate|increase)\([^\[]*\[\d|\[\d+[hd]")
"""Into the made past, whose series end without a mark, and where the counters of the present do not begin at what they were."""
DAYS, DAY_S = "offset -1d", 86_400
# (uid, panel, letter): why the answers are not the same ones.
DIFFERENT = {
    ("hashyard-energy", "Statement by miner", "B"): "0 / 0 is NaN in PromQL, and nothing in MetricsQL",
}

Points = Mapping[tuple[tuple[tuple[str, str], ...], int], float]


class Both(NamedTuple):
    """The two that are asked. `start` starts the storage, also again."""

    watched: Watched
    storage: Program
    start: Callable[[], Program]


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
    prometheus: Path,
    alertmanager: Path,
    promtool: Path,
    victoria_metrics: Path,
) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("storage")
    with Stack(folder) as stack:
        where = f"127.{stack.network}.255.6:8428"
        command = [
            *(str(victoria_metrics), f"-storageDataPath={folder / 'data'}", f"-httpListenAddr={where}"),
            *("-retentionPeriod=10y", "-search.maxStalenessInterval=5m"),
        ]

        def start() -> Program:
            program = stack.start_program("victoria-metrics", command, where)
            program.wait_ready("/health")
            return program

        storage = start()
        with watched_fleet(
            tmp_path_factory.mktemp("watched"),
            prometheus,
            alertmanager,
            shards=SHARDS,
            remote_write=[f"{storage.url}/api/v1/write"],
        ) as watched:
            _import_past(watched, storage)
            time.sleep(watched.past_until + SHOWN_S + SPAN_S + BEHIND_S - time.time())
            yield Both(watched, storage, start)


def _import_past(watched: Watched, storage: Program) -> None:
    """Carry every sample of the made past over: remote_write begins with what is scraped."""
    asked = {"query": '{__name__=~".+"}[28h]', "time": str(watched.past_until)}
    series = ask(f"{watched.prometheus.url}/api/v1/query?{urlencode(asked)}").json()["data"]["result"]
    lines = [
        json.dumps(
            {
                "metric": one["metric"],
                "values": [float(value) for _, value in one["values"]],
                "timestamps": [int(at * 1000) for at, _ in one["values"]],
            }
        )
        for one in series
    ]
    assert lines
    request = Request(f"{storage.url}/api/v1/import", data="\n".join(lines).encode(), method="POST")
    with _opener.open(request, timeout=60) as reply:
        assert reply.status == 204
    ask(f"{storage.url}/internal/force_flush")


def points(server: Program, question: Question, values: Values, now: float) -> Points:
    """Return the values of an answer by labels without the name, and time; those of an instant are at 0."""
    path, form = question.asked(values, now)
    for edge in {"start", "end"} & set(form):
        form[edge] = str(int(form[edge]) + BETWEEN_S)
    answer = ask(f"{server.url}{path}?{urlencode({**form, 'nocache': '1'})}")
    assert answer.status == 200, f"{question}: {answer.body.decode()}\n{form['query']}"
    result: list[dict[str, Any]] = answer.json()["data"]["result"]
    return {
        (
            tuple(sorted((name, label) for name, label in one["metric"].items() if name != "__name__")),
            0 if question.instant else round(at),
        ): float(value)
        for one in result
        for at, value in one.get("values") or [one["value"]]
        if not math.isnan(float(value))
    }


def unlike(question: Question, wanted: Points, found: Points) -> str:
    """Say in what VictoriaMetrics answers otherwise than Prometheus beyond what is written down; "" for nothing."""
    keys = set(wanted) | set(found)
    if COUNTED.search(question.expression):
        # It takes an increase from the sample before the window, and does not stretch it; so it also knows some that
        # Prometheus does not.
        if absent := set(wanted) - set(found):
            return f"{question}: {len(absent)} of {len(keys)} are missing: {min(absent)}"
        was, now = (sum(of[key] for key in wanted if math.isfinite(of[key])) for of in (wanted, found))
        apart = OF_A_QUANTILE if "histogram_quantile" in question.expression else OF_AN_INCREASE
        return "" if math.isclose(was, now, rel_tol=apart, abs_tol=1.0) else f"{question}: {was}, {now}"
    exactly = OF_A_SUBQUERY if SUBQUERY.search(question.expression) else 1e-5
    other = {
        key
        for key in keys
        if key not in wanted
        or key not in found
        or not math.isclose(wanted[key], found[key], rel_tol=exactly, abs_tol=1e-9)
    }
    most = 0.0 if question.instant else max(FEWEST_OTHER, OTHER_IN_A_RANGE * len(keys))
    if len(other) <= most:
        return ""
    first = min(other)
    return f"{question}: {len(other)} of {len(keys)}: {first}: {wanted.get(first)}, {found.get(first)}"


def compare(both: Both, questions: Iterable[Question], now: float) -> None:
    """Compare the answers to questions for every choice of their dashboards; fail with all that are unlike."""
    found, answered, asked = [], 0, 0
    for question in questions:
        count = 0
        for values in choices(question.uid, both.watched.label_values):
            answers = [
                points(server, question, values, now) for server in (both.watched.prometheus, both.storage)
            ]
            if DAYS in question.expression:
                # A day that is not over: what was recorded just now is still on its way.
                answers = [
                    {key: value for key, value in one.items() if key[1] + DAY_S < now} for one in answers
                ]
            if (question.uid, question.asker, question.letter) not in DIFFERENT:
                found.append(unlike(question, *answers))
            count += len(answers[0])
        answered += bool(count)
        asked += 1
    assert not list(filter(None, found))
    assert answered > 0.8 * asked


def test_what_was_answers_the_same(both: Both) -> None:
    # At least five minutes after a change of profile: before, a miner of the made past has two.
    compare(both, every_question(), both.watched.past_until // 900 * 900 - 300 + BETWEEN_S)


def test_what_is_answers_the_same(both: Both) -> None:
    now = query(both.watched.prometheus, "vector(time())")[0].value - BEHIND_S
    of_the_present = [
        replace(question, span_s=SPAN_S, step_s=STEP_S)
        for question in every_question()
        if not REACHES_BACK.search(question.expression)
    ]
    compare(both, of_the_present, now)


def test_a_dropdown_offers_the_same(both: Both) -> None:
    for variable in every_variable():
        values = next(choices(variable.uid, both.watched.label_values))
        asked = {"match[]": selector_of(variable, values), "start": str(time.time() - 600)}
        offered = [
            sorted(
                ask(f"{server.url}/api/v1/label/{variable.label}/values?{urlencode(asked)}").json()["data"]
            )
            for server in (both.watched.prometheus, both.storage)
        ]
        assert offered[0] == offered[1]
        assert offered[0]


def test_a_storage_that_was_away_gets_what_it_missed(both: Both) -> None:
    both.storage.end()
    time.sleep(AWAY_S)
    at = query(both.watched.prometheus, "vector(time())")[0].value - SCRAPED_S
    both.start()
    scraped = f"sum(count_over_time(up[{AWAY_S - SCRAPED_S}s]))"
    missed = query(both.watched.prometheus, scraped, at)[0].value
    assert missed > 0
    until(
        lambda: [one.value for one in query(both.storage, scraped, at)] == [missed],
        "everything that was scraped meanwhile is there",
    )
