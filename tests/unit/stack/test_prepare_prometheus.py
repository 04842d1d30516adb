"""prometheus.yml for other places: by promtool's judgement, and against the project's own file."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.prometheus_config import PlaceError, Places, rendered

TEMPLATE = (Path(__file__).parents[3] / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
HERE = Places(
    exporters=["http://127.0.0.1:9428"],
    controller="http://127.0.0.1:8000",
    prometheus="http://127.0.0.1:9090",
    alertmanager="http://127.0.0.1:9093",
    grafana="http://127.0.0.1:3000",
)


def made(template: str = TEMPLATE, **changed: Any) -> dict[str, Any]:
    places = {name: getattr(HERE, name) for name in HERE.__dataclass_fields__} | changed
    found: dict[str, Any] = yaml.safe_load(rendered(template, Places(**places)))
    return found


def jobs(config: dict[str, Any]) -> dict[str, Any]:
    return {job["job_name"]: job for job in config["scrape_configs"]}


def test_the_usual_places_give_what_the_template_says() -> None:
    assert made() == yaml.safe_load(TEMPLATE)


def test_promtool_accepts_all_that_can_be_asked_for(promtool: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    config = tmp_path / "prometheus.yml"
    places = Places(
        exporters=["http://one:9428", "http://two:9428"],
        controller="https://controller",
        prometheus="http://127.0.0.1:9090",
        alertmanager="https://alertmanager:9093",
        exporter_token_file=str(token),
        controller_token_file=str(token),
        rules=[str(Path(__file__).parents[3] / "prometheus" / "rules" / "*.yml")],
        remote_write=["http://victoria-metrics:8428/api/v1/write"],
    )
    config.write_text(rendered(TEMPLATE, places), encoding="utf-8")
    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_shard_is_asked_with_the_token_at_both_doors() -> None:
    found = jobs(made(exporters=["http://one:9428", "http://two:9428/"], exporter_token_file="/t/exporter"))
    wanted = {"type": "Bearer", "credentials_file": "/t/exporter"}
    assert [(one["url"], one["authorization"]) for one in found["hashyard"]["http_sd_configs"]] == [
        ("http://one:9428/sd", wanted),
        ("http://two:9428/sd", wanted),
    ]
    assert found["hashyard"]["authorization"] == wanted
    assert found["hashyard-exporter"]["authorization"] == wanted
    assert found["hashyard-exporter"]["static_configs"] == [{"targets": ["one:9428", "two:9428"]}]
    assert "authorization" not in found["hashyard-controller"]
    assert "authorization" not in found["prometheus"]


def test_the_token_of_the_controller_goes_to_the_controller_alone() -> None:
    found = jobs(made(controller_token_file="/t/controller"))
    with_token = [name for name, job in found.items() if "/t/controller" in str(job)]
    assert with_token == ["hashyard-controller"]


def test_a_token_that_the_template_names_is_not_left_behind() -> None:
    template = yaml.safe_load(TEMPLATE)
    for job in template["scrape_configs"]:
        job["authorization"] = {"credentials_file": "/old"}
    assert "/old" not in str(made(yaml.safe_dump(template)))


def test_who_is_not_there_is_not_asked() -> None:
    config = made(controller=None, alertmanager=None, grafana=None)
    assert set(jobs(config)) == {"hashyard", "hashyard-exporter", "prometheus"}
    assert "alerting" not in config
    text = str(config)
    assert "9093" not in text
    assert "3000" not in text


def test_tls_is_asked_over_its_port() -> None:
    found = jobs(made(controller="https://controller.example", exporters=["https://[fd00::5]:9428"]))
    assert found["hashyard-controller"]["scheme"] == "https"
    assert found["hashyard-controller"]["static_configs"] == [{"targets": ["controller.example:443"]}]
    assert found["hashyard"]["scheme"] == found["hashyard-exporter"]["scheme"] == "https"
    assert found["hashyard"]["http_sd_configs"][0]["url"] == "https://[fd00::5]:9428/sd"
    assert "scheme" not in found["prometheus"]


def test_a_job_of_ones_own_is_left_as_it_is() -> None:
    template = yaml.safe_load(TEMPLATE)
    own = {
        "job_name": "weather",
        "static_configs": [{"targets": ["10.9.9.9:80"]}],
        "authorization": {"credentials": "x"},
    }
    template["scrape_configs"].append(own)
    assert jobs(made(yaml.safe_dump(template)))["weather"] == own


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"exporters": []}, "exporter: name at least one"),
        ({"exporters": ["http://a:1", "http://a:1/"]}, "exporter: the same address is given twice"),
        ({"exporters": ["http://a:1", "https://b:1"]}, "exporter: either all are asked over https"),
        ({"exporters": ["a:9428"]}, "exporter: 'a:9428' is no address"),
        ({"exporters": ["http://a:0"]}, "exporter: 'http://a:0' is no address"),
        ({"exporters": ["http://a:99999"]}, "exporter: that is no address"),
        ({"exporters": ["http://a:9428/sd"]}, "exporter: http://a:9428/sd has a path"),
        ({"controller": "http://[::1"}, "controller: that is no address"),
        ({"controller": "http://c:8000?x=1"}, "controller: 'http://c:8000\\?x=1' is no address"),
        ({"grafana": "http://admin:opensesame@g:3000"}, "grafana: a user or a password does not belong"),
        ({"alertmanager": "ftp://a"}, "alertmanager: 'ftp://a' is no address"),
        ({"prometheus": ""}, "prometheus: '' is no address"),
        ({"remote_write": ["http://vm:8428"]}, "remote write: http://vm:8428 has no path"),
    ],
)
def test_a_wrong_address_is_named_and_no_password_repeated(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(PlaceError, match=said) as raised:
        made(**changed)
    assert "opensesame" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a: [", r"prometheus.yml:1: is no YAML"),
        ("", "scrape_configs is not a list"),
        ("scrape_configs: {}", "scrape_configs is not a list"),
        ("scrape_configs: [3]", "scrape_configs is not a list"),
        ("scrape_configs: [{job_name: other}]", "has no job hashyard"),
    ],
)
def test_a_wrong_template_is_said_so(template: str, said: str) -> None:
    with pytest.raises(PlaceError, match=said):
        made(template)
