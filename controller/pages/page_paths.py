"""The paths of the pages of one thing, by its id: where links lead that say its name."""

from urllib.parse import quote, urlencode


def container_path(container_id: str) -> str:
    """Return the page of a container."""
    return f"/containers/{quote(container_id)}"


def miner_path(miner_id: str) -> str:
    """Return the page of a miner."""
    return f"/miners/{quote(miner_id)}"


def operation_path(operation_id: str) -> str:
    """Return the page of an operation."""
    return f"/operations/{quote(operation_id)}"


def alerts_path(name: str = "") -> str:
    """Return the page of all that fires, or of the alerts of one name."""
    return f"/alerts?{urlencode({'name': name})}" if name else "/alerts"


def client_path(client_id: str) -> str:
    """Return the page of a client."""
    return f"/clients/{quote(client_id)}"


def person_path(user_id: str) -> str:
    """Return the page of somebody who can sign in."""
    return f"/people/{quote(user_id)}"
