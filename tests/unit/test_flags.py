"""Flags, their variables, `.env`, and the names of older tools."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pytest

from hashyard_flags import (
    Flag,
    add_flags,
    advertised_address,
    folder,
    listen_address,
    miner_address,
    read_environment,
    replaced_variables,
    resolve,
    seconds,
    shard,
    whole,
)
from miners.errors import ConfigurationError

FLAGS = (
    Flag(name="--listen", help="where", convert=listen_address, default=("127.0.0.1", 9428)),
    Flag(name="--max-polls", help="100% of them", convert=whole(1, 100), default=40, older=("MAX_WORKERS",)),
    Flag(name="--no-auth", help="open", convert=None, default=False),
    Flag(name="--targets", help="files", convert=Path, many=True, default=()),
    Flag(
        name="--listen-metrics", also=("--tell",), help="where", convert=listen_address, metavar="HOST:PORT"
    ),
)


def resolved(typed: Sequence[str], environment: dict[str, str]) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_flags(parser, FLAGS)
    return resolve(FLAGS, parser.parse_args(typed), environment)


def test_flag_over_variable_over_older_name_over_default() -> None:
    assert resolved([], {})["max_polls"] == 40
    assert resolved([], {"MAX_WORKERS": "7"})["max_polls"] == 7
    assert resolved([], {"MAX_WORKERS": "7", "HASHYARD_MAX_POLLS": "8"})["max_polls"] == 8
    assert resolved(["--max-polls", "9"], {"HASHYARD_MAX_POLLS": "8"})["max_polls"] == 9


def test_switches_and_lists_from_the_environment() -> None:
    values = resolved([], {"HASHYARD_NO_AUTH": "yes", "HASHYARD_TARGETS": "a.yml, b.yml"})
    assert values["no_auth"] is True
    assert values["targets"] == (Path("a.yml"), Path("b.yml"))
    assert resolved([], {"HASHYARD_NO_AUTH": "0"})["no_auth"] is False


def test_every_mistake_is_told_with_its_source() -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolved(["--listen", "nowhere"], {"HASHYARD_MAX_POLLS": "many", "HASHYARD_NO_AUTH": "perhaps"})
    assert str(caught.value).splitlines() == [
        "--listen: 'nowhere' is not HOST:PORT, such as 127.0.0.1:9428",
        "HASHYARD_MAX_POLLS: 'many' is not a whole number from 1 to 100",
        "HASHYARD_NO_AUTH: say 1 or 0",
    ]


def test_a_flag_typed_as_nothing_is_a_mistake_and_a_variable_set_to_nothing_is_not_set() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^--listen-metrics: is empty; say HOST:PORT, or leave it away$"
    ):
        resolved(["--listen-metrics", ""], {})
    assert resolved([], {"HASHYARD_LISTEN_METRICS": ""})["listen_metrics"] is None


def test_another_spelling_of_a_flag_means_the_same() -> None:
    assert resolved(["--tell", "127.0.0.1:1"], {})["listen_metrics"] == ("127.0.0.1", 1)


def test_older_names_are_answered_with_what_takes_their_place() -> None:
    said = replaced_variables(
        FLAGS, ("POLLING_INTERVAL", "MAX_WORKERS"), {"POLLING_INTERVAL": "9", "MAX_WORKERS": "3"}
    )
    assert said == [
        "POLLING_INTERVAL is set, and Hashyard does not read it: write `defaults: {interval: …}` into targets.yml"
    ]


def test_env_file_is_read_below_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HASHYARD_SHARD", "2/2")
    (tmp_path / ".env").write_text('# a comment\nHASHYARD_SHARD=1/2\nHASHYARD_LISTEN="127.0.0.1:1"\n')
    environment = read_environment(None)
    assert environment["HASHYARD_SHARD"] == "2/2"
    assert environment["HASHYARD_LISTEN"] == "127.0.0.1:1"


def test_a_variable_names_another_env_file_unless_the_flag_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"HASHYARD_SHARD=1/{len(name)}\nHASHYARD_FROM={name}\n")
    monkeypatch.setenv("HASHYARD_ENV_FILE", str(tmp_path / "one"))
    assert read_environment(None)["HASHYARD_FROM"] == "one"
    assert read_environment(tmp_path / "two")["HASHYARD_FROM"] == "two"
    monkeypatch.setenv("HASHYARD_ENV_FILE", str(tmp_path / "three"))
    with pytest.raises(ConfigurationError, match="three: no such file"):
        read_environment(None)


def test_wrong_env_file_names_its_lines_and_never_their_content(tmp_path: Path) -> None:
    path = tmp_path / "my.env"
    path.write_text("GOOD=1\nmy secret without an equals sign\n")
    with pytest.raises(ConfigurationError) as caught:
        read_environment(path)
    assert str(caught.value) == f"{path}:2: is not of the form NAME=value"
    with pytest.raises(ConfigurationError, match="no such file"):
        read_environment(tmp_path / "absent.env")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.1.7.16", ("10.1.7.16", None)),
        ("10.1.7.16:4028", ("10.1.7.16", 4028)),
        ("miner-7.example", ("miner-7.example", None)),
        ("[fe80::1]:4028", ("fe80::1", 4028)),
        ("[fe80::1]", ("fe80::1", None)),
        ("fe80::1", ("fe80::1", None)),
    ],
)
def test_miner_address(text: str, address: tuple[str, int | None]) -> None:
    assert miner_address(text) == address


@pytest.mark.parametrize(
    "text", ["", ":4028", "10.1.7.16:", "10.1.7.16:70000", "a b", "http://x", "[::1]x", "x:-1"]
)
def test_wrong_miner_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST or HOST:PORT|TCP port") as caught:
        miner_address(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[::1:9", "::1:9", "[127.0.0.1]:9", "a b:9", "host:", "host:65536", "host:٣"]
)
def test_wrong_addresses_to_listen_on(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        listen_address(text)


@pytest.mark.parametrize("text", ["10.1.0.5", ":9428", "10.1.0.5:0", "a b:9428", "http://x:1"])
def test_wrong_addresses_to_be_told(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        advertised_address(text)


def test_a_folder_has_to_be_there(tmp_path: Path) -> None:
    assert folder(str(tmp_path)) == tmp_path
    with pytest.raises(ValueError, match="is not a folder"):
        folder(str(tmp_path / "absent"))


def test_other_conversions() -> None:
    assert listen_address("[::1]:0") == ("::1", 0)
    assert advertised_address("[fe80::1]:9428") == "[fe80::1]:9428"
    assert listen_address(":9428") == ("0.0.0.0", 9428)
    assert shard("2/4") == (2, 4)
    assert seconds("2.5s") == 2.5
    for convert, text in (
        (shard, "0/4"),
        (shard, "5/4"),
        (shard, "1"),
        (seconds, "0"),
        (seconds, "nan"),
        (seconds, "x"),
    ):
        with pytest.raises(ValueError, match="not"):
            convert(text)
    for text in ("1", "x:y", "::1:99999"):
        with pytest.raises(ValueError, match="HOST:PORT"):
            listen_address(text)
