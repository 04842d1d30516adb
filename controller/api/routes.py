"""The one table of all routes."""

from itertools import chain

from controller.api import me_routes, own_routes, signing_in_routes, user_routes
from controller.api.route import Route

_FILES = (own_routes, signing_in_routes, me_routes, user_routes)

ROUTES: tuple[Route, ...] = tuple(chain.from_iterable(file.ROUTES for file in _FILES))
