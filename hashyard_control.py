"""The commands of control: their flags, and the controller's settings made of them."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import uvloop

import hashyard_flags as flags
from hashyard_flags import Flag
from hashyard_grafana import bring_of
from hashyard_reading import port_flag
from hashyard_setting import run_set
from miners.errors import ConfigurationError

__all__ = ["CONTROLLER_FLAGS", "SET_FLAGS", "TARGETS", "run_controller", "run_set"]

_LOOPBACK, _PORT = "127.0.0.1", 8000
_CLOCK: Final = re.compile("([01]?[0-9]|2[0-3]):[0-5][0-9]")


def run_controller(values: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Run the controller until it is told to end, or make a new first password; return the exit code."""
    from controller.main import reset_admin, run  # noqa: PLC0415  # each command loads its own room only
    from controller.settings import Settings  # noqa: PLC0415

    host, port = values["listen"] or _older_address(environment)
    settings = Settings(
        targets=(values["targets"],),
        data=values["data"],
        host=host,
        port=port,
        exporters=tuple(values["exporter"] or ()),
        exporter_token_file=values["exporter_token_file"],
        metrics_token_file=values["metrics_token_file"],
        prometheus_url=values["prometheus"],
        database_url=values["database_url"],
        secrets_dir=values["secrets_dir"],
        tls_cert=values["tls_cert"],
        tls_key=values["tls_key"],
        trusted_proxies=tuple(values["trusted_proxy"] or ()),
        public_url=values["public_url"],
        grafana_url=values["grafana"],
        grafana_api=values["grafana_api"],
        grafana_user=values["grafana_user"],
        grafana_password_file=values["grafana_password_file"],
        grafana_gateway=values["grafana_gateway"],
        grafana_client_secret_file=values["grafana_client_secret_file"],
        retention_days=values["retention_days"],
        restarts_a_day=values["restarts_a_day"],
        cool_down_s=values["cool_down"],
        max_writes=values["max_commands"],
        environment=environment,
    )
    if values["reset_admin"]:
        return reset_admin(settings)
    return uvloop.run(run(settings, bring=bring_of(settings)))


def _older_address(environment: Mapping[str, str]) -> tuple[str, int]:
    """Return where to serve, as the servers of older tools were told it, or the default."""
    host = environment.get("API_HOST") or _LOOPBACK
    port = environment.get("API_PORT") or str(_PORT)
    try:
        return flags.listen_address(f"{host}:{port}")
    except ValueError as error:
        raise ConfigurationError(f"API_HOST, API_PORT: {error}") from None


def _moment(text: str) -> datetime | str:
    """Return when an override ends: a moment, or the words `next-change` or `manual`. Raises ValueError."""
    if text in ("manual", "next-change"):
        return text
    if _CLOCK.fullmatch(text):
        now = datetime.now().astimezone()
        at = now.replace(hour=int(text[:-3]), minute=int(text[-2:]), second=0, microsecond=0)
        return at if at > now else at + timedelta(days=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an end: 18:00, 2030-01-31T18:00+03:00, next-change or manual"
        ) from None
    return moment if moment.tzinfo is not None else moment.astimezone()


def _choice(*words: str) -> Any:
    def convert(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return text

    return convert


def _figure(least: float, most: float, unit: str) -> Any:
    def convert(text: str) -> float:
        try:
            figure = float(text)
        except ValueError:
            figure = -1.0
        if not least <= figure <= most:
            raise ValueError(f"{text!r} is not a number of {unit} from {least:g} to {most:g}")
        return figure

    return convert


TARGETS: Final = Flag(
    name="--targets", help="the inventory", convert=Path, default=Path("targets.yml"), metavar="FILE"
)

CONTROLLER_FLAGS: Final = (
    TARGETS,
    Flag(
        name="--data",
        help="folder for the database, the managed inventory and the first password (default data)",
        convert=Path,
        default=Path("data"),
        metavar="DIR",
    ),
    Flag(
        name="--listen",
        help="where to serve (default 127.0.0.1:8000)",
        convert=flags.listen_address,
        metavar="HOST:PORT",
    ),
    Flag(
        name="--exporter",
        help="URL of the exporter, once for each shard; without one the controller reads the miners itself",
        many=True,
        metavar="URL",
    ),
    Flag(
        name="--exporter-token-file",
        help="file with the token of the exporter",
        convert=Path,
        metavar="FILE",
    ),
    Flag(
        name="--metrics-token-file",
        help="file with a token that is good for /metrics alone, for a Prometheus on another machine",
        convert=Path,
        metavar="FILE",
    ),
    Flag(name="--prometheus", help="URL of Prometheus, for history and alerts", metavar="URL"),
    Flag(
        name="--database-url",
        help="PostgreSQL in place of the file in --data",
        metavar="URL",
        older=("DATABASE_URL",),
    ),
    Flag(
        name="--secrets-dir",
        help="folder below which credential files stand",
        convert=flags.folder,
        metavar="DIR",
    ),
    Flag(name="--tls-cert", help="certificate, to serve over TLS", convert=Path, metavar="FILE"),
    Flag(name="--tls-key", help="key of the certificate", convert=Path, metavar="FILE"),
    Flag(
        name="--trusted-proxy",
        help="network of a proxy whose X-Forwarded-For counts; may be given again",
        many=True,
        metavar="NETWORK",
    ),
    Flag(name="--public-url", help="how people reach the controller, if not by --listen", metavar="URL"),
    Flag(name="--grafana", help="URL at which people reach Grafana, for links to it", metavar="URL"),
    Flag(
        name="--grafana-api",
        help="URL at which the controller reaches Grafana, to bring its people and organisations in line",
        metavar="URL",
    ),
    Flag(
        name="--grafana-user",
        help="account that administrates the server of Grafana (default admin)",
        default="admin",
        metavar="NAME",
    ),
    Flag(
        name="--grafana-password-file",
        help="file with the password of --grafana-user",
        convert=Path,
        metavar="FILE",
    ),
    Flag(
        name="--grafana-gateway",
        help="URL at which Grafana's server reaches the query gateway (default /gateway of the controller's own)",
        metavar="URL",
    ),
    Flag(
        name="--grafana-client-secret-file",
        help="file with the client secret of Grafana, whose people then sign on with their password here "
        "(docs/single-sign-on.md)",
        convert=Path,
        metavar="FILE",
    ),
    Flag(
        name="--retention-days",
        help="days that the record keeps what is neither command nor money (default 400)",
        convert=flags.whole(1, 36_500),
        default=400,
        metavar="DAYS",
    ),
    Flag(
        name="--restarts-a-day",
        help="commands that restart a miner's mining, at most, a day and miner (default 12)",
        convert=flags.whole(1, 1000),
        default=12,
        metavar="N",
    ),
    Flag(
        name="--cool-down",
        help="seconds between two commands to one miner (default 60)",
        convert=flags.seconds,
        default=60.0,
        metavar="SECONDS",
    ),
    Flag(
        name="--max-commands",
        help="miners commanded at the same time (default 200)",
        convert=flags.whole(1, 5000),
        default=200,
        metavar="N",
        older=("MAX_WORKERS",),
    ),
    Flag(
        name="--reset-admin",
        help="make a new password for the administrator admin, say where it is, and end",
        convert=None,
        default=False,
    ),
)

SET_FLAGS: Final = (
    Flag(name="--profile", typed=True, help="a power profile, such as curtail or normal", metavar="NAME"),
    Flag(
        name="--until",
        typed=True,
        help="when the profile ends: 18:00 (of this machine's zone), a date and time, manual; else the next change",
        convert=_moment,
        metavar="END",
    ),
    Flag(name="--end", typed=True, help="end the override in force there", convert=None, default=False),
    Flag(name="--sleep", typed=True, help="stop hashing", convert=None, default=False),
    Flag(name="--wake", typed=True, help="hash again", convert=None, default=False),
    Flag(
        name="--power-percent",
        typed=True,
        help="percent of nominal power",
        convert=_figure(1, 200, "percent"),
        metavar="PERCENT",
    ),
    Flag(
        name="--power-limit",
        typed=True,
        help="watts at the wall",
        convert=_figure(1, 1e6, "watts"),
        metavar="WATTS",
    ),
    Flag(
        name="--mode",
        typed=True,
        help="low, normal or high",
        convert=_choice("low", "normal", "high"),
        metavar="MODE",
    ),
    Flag(name="--preset", typed=True, help="one of the firmware's presets", metavar="NAME"),
    Flag(name="--reboot", typed=True, help="restart the device", convert=None, default=False),
    Flag(
        name="--locate",
        typed=True,
        help="light that shows which it is: on or off",
        convert=_choice("on", "off"),
        metavar="on|off",
    ),
    Flag(name="--reason", help="why, for the record", default="from the command line", metavar="TEXT"),
    Flag(name="--yes", typed=True, help="do not ask", convert=None, default=False),
    Flag(
        name="--url",
        help="the controller (default http://127.0.0.1:8000)",
        default=f"http://{_LOOPBACK}:{_PORT}",
        metavar="URL",
    ),
    Flag(name="--token-file", help="file with a token of the controller", convert=Path, metavar="FILE"),
    Flag(
        name="--user",
        help="sign in by name, without a token (default admin)",
        default="admin",
        metavar="NAME",
    ),
    Flag(name="--password-file", help="file with the password of --user", convert=Path, metavar="FILE"),
    Flag(
        name="--direct",
        typed=True,
        help="straight to a miner that no inventory holds; says what it will send, and asks",
        metavar="HOST[:PORT]",
    ),
    TARGETS,
    Flag(
        name="--data",
        help="with --direct: the controller's folder, whose managed inventory is looked at too (default data)",
        convert=Path,
        default=Path("data"),
        metavar="DIR",
    ),
    Flag(name="--driver", help="with --direct: take this driver", metavar="NAME"),
    port_flag("--port", "with --direct: the cgminer-style port", 4028),
    port_flag("--v3-port", "with --direct: Whatsminer's v3 port", 4433),
    port_flag("--web-port", "with --direct: the web page's port (80, unless HOST has a port)", None),
    Flag(
        name="--credentials-file",
        help="with --direct: file with user:password of the miner",
        convert=Path,
        metavar="FILE",
    ),
)
