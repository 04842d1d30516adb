"""Pools & shares: does the work arrive, and at the right account? For the administrator."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import annotations, colours, links, looks, variables
from grafana.panels import graph, stat
from grafana.queries import CONTAINERS as C
from grafana.queries import containers, counted, not_answering, over_time, where_answering
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

ACCEPTED = containers('result="accepted"')
LOST = containers('result!="accepted"')
FOREIGN = containers('alertname="MinerPoolUserUnknown"', 'alertstate="firing"')
WITHOUT_POOL = containers('alertname="MinerPoolsDead"')
POOLS = f'sum by (account, pool) (label_replace(container:pool_miners:count{C}, "pool", "$1", "url", "(?:.*://)?(.*)"))'
"""Miners by account and pool, its address without the protocol, which is the same everywhere."""

NOT_KNOWN = -1
"""Stands in a table's row that has no miner: nobody answers in the container, so what is wrong there is not known."""

READ = f"container:miner_state:sum{C}"
"""There where miners say something, and recorded beside what is counted here: a count that finds nothing is nought then."""

NO_SHARES = -1
"""Stands for the share of nothing: nobody found one. Without any figure, that is not known."""


def _shares_of(selector: str) -> str:
    """Give the shares of half an hour of containers in which a miner answers: of the others they are of the past."""
    return where_answering(f"container:shares:increase30m{selector}", C)


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
            over_time(f"sum({_shares_of(ACCEPTED)}) / 30", "shares"),
            unit="locale",
            width=8,
            decimals=0,
            colour=colours.RESULTS["accepted"],
            no_value="Not known",
        ),
        stat(
            "Rejected and stale",
            "Rejected and stale shares ÷ all shares of 30 minutes. Yellow from half the containers' limit on, red at the"
            " limit.",
            over_time(
                f"sum({_shares_of(LOST)}) / (sum({_shares_of(C)}) > 0)"
                f" or (sum({_shares_of(C)}) == 0) + {NO_SHARES}",
                "lost",
            ),
            unit="percentunit",
            width=8,
            decimals=2,
            thresholds=colours.percent_steps((None, colours.PLAIN), (50, colours.YELLOW), (100, colours.RED)),
            maximum=over_time(f"min(container_alert_reject_max_ratio{C})", "limit"),
            mappings=colours.values({NO_SHARES: ("No shares", colours.PLAIN)}),
            no_value="Not known",
        ),
        stat(
            "Miners at a pool",
            "Miners that answer and have a pool that gets their work, asleep or not.",
            over_time(counted(f"sum(container:pool_miners:count{C})", READ), "miners"),
            unit="locale",
            width=8,
            decimals=0,
            colour=colours.GREY,
            no_value="Not known",
        ),
        stat(
            "Accounts",
            "Accounts that get work now. An account is what stands before the first dot of the pool's user.",
            over_time(
                counted(f"count(count by (account) (container:pool_miners:count{C}))", READ), "accounts"
            ),
            unit="locale",
            width=8,
            decimals=0,
            colour=colours.GREY,
            no_value="Not known",
        ),
        stat(
            "Foreign accounts",
            "Miners with a pool or a user that the inventory does not list, now or within the last hour: a thief's firmware"
            " switches for minutes. Containers without a list of pools are left out.",
            over_time(counted(f"count(count by (container, miner) (ALERTS{FOREIGN}))", READ), "miners"),
            unit="locale",
            width=8,
            decimals=0,
            links=[links.plain("hashyard-alerts", "Open Alerts")],
            thresholds=colours.high(red=1),
            no_value="Not known",
        ),
        stat(
            "Without a living pool",
            "Miners that should hash and hold every pool they have for dead. Miners that are settling are left out.",
            over_time(
                counted(
                    f"count(count by (container, miner) {where_answering(f'ALERTS{WITHOUT_POOL}', C)})", READ
                ),
                "miners",
            ),
            unit="locale",
            width=8,
            decimals=0,
            links=[links.plain("hashyard-alerts", "Open Alerts")],
            thresholds=colours.steps((None, colours.PLAIN), (1, colours.YELLOW)),
            no_value="Not known",
        ),
    ]


def _accounts() -> Panels:
    return [
        graph(
            "Miners by account and pool",
            "Miners that answer, by the account and the pool that get their work. A new colour here is somebody new who is"
            " mined for.",
            over_time(POOLS, "{{account}} · {{pool}}"),
            unit="locale",
            width=14,
            height=10,
            stacked=True,
            decimals=0,
            no_value="No miner with a pool was seen in this time",
        ),
        table(
            "Accounts and pools now",
            "A row an account at a pool: how many miners give it their work.",
            Label("account", "Account", width=110),
            Label("pool", "Pool"),
            Value(
                "Miners",
                POOLS,
                "locale",
                0,
                width=90,
            ),
            width=10,
            height=10,
            sort=("Miners", True),
            no_value="Not known: no miner with a pool is seen",
        ),
        table(
            "Foreign pools and users",
            "A row a pool entry of a miner that the inventory does not list, now or within the last hour, whether it gets work or not. Containers without a"
            " list of pools are left out.",
            Label("miner", "Miner", links=[links.miner_of_cell()], width=110),
            Label("user", "User", coloured="text"),
            Value(
                "Pool",
                f"topk(100, max by (container, miner, url, user) (ALERTS{FOREIGN}))"
                f' or label_replace({not_answering(C, NOT_KNOWN)}, "url", "not known", "", "")',
                label="url",
            ),
            Label("container", "Container", links=[links.container_of_cell()]),
            height=5,
            no_value="No foreign pool or user is known",
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
                f"sum by (container) ({_shares_of(LOST)}) / (sum by (container) ({_shares_of(C)}) > 0)",
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
                f"topk(20, miner:shares_rejected:ratio30m{C} > 0 and on (container) container:miner_up:sum{C} > 0)"
                f" or {not_answering(C, NOT_KNOWN)}",
                "percentunit",
                2,
                shown="bar",
                least=0,
                most=0.1,
                mappings=colours.values({NOT_KNOWN: ("not known", colours.YELLOW)}),
                thresholds=colours.steps((None, colours.GREEN), (0.01, colours.YELLOW), (0.02, colours.RED)),
            ),
            Label("container", "Container", links=[links.container_of_cell()]),
            width=12,
            height=10,
            sort=("Lost", True),
            no_value="No miner with 100 shares is known to have lost one",
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
            no_value="No miner tells now when its latest share was",
        ),
    ]
