"""docs/rules.md says what the rules say now, and the page cannot be made of rules without words."""

from pathlib import Path

import pytest

from stack.rules_page import ROOT, RulesPageError, as_markdown

RECORDING = """\
groups:
  - name: hashyard-1m
    interval: 1m
    rules:
      # Miners that answer. By client, for
      # a reason that is not of the page.
      - record: container:miner_up:sum
        expr: sum by (client, container) (miner_up)
"""

ALERT = """\
groups:
  - name: hashyard-miner
    interval: 2m
    rules:
      - alert: MinerDown
        expr: miner_up == 0
        for: 10m
        keep_firing_for: 5m
        labels: {severity: warning, scope: miner}
      - alert: MinerGone
        expr: absent(miner_up)
        labels: {severity: critical, scope: miner}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "rules" / "record.yml").write_text(RECORDING)
    (tmp_path / "rules" / "alert.yml").write_text(ALERT)
    for name, means in (
        ("MinerDown", "It does not\nanswer at 99.9 % or a | b. More."),
        ("MinerGone", "It is gone."),
    ):
        page = f"# {name}\n\n## What it means\n\n{means}\n\nMore still.\n\n## First step\n\n1. Look.\n"
        (tmp_path / "runbooks" / f"{name}.md").write_text(page)
    return tmp_path / "rules"


def test_the_page_is_not_stale() -> None:
    made = as_markdown(ROOT / "prometheus" / "rules", ROOT / "docs" / "runbooks")
    assert (ROOT / "docs" / "rules.md").read_text("utf-8") == made, (
        "docs/rules.md is stale: python -m stack.rules_page docs/rules.md"
    )


def test_a_row_has_the_first_sentence_and_what_one_waits_for(rules: Path) -> None:
    page = as_markdown(rules, rules.parent / "runbooks")
    assert "| `container:miner_up:sum` | Miners that answer. |\n" in page
    assert "Evaluated every two minutes." in page
    assert (
        "| [MinerDown](runbooks/MinerDown.md) | warning | 10m, 5m after "
        "| It does not answer at 99.9 % or a \\| b. |\n"
        "| [MinerGone](runbooks/MinerGone.md) | critical | at once | It is gone. |\n"
    ) in page


def test_a_recording_without_a_comment_is_named_with_its_file(rules: Path) -> None:
    path = rules / "record.yml"
    path.write_text("\n".join(line for line in RECORDING.splitlines() if "#" not in line))
    with pytest.raises(RulesPageError, match=r"^record\.yml: container:miner_up:sum needs a comment"):
        as_markdown(rules, rules.parent / "runbooks")


def test_a_comment_that_does_not_stand_right_above_is_not_its_own(rules: Path) -> None:
    path = rules / "record.yml"
    path.write_text(RECORDING.replace("      - record", "\n      - record"))
    with pytest.raises(RulesPageError, match="needs a comment above it"):
        as_markdown(rules, rules.parent / "runbooks")


@pytest.mark.parametrize("page", [None, "# MinerDown\n", "# MinerDown\n\n## What it means\n\n"])
def test_an_alert_without_a_page_that_says_what_it_means_is_named(rules: Path, page: str | None) -> None:
    path = rules.parent / "runbooks" / "MinerDown.md"
    path.unlink()
    if page is not None:
        path.write_text(page)
    with pytest.raises(RulesPageError, match=r"^MinerDown needs a page MinerDown\.md"):
        as_markdown(rules, rules.parent / "runbooks")
