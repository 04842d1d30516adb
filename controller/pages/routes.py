"""The one table of all pages. They are no part of the API, so its document does not hold them."""

from itertools import chain

from controller.api.route import Route
from controller.pages import (
    account_routes,
    alerts_routes,
    by_name_routes,
    chart_routes,
    container_edit_routes,
    container_routes,
    deed_routes,
    fleet_routes,
    import_page_routes,
    invitation_routes,
    key_routes,
    live_routes,
    log_routes,
    miner_edit_routes,
    miner_routes,
    miners_routes,
    operation_page_routes,
    password_routes,
    profile_routes,
    runbook_routes,
    schedule_edit_routes,
    schedule_page_routes,
    settings_routes,
    sign_in_routes,
    static_routes,
    view_routes,
)
from controller.sign_on import page_routes

_FILES = (
    static_routes,
    runbook_routes,
    sign_in_routes,
    password_routes,
    account_routes,
    invitation_routes,
    key_routes,
    settings_routes,
    view_routes,
    fleet_routes,
    alerts_routes,
    by_name_routes,
    container_edit_routes,
    container_routes,
    log_routes,
    miner_edit_routes,
    import_page_routes,
    miner_routes,
    miners_routes,
    live_routes,
    chart_routes,
    deed_routes,
    operation_page_routes,
    schedule_page_routes,
    schedule_edit_routes,
    profile_routes,
    page_routes,
)

PAGES: tuple[Route, ...] = tuple(chain.from_iterable(file.ROUTES for file in _FILES))
