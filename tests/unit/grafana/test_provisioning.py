"""The files that Grafana is provisioned from: well formed, with nothing in them that differs from place to place."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.catalogue import DASHBOARDS, ROOM, path_of

PROVISIONING = Path(__file__).parents[3] / "grafana" / "provisioning"
FILES = sorted(PROVISIONING.rglob("*.yml"))


def load(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def test_grafana_finds_every_folder_that_it_looks_for() -> None:
    folders = {path.parent.name for path in FILES}
    assert folders == {"alerting", "dashboards", "datasources", "plugins"}, (
        "a missing one is an error in its log"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_file_is_of_the_version_that_there_is(path: Path) -> None:
    assert load(path)["apiVersion"] == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_places_come_from_two_variables(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = set(re.findall(r"\$(\w+)", "\n".join(line.split("#")[0] for line in text.splitlines())))
    assert used <= {"HASHYARD_PROMETHEUS_URL", "HASHYARD_DASHBOARDS"}
    assert not re.search(r"https?://", text)


def test_the_data_source_is_the_one_the_dashboards_name() -> None:
    (source,) = load(PROVISIONING / "datasources" / "prometheus.yml")["datasources"]
    assert (source["uid"], source["type"]) == ("prometheus", "prometheus")
    assert source["url"] == "$HASHYARD_PROMETHEUS_URL"
    assert source["isDefault"]
    assert source["editable"] is False
    assert "password" not in str(source).lower()


def test_the_file_wins_over_what_is_changed_by_hand() -> None:
    for provider in load(PROVISIONING / "dashboards" / "hashyard.yml")["providers"]:
        assert provider["allowUiUpdates"] is False
        assert provider["disableDeletion"] is False
        assert provider["updateIntervalSeconds"] <= 60


def test_every_dashboard_lies_where_a_provider_looks() -> None:
    providers = load(PROVISIONING / "dashboards" / "hashyard.yml")["providers"]
    folders = {
        provider["options"]["path"].removeprefix("$HASHYARD_DASHBOARDS/"): provider["folder"]
        for provider in providers
    }
    for uid, (_module, folder) in DASHBOARDS.items():
        assert folders[path_of(uid).parent.name] == folder
        assert (ROOM / path_of(uid)).is_file()
    assert all((ROOM / name).is_dir() for name in folders), "Grafana logs an error where a folder is missing"
    uids = [provider["folderUid"] for provider in providers]
    assert len(uids) == len(set(uids))
    assert not set(uids) & set(DASHBOARDS)
