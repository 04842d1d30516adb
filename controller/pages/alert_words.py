"""What alerts are called on pages: a short phrase for each of the rules' own, in the reader's language.

Summary and description of an alert come from the rules, in English, and stay so. An alert that an operator has written
himself has no phrase here and is shown by its name.
"""

from collections.abc import Mapping
from typing import Final

from controller.pages.language import Words
from controller.wording import Wording, worded

ALERTS: Final[Mapping[str, Wording]] = {
    # of a container
    "ContainerDown": worded("Many miners do not answer"),
    "ContainerScrapeFailed": worded("Prometheus cannot read the container"),
    "ContainerMinersMissing": worded("Miners missing, or read twice"),
    "ContainerMissing": worded("No exporter reads the container"),
    "ContainerHashrateLow": worded("Hash rate of the container too low"),
    "ContainerCurtailmentMissed": worded("Ordered off, and still draws power"),
    "ContainerPowerAboveLimit": worded("Power of the container over its limit"),
    "ContainerOverheating": worded("Many miners are too hot"),
    "ContainerCommandsFailing": worded("Many commands fail"),
    # of a miner
    "MinerDown": worded("Does not answer"),
    "MinerNotHashing": worded("Answers, and does not hash"),
    "MinerHashrateLow": worded("Hash rate too low"),
    "MinerDrawsWhileCurtailed": worded("Ordered off, and still runs"),
    "MinerPowerAboveTarget": worded("Power over its target"),
    "MinerBoardLost": worded("Board lost"),
    "MinerChipsLost": worded("Chips lost"),
    "MinerFanFailed": worded("Fan failed"),
    "MinerOverTemperature": worded("Too hot"),
    "MinerSharesRejected": worded("Shares rejected"),
    "MinerPoolsDead": worded("No pool answers"),
    "MinerNoShares": worded("No share accepted"),
    "MinerRebootLoop": worded("Restarts again and again"),
    "MinerFault": worded("Reports a fault"),
    "MinerControlDrift": worded("Not brought to its profile"),
    "MinerPoolUserUnknown": worded("Pool or user not in the inventory"),
    # of Hashyard itself
    "HashyardExporterDown": worded("Exporter gone"),
    "HashyardExporterLagging": worded("Exporter behind"),
    "HashyardReadingsStale": worded("No new readings"),
    "HashyardInventoryRejected": worded("Inventory refused"),
    "HashyardInventoriesDiffer": worded("Exporter and controller count miners differently"),
    "HashyardControllerDown": worded("Controller gone"),
    "HashyardScheduleStalled": worded("Schedule stands still"),
    "HashyardEventLogFailing": worded("Record cannot be written"),
    "HashyardGatewayFailing": worded("Clients' queries fail"),
    "HashyardScrapeSlow": worded("Scraping is slow"),
    # of Prometheus and what stands behind it
    "PrometheusTargetMissing": worded("Prometheus does not reach a target"),
    "PrometheusRulesFailing": worded("Rules fail, alerts may be blind"),
    "PrometheusRulesSlow": worded("Rules take too long"),
    "PrometheusConfigRejected": worded("Prometheus runs an old configuration"),
    "PrometheusSamplesRejected": worded("Prometheus drops samples"),
    "PrometheusRemoteWriteBehind": worded("Long-term storage behind"),
    "PrometheusNotNotifying": worded("Alerts reach nobody"),
    "AlertmanagerNotDelivering": worded("Alertmanager cannot deliver"),
    "Watchdog": worded("Alerts are judged and delivered"),
}
"""A phrase for each alert in `prometheus/rules`, by its name; a test holds this against the rules."""

SEVERITIES: Final[Mapping[str, Wording]] = {"critical": worded("critical"), "warning": worded("warning")}


def alert_words(name: str, words: Words) -> str:
    """Return a short phrase for an alert in the reader's language; for one that is not of the rules here, its name."""
    return words.told(ALERTS.get(name, name))


def severity_words(severity: str, words: Words) -> str:
    """Return how grave an alert is; for a severity that is not of the rules here, its own name."""
    return words.told(SEVERITIES.get(severity, severity))
