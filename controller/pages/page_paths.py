"""The paths of the pages of one thing, by its id: where links lead that say its name."""

from urllib.parse import quote


def container_path(container_id: str) -> str:
    """Return the page of a container."""
    return f"/containers/{quote(container_id)}"


def miner_path(miner_id: str) -> str:
    """Return the page of a miner."""
    return f"/miners/{quote(miner_id)}"


def operation_path(operation_id: str) -> str:
    """Return the page of an operation."""
    return f"/operations/{quote(operation_id)}"
