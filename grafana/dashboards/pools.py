"""Pools & shares: does the work arrive, and at the right account? For the administrator."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import annotations, colours, links, looks, variables
from grafana.panels import graph, stat
from grafana.queries import CONTAINERS as C
from grafana.queries import containers, over_time
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

ACCEPTED = containers('result="accepted"')
LOST = containers('result!="accepted"')
FOREIGN = containers('alertname="MinerPoolUserUnknown"', 'alertstate="firing"')
WITHOUT_POOL = containers('alertname="MinerPoolsDead"')
POOLS = f'sum by (account, pool) (label_replace(container:pool_miners:count{C}, "pool", "$1", "url", "(?:.*://)?(.*)"))'
"""Miners by account and pool, its address without the protocol, which is the same everywhere."""

SIZE = 36
"""Size in px of a figure without a sparkline: Grafana would fill the panel with it."""

MINING = f"sum(container:pool_miners:count{C}) * 0"
"""A nought where somebody mines: without any figures, none is not nought."""


def dashboard() -> Dashboard:
    """Give the dashboard of pools and shares."""
    return skeleton(
        "hashyard-pools",
        "Pools & shares",
        "Does the work arrive, at the right account?",
        Section(None, _figures()),
        Section("Who is mined for?", _accounts()),
        Section("Are shares lost?", _shares()),
        variables=[variables.containers()],
        annotations=[annotations.profile_changes(C)],
    )


def _figures() -> Panels:
    return [
        stat(
            "Accepted a minute",
            "Shares that the pools took, mean of 30 minutes, as the miners count them. Pools choose how hard a share is, so"
            " it says that work arrives, not how much.",
            over_time(f"sum(container:shares:increase30m{ACCEPTED}) / 30", "shares"),
            unit="short",
            width=4,
            decimals=0,
            colour=colours.RESULTS["accepted"],
            no_value="Nobody counts shares",
        ),
        stat(
            "Rejected and stale",
            "Rejected and stale shares ÷ all shares of 30 minutes. Yellow from half the containers' limit on, red at the"
            " limit.",
            over_time(
                f"sum(container:shares:increase30m{LOST}) / (sum(container:shares:increase30m{C}) > 0)",
                "lost",
            ),
            unit="percentunit",
            width=4,
            decimals=2,
            thresholds=colours.percent_steps((None, colours.PLAIN), (50, colours.YELLOW), (100, colours.RED)),
            maximum=over_time(f"min(container_alert_reject_max_ratio{C})", "limit"),
            size=SIZE,
            no_value="No shares",
        ),
        stat(
            "Miners at a pool",
            "Miners that answer and have a pool that gets their work, asleep or not.",
            over_time(f"sum(container:pool_miners:count{C})", "miners"),
            unit="short",
            width=4,
            decimals=0,
            colour=colours.GREY,
            no_value="Nobody answers",
        ),
        stat(
            "Accounts",
            "Accounts that get work now. An account is what stands before the first dot of the pool's user.",
            over_time(f"count(count by (account) (container:pool_miners:count{C}))", "accounts"),
            unit="short",
            width=4,
            decimals=0,
            colour=colours.GREY,
            no_value="None",
        ),
        stat(
            "Foreign accounts",
            "Miners with a pool or a user that the inventory does not list, now or within the last hour: a thief's firmware"
            " switches for minutes. Containers without a list of pools are left out.",
            over_time(f"count(count by (container, miner) (ALERTS{FOREIGN})) or {MINING}", "miners"),
            unit="short",
            width=4,
            decimals=0,
            links=[links.plain("hashyard-alerts", "Open Alerts")],
            thresholds=colours.high(red=1),
            size=SIZE,
            no_value="Nobody answers",
        ),
        stat(
            "Without a living pool",
            "Miners that should hash and hold every pool they have for dead. Miners that are settling are left out.",
            over_time(f"count(count by (container, miner) (ALERTS{WITHOUT_POOL})) or {MINING}", "miners"),
            unit="short",
            width=4,
            decimals=0,
            links=[links.plain("hashyard-alerts", "Open Alerts")],
            thresholds=colours.steps((None, colours.PLAIN), (1, colours.YELLOW)),
            size=SIZE,
            no_value="Nobody answers",
        ),
    ]


def _accounts() -> Panels:
    return [
        graph(
            "Miners by account and pool",
            "Miners that answer, by the account and the pool that get their work. A new colour here is somebody new who is"
            " mined for.",
            over_time(POOLS, "{{account}} · {{pool}}"),
            unit="short",
            width=14,
            height=10,
            stacked=True,
            decimals=0,
            no_value="Nobody answers",
        ),
        table(
            "Accounts and pools now",
            "A row an account at a pool: how many miners give it their work.",
            Label("account", "Account"),
            Label("pool", "Pool"),
            Value(
                "Miners",
                POOLS,
                "short",
                0,
                width=90,
            ),
            width=10,
            height=10,
            sort=("Miners", True),
            no_value="Nobody answers",
        ),
        table(
            "Foreign pools and users",
            "A row a pool entry of a miner that the inventory does not list, now or within the last hour, whether it gets work or not. Containers without a"
            " list of pools are left out.",
            Label("miner", "Miner", links=[links.miner_of_cell()], width=110),
            Label("user", "User", coloured="text"),
            Value("Pool", f"topk(100, max by (container, miner, url, user) (ALERTS{FOREIGN}))", label="url"),
            Label("container", "Container", links=[links.container_of_cell()]),
            height=5,
            no_value="Every pool and user is in the inventory",
        ).override_by_name(
            "User",
            [DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colours.RED})],
        ),
    ]


def _shares() -> Panels:
    return [
        graph(
            "Rejected and stale by container",
            "Rejected and stale shares ÷ all shares of 30 minutes. Dashed: the limit, the strictest where the containers'"
            " differ. One container above the others has a bad line; all of them together, a bad pool.",
            over_time(
                f"sum by (container) (container:shares:increase30m{LOST})"
                f" / (sum by (container) (container:shares:increase30m{C}) > 0)",
                "{{container}}",
            ),
            over_time(f"min(container_alert_reject_max_ratio{C})", "limit", looks.LIMIT),
            unit="percentunit",
            width=24,
            height=8,
            links=[links.container_of_series()],
            no_value="No share was counted in this time",
        ),
        table(
            "Most shares lost",
            "The twenty miners with the largest share of rejected and stale shares of 30 minutes. Who found fewer than 100"
            " is left out: below that it is chance.",
            Label("miner", "Miner", links=[links.miner_of_cell()], width=110),
            Value(
                "Lost",
                f"topk(20, miner:shares_rejected:ratio30m{C} > 0)",
                "percentunit",
                2,
                shown="bar",
                least=0,
                most=0.1,
                thresholds=colours.steps((None, colours.GREEN), (0.01, colours.YELLOW), (0.02, colours.RED)),
            ),
            Label("container", "Container", links=[links.container_of_cell()]),
            width=12,
            height=10,
            sort=("Lost", True),
            no_value="No miner with 100 shares has lost one",
        ),
        table(
            "Longest without a share",
            "The twenty miners that hash and whose latest share, at any of their pools, is the longest ago. Small miners"
            " at a hard pool may well wait an hour.",
            Label("miner", "Miner", links=[links.miner_of_cell()], width=110),
            Value(
                "For",
                "topk(20, time() - max by (container, miner)"
                f" (miner_pool_last_share_timestamp_seconds{C}) and on (container, miner) miner:hashing:bool{C})",
                "dtdurations",
                0,
                shown="text",
                thresholds=colours.steps((None, colours.GREY), (900, colours.YELLOW), (1800, colours.RED)),
            ),
            Label("container", "Container", links=[links.container_of_cell()]),
            width=12,
            height=10,
            sort=("For", True),
            no_value="No miner tells when its latest share was",
        ),
    ]
