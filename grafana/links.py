"""Where a click leads: from fleet to container to miner, to the controller's page of the same miner, and to runbooks.

Names of containers and miners are anything a person wrote, so they are encoded; the controller's address is a whole URL
and is not. `cell` is for a table's row, whose fields are named by label; `label` for a series of a graph.
"""

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

TIME = "${__url_time_range}"
FLEET_TAG = "hashyard-fleet"
CONTAINER_TAG = "hashyard-container"
CONTROLLER = "${controller:raw}"
FIRST_DAY = "${__from:date:YYYY-MM-DD}"
LAST_DAY = "${__to:date:YYYY-MM-DD}"
MONTH = "${__to:date:YYYY-MM}"


def _cell(label: str) -> str:
    return "${__data.fields." + label + ":percentencode}"


def _label(label: str) -> str:
    return "${__field.labels." + label + ":percentencode}"


def board(uid: str, title: str, *, container: str | None = None, miner: str | None = None) -> DashboardLink:
    """Link to another dashboard, keeping the time; `container` and `miner` are ready expressions of Grafana."""
    query = [f"var-container={container}"] if container else []
    query += [f"var-miner={miner}"] if miner else []
    return DashboardLink(title).url(f"/d/{uid}?" + "&".join([*query, TIME])).type(DashboardLinkType.LINK)


def container_of_cell(uid: str = "hashyard-container", title: str = "Open the container") -> DashboardLink:
    """From a row that has a field `container`."""
    return board(uid, title, container=_cell("container"))


def container_of_series(uid: str = "hashyard-container", title: str = "Open the container") -> DashboardLink:
    """From a series that has a label `container`."""
    return board(uid, title, container=_label("container"))


def miner_of_cell(uid: str = "hashyard-miner", title: str = "Open the miner") -> DashboardLink:
    """From a row that has the fields `container` and `miner`."""
    return board(uid, title, container=_cell("container"), miner=_cell("miner"))


def miner_in_this_container(
    uid: str = "hashyard-miner", title: str = "Open the miner", variable: str = "container"
) -> DashboardLink:
    """From a row with a field `miner`, on a dashboard whose `variable` names the one container."""
    return board(uid, title, container=f"${{{variable}:percentencode}}", miner=_cell("miner"))


def this_container(uid: str, title: str) -> DashboardLink:
    """From a panel, to another dashboard with the containers chosen on this one."""
    return DashboardLink(title).url(f"/d/{uid}?${{container:queryparam}}&{TIME}").type(DashboardLinkType.LINK)


def plain(uid: str, title: str) -> DashboardLink:
    """From a panel, to another dashboard as it stands."""
    return board(uid, title)


def miner_at_position() -> DashboardLink:
    """From a cell of a map: the row stands in the first field, the column is the field's name (see `tables.matrix`)."""
    return (
        DashboardLink("Open the miner")
        .url(
            "/d/hashyard-miner?var-container=${container:percentencode}"
            "&var-row=${__data.fields[0]:percentencode}&var-column=${__field.name:percentencode}&" + TIME
        )
        .type(DashboardLinkType.LINK)
    )


def controller_page(container: str, miner: str, title: str = "Open in the controller") -> DashboardLink:
    """Link to the controller's page of a miner; `container` and `miner` are ready expressions of Grafana."""
    return (
        DashboardLink(title)
        .url(f"{CONTROLLER}/miners/by-name?container={container}&miner={miner}")
        .type(DashboardLinkType.LINK)
        .target_blank(True)
    )


def controller_page_of_cell() -> DashboardLink:
    """Link to the controller's page of the miner in a row with the fields `container` and `miner`."""
    return controller_page(_cell("container"), _cell("miner"))


def controller_page_of_this_miner() -> DashboardLink:
    """Link to the controller's page of the miner that the dashboard shows."""
    return controller_page("${container:percentencode}", "${miner:percentencode}")


def month_report() -> DashboardLink:
    """From a panel, to the controller's report of the month in which the time shown ends, day by day."""
    return _report("The month's report", f"month={MONTH}")


def month_report_of_cell() -> DashboardLink:
    """From a row with a field `container`, to the controller's report of it in the month in which the time shown ends."""
    return _report("The month's report", f"month={MONTH}", _cell("container"))


def days_report_of_cell() -> DashboardLink:
    """From a row with a field `container`, to the controller's report of it in the days shown."""
    return _report("The report of the days shown", f"from={FIRST_DAY}&to={LAST_DAY}", _cell("container"))


def month_report_of_series() -> DashboardLink:
    """From a series with a label `container`, to the controller's report of it in the month in which the time shown ends."""
    return _report("The month's report", f"month={MONTH}", _label("container"))


def _report(title: str, period: str, container: str | None = None) -> DashboardLink:
    """Link to a report of the controller, which is the bill. The page finds a container by its name as well."""
    of = f"&container={container}" if container else ""
    return (
        DashboardLink(title)
        .url(f"{CONTROLLER}/reports?{period}&by=day{of}")
        .type(DashboardLinkType.LINK)
        .target_blank(True)
    )


def own_page_of_cell() -> DashboardLink:
    """Link to the web page of the miner itself, from a cell that shows its address."""
    return (
        DashboardLink("Open the miner's own page")
        .url("http://${__value.raw}/")
        .type(DashboardLinkType.LINK)
        .target_blank(True)
    )


def runbook_of_cell() -> DashboardLink:
    """Link to the runbook of the alert in a row with a field `alertname`."""
    return (
        DashboardLink("Open the runbook")
        .url(f"{CONTROLLER}/runbooks/{_cell('alertname')}")
        .type(DashboardLinkType.LINK)
        .target_blank(True)
    )


def dropdowns(*, of_one_container: bool) -> list[DashboardLink]:
    """Give the links in each dashboard's head: the dashboards of the fleet, and those of one container, keeping the time.

    The container goes along, but not from the fleet to one container: "All" is no container, and Grafana would show it.
    """
    return [
        _dropdown("Fleet", FLEET_TAG, "Dashboards of any number of containers", containers=True),
        _dropdown("One container", CONTAINER_TAG, "Dashboards of one container", containers=of_one_container),
    ]


def _dropdown(title: str, tag: str, tooltip: str, *, containers: bool) -> DashboardLink:
    return (
        DashboardLink(title)
        .type(DashboardLinkType.DASHBOARDS)
        .tags([tag])
        .as_dropdown(True)
        .include_vars(containers)
        .keep_time(True)
        .icon("external link")
        .tooltip(tooltip)
    )


def controller_head(*, of_one_container: bool) -> DashboardLink:
    """In the head of each dashboard: the controller's page of the fleet, or of the one container."""
    path = "/by-name?container=${container:percentencode}" if of_one_container else "/"
    return (
        DashboardLink("Controller")
        .type(DashboardLinkType.LINK)
        .url(CONTROLLER + path)
        .icon("external link")
        .target_blank(True)
        .tooltip("The controller's page of this container" if of_one_container else "The controller's pages")
    )
