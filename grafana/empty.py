"""Panels that show nothing on a healthy fleet, each with why: a test runs every panel's query and asks for the others."""

from collections.abc import Mapping

EMPTY_WHEN_HEALTHY: Mapping[tuple[str, str], str] = {
    # (uid, panel title): why
}
