"""A container to its lines: what the inventory says of it, and the price of energy that holds now."""

from datetime import datetime

from exporter.exposition import label, number
from exporter.render import Row
from miners.inventory.fleet import Container, Inventory
from miners.tariffs import price_of


def container_row(container: Container, miners: int, inventory: Inventory, now: datetime) -> Row:
    """Return the chunks of `metrics.CONTAINER`. `miners`: how many are to be polled; `now`: aware."""
    client = f'client="{label(container.client)}",' if container.client is not None else ""
    name = f'container="{label(container.name)}"'
    own = f"{{{client}{name}}}"
    limit = container.power_limit_w
    price = price_of(container, inventory, now)
    lines = [
        (
            f'container_info{{{client}{name},description="{label(container.description)}",'
            f'location="{label(container.location)}",timezone="{label(container.timezone)}"}} 1.0\n'
        ),
        f"container_miners{own} {number(miners)}\n",
        f"container_alert_hashrate_min_ratio{own} {number(container.alerts.hashrate_min_ratio)}\n",
        f"container_alert_reject_max_ratio{own} {number(container.alerts.reject_max_ratio)}\n",
        f"container_alert_down_max_ratio{own} {number(container.alerts.down_max_ratio)}\n",
        "" if limit is None else f"container_power_limit_watts{own} {number(limit)}\n",
        ""
        if price is None
        else f'container_energy_price_per_kilowatt_hour{{{client}{name},currency="{label(price[0].currency)}"}} '
        f"{number(float(price[1]))}\n",
    ]
    return tuple(line.encode("latin-1") for line in lines)
