"""Panels that show nothing on a healthy fleet, each with why: a test runs every panel's query and asks for the others."""

from collections.abc import Mapping

EMPTY_WHEN_HEALTHY: Mapping[tuple[str, str], str] = {
    # (uid, panel title): why
    ("hashyard-container", "Next change"): "the container is only watched, and follows no schedule",
    ("hashyard-boards", "At or over the limit"): "no sensor is at its limit",
    ("hashyard-boards", "Boards below the rest"): "every board gives its part",
    ("hashyard-boards", "Miners that lack boards"): "no miner lacks a board",
    ("hashyard-boards", "Chips missing"): "no board lacks a chip",
    ("hashyard-boards", "Miners without a position"): "the inventory gives every miner a row and a column",
    (
        "hashyard-pools",
        "Foreign pools and users",
    ): "nobody has a foreign pool or user",
    ("hashyard-pools", "Most shares lost"): "no share is lost, or nobody found 100 in half an hour",
    ("hashyard-control", "Not as ordered"): "every miner does what is ordered",
    ("hashyard-control", "Commands by outcome"): "no command was given in the time shown",
    ("hashyard-control", "Time to confirm"): "no command was given in the time shown",
    ("hashyard-energy", "Against the meter"): "no container has a meter",
    ("hashyard-alerts", "By alert and container"): "no alert is firing",
    ("hashyard-alerts", "Alerts of miners"): "no alert of a miner is firing",
    ("hashyard-alerts", "Timeline"): "no alert of one of the severities fired in the time shown",
    ("hashyard-alerts", "Alert-hours in 7 days, by alert"): "no alert fired in 7 days",
    ("hashyard-alerts", "Alert-hours in 7 days, by container"): "no alert of a container fired in 7 days",
    ("hashyard-self", "Clients' queries that fail"): "no client asks through the gateway",
    ("hashyard-client", "Not working now"): "every machine works, or is off by agreement",
}
