"""The pages over the same real socket and database as the API's tests."""

from tests.unit.controller.api.conftest import house, make_house

__all__ = ["house", "make_house"]
