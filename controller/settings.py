"""What the person who starts the controller decides, checked before anything begins."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from miners.errors import ConfigurationError
from miners.inventory.store import MANAGED_FILE

DEFAULT_PORT = 8000

DATABASE_FILE = "hashyard.db"

_MIN_TOKEN = 16

_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  # what is asked for, not what is bound


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The controller's settings, one for each flag of `hashyard controller`.

    `targets`: the hand-written files. `data`: the folder for the database, the managed inventory and the first
    password. `exporters`: URLs, one for each shard; none: the controller reads every miner itself. `exporter_token_file`:
    holds the token of their `--token-file`. `metrics_token_file`: holds a token that is good for `/metrics` alone.
    `database_url`: PostgreSQL in place of the SQLite file in the data folder. `trusted_proxies`: networks from which
    `X-Forwarded-For` counts. `public_url`: how people reach the pages, where that is not `host` and `port`.
    `grafana_url`: how they reach Grafana, for links to it; `grafana_client_secret_file`: holds what Grafana shows so that
    people of the controller can sign on there. `grafana_api`: how the controller itself reaches Grafana, to bring its people
    and organisations in line by the account `grafana_user`, whose password stands in `grafana_password_file`;
    `grafana_gateway`: how Grafana's server reaches the query gateway, where that is not by the address people use.
    `retention_days`: how long events are kept,
    `money_retention_days`: those of commands and money. `restarts_a_day`: commands that restart a miner's mining, at
    most, each day. `cool_down_s`: between two commands to one miner. `retries`: failed tries in a row, after which only
    every `give_up_s` one more is made. `max_writes`: miners commanded at once; `max_reads`: read at once by the controller itself. `follow_s`: between two
    questions to the exporter. `environment`: where HASHYARD_MINER_… variables stand. Prints without secrets.
    """

    targets: tuple[Path, ...]
    data: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    exporters: tuple[str, ...] = ()
    exporter_token_file: Path | None = None
    metrics_token_file: Path | None = None
    prometheus_url: str | None = None
    database_url: str | None = None
    secrets_dir: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    public_url: str | None = None
    grafana_url: str | None = None
    grafana_api: str | None = None
    grafana_user: str = "admin"
    grafana_password_file: Path | None = None
    grafana_gateway: str | None = None
    grafana_client_secret_file: Path | None = None
    retention_days: int = 400
    money_retention_days: int = 5 * 366
    restarts_a_day: int = 12
    cool_down_s: float = 60.0
    retries: int = 5
    give_up_s: float = 1800.0
    max_writes: int = 200
    max_reads: int = 100
    follow_s: float = 5.0
    environment: Mapping[str, str] = {}

    @property
    def managed(self) -> Path:
        """The inventory that the controller writes; it need not be there."""
        return self.data / MANAGED_FILE

    @property
    def database(self) -> str:
        """The URL of the database. It may hold a password: for opening the database, and for nothing else."""
        return self.database_url or f"sqlite:///{(self.data / DATABASE_FILE).absolute()}"

    @property
    def gateway(self) -> str | None:
        """The URL at which Grafana's server reaches the query gateway, None where nobody said."""
        if self.grafana_gateway is not None:
            return self.grafana_gateway.rstrip("/")
        return None if self.address is None else f"{self.address}/gateway"

    @property
    def tls(self) -> bool:
        """Whether the controller ends TLS itself."""
        return self.tls_cert is not None

    @property
    def address(self) -> str | None:
        """The URL at which people reach the controller, without a slash at its end; None where only they know it."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        if self.host in _EVERYWHERE or not self.port:
            return None
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Settings(data={str(self.data)!r}, host={self.host!r}, port={self.port})"


def is_loopback(host: str) -> bool:
    """Return whether a host, as it stands in a flag or a Host header without its port, is this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check(settings: Settings) -> list[str]:
    """Return warnings, one line each. Raises ConfigurationError with every mistake, one line each."""
    mistakes = [*_files(settings), *_addresses(settings), *_figures(settings)]
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    warnings: list[str] = []
    if not settings.tls and not is_loopback(settings.host) and not settings.trusted_proxies:
        warnings.append(
            f"--listen: {settings.host} can be reached from other machines and there is no TLS: passwords and sessions "
            "can be read on the way; give --tls-cert and --tls-key, or put a proxy in front and name it in "
            "--trusted-proxy"
        )
    warnings += [
        f"--exporter: {_shown(url)} is not encrypted and leads to another machine: readings can be read and changed "
        "on the way"
        for url in settings.exporters
        if urlsplit(url).scheme == "http" and not is_loopback(urlsplit(url).hostname or "")
    ]
    return warnings


def read_token(settings: Settings) -> str | None:
    """Return the token for the exporter, or None if none is given. Raises ConfigurationError."""
    return _token(
        "--exporter-token-file", settings.exporter_token_file, "the one of the exporter's --token-file"
    )


def read_metrics_token(settings: Settings) -> str | None:
    """Return the token that is good for `/metrics` alone, or None if none is given. Raises ConfigurationError."""
    return _token("--metrics-token-file", settings.metrics_token_file, "which Prometheus then sends")


def read_client_secret(settings: Settings) -> str | None:
    """Return the secret that Grafana shows, or None if nobody signs on to Grafana. Raises ConfigurationError."""
    return _token(
        "--grafana-client-secret-file",
        settings.grafana_client_secret_file,
        "the client_secret of Grafana's auth.generic_oauth",
    )


def _token(flag: str, file: Path | None, which: str) -> str | None:
    if file is None:
        return None
    try:
        token = file.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(
            f"{flag}: {file} cannot be read: {error.strerror or 'unknown error'}"
        ) from error
    if len(token) < _MIN_TOKEN or not token.isascii() or not token.decode("ascii").isprintable():
        raise ConfigurationError(
            f"{flag}: {file} must hold one token of at least {_MIN_TOKEN} ASCII characters on one line, {which}"
        )
    return token.decode("ascii")


def _files(settings: Settings) -> list[str]:
    mistakes: list[str] = []
    if not settings.targets:
        mistakes.append("--targets: name the inventory")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        missing = "--tls-key" if settings.tls_key is None else "--tls-cert"
        mistakes.append(f"{missing}: a certificate and its key belong together; give both or neither")
    if settings.secrets_dir is not None and not settings.secrets_dir.is_dir():
        mistakes.append(f"--secrets-dir: {settings.secrets_dir} is not a folder")
    if settings.exporter_token_file is not None and not settings.exporters:
        mistakes.append("--exporter-token-file: there is no --exporter to send it to")
    if settings.grafana_client_secret_file is not None:
        if settings.grafana_url is None:
            mistakes.append("--grafana-client-secret-file: say with --grafana where Grafana is")
        if settings.address is None:
            mistakes.append(
                "--grafana-client-secret-file: say with --public-url how people reach the controller: Grafana sends them there"
            )
    return [*mistakes, *_of_grafana(settings)]


def _of_grafana(settings: Settings) -> list[str]:
    """Return what lacks for bringing Grafana in line."""
    if settings.grafana_api is None:
        if settings.grafana_password_file is None:
            return []
        return ["--grafana-password-file: say with --grafana-api where Grafana is"]
    mistakes: list[str] = []
    if settings.grafana_password_file is None:
        mistakes.append(
            "--grafana-api: give --grafana-password-file, the password of an account that administrates the server of Grafana"
        )
    if settings.prometheus_url is None:
        mistakes.append(
            "--grafana-api: give --prometheus as well: clients' dashboards ask it through the controller"
        )
    if settings.gateway is None:
        mistakes.append(
            "--grafana-api: say with --grafana-gateway where Grafana's server reaches the query gateway, such as "
            "http://controller:8000/gateway"
        )
    return mistakes


def _addresses(settings: Settings) -> list[str]:
    mistakes = [_not_a_url("--exporter", url) for url in settings.exporters]
    mistakes += [
        f"--exporter: {_shown(url)} is given twice"
        for at, url in enumerate(settings.exporters)
        if url.rstrip("/") in {other.rstrip("/") for other in settings.exporters[:at]}
    ]
    if settings.prometheus_url is not None:
        mistakes.append(_not_a_url("--prometheus", settings.prometheus_url))
    if settings.public_url is not None:
        mistakes.append(_not_a_url("--public-url", settings.public_url))
    if settings.grafana_url is not None:
        mistakes.append(_not_a_url("--grafana", settings.grafana_url))
    if settings.grafana_api is not None:
        mistakes.append(_not_a_url("--grafana-api", settings.grafana_api))
    if settings.grafana_gateway is not None:
        mistakes.append(_not_a_url("--grafana-gateway", settings.grafana_gateway))
    if settings.database_url is not None:
        mistakes.append(_not_a_database(settings.database_url))
    for text in settings.trusted_proxies:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            mistakes.append(
                f"--trusted-proxy: {text!r} is no address or network, such as 10.1.0.5 or 10.1.0.0/28"
            )
    if not 0 <= settings.port <= 65535:
        mistakes.append(f"--listen: {settings.port} is not a TCP port")
    return [mistake for mistake in mistakes if mistake]


_LEAST_AND_MOST: Mapping[str, tuple[float, float]] = {
    "retention_days": (1, 36_500),
    "money_retention_days": (1, 36_500),
    "restarts_a_day": (0, 10_000),
    "cool_down_s": (0, 86_400),
    "retries": (1, 1000),
    "give_up_s": (1, 7 * 86_400),
    "max_writes": (1, 20_000),
    "max_reads": (1, 20_000),
    "follow_s": (0.01, 60),
}

_FLAGS = {"cool_down_s": "--cool-down", "max_writes": "--max-commands"}


def _figures(settings: Settings) -> list[str]:
    return [
        f"{_FLAGS.get(name, '--' + name.replace('_', '-'))}: {getattr(settings, name):g} is not from {least:g} to {most:g}"
        for name, (least, most) in _LEAST_AND_MOST.items()
        if not least <= getattr(settings, name) <= most  # NaN is in no range
    ]


def _not_a_url(flag: str, text: str) -> str:
    """Return what is wrong with an HTTP address without repeating a password in it; "" if it is one."""
    try:
        parts = urlsplit(text)
        port_right = parts.port is None or parts.port > 0
    except ValueError:
        return f"{flag}: that is no address such as http://127.0.0.1:9428"
    if parts.username is not None or parts.password is not None:
        return f"{flag}: a password does not belong in an address; give a token file"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_right:
        return f"{flag}: {text!r} is no address such as http://127.0.0.1:9428"
    if parts.query or parts.fragment:
        return f"{flag}: {text!r} has a ? or # in it; give the address alone"
    return ""


def _not_a_database(text: str) -> str:
    """Return what is wrong with the database's address, without the address: it holds a password."""
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        scheme = ""
    if scheme.partition("+")[0] in ("sqlite", "postgresql", "postgres"):
        return ""
    return (
        "--database-url (DATABASE_URL): it begins with postgresql:// or sqlite:///, and this one with neither"
    )


def _shown(url: str) -> str:
    """Return an address as it may be shown, without user and password."""
    return url.partition("//")[0] + "//" + url.partition("//")[2].rpartition("@")[2]
