"""Makes prometheus.yml for another place than one machine: other addresses, token files, remote storage, the rules' path.

What is scraped, how often and within which limits stays as prometheus/prometheus.yml has it; jobs that it does not know
are left as they are. The comments of that file are not carried over.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import yaml

MINERS_JOB = "hashyard"
EXPORTER_JOB = "hashyard-exporter"
CONTROLLER_JOB = "hashyard-controller"

_HEADER = "# Written by Hashyard from prometheus/prometheus.yml, and written again: change that file, not this one.\n"


class PlaceError(ValueError):
    """An address or the template does not do; the message is one line that names it."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the parts are, as Prometheus reaches them: URLs without a path, such as `http://10.1.0.5:9428`.

    `exporters`: one for each shard. None for `controller`, `alertmanager` or `grafana`: there is none, so nothing asks it.
    `exporter_token_file`, `controller_token_file`: paths as Prometheus sees them; None where no token is wanted.
    `rules`: patterns of rule files, as Prometheus sees them; None: as the template says. `remote_write`: URLs with path.
    """

    exporters: Sequence[str]
    prometheus: str
    controller: str | None = None
    alertmanager: str | None = None
    grafana: str | None = None
    exporter_token_file: str | None = None
    controller_token_file: str | None = None
    rules: Sequence[str] | None = None
    remote_write: Sequence[str] = ()


def rendered(template: str, places: Places) -> str:
    """Return prometheus.yml for these places, made from the text of the template. Raises PlaceError."""
    config = _read(template)
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    exporters = [_address("exporter", url) for url in places.exporters]
    if not exporters:
        raise PlaceError("exporter: name at least one")
    if len({one.netloc for one in exporters}) < len(exporters):
        raise PlaceError("exporter: the same address is given twice")
    if len({one.scheme for one in exporters}) > 1:
        raise PlaceError("exporter: either all are asked over https, or none")
    _miners(_job(jobs, MINERS_JOB), exporters, places.exporter_token_file)
    _static(_job(jobs, EXPORTER_JOB), exporters, places.exporter_token_file)
    for name, url, token_file in (
        (CONTROLLER_JOB, places.controller, places.controller_token_file),
        ("prometheus", places.prometheus, None),
        ("alertmanager", places.alertmanager, None),
        ("grafana", places.grafana, None),
    ):
        job = _job(jobs, name)
        if url is None:
            config["scrape_configs"].remove(job)
        else:
            _static(job, [_address(name.removeprefix("hashyard-"), url)], token_file)
    _alerting(config, places.alertmanager)
    if places.rules is not None:
        config["rule_files"] = list(places.rules)
    if places.remote_write:
        config["remote_write"] = [{"url": _remote(url)} for url in places.remote_write]
    body: str = yaml.safe_dump(config, allow_unicode=True, sort_keys=False, width=120)
    return _HEADER + body


def _read(template: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(template)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f":{mark.line + 1}"
        raise PlaceError(f"prometheus.yml{where}: is no YAML") from error
    jobs = config.get("scrape_configs") if isinstance(config, dict) else None
    if not isinstance(jobs, list) or not all(isinstance(job, dict) and "job_name" in job for job in jobs):
        raise PlaceError("prometheus.yml: scrape_configs is not a list of jobs with a job_name each")
    found: dict[str, Any] = config
    return found


def _job(jobs: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any]:
    try:
        return jobs[name]
    except KeyError:
        raise PlaceError(f"prometheus.yml: scrape_configs has no job {name}") from None


def _miners(job: dict[str, Any], exporters: Sequence[SplitResult], token_file: str | None) -> None:
    """Ask each exporter's `/sd`, with the token there and at the scrape: Prometheus hands it from neither to the other."""
    discoveries = job.get("http_sd_configs") or [{}]
    job["http_sd_configs"] = [
        _with_token({**deepcopy(discoveries[0]), "url": f"{one.scheme}://{one.netloc}/sd"}, token_file)
        for one in exporters
    ]
    _with_token(_with_scheme(job, exporters[0].scheme), token_file)


def _static(job: dict[str, Any], addresses: Sequence[SplitResult], token_file: str | None) -> None:
    job["static_configs"] = [{"targets": [one.netloc for one in addresses]}]
    _with_token(_with_scheme(job, addresses[0].scheme), token_file)


def _with_token(section: dict[str, Any], token_file: str | None) -> dict[str, Any]:
    section.pop("authorization", None)
    if token_file is not None:
        # The type is written out: 2.42 adds it to what it scrapes by itself, and not to what it asks for targets.
        section["authorization"] = {"type": "Bearer", "credentials_file": token_file}
    return section


def _with_scheme(job: dict[str, Any], scheme: str) -> dict[str, Any]:
    job.pop("scheme", None)
    if scheme == "https":
        job["scheme"] = scheme
    return job


def _alerting(config: dict[str, Any], alertmanager: str | None) -> None:
    config.pop("alerting", None)
    if alertmanager is not None:
        where = _address("alertmanager", alertmanager)
        one = {"static_configs": [{"targets": [where.netloc]}]}
        config["alerting"] = {"alertmanagers": [_with_scheme(one, where.scheme)]}


def _address(name: str, url: str) -> SplitResult:
    """Return the parts of a URL that is scheme, host and port; the port is written out, as a target wants it."""
    parts = _parts(name, url)
    if parts.path not in ("", "/"):
        raise PlaceError(f"{name}: {url} has a path; give host and port alone")
    default = {"http": 80, "https": 443}[parts.scheme]
    netloc = parts.netloc if parts.port is not None else f"{parts.netloc}:{default}"
    return SplitResult(parts.scheme, netloc, "", "", "")


def _remote(url: str) -> str:
    if _parts("remote write", url).path in ("", "/"):
        raise PlaceError(f"remote write: {url} has no path, such as /api/v1/write")
    return url


def _parts(name: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise PlaceError(f"{name}: that is no address such as http://10.1.0.5:9428") from None
    if "@" in parts.netloc:
        raise PlaceError(f"{name}: a user or a password does not belong in an address")
    if not right or parts.query or parts.fragment:
        raise PlaceError(f"{name}: {url!r} is no address such as http://10.1.0.5:9428")
    return parts
