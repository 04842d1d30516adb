"""Every panel says what it shows, in what unit, in its own place, and leads somewhere that is there.

The rules marked with a name are those of grafana/dashboard-linter, held to here for more kinds of panel than it knows;
what is excluded stands in `.lint` beside the JSON, with its reason.
"""

import itertools
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from grafana_foundation_sdk.models import units

from controller.pages.routes import PAGES
from grafana.catalogue import DASHBOARDS, ROOM
from tests.unit.grafana.dashboard_files import PANELS, Panel, links_of, load, panels_of

UNITS = {value for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)}

CONTROLLER_PAGES = [
    re.compile(re.sub(r"{\w+}", "[^/]+", route.path)) for route in PAGES if route.method == "GET"
]

each_panel = pytest.mark.parametrize("panel", PANELS, ids=str)
each_dashboard = pytest.mark.parametrize("uid", DASHBOARDS)


@each_dashboard
def test_head(uid: str) -> None:
    data = load(uid)
    assert data["uid"] == uid
    assert data["title"]
    assert "?" in data["description"], "a dashboard answers a question"
    assert data["editable"] is False, "uneditable-dashboard"
    assert data["timezone"] == "browser"
    assert data["refresh"] in {"1m", "5m"}
    assert data["schemaVersion"] >= 39, "older ones are migrated by Grafana as they are loaded"


@each_dashboard
def test_ours_lead_to_each_other_and_mark_what_was_made_up(uid: str) -> None:
    data = load(uid)
    marked = {annotation["expr"] for annotation in data["annotations"].get("list", [])}
    tagged = "hashyard" in data["tags"]
    assert tagged == (DASHBOARDS[uid][1] == "Hashyard")
    assert tagged == ("max(hashyard_simulated_history)" in marked)
    dropdowns = {link["tags"][0]: link for link in data["links"] if link["type"] == "dashboards"}
    assert set(dropdowns) == ({"hashyard-fleet", "hashyard-container"} if tagged else set())
    assert all(link["keepTime"] for link in dropdowns.values())
    [controller] = [link["url"] for link in data["links"] if link["type"] == "link"] if tagged else [None]
    named = "/by-name?container=${container:percentencode}" if of_one_container(uid) else "/"
    assert controller == ("${controller:raw}" + named if tagged else None)


def of_one_container(uid: str) -> bool:
    return any(
        variable["name"] == "container" and not variable.get("multi")
        for variable in load(uid)["templating"]["list"]
    )


@each_dashboard
def test_all_containers_are_never_handed_to_a_dashboard_of_one(uid: str) -> None:
    """Grafana would show "All", which is no container, and empty panels."""
    data, alone = load(uid), of_one_container(uid)
    if "hashyard" in data["tags"]:
        assert set(data["tags"]) == {"hashyard", "hashyard-container" if alone else "hashyard-fleet"}
    for link in data["links"]:
        if link["type"] == "dashboards":
            assert link["includeVars"] == (alone or link["tags"] == ["hashyard-fleet"])
    for url in links_of(data):
        if "${container:queryparam}" in url and not alone:
            assert not of_one_container(urlsplit(url).path.removeprefix("/d/")), url


@each_dashboard
def test_variables(uid: str) -> None:
    variables = load(uid)["templating"]["list"]
    first, rest = variables[0], variables[1:]
    assert (first["type"], first["query"]) == ("datasource", "prometheus")
    assert (first["name"], first["label"]) == ("datasource", "Data source"), "template-datasource-rule"
    for variable in rest:
        assert variable["type"] == "query"
        assert variable["refresh"] == 2, "template-on-time-change-reload-rule"
        assert variable["datasource"]["uid"] == "${datasource}"
        assert variable["label"]
    names = [variable["name"] for variable in variables]
    assert len(names) == len(set(names))


@each_dashboard
def test_panels_lie_beside_each_other_in_reading_order(uid: str) -> None:
    data = load(uid)
    open_panels = data["panels"]
    for shut in [None, *(row for row in open_panels if row["type"] == "row" and row["panels"])]:
        places = [panel["gridPos"] for panel in (open_panels if shut is None else shut["panels"])]
        for place in places:
            assert place["w"] >= 1
            assert place["h"] >= 1
            assert place["x"] + place["w"] <= 24
        for one, other in itertools.combinations(places, 2):
            apart = (
                one["x"] + one["w"] <= other["x"]
                or other["x"] + other["w"] <= one["x"]
                or one["y"] + one["h"] <= other["y"]
                or other["y"] + other["h"] <= one["y"]
            )
            assert apart, (one, other)
        order = [(place["y"], place["x"]) for place in places]
        assert order == sorted(order), "a phone stacks panels in the order in which they stand in the file"


@each_dashboard
def test_numbers_and_titles_stand_once(uid: str) -> None:
    rows = [panel for panel in load(uid)["panels"] if panel["type"] == "row"]
    panels = panels_of(uid)
    numbers = [row["id"] for row in rows] + [panel.data["id"] for panel in panels]
    assert len(numbers) == len(set(numbers))
    titles = [panel.title for panel in panels]
    assert len(titles) == len(set(titles)), "a title finds one panel"
    assert all(row["title"] for row in rows)


@each_dashboard
def test_the_first_screens_are_few(uid: str) -> None:
    """Two screens of a wall are 2 × 26 rows of its grid; what is below, or shut, is asked for when it is looked at."""
    first = [panel for panel in panels_of(uid) if not panel.collapsed and panel.data["gridPos"]["y"] < 26]
    assert len(first) <= 14


@each_panel
def test_it_says_what_it_shows(panel: Panel) -> None:
    assert panel.title, "panel-title-description-rule"
    assert panel.data["description"].endswith("."), "panel-title-description-rule"
    assert len(panel.title) <= 90
    assert panel.targets, "panel-no-targets-rule"
    assert panel.data["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, "panel-datasource-rule"
    for target in panel.targets:
        assert target["datasource"]["uid"] == "${datasource}"
    assert "repeat" not in panel.data


@each_panel
def test_its_units_are_grafanas(panel: Panel) -> None:
    config = panel.data["fieldConfig"]
    given = {config["defaults"]["unit"]} | {
        prop["value"]
        for override in config["overrides"]
        for prop in override["properties"]
        if prop["id"] == "unit"
    }
    assert given <= UNITS, "panel-units-rule"


@each_panel
def test_it_says_something_when_it_is_empty(panel: Panel) -> None:
    assert panel.data["fieldConfig"]["defaults"]["noValue"]
    if panel.data["type"] in {"state-timeline", "status-history"}:
        # Of an answer without fields these say that it has no time field, whatever else is to be said.
        ids = [made["id"] for made in panel.data["transformations"]]
        assert "filterFieldsByName" in ids


@each_panel
def test_it_asks_for_no_more_points_than_can_be_seen(panel: Panel) -> None:
    most = 300
    if panel.data["type"] == "stat":
        most = 720  # its last point is its figure: over a day, of two minutes
    elif panel.data["interval"] == "1d":
        most = 800  # a bar is a day whatever the range: with fewer, two years would leave days out
    assert 1 <= panel.data["maxDataPoints"] <= most
    assert re.fullmatch(r"(\d+)(m|h|d)", panel.data["interval"]), "no finer than the rules: a minute"
    for target in panel.targets:
        letters = [other["refId"] for other in panel.targets]
        assert len(letters) == len(set(letters))
        assert bool(target.get("instant")) != bool(target.get("range"))


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel.data["type"] == "table"], ids=str)
def test_a_table_is_of_now(panel: Panel) -> None:
    assert all(target["instant"] and target["format"] == "table" for target in panel.targets)


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel.data["type"] == "stat"], ids=str)
def test_a_figure_that_ended_is_not_shown_as_the_present(panel: Panel) -> None:
    options = panel.data["options"]
    assert options["reduceOptions"]["calcs"] == ["last"]
    if any(target.get("range") for target in panel.targets):
        joined = [step["options"] for step in panel.data["transformations"] if step["id"] == "joinByField"]
        assert joined == [{"byField": "Time", "mode": "outer"}]
        assert "vector(0)" in {target["expr"] for target in panel.targets}


@each_dashboard
def test_links_lead_somewhere(uid: str) -> None:
    known = {variable["name"] for variable in load(uid)["templating"]["list"]}
    for url in links_of(load(uid)):
        for name in re.findall(r"\$\{(\w+)", url):
            assert name in known or name.startswith("__"), url
        if url.startswith("/d/"):
            assert urlsplit(url).path.removeprefix("/d/") in DASHBOARDS, url
            assert "${__url_time_range}" in url or "from=" in url, url
        else:
            assert url.startswith(("${controller:raw}/", "http://${__value.raw}/")), url
        if url.startswith("${controller:raw}"):
            path = urlsplit(url.removeprefix("${controller:raw}")).path
            assert any(page.fullmatch(path) for page in CONTROLLER_PAGES), (
                f"the controller has no page {path}"
            )


@each_dashboard
def test_names_in_links_are_encoded(uid: str) -> None:
    for url in links_of(load(uid)):
        for part in re.findall(r"(?:var-)?(?:container|miner|row|column)=([^&]+)", url):
            assert part.startswith("${"), url
            assert part.endswith(":percentencode}"), url


@pytest.mark.parametrize("folder", sorted({folder.lower() for _module, folder in DASHBOARDS.values()}))
def test_what_the_linter_is_not_asked_has_a_reason(folder: str) -> None:
    told: dict[str, Any] = yaml.safe_load((ROOM / folder / ".lint").read_text(encoding="utf-8"))
    assert set(told) == {"exclusions"}
    assert set(told["exclusions"]) == {
        "template-job-rule",
        "template-instance-rule",
        "target-job-rule",
        "target-instance-rule",
    }
    assert all(rule["reason"] for rule in told["exclusions"].values())


# What stats say where they have no figure; each holds whatever the reason is that there is none.
TRUE_OF_ANYTHING_ABSENT = {"–", "Not known"}
# Of what is now. Figures of whole hours on record, and of the parts by themselves, say what there is none of.
OF_NOW = {
    f"hashyard-{name}" for name in ("fleet", "container", "miner", "boards", "pools", "control", "alerts")
}
NOW = [panel for panel in PANELS if panel.uid in OF_NOW]


@pytest.mark.parametrize("panel", [panel for panel in NOW if panel.data["type"] == "stat"], ids=str)
def test_a_stat_without_a_figure_claims_nothing(panel: Panel) -> None:
    """Not "All off", "No schedule" or "The exporter is away": nobody knows why there is none."""
    said = panel.data["fieldConfig"]["defaults"]["noValue"]
    assert said in TRUE_OF_ANYTHING_ABSENT


# Every value that these can have is named by a mapping, with its colour.
ALL_NAMED = {("hashyard-miner", "Class"), ("hashyard-control", "Writing"), ("hashyard-self", "Inventory")}


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel.data["type"] == "stat"], ids=str)
def test_a_figure_that_no_mapping_names_has_thresholds_of_ours(panel: Panel) -> None:
    """Grafana's own turn red from 80 on, and a stat with mappings has its ground coloured."""
    given = panel.data["fieldConfig"]["defaults"]
    if panel.data["options"]["colorMode"] != "none" and "thresholds" not in given:
        named = {key for one in given["mappings"] if one["type"] == "value" for key in one["options"]}
        assert named, panel
        assert (panel.uid, panel.title) in ALL_NAMED


@pytest.mark.parametrize("panel", [panel for panel in NOW if panel.data["type"] == "table"], ids=str)
def test_an_empty_table_does_not_say_that_all_is_well(panel: Panel) -> None:
    said = panel.data["fieldConfig"]["defaults"]["noValue"]
    assert not re.match(r"Every |Nothing |No (?!.*\b(known|seen|now|reported|firing)\b)", said), said
