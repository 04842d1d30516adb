"""What some expressions of the dashboards answer, asked of promtool: of those that cannot be seen, and of mixed models."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from grafana import questions
from tests.unit.prometheus import promtool_files as files

HASH_RATE, EXPECTED = (
    "miner:hashrate_hashes_per_second:avg15m",
    "miner:expected_hashrate_hashes_per_second:max",
)


def asked(uid: str, panel: str, letter: str, container: str) -> str:
    """The expression of a query of a panel, for a container (or `.+`)."""
    (found,) = [one for one in questions.questions(uid) if (one.asker, one.letter) == (panel, letter)]
    return found.filled({"container": container})


def said(
    promtool: Path,
    folder: Path,
    inputs: Sequence[dict[str, str]],
    expression: str,
    samples: Sequence[tuple[str, float]],
) -> subprocess.CompletedProcess[str]:
    return files.run(
        promtool,
        folder,
        rules=(),
        step="1m",
        evaluation="1m",
        inputs=inputs,
        questions=[files.question(expression, "20m", samples)],
    )


def of(container: str, miner: str = "", **more: str) -> dict[str, str]:
    return {"container": container, **({"miner": miner} if miner else {}), **more}


SEEN_AND_UNSEEN = [
    # C 1 answers with one miner of two. The exporter of C 2 is away; the orders of its miners promise something still.
    files.series("up", of("C 1", job="hashyard"), [1] * 21),
    files.series("up", of("C 2", job="hashyard"), [1] * 10 + [0] * 11),
    files.series("container_miners", of("C 1"), [2] * 21),
    files.series("container_miners", of("C 2"), [1] * 10 + [None] * 11),
    files.series("container:miner_up:sum", of("C 1"), [1] * 21),
    files.series("container:miner_up:sum", of("C 2"), [1] * 10 + [None] * 11),
    files.series("miner_up", of("C 1", "a1"), [1] * 21),
    files.series("miner_up", of("C 1", "a2"), [0] * 21),
    files.series("miner_up", of("C 2", "b1"), [1] * 10 + [None] * 11),
    files.series(HASH_RATE, of("C 1", "a1"), [50] * 21),
    files.series(HASH_RATE, of("C 2", "b1"), [50] * 21),
    files.series(EXPECTED, of("C 1", "a1"), [100] * 21),
    files.series(EXPECTED, of("C 1", "a2"), [100] * 21),
    files.series(EXPECTED, of("C 2", "b1"), [100] * 21),
    files.series(EXPECTED, of("C 2", "b2"), [100] * 21),
]


def test_what_miners_give_that_cannot_be_seen_is_not_known(promtool: Path, tmp_path: Path) -> None:
    expression = asked("hashyard-fleet", "Furthest below what is expected", "A", ".+")
    samples = [
        ('{container="C 1", miner="a1"}', 0.5),
        ('{container="C 1", miner="a2"}', 0.0),
        ('{container="C 2"}', -2.0),
    ]
    found = said(promtool, tmp_path, SEEN_AND_UNSEEN, expression, samples)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("container", "samples"),
    [("C 1", [('{miner="a1"}', 0.5), ('{miner="a2"}', 0.0)]), ("C 2", [])],
)
def test_a_container_that_cannot_be_seen_has_no_shares(
    promtool: Path, tmp_path: Path, container: str, samples: list[tuple[str, float]]
) -> None:
    expression = asked("hashyard-container", "Miners", "B", container)
    found = said(promtool, tmp_path, SEEN_AND_UNSEEN, expression, samples)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_hottest_chip_is_held_to_the_limit_of_its_own_model(promtool: Path, tmp_path: Path) -> None:
    inputs = [
        files.series(name, of("C 1", miner, sensor="chip_max"), [degrees] * 21)
        for name, miner, degrees in (
            ("miner_temperature_celsius", "sha", 88.0),
            ("miner_temperature_celsius", "scrypt", 60.0),
            ("miner_temperature_limit_celsius", "sha", 105.0),
            ("miner_temperature_limit_celsius", "scrypt", 75.0),
        )
    ]
    expression = asked("hashyard-container", "Hottest chip", "B", "C 1")
    found = said(promtool, tmp_path, inputs, expression, [("{}", 105.0)])
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_cut_table_has_no_rows_of_what_was_cut(promtool: Path, tmp_path: Path) -> None:
    """Sixty miners do otherwise than ordered, fifty are listed: a column of the others would make rows without a name."""
    inputs = [
        files.series(name, of("C 1", f"a{at}"), [ratio] * 21)
        for at in range(60)
        for name, ratio in (
            ("hashyard_controller_desired_power_ratio", 0),
            ("hashyard_controller_applied_power_ratio", 1),
        )
    ]
    for letter in "AB":
        expression = f"count({asked('hashyard-control', 'Not as ordered', letter, '.+')})"
        found = said(promtool, tmp_path, inputs, expression, [("{}", 50.0)])
        assert found.returncode == 0, found.stdout + found.stderr
