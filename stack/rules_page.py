"""Writes docs/rules.md: every recording rule and every alert, each with one sentence of what it is for.

A recording's sentence is the first of the comment above it, an alert's the first of its runbook page. To write the page:
`python -m stack.rules_page docs/rules.md`; a test says when it is stale.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]

_SENTENCE = re.compile(r".+?[.](?=\s|$)", re.DOTALL)

_EVERY = {"1m": "every minute", "2m": "every two minutes", "5m": "every five minutes", "1h": "every hour"}


class RulesPageError(ValueError):
    """A rule file or a runbook has no words for a rule; the message is one line that names it."""


@dataclass(frozen=True)
class Group:
    """One group of a rule file, with the sentence to each of its rules by name."""

    name: str
    interval: str
    rules: tuple[dict[str, Any], ...]
    sentences: dict[str, str]


def as_markdown(rules: Path, runbooks: Path) -> str:
    """Return the text of docs/rules.md from a folder of rule files and a folder of runbook pages.

    Raises:
        RulesPageError: a recording without a comment above it, an alert without a page or a page that does not say what
            the alert means.

    """
    groups = [group for path in sorted(rules.glob("*.yml")) for group in read(path, runbooks)]
    groups.sort(key=lambda group: _seconds(group.interval))
    lines = [
        "# Rules",
        "",
        (
            "Generated from `prometheus/rules` and `docs/runbooks` by `python -m stack.rules_page docs/rules.md`; a test says "
            "when it is stale. What is recorded every five minutes or every hour is read through `sum_over_time`, "
            "`avg_over_time` and `count_over_time` alone: as it stands it would flicker."
        ),
        "",
        "## Recordings",
    ]
    for group in groups:
        lines += _recordings(group)
    lines += ["", "## Alerts"]
    for group in groups:
        lines += _alerts(group)
    return "\n".join(lines) + "\n"


def read(path: Path, runbooks: Path) -> list[Group]:
    """Return the groups of a rule file. Raises RulesPageError as as_markdown does."""
    text = path.read_text(encoding="utf-8")
    comments = _comments(text)
    groups = []
    for group in yaml.safe_load(text)["groups"]:
        sentences = {}
        for rule in group["rules"]:
            if "record" in rule:
                said = comments.get(rule["record"], "")
                where = f"{path.name}: {rule['record']} needs a comment above it that says in a sentence what it is for"
            else:
                said = _meaning(runbooks / f"{rule['alert']}.md")
                where = (
                    f"{rule['alert']} needs a page {rule['alert']}.md with a sentence under “What it means”"
                )
            sentence = _SENTENCE.match(said)
            if sentence is None:
                raise RulesPageError(where)
            sentences[rule.get("record") or rule["alert"]] = sentence[0].replace("|", "\\|")
        groups.append(Group(group["name"], group["interval"], tuple(group["rules"]), sentences))
    return groups


def _comments(text: str) -> dict[str, str]:
    """Return what stands in the comment right above each recording, by its name, in one line."""
    found = {}
    above: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            above.append(stripped.removeprefix("#").strip())
            continue
        if stripped.startswith("- record:"):
            found[stripped.removeprefix("- record:").strip()] = " ".join(above)
        above = []
    return found


def _meaning(page: Path) -> str:
    """Return the first paragraph under “What it means” of a runbook page, in one line; empty where there is none."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    _, _, after = text.partition("## What it means\n")
    return " ".join(after.strip().partition("\n\n")[0].split())


def _recordings(group: Group) -> list[str]:
    names = [rule["record"] for rule in group.rules if "record" in rule]
    if not names:
        return []
    rows = [f"| `{name}` | {group.sentences[name]} |" for name in names]
    return ["", *_title(group), "| series | what it is |", "|---|---|", *rows]


def _alerts(group: Group) -> list[str]:
    rows = [
        f"| [{rule['alert']}](runbooks/{rule['alert']}.md) | {rule['labels']['severity']} | {_wait(rule)} "
        f"| {group.sentences[rule['alert']]} |"
        for rule in group.rules
        if "alert" in rule
    ]
    if not rows:
        return []
    return ["", *_title(group), "| alert | severity | for | what it means |", "|---|---|---|---|", *rows]


def _title(group: Group) -> list[str]:
    return [
        f"### {group.name}",
        "",
        f"Evaluated {_EVERY.get(group.interval, 'every ' + group.interval)}.",
        "",
    ]


def _seconds(interval: str) -> int:
    return int(interval[:-1]) * {"s": 1, "m": 60, "h": 3600}[interval[-1]]


def _wait(rule: dict[str, Any]) -> str:
    """How long it must be so before it fires, and how long it goes on firing afterwards, where it does."""
    after = f", {rule['keep_firing_for']} after" if "keep_firing_for" in rule else ""
    return f"{rule.get('for', 'at once')}{after}"


if __name__ == "__main__":
    try:
        written = as_markdown(ROOT / "prometheus" / "rules", ROOT / "docs" / "runbooks")
    except RulesPageError as error:
        sys.exit(f"docs/rules.md: {error}")
    Path(sys.argv[1]).write_text(written, encoding="utf-8")
