"""Where links lead out of the API: to Grafana's dashboards, and from the paths in alerts to whole addresses.

Names of containers and miners are anything that a person wrote, so they are encoded. The uids of the dashboards, and the
names of their variables, are those of `grafana/`.
"""

from urllib.parse import quote, urlencode, urlsplit

from controller.settings import Settings
from miners.inventory.fleet import Container, Miner


def grafana_fleet(settings: Settings) -> str | None:
    """Return the address of the fleet's dashboard; None where Grafana's is not known."""
    return _dashboard(settings, "hashyard-fleet", {})


def grafana_container(settings: Settings, container: Container) -> str | None:
    """Return the address of a container's dashboard; None where Grafana's is not known."""
    return _dashboard(settings, "hashyard-container", {"var-container": container.name})


def grafana_miner(settings: Settings, container: Container, miner: Miner) -> str | None:
    """Return the address of a miner's dashboard; None where Grafana's is not known."""
    names = {"var-container": container.name, "var-miner": miner.name}
    return _dashboard(settings, "hashyard-miner", names)


def whole_address(name: str, value: str, settings: Settings) -> str:
    """Return an annotation of an alert; the path in `runbook_url` and `dashboard_url` behind its address, where that is known.

    A rule cannot know these addresses, so it gives paths: `runbooks/MinerDown` of the controller, `/d/…` of Grafana.
    """
    base = {"runbook_url": settings.address, "dashboard_url": _grafana(settings)}.get(name)
    if base is None or not _is_path(value):
        return value
    return f"{base}/{value.lstrip('/')}"


def _is_path(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.path) and not parts.scheme and not parts.netloc


def _grafana(settings: Settings) -> str | None:
    return settings.grafana_url.rstrip("/") if settings.grafana_url is not None else None


def _dashboard(settings: Settings, uid: str, names: dict[str, str]) -> str | None:
    base = _grafana(settings)
    if base is None:
        return None
    return f"{base}/d/{uid}" + (f"?{urlencode(names, quote_via=quote)}" if names else "")
