"""What stands around Hashyard in the demo: Prometheus, Alertmanager and Grafana, as far as this machine has them.

Finds their programs, writes their configuration into the demo's folder, and gives the command lines. What each is told
differs from an installation in addresses alone: rules, routes, dashboards and provisioning are the committed files.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stack import alertmanager_config, grafana_sign_on, prometheus_config
from stack.prometheus_config import Places
from stack.secret_files import make_secret
from tools import packages
from tools.parts import Part
from tools.welcome import GRAFANA_PASSWORD, Demo

REPOSITORY = packages.REPOSITORY
RULES = REPOSITORY / "prometheus" / "rules" / "*.yml"
GRAFANA = "127.0.0.1:3000"
GRAFANA_ADMINISTRATOR = "admin"
CLIENT_SECRET = "client-secret"  # noqa: S105  # the name of a file
RETENTION = "30d"

# Where distributions and Grafana's own packages put what belongs to the program.
_GRAFANA_HOMES = (Path("/usr/share/grafana"), Path("/usr/local/share/grafana"))


@dataclass(frozen=True)
class Grafana:
    """An installed Grafana: its program, and its home (the folder with `conf/defaults.ini` and `public/`)."""

    program: Path
    home: Path


@dataclass(frozen=True)
class Programs:
    """What this machine has; None for what it has not."""

    prometheus: Path | None
    alertmanager: Path | None
    grafana: Grafana | None


def find_programs(say: Callable[[str], None]) -> Programs:
    """Return the programs, got from the system's packages where they can be; say in a line what the demo goes without."""
    if not packages.find_program("prometheus"):
        say("Getting Prometheus from the system's packages into .tools: 20 MB, the first time only.")
    try:
        packages.get_prometheus()
    except packages.PackagesError as error:
        say(
            f"The demo goes on without history, alerts and dashboards, since Prometheus cannot be had: {error}."
        )
        return Programs(None, None, None)
    if not packages.find_program("prometheus-alertmanager"):
        say("Getting Alertmanager from the system's packages into .tools: 10 MB, the first time only.")
    try:
        packages.get_alertmanager()
    except packages.PackagesError as error:
        say(f"The demo goes on without Alertmanager, which cannot be had: {error}.")
    return Programs(
        packages.find_program("prometheus"),
        packages.find_program("prometheus-alertmanager"),
        find_grafana(os.environ.get("GRAFANA_HOME"), say),
    )


def find_grafana(home: str | None, say: Callable[[str], None]) -> Grafana | None:
    """Return the Grafana in `home` (GRAFANA_HOME), else an installed one; None, and a line about it, where there is none."""
    if home:
        named = Path(home).expanduser().resolve()
        program = _program_in(named)
        if program and _is_home(named):
            return Grafana(program, named)
        say(
            f"GRAFANA_HOME={home} is no Grafana: it wants bin/grafana (or bin/grafana-server), conf/defaults.ini and public/. "
            "The demo goes on without dashboards."
        )
        return None
    found = shutil.which("grafana") or shutil.which("grafana-server")
    installed = next((one for one in _GRAFANA_HOMES if _is_home(one)), None)
    if found and installed:
        return Grafana(Path(found), installed)
    say(
        "No Grafana is installed here, so the demo goes on without dashboards: with one unpacked, "
        "GRAFANA_HOME=/where/it/is make demo shows them."
    )
    return None


def _program_in(home: Path) -> Path | None:
    names = (home / "bin" / name for name in ("grafana", "grafana-server"))
    return next((one for one in names if os.access(one, os.X_OK)), None)


def _is_home(home: Path) -> bool:
    return (home / "conf" / "defaults.ini").is_file() and (home / "public").is_dir()


def parts(demo: Demo, programs: Programs, after: str) -> list[Part]:
    """Return the parts that this machine can run, their files written. `after`: what has to be ready before Prometheus."""
    found: list[Part] = []
    if programs.prometheus and demo.history:
        found.append(_prometheus(demo, programs.prometheus, demo.history, after))
        if programs.alertmanager and demo.alerts:
            found.append(_alertmanager(demo, programs.alertmanager, demo.alerts))
        if programs.grafana and demo.grafana:
            found.append(_grafana(demo, programs.grafana, demo.grafana, found[0].ready_url))
    return found


def _prometheus(demo: Demo, program: Path, where: str, after: str) -> Part:
    config = demo.folder / "prometheus.yml"
    template = (REPOSITORY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    places = Places(
        exporters=[f"http://{demo.exporter}"],
        prometheus=f"http://{where}",
        controller=f"http://{demo.controller}",
        alertmanager=_url(demo.alerts),
        grafana=_url(demo.grafana),
        rules=[str(RULES)],
    )
    config.write_text(prometheus_config.rendered(template, places), encoding="utf-8")
    return Part(
        "prometheus",
        (
            str(program),
            f"--config.file={config}",
            f"--storage.tsdb.path={demo.folder / 'prometheus'}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--web.listen-address={where}",
            *packages.page_flags(program),
        ),
        f"http://{where}/-/ready",
        after=after,
    )


def _url(address: str | None) -> str | None:
    return None if address is None else f"http://{address}"


def _alertmanager(demo: Demo, program: Path, where: str) -> Part:
    config = demo.folder / "alertmanager.yml"
    messages = REPOSITORY / "prometheus" / "templates" / "*.tmpl"
    receivers = alertmanager_config.Receivers(
        controller_url=f"http://{demo.controller}", grafana_url=f"http://{demo.grafana or GRAFANA}"
    )
    template = (REPOSITORY / "prometheus" / "alertmanager.yml").read_text(encoding="utf-8")
    config.write_text(
        alertmanager_config.rendered(template, receivers, templates=str(messages)), encoding="utf-8"
    )
    return Part(
        "alertmanager",
        (
            str(program),
            f"--config.file={config}",
            f"--storage.path={demo.folder / 'alertmanager'}",
            f"--web.listen-address={where}",
            "--cluster.listen-address=",  # one alone: it would open a port for others
        ),
        f"http://{where}/-/ready",
    )


def make_client_secret(demo: Demo) -> Path:
    """Return the file of what Grafana shows to the controller, made if it is not there. Raises FileFault."""
    return _made(_own(demo) / CLIENT_SECRET)


def make_password(demo: Demo) -> Path:
    """Return the file with the password of Grafana's own administrator, made if it is not there. Raises FileFault."""
    return _made(_own(demo) / GRAFANA_PASSWORD)


def controller_flags(demo: Demo, where: str) -> tuple[str, ...]:
    """Return what the controller is told of the Grafana at `where`: it signs people on there, and brings them in line."""
    return (
        *("--grafana", f"http://{where}", "--grafana-client-secret-file", str(make_client_secret(demo))),
        *("--grafana-api", f"http://{where}", "--grafana-user", GRAFANA_ADMINISTRATOR),
        *("--grafana-password-file", str(make_password(demo)), "--grafana-gateway"),
        f"http://{demo.controller}/gateway",
    )


def _own(demo: Demo) -> Path:
    return (demo.folder / "grafana").resolve()


def _made(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    make_secret(file)
    file.chmod(0o600)  # here it is one person's; in an installation a group of programs reads it
    return file


def _grafana(demo: Demo, grafana: Grafana, where: str, after: str) -> Part:
    own = _own(demo)
    (own / "plugins").mkdir(parents=True, exist_ok=True)  # Grafana calls it an error when there is none
    password = make_password(demo)
    controller = f"http://{demo.controller}"
    client_secret = f"$__file{{{make_client_secret(demo)}}}"
    host, _, port = where.rpartition(":")
    settings = {
        "GF_SERVER_HTTP_ADDR": host,
        "GF_SERVER_HTTP_PORT": port,
        "GF_PATHS_DATA": str(own),
        "GF_PATHS_LOGS": str(own / "log"),
        "GF_PATHS_PLUGINS": str(own / "plugins"),
        "GF_PATHS_PROVISIONING": str(REPOSITORY / "grafana" / "provisioning"),
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(
            REPOSITORY / "grafana" / "json" / "hashyard" / "hashyard-fleet.json"
        ),
        # Grafana's own way to name a file; GF_…__FILE is one of its container image alone.
        "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{password}}}",
        # The address that the controller leads back to, letter by letter.
        "GF_SERVER_ROOT_URL": f"http://{where}",
        # Whoever has an account at the controller signs on with that, and sees what is his; nobody looks without one.
        **grafana_sign_on.settings(controller, controller, client_secret, auto_login=True),
        # Nothing is asked of the world.
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_PLUGINS_PLUGIN_ADMIN_ENABLED": "false",
        "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED": "true",
        "HASHYARD_PROMETHEUS_URL": f"http://{demo.history}",
        "HASHYARD_DASHBOARDS": str(REPOSITORY / "grafana" / "json"),
    }
    server = () if grafana.program.name == "grafana-server" else ("server",)
    return Part(
        "grafana",
        (
            "env",
            *(f"{name}={value}" for name, value in settings.items()),
            str(grafana.program),
            *server,
            "--homepath",
            str(grafana.home),
        ),
        f"http://{where}/api/health",
        after=after,
    )
