"""The keys that sign: made once, kept for their owner alone, followed by others in time, and no secret let out."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.settings import Settings, check, read_client_secret
from controller.sign_on.keys import (
    AGE,
    KEYS_FILE,
    PUBLISHED_AFTER,
    PUBLISHED_FIRST,
    SigningKey,
    SigningKeys,
    is_another_due,
    signing_of,
    still_wanted,
)
from controller.sign_on.provider import SignOn
from miners.errors import ConfigurationError
from tests.unit.controller.sign_on.conftest import rsa_key

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def test_the_first_start_makes_a_key_that_later_ones_find(tmp_path: Path) -> None:
    first = await SigningKeys.open(tmp_path, NOW)
    file = tmp_path / KEYS_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))] == [KEYS_FILE]
    again = await SigningKeys.open(tmp_path, NOW + timedelta(days=1))
    assert again.signing(NOW).name == first.signing(NOW).name
    [key] = again.published()["keys"]
    assert (key["kid"], key["alg"], key["use"], key["kty"]) == (
        first.signing(NOW).name,
        "RS256",
        "sig",
        "RSA",
    )
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


async def test_a_key_is_followed_by_another_without_a_gap(tmp_path: Path) -> None:
    keys = await SigningKeys.open(tmp_path, NOW)
    first = keys.signing(NOW).name
    due = NOW + AGE
    await keys.keep_in_time(due - timedelta(seconds=1))
    assert names(keys) == [first]
    await keys.keep_in_time(due)
    old, new = names(keys)
    assert old == first
    assert keys.signing(due).name == first, "the new one is published before it signs"
    signs_from = due + PUBLISHED_FIRST
    assert keys.signing(signs_from).name == new
    await keys.keep_in_time(signs_from + PUBLISHED_AFTER - timedelta(seconds=1))
    assert names(keys) == [first, new]
    await keys.keep_in_time(signs_from + PUBLISHED_AFTER)
    assert names(keys) == [new]
    assert names(await SigningKeys.open(tmp_path, signs_from + PUBLISHED_AFTER)) == [new]


def names(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in keys.published()["keys"]]


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=5), st.integers(-400, 400))
def test_there_is_always_a_key_that_signs_and_is_published(made: list[int], at: int) -> None:
    keys = [SigningKey(NOW + timedelta(days=days), rsa_key()) for days in made]
    now = NOW + timedelta(days=at)
    kept = still_wanted(keys, now)
    assert signing_of(keys, now) in kept
    assert signing_of(kept, now) == signing_of(keys, now)
    assert max(keys, key=lambda key: key.made_at) in kept
    assert is_another_due(kept, now) == is_another_due(keys, now)


def damaged(file: Path, how: str) -> None:
    kept = json.loads(file.read_text())
    match how:
        case "open to others":
            file.chmod(0o640)
        case "a link":
            file.rename(file.with_name("elsewhere"))
            file.symlink_to(file.with_name("elsewhere"))
        case "a folder":
            file.unlink()
            file.mkdir()
        case "public":
            for name in ("d", "p", "q", "dp", "dq", "qi"):
                del kept["keys"][0]["jwk"][name]
            file.write_text(json.dumps(kept))
        case "none":
            file.write_text('{"keys": []}')
        case "no zone":
            kept["keys"][0]["made_at"] = "2026-03-02T12:00:00"
            file.write_text(json.dumps(kept))
        case _:
            file.write_text(how)


@pytest.mark.parametrize(
    "how",
    [
        "open to others",
        "a link",
        "a folder",
        "public",
        "none",
        "no zone",
        "",
        "{",
        "[]",
        "\0",
        '{"keys": [{}]}',
    ],
)
async def test_a_file_that_does_not_do_is_named_with_what_helps(tmp_path: Path, how: str) -> None:
    await SigningKeys.open(tmp_path, NOW)
    file = tmp_path / KEYS_FILE
    private = json.loads(file.read_text())["keys"][0]["jwk"]["d"]
    damaged(file, how)
    with pytest.raises(ConfigurationError) as raised:
        await SigningKeys.open(tmp_path, NOW)
    text = str(raised.value)
    assert text.startswith(str(file))
    assert "delete it, and a new key is made" in text
    assert "\n" not in text
    assert private[:20] not in text


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written: No such file"):
        await SigningKeys.open(tmp_path / "away", NOW)


def settings(tmp_path: Path, **more: object) -> Settings:
    given = {"targets": (tmp_path / "targets.yml",), "data": tmp_path, **more}
    return Settings(**given)  # type: ignore[arg-type]


async def test_the_settings_say_whether_anybody_signs_on(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sixteen or more characters\n")
    grafana = "https://grafana.example/sub/"
    assert await SignOn.open(settings(tmp_path, grafana_url=grafana), lambda: NOW) is None
    assert not (tmp_path / KEYS_FILE).exists()
    given = settings(tmp_path, grafana_url=grafana, grafana_client_secret_file=secret)
    assert check(given) == []
    found = await SignOn.open(given, lambda: NOW)
    assert found is not None
    assert found.client.redirect_uri == "https://grafana.example/sub/login/generic_oauth"
    assert found.client.origin == "https://grafana.example"
    assert found.issuer == "http://127.0.0.1:8000"


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    with pytest.raises(ConfigurationError) as raised:
        check(settings(tmp_path, grafana_client_secret_file=secret, host="0.0.0.0"))
    assert "say with --grafana where Grafana is" in str(raised.value)
    assert "say with --public-url how people reach the controller" in str(raised.value)
    given = settings(tmp_path, grafana_client_secret_file=secret)
    with pytest.raises(
        ConfigurationError, match=r"--grafana-client-secret-file: .* cannot be read: No such file"
    ):
        read_client_secret(given)
    secret.write_text("too short")
    with pytest.raises(ConfigurationError, match=r"--grafana-client-secret-file: .* at least 16") as raised:
        read_client_secret(given)
    assert "too short" not in str(raised.value)
