"""The one table of all routes."""

from itertools import chain

from controller.api import (
    alias_control_routes,
    alias_fleet_routes,
    alias_people_routes,
    alias_stats_routes,
    client_routes,
    fleet_routes,
    grafana_routes,
    import_routes,
    intervention_routes,
    inventory_routes,
    me_access_routes,
    me_routes,
    meter_routes,
    operation_routes,
    override_routes,
    own_routes,
    record_routes,
    report_routes,
    schedule_routes,
    signing_in_routes,
    stats_routes,
    status_routes,
    stream_routes,
    tariff_routes,
    timeline_routes,
    user_routes,
)
from controller.api.route import Route
from controller.sign_on import program_routes

_FILES = (
    own_routes,
    signing_in_routes,
    me_routes,
    me_access_routes,
    fleet_routes,
    inventory_routes,
    import_routes,
    schedule_routes,
    timeline_routes,
    override_routes,
    operation_routes,
    intervention_routes,
    record_routes,
    report_routes,
    meter_routes,
    stats_routes,
    stream_routes,
    tariff_routes,
    status_routes,
    user_routes,
    client_routes,
    grafana_routes,
    alias_control_routes,
    alias_fleet_routes,
    alias_stats_routes,
    alias_people_routes,
    program_routes,
)

ROUTES: tuple[Route, ...] = tuple(chain.from_iterable(file.ROUTES for file in _FILES))
