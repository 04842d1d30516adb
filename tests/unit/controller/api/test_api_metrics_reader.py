"""The token of --metrics-token-file opens /metrics to a Prometheus elsewhere, and opens nothing else."""

from pathlib import Path

import pytest

from controller.settings import Settings, read_metrics_token
from miners.errors import ConfigurationError
from tests.unit.controller.api.conftest import House, MakeHouse

TOKEN = "lantern-0123456789"
AWAY = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
async def guarded(make_house: MakeHouse) -> House:
    return await make_house(app={"metrics_token": TOKEN}, trusted_proxies=("127.0.0.1",))


async def test_prometheus_is_answered_under_any_name(guarded: House) -> None:
    asked = AWAY | {"Host": "controller:8000"}
    response = await guarded.browser(token=TOKEN, headers=asked).get("/metrics")
    assert (response.status, await response.text()) == (
        200,
        "hashyard_controller_up 1\nhashyard_controller_events_total 0\n",
    )


@pytest.mark.parametrize("token", [TOKEN + "x", TOKEN[:-1], "", "é" * 20, TOKEN.upper()])
async def test_another_token_does_not_do(guarded: House, token: str) -> None:
    response = await guarded.browser(headers=AWAY | {"Authorization": f"Bearer {token}"}).get("/metrics")
    assert response.status == 401
    named = AWAY | {"Authorization": f"Bearer {token}", "Host": "controller:8000"}
    assert (await guarded.browser(headers=named).get("/metrics")).status == 421


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/events", "/api/v1/users", "/api/v1/fleet"])
async def test_it_opens_nothing_else(guarded: House, path: str) -> None:
    response = await guarded.browser(token=TOKEN).get(path)
    assert response.status in (401, 404)
    named = await guarded.browser(token=TOKEN, headers={"Host": "controller:8000"}).get("/-/healthy")
    assert named.status == 421  # the name is looked at everywhere else


async def test_it_is_nobody_in_the_record(guarded: House) -> None:
    assert (await guarded.browser(token=TOKEN, headers=AWAY).get("/metrics")).status == 200
    assert await guarded.events() == []


async def test_without_a_file_no_token_is_right(make_house: MakeHouse) -> None:
    house = await make_house(trusted_proxies=("127.0.0.1",))
    for header in (f"Bearer {TOKEN}", "Bearer ", "Bearer None"):
        response = await house.browser(headers=AWAY | {"Authorization": header}).get("/metrics")
        assert response.status == 401


def test_the_file_is_checked_when_the_controller_starts(tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings = Settings(targets=(tmp_path / "targets.yml",), data=tmp_path, metrics_token_file=file)
    with pytest.raises(ConfigurationError, match=r"--metrics-token-file: .* cannot be read: No such file"):
        read_metrics_token(settings)
    for wrong in ("", "short", "0123456789\n0123456789"):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(ConfigurationError, match=r"--metrics-token-file: .* must hold one token"):
            read_metrics_token(settings)
    file.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert read_metrics_token(settings) == TOKEN
