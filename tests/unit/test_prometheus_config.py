"""prometheus/prometheus.yml is right by promtool's judgement, and reads what the exporter offers."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from controller.settings import Settings

CONFIG = Path(__file__).parents[2] / "prometheus" / "prometheus.yml"


@pytest.fixture
def jobs() -> dict[str, dict]:
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    return {job["job_name"]: job for job in config["scrape_configs"]}


def check(promtool: Path, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)


def test_promtool_accepts_the_configuration(promtool: Path) -> None:
    done = check(promtool, CONFIG)
    assert done.returncode == 0, done.stderr


def test_promtool_accepts_it_with_the_token_lines_taken_in(promtool: Path, tmp_path: Path) -> None:
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    uncommented = [
        line.replace("# ", "", 1)
        if line.strip().startswith(("# authorization:", "#   type:", "#   credentials_file:"))
        else line
        for line in lines
    ]
    token = tmp_path / "token"
    token.write_text("secret")
    text = re.sub(r"/etc/hashyard/(exporter|controller)-token", str(token), "\n".join(uncommented))
    config = tmp_path / "prometheus.yml"
    config.write_text(text)
    jobs = {job["job_name"]: job for job in yaml.safe_load(text)["scrape_configs"]}
    wanted = {"credentials_file": str(token)}
    assert jobs["hashyard"]["authorization"] == wanted
    # 2.42 sends the token to /sd without its type unless that is written out.
    assert jobs["hashyard"]["http_sd_configs"][0]["authorization"] == {"type": "Bearer", **wanted}
    assert jobs["hashyard-exporter"]["authorization"] == wanted
    assert jobs["hashyard-controller"]["authorization"] == wanted
    done = check(promtool, config)
    assert done.returncode == 0, done.stderr


def test_a_scrape_ends_before_the_next_begins() -> None:
    every = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["global"]
    assert int(every["scrape_timeout"].removesuffix("s")) < int(every["scrape_interval"].removesuffix("s"))


def test_the_series_own_container_label_holds(jobs: dict[str, dict]) -> None:
    assert jobs["hashyard"]["honor_labels"] is True


def test_the_controller_is_scraped_where_it_listens_unless_told_otherwise(jobs: dict[str, dict]) -> None:
    controller = Settings(targets=(), data=Path())
    assert jobs["hashyard-controller"]["static_configs"] == [
        {"targets": [f"{controller.host}:{controller.port}"]}
    ]
    assert "metrics_path" not in jobs["hashyard-controller"]  # its series are on /metrics
