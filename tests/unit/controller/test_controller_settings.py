"""What the controller may be started with, and what it says to the rest."""

from pathlib import Path
from typing import Any

import pytest

from controller.settings import Settings, check, is_loopback, read_token
from miners.errors import ConfigurationError


def settings(**more: Any) -> Settings:
    given: dict[str, Any] = {"targets": (Path("targets.yml"),), "data": Path("/data")} | more
    return Settings(**given)


def test_the_defaults_are_right_and_worth_no_warning() -> None:
    assert check(settings()) == []
    assert (settings().host, settings().port) == ("127.0.0.1", 8000)
    assert settings().managed == Path("/data/targets.managed.yml")
    assert settings().database == "sqlite:////data/hashyard.db"


def test_another_database_is_named_by_its_url() -> None:
    url = "postgresql://hashyard:hunter2@db/hashyard"
    assert settings(database_url=url).database == url
    assert check(settings(database_url=url)) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"targets": ()}, "--targets: name the inventory"),
        ({"tls_cert": Path("c")}, "--tls-key: a certificate and its key belong together"),
        ({"tls_key": Path("k")}, "--tls-cert: a certificate and its key belong together"),
        ({"secrets_dir": Path("/no/such")}, "--secrets-dir: /no/such is not a folder"),
        ({"exporter_token_file": Path("t")}, "--exporter-token-file: there is no --exporter"),
        ({"exporters": ("127.0.0.1:9428",)}, "--exporter: '127.0.0.1:9428' is no address"),
        ({"exporters": ("http://a:0",)}, "--exporter: 'http://a:0' is no address"),
        ({"exporters": ("http://a:99999",)}, "--exporter: that is no address"),
        ({"exporters": ("ftp://a",)}, "--exporter: 'ftp://a' is no address"),
        ({"exporters": ("http://a/?x=1",)}, "has a ? or # in it"),
        ({"exporters": ("http://a", "http://a/")}, "is given twice"),
        ({"prometheus_url": "localhost"}, "--prometheus: 'localhost' is no address"),
        ({"public_url": "controller.example"}, "--public-url"),
        ({"grafana_url": "grafana.example:3000"}, "--grafana: 'grafana.example:3000' is no address"),
        ({"grafana_url": "https://admin:hunter2@grafana.example"}, "--grafana: a password does not belong"),
        ({"database_url": "mysql://a"}, "begins with postgresql:// or sqlite:///"),
        ({"trusted_proxies": ("10.1.0.0/33",)}, "--trusted-proxy: '10.1.0.0/33' is no address or network"),
        ({"port": 70_000}, "--listen: 70000 is not a TCP port"),
        ({"retention_days": 0}, "--retention-days: 0 is not from 1 to"),
        ({"cool_down_s": float("nan")}, "--cool-down: nan is not from 0 to"),
        ({"max_writes": 0}, "--max-commands: 0 is not from 1 to"),
    ],
)
def test_each_mistake_names_its_flag(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--") as refused:
        check(settings(**more))
    assert said in str(refused.value)


def test_every_mistake_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        check(settings(targets=(), port=-1, retention_days=0))
    assert len(str(refused.value).splitlines()) == 3


def test_no_password_is_repeated() -> None:
    wrong = settings(
        exporters=("http://user:hunter2@a",),
        database_url="mysql://user:hunter2@db/x",
        prometheus_url="http://user:hunter2@[",
    )
    with pytest.raises(ConfigurationError) as refused:
        check(wrong)
    assert "hunter2" not in str(refused.value)
    assert "a password does not belong in an address" in str(refused.value)
    assert "hunter2" not in repr(settings(database_url="postgresql://u:hunter2@db/x"))
    assert "hunter2" not in repr(settings(environment={"HASHYARD_MINER_A": "root:hunter2"}))


def test_passwords_in_the_clear_are_warned_of() -> None:
    assert "passwords and sessions can be read" in check(settings(host="0.0.0.0"))[0]
    assert check(settings(host="0.0.0.0", trusted_proxies=("10.1.0.5",))) == []
    assert check(settings(host="0.0.0.0", tls_cert=Path("c"), tls_key=Path("k"))) == []
    assert "is not encrypted" in check(settings(exporters=("http://10.1.0.5:9428",)))[0]
    assert check(settings(exporters=("http://localhost:9428", "https://10.1.0.5"))) == []


def test_links_lead_to_where_people_reach_the_controller_or_there_are_none() -> None:
    assert settings().address == "http://127.0.0.1:8000"
    assert (
        settings(host="::1", port=8443, tls_cert=Path("c"), tls_key=Path("k")).address == "https://[::1]:8443"
    )
    assert settings(host="0.0.0.0").address is None
    assert settings(host="0.0.0.0", public_url="https://yard.example/").address == "https://yard.example"


def test_loopback_is_known_in_all_its_spellings() -> None:
    assert all(is_loopback(host) for host in ("localhost", "LOCALHOST", "127.8.9.1", "::1", "[::1]"))
    assert not any(is_loopback(host) for host in ("", "0.0.0.0", "10.1.0.5", "localhost.example"))


def test_the_token_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "token"
    exporters = ("http://127.0.0.1:9428",)
    assert read_token(settings()) is None
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_token(settings(exporters=exporters, exporter_token_file=file))
    for wrong in (b"short", b"0123456789abcdef\n0123456789abcdef", "0123456789abcdefä".encode()):
        file.write_bytes(wrong)
        with pytest.raises(ConfigurationError, match="must hold one token"):
            read_token(settings(exporters=exporters, exporter_token_file=file))
    file.write_bytes(b"0123456789abcdef\n")
    assert read_token(settings(exporters=exporters, exporter_token_file=file)) == "0123456789abcdef"
