"""`hashyard prepare`: the first-run secrets, prometheus.yml and alertmanager.yml for where the stack runs.

Run before the other programs start, and as often as one likes: secrets that are there stay, and a file that would not
change is not touched.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import hashyard_flags as flags
from hashyard_flags import Flag
from miners.errors import ConfigurationError, HashyardError
from stack import alertmanager_config, prometheus_config, receivers
from stack.secret_files import make_secret
from stack.whole_files import FileFault, held, make_folder, put

EXPORTER_TOKEN, METRICS_TOKEN = Path("tokens", "exporter"), Path("tokens", "controller-metrics")
GRAFANA_PASSWORD = Path("grafana", "admin-password")
GRAFANA_CLIENT_SECRET = Path("grafana", "client-secret")
PROMETHEUS_CONFIG = Path("prometheus", "prometheus.yml")
ALERTMANAGER_CONFIG = Path("alertmanager", "alertmanager.yml")
SECRETS: Final = (EXPORTER_TOKEN, METRICS_TOKEN, GRAFANA_PASSWORD, GRAFANA_CLIENT_SECRET)

PARTS: Final = ("exporter", "controller", "prometheus", "alertmanager", "grafana")
"""What Prometheus can be told to scrape."""

_HERE = (
    ("exporter", "http://127.0.0.1:9428"),
    ("controller", "http://127.0.0.1:8000"),
    ("prometheus", "http://127.0.0.1:9090"),
    ("alertmanager", "http://127.0.0.1:9093"),
    ("grafana", "http://127.0.0.1:3000"),
)


class NotPrepared(HashyardError):
    """A file or a folder is in the way; the message is one line that says what helps."""


def run_prepare(values: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Make what is missing, and say what was done; return the exit code. Raises ConfigurationError, NotPrepared."""
    folder: Path = values["folder"]
    templates: Path = values["templates"].absolute()
    seen = values["tokens_at"] or folder / "tokens"
    places = _places(values["scrape"], values["remote_write"] or (), templates, seen)
    try:
        told = receivers.read_receivers(environment)
        texts = {
            PROMETHEUS_CONFIG: prometheus_config.rendered(_text(templates / "prometheus.yml"), places),
            ALERTMANAGER_CONFIG: alertmanager_config.rendered(
                _text(templates / "alertmanager.yml"), told, templates=str(templates / "templates" / "*.tmpl")
            ),
        }
    except ValueError as error:  # what the rooms around Hashyard raise: each line names its place
        raise ConfigurationError(str(error)) from error
    # Everything that was said is right; only now is anything written.
    try:
        with held(folder):
            for name in {*SECRETS, *texts}:
                make_folder(folder / name.parent)
            for name in SECRETS:
                _say(f"{folder / name}: {'made' if make_secret(folder / name) else 'kept'}")
            for name, text in texts.items():
                _say(f"{folder / name}: {'written' if put(folder / name, text) else 'unchanged'}")
    except FileFault as error:
        raise NotPrepared(str(error)) from error
    for notice in receivers.notices(told):
        _say(notice)
    return 0


def _places(
    scrape: tuple[tuple[str, str], ...], remote_write: tuple[str, ...], templates: Path, tokens: Path
) -> prometheus_config.Places:
    found: dict[str, list[str]] = {}
    for name, url in scrape:
        found.setdefault(name, []).append(url)
    mistakes = [
        f"--scrape: {name} is given twice" for name, urls in found.items() if name != "exporter" and urls[1:]
    ]
    mistakes += [
        f"--scrape: say where the {name} is" for name in ("exporter", "prometheus") if name not in found
    ]
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    alone = {name: urls[0] for name, urls in found.items()}
    return prometheus_config.Places(
        exporters=found["exporter"],
        prometheus=alone["prometheus"],
        controller=alone.get("controller"),
        alertmanager=alone.get("alertmanager"),
        grafana=alone.get("grafana"),
        exporter_token_file=str(tokens / EXPORTER_TOKEN.name),
        controller_token_file=str(tokens / METRICS_TOKEN.name),
        rules=[str(templates / "rules" / "*.yml")],
        remote_write=remote_write,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"--templates: {path} cannot be read: {flags.why_unreadable(error)}; the folder is prometheus/ of Hashyard"
        ) from error


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # the answer to who runs it


def _part(text: str) -> tuple[str, str]:
    """Convert `NAME=URL`, such as exporter=http://10.1.0.5:9428. Raises ValueError."""
    name, separator, url = text.partition("=")
    if not separator or name not in PARTS:
        raise ValueError(
            f"say NAME=URL, with {', '.join(PARTS)} for NAME, such as exporter=http://10.1.0.5:9428"
        )
    return name, url


def _absolute(text: str) -> Path:
    if not os.path.isabs(text):  # noqa: PTH117  # of text that need not be a path of this machine
        raise ValueError(f"{text} is no path from the root, such as /etc/hashyard")
    return Path(text)


PREPARE_FLAGS: Final = (
    Flag(
        name="--folder",
        help="folder for what is made (default /etc/hashyard)",
        convert=_absolute,
        default=Path("/etc/hashyard"),
        metavar="DIR",
    ),
    Flag(
        name="--templates",
        help="folder with Hashyard's prometheus.yml, alertmanager.yml, rules and templates (default prometheus)",
        convert=flags.folder,
        default=Path("prometheus"),
        metavar="DIR",
    ),
    Flag(
        name="--scrape",
        help="where Prometheus finds what, once for each exporter, controller, prometheus, alertmanager, grafana that is "
        "run (default: each on this machine)",
        convert=_part,
        default=_HERE,
        many=True,
        metavar="NAME=URL",
    ),
    Flag(
        name="--tokens-at",
        help="where Prometheus sees the folder tokens, if not below --folder",
        convert=_absolute,
        metavar="DIR",
    ),
    Flag(
        name="--remote-write",
        help="URL of long-term storage; may be given again",
        many=True,
        metavar="URL",
    ),
)
