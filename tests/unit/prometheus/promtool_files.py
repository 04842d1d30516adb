"""Files for `promtool test rules` that are made rather than written: series as promtool notes them, and a run of it."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

RULES = Path(__file__).parents[3] / "prometheus" / "rules"


def selector(name: str, labels: Mapping[str, str]) -> str:
    """Name and labels as promtool reads them."""
    return name + "{" + ", ".join(f"{key}={json.dumps(value)}" for key, value in labels.items()) + "}"


def notation(values: Iterable[float | None], *, marked: bool = True) -> str:
    """Values a step as promtool notes them. None is absent: stale at the first, as Prometheus writes it, then nothing.

    Not `marked` is for steps shorter than a scrape: between two scrapes nothing is stale.
    """
    parts = []
    seen = False
    for value, run in groupby(values):
        times = len(list(run))
        if value is None:
            parts.append(("stale" if seen and marked else "_") + (f" _x{times - 1}" if times > 1 else ""))
        else:
            seen = True
            parts.append(f"{value:.12g}x{times - 1}" if times > 1 else f"{value:.12g}")
    return " ".join(parts)


def series(name: str, labels: Mapping[str, str], values: Iterable[float | None]) -> dict[str, str]:
    """One entry of `input_series`."""
    return {"series": selector(name, labels), "values": notation(values)}


def question(expr: str, at: str, samples: Sequence[tuple[str, float]] = ()) -> dict[str, Any]:
    """One entry of `promql_expr_test`; without samples nothing may come of it."""
    return {
        "expr": expr,
        "eval_time": at,
        "exp_samples": [{"labels": labels, "value": value} for labels, value in samples],
    }


def run(
    promtool: Path,
    folder: Path,
    *,
    rules: Sequence[str],
    step: str,
    evaluation: str,
    inputs: Sequence[Mapping[str, str]],
    questions: Sequence[Mapping[str, Any]],
) -> subprocess.CompletedProcess[str]:
    """What promtool says to one test over the rule files of that name; groups are evaluated in the order of the files."""
    document = {
        "rule_files": [str(RULES / name) for name in rules],
        "evaluation_interval": evaluation,
        "group_eval_order": [
            f"hashyard-{name.removeprefix('record-').removesuffix('.yml')}" for name in rules
        ],
        "tests": [{"interval": step, "input_series": inputs, "promql_expr_test": questions}],
    }
    path = folder / "made.yml"
    path.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
    return subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False)
