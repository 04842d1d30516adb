"""The writers by name: which actions each make can do, and how it is told. The table of abilities in the docs comes of it."""

from collections.abc import Mapping

from miners.writing import Writer

WRITERS: Mapping[str, Writer] = {}
"""By the name of the driver that reads the same miners. A driver that is not here can read only."""
