"""The writers by name: which actions each make can do, and how it is told. The table of abilities in the docs comes of it."""

from collections.abc import Mapping

from miners.writers import antminer, avalon, elphapex, luxos, token_gateway, whatsminer_v2, whatsminer_v3
from miners.writing import Writer

WRITERS: Mapping[str, Writer] = {
    module.WRITER.name: module.WRITER
    for module in (antminer, whatsminer_v2, whatsminer_v3, avalon, elphapex, luxos, token_gateway)
}
"""By the name of the driver that reads the same miners. A driver that is not here can read only. `token_gateway` is
no driver: it commands whatever stands behind the gateway that the inventory names."""
