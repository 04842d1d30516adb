"""What tests of the controller have: an open storage, on each kind of database in turn."""

from collections.abc import Iterator

import pytest

from controller.storage.storage import Storage


@pytest.fixture
def storage(database_url: str) -> Iterator[Storage]:
    """A storage on an empty database."""
    opened = Storage.open(database_url)
    yield opened
    opened.close()
