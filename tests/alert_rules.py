"""The alerts of prometheus/rules/ as Alertmanager gets them: names and labels, for tests of routes and inhibition."""

from pathlib import Path
from typing import NamedTuple

import yaml

PROMETHEUS = Path(__file__).parents[1] / "prometheus"
CONFIG = PROMETHEUS / "alertmanager.yml"
MESSAGES = str(PROMETHEUS / "templates" / "*.tmpl")

# The labels that say what an alert is about; of Hashyard's own, these two are about a container.
_WHERE = {"miner": ("container", "miner"), "container": ("container",), "hashyard": ()}
_OF_A_CONTAINER = {"HashyardReadingsStale", "HashyardInventoriesDiffer"}


class Alert(NamedTuple):
    """One alert rule: its name and its own labels."""

    name: str
    severity: str
    scope: str

    def labels(self, container: str = "Container 1", miner: str = "A-1") -> dict[str, str]:
        """Return the labels with which it fires for a container, or a miner of it."""
        names = ("container",) if self.name in _OF_A_CONTAINER else _WHERE[self.scope]
        where = {"container": container, "miner": miner}
        own = {"alertname": self.name, "severity": self.severity, "scope": self.scope}
        return own | {name: where[name] for name in names}


def alerts() -> dict[str, Alert]:
    """Return the alerts of all rule files by name."""
    found = [
        Alert(rule["alert"], rule["labels"]["severity"], rule["labels"]["scope"])
        for path in sorted((PROMETHEUS / "rules").glob("alert-*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
    return {alert.name: alert for alert in found}
