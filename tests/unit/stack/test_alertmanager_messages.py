"""What people read of an alert: how many, ten of them with their figures, where to go; whatever the names are.

Rendered by Alertmanager's own engine, through amtool.
"""

import html
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from tests.alert_rules import MESSAGES

# Telegram refuses longer ones, and Alertmanager cuts what is longer wherever that falls.
TELEGRAM_MAX = 4096
CONTROLLER, GRAFANA = "https://farm.example.com", "https://grafana.example.com/g"
HOSTILE = [
    '</b><script>alert(1)</script><a href="https://evil.example">\'&amp;',
    "{{ .Alerts }} %s $1 \\1 `x`",
    "a\nb\r\n\tc\x00\x1b[31m\u202ered",
    "<" * 2000,
    "&'\"+<>" * 400,
    "Ж" * 2000,
    "𝕏" * 2000,
    "",
]


class Message(NamedTuple):
    """What Alertmanager hands to a template: alerts as it writes them to a webhook."""

    alerts: list[dict[str, Any]]

    def data(self) -> dict[str, Any]:
        def common(kind: str) -> dict[str, str]:
            first, *rest = (alert[kind] for alert in self.alerts)
            return {
                name: value
                for name, value in first.items()
                if all(other.get(name) == value for other in rest)
            }

        firing = any(alert["status"] == "firing" for alert in self.alerts)
        return {
            "receiver": "people",
            "status": "firing" if firing else "resolved",
            "alerts": self.alerts,
            "groupLabels": {"alertname": self.alerts[0]["labels"]["alertname"]},
            "commonLabels": common("labels"),
            "commonAnnotations": common("annotations"),
            "externalURL": "http://127.0.0.1:9093",
        }


def miner(
    name: str, *, container: str = "Container 3", status: str = "firing", figure: str = "43 %"
) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {
            "alertname": "MinerHashrateLow",
            "severity": "warning",
            "scope": "miner",
            "container": container,
            "miner": name,
        },
        "annotations": {
            "summary": f"{name} does {figure} of what its profile promises",
            "description": f"{name} in {container} does {figure} of the hash rate of its profile, ordered 100 %.",
            "runbook_url": "runbooks/MinerHashrateLow",
            "dashboard_url": f"/d/hashyard-miner?var-container=Container+3&var-miner={quote(name[-20:])}",
        },
    }


class Renderer:
    """Renders a message by the name of its template."""

    def __init__(self, amtool: Path, folder: Path) -> None:
        self._amtool, self._data = amtool, folder / "data.json"

    def __call__(self, name: str, alerts: list[dict[str, Any]], kind: str = "html") -> str:
        self._data.write_text(json.dumps(Message(alerts).data()), encoding="utf-8")
        text = (
            f'{{{{ define "hashyard.controller" }}}}{CONTROLLER}{{{{ end }}}}'
            f'{{{{ define "hashyard.grafana" }}}}{GRAFANA}{{{{ end }}}}{{{{ template "{name}" . }}}}'
        )
        done = subprocess.run(
            [
                *(
                    self._amtool,
                    "template",
                    "render",
                    f"--template.glob={MESSAGES}",
                    f"--template.type={kind}",
                ),
                *(f"--template.text={text}", f"--template.data={self._data}"),
            ],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


@pytest.fixture
def render(amtool: Path, tmp_path: Path) -> Renderer:
    return Renderer(amtool, tmp_path)


class Tags(HTMLParser):
    """The tags of a text, and what its links lead to."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.opened: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self._depth: list[str] = []
        self.feed(text)
        self.close()
        assert self._depth == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        if tag not in {"br", "meta"}:
            self._depth.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self._depth.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_three_hundred_miners_are_counted_and_ten_named_with_their_figures(render: Renderer) -> None:
    alerts = [miner(f"A-{number:03}", figure=f"{number % 60} %") for number in range(300)]
    for text in (
        Tags(render("hashyard.telegram", alerts)).text,
        render("hashyard.email.text", alerts, "text"),
        Tags(render("hashyard.email.html", alerts)).text,
    ):
        assert "Warning: MinerHashrateLow in Container 3 (300 firing)" in text
        assert re.findall(r"(A-\d{3}) does (\d+ %) of what", text) == [
            (f"A-{number:03}", f"{number} %") for number in range(10)
        ]
        assert "10 of 300 are named here." in text


def test_ten_are_all_named_and_nothing_more_is_said(render: Renderer) -> None:
    text = render("hashyard.telegram", [miner(f"A-{number}") for number in range(10)])
    assert text.count("\n• ") == 10
    assert "named here" not in text


def test_one_alert_has_its_description_and_its_own_dashboard(render: Renderer) -> None:
    one = miner("A-1")
    for name in ("hashyard.telegram", "hashyard.email.html"):
        tags = Tags(render(name, [one]))
        assert one["annotations"]["description"] in tags.text
        assert set(tags.links) == {
            f"{CONTROLLER}/runbooks/MinerHashrateLow",
            GRAFANA + one["annotations"]["dashboard_url"],
        }
    text = render("hashyard.email.text", [one], "text")
    assert f"First step: {CONTROLLER}/runbooks/MinerHashrateLow\n" in text
    assert f"Dashboard:  {GRAFANA}{one['annotations']['dashboard_url']}\n" in text


@pytest.mark.parametrize(
    ("containers", "path"),
    [
        (("Container 3", "Container 3"), "/d/hashyard-container?var-container=Container"),
        (("Контейнер & 3", "Контейнер & 3"), "/d/hashyard-container?var-container=%D0%9A%D0%BE%D0%BD"),
        (("Container 3", "Container 4"), "/d/hashyard-alerts"),
    ],
)
def test_several_alerts_lead_to_their_container_or_to_the_list(
    render: Renderer, containers: tuple[str, str], path: str
) -> None:
    alerts = [miner(str(number), container=container) for number, container in enumerate(containers)]
    for name in ("hashyard.telegram", "hashyard.email.html"):
        found = Tags(render(name, alerts)).links[-1]
        assert found.startswith(GRAFANA + path)
        assert "&" not in found.removeprefix(GRAFANA)
    assert f"Dashboard:  {GRAFANA}{path}" in render("hashyard.email.text", alerts, "text")


def test_what_has_ended_is_no_longer_seen_and_not_called_repaired(render: Renderer) -> None:
    alerts = [miner(f"A-{number}", status="resolved") for number in range(12)]
    for name, kind in (
        ("hashyard.telegram", "html"),
        ("hashyard.email.text", "text"),
        ("hashyard.email.html", "html"),
    ):
        text = render(name, alerts, kind)
        assert "No longer seen: MinerHashrateLow in Container 3 (12)" in text
        assert "10 of 12 are named here." in text
        assert "Container 3, A-9" in text
        # What was said of it when it was last seen is no more so.
        assert "43 %" not in text
        assert "firing" not in text
        assert not re.search(r"solved|fixed|repaired", text, re.IGNORECASE)


def test_firing_and_ended_stand_apart(render: Renderer) -> None:
    alerts = [miner("A-1"), miner("A-2", status="resolved"), miner("A-3", status="resolved")]
    text = Tags(render("hashyard.telegram", alerts)).text
    assert text.index("(1 firing)") < text.index("• A-1 does") < text.index("No longer seen: 2")
    assert (
        text.index("No longer seen: 2") < text.index("• Container 3, A-2") < text.index("• Container 3, A-3")
    )


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("ended", [0, 30])
def test_no_name_breaks_a_message_or_adds_to_its_markup(render: Renderer, name: str, ended: int) -> None:
    alerts = [miner(f"{name}{number}", container=name) for number in range(30)]
    alerts += [miner(f"{name}{number}", container=name, status="resolved") for number in range(ended)]
    plain = [miner(f"A-{number}") for number in range(30)]
    plain += [miner(f"A-{number}", status="resolved") for number in range(ended)]
    telegram = render("hashyard.telegram", alerts)
    assert len(telegram) <= TELEGRAM_MAX
    assert Tags(telegram).opened == Tags(render("hashyard.telegram", plain)).opened
    mail = render("hashyard.email.html", alerts)
    assert Tags(mail).opened == Tags(render("hashyard.email.html", plain)).opened
    for text in (telegram, mail, render("hashyard.email.text", alerts, "text")):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
        # A name is on one line: none can write lines of its own.
        assert text.count("\n") <= 90


@pytest.mark.parametrize("name", HOSTILE)
def test_a_single_alert_with_hostile_figures_fits_as_well(render: Renderer, name: str) -> None:
    alert = miner(name, container=name)
    alert["annotations"]["dashboard_url"] += "%D0%96" * 2000
    telegram = render("hashyard.telegram", [alert])
    assert len(telegram) <= TELEGRAM_MAX
    assert Tags(telegram).opened == ["b", "a", "a"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_subject_is_one_line(render: Renderer, name: str) -> None:
    subject = render("hashyard.heading", [miner(name, container=name)], "text")
    assert subject.isprintable()
    assert len(subject) < 250


def test_names_are_shown_as_they_are(render: Renderer) -> None:
    """Escaped for HTML, and for HTML alone."""
    name = "Rack <1> & 'two'"
    assert html.escape("Rack <1>", quote=False) in render("hashyard.telegram", [miner(name)])
    assert name in Tags(render("hashyard.telegram", [miner(name)])).text
    assert name in render("hashyard.email.text", [miner(name)], "text")
    assert name in render("hashyard.heading", [miner(name)], "text")


def test_an_alert_of_ones_own_without_annotations_is_told_by_its_name(render: Renderer) -> None:
    bare = {"status": "firing", "labels": {"alertname": "Mine"}, "annotations": {}}
    tags = Tags(render("hashyard.telegram", [bare]))
    assert "Alert: Mine (1 firing)\n• Mine\n" in tags.text
    assert tags.links == [f"{GRAFANA}/d/hashyard-alerts"]
