"""The table of metrics: it follows Prometheus' conventions, and the document made of it is up to date."""

from pathlib import Path

import pytest

from exporter import metrics

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_document_is_what_the_table_says() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == metrics.as_markdown(), (
        "docs/metrics.md is stale: python -m exporter.metrics docs/metrics.md"
    )


def test_a_name_stands_once() -> None:
    names = [metric.name for metric in (*metrics.MINER, *metrics.CONTAINER, *metrics.OWN)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("metric", [*metrics.MINER, *metrics.CONTAINER, *metrics.OWN], ids=lambda m: m.name)
def test_suffix_and_kind_agree(metric: metrics.Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.name.endswith("_info") == (metric.kind == "info")
    assert metric.help.endswith(".")
    assert "\n" not in metric.help
    assert "\\" not in metric.help


def test_headers_of_a_counter_in_both_formats() -> None:
    shares = next(metric for metric in metrics.MINER if metric.name == "miner_shares_total")
    assert shares.header(openmetrics=False) == (
        b"# HELP miner_shares_total Shares, as the miner counts them.\n# TYPE miner_shares_total counter\n"
    )
    assert shares.header(openmetrics=True) == (
        b"# HELP miner_shares Shares, as the miner counts them.\n# TYPE miner_shares counter\n"
    )
