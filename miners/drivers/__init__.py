"""One driver a maker: what to ask, and what the answers mean. The table names them as the inventory does."""

from miners.driver import Driver
from miners.drivers import antminer, avalon, cgminer, elphapex, luxos, vnish, whatsminer_v2, whatsminer_v3

DRIVERS: dict[str, Driver] = {
    module.DRIVER.name: module.DRIVER
    for module in (antminer, whatsminer_v2, whatsminer_v3, avalon, elphapex, luxos, vnish, cgminer)
}
