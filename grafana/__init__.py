"""What Grafana shows: the dashboards as code, the JSON made of them, and the provisioning that loads it.

`python -m grafana` writes `grafana/json/`, `python -m grafana --check` says what is stale. A dashboard is a module in
`grafana/dashboards/` with `def dashboard() -> Dashboard`, and one line in the table of `grafana/catalogue.py`:

    "hashyard-boards": ("boards", HASHYARD),

`grafana/dashboards/fleet.py` is the worked example. A dashboard is put together from

    skeleton.dashboard(uid, title, question, *sections, variables=, annotations=, span="now-6h", refresh="1m")
    skeleton.Section(title or None, panels, collapsed=False)  panels are placed left to right, 24 columns wide, and wrap
    variables.containers() / variables.container()            $container: several / one
    variables.miner(), variables.position("row")              $miner, and the hidden $row and $column of a map's link
    annotations.profile_changes(CONTAINERS), annotations.container_alerts(), *annotations.miner_alerts()

The skeleton adds the data source, the hidden `$controller`, the dropdowns of all dashboards and the mark of simulated
history; a dashboard with its own `head` (the client's) gets nothing but the data source. Queries (`queries`):

    CONTAINERS, CONTAINER, MINER                              selectors with braces: f"sum(container:miner_up:sum{CONTAINERS})"
    containers('class="fault"'), container(…), miner(…)       the same with further matchers
    over_time(expression, legend="", look=None)               for graphs, timelines, stats with a sparkline
    now(expression, legend="")                                for bars, and stats without one
    by_class("sum(…{…,CLASS})", legends=None)                 one query a class, in their order and colours, to be stacked
    class_number(CONTAINER), positions(CONTAINER)             class as a number; factor that brings the labels row and column

Panels (`panels`, `tables`, `scatters`) take a title, a description (what is summed, what is left out), queries, a unit, and keywords:

    stat(title, description, *queries, unit=, width=6, height=4, decimals=, thresholds=, mappings=, colour=, maximum=,
         no_value=, links=)                                   background only for what is wrong: colours.low, colours.high
    graph(…, unit=, width=12, height=8, stacked=, share=, bars=, named=colours.CLASSES, least=0, most=, interval=, points=,
          no_value=, links=)                                  a series' own drawing is its query's look (`looks`)
    bars(…, unit=, thresholds= or colour=)                    horizontal bars of now
    timeline(…, mappings=, own_mappings=)                     state timeline
    status_history(…, unit=, thresholds=)                     cells coloured by judgement
    scatter(title, description, x, y, key="miner", x_title=, y_title=, x_unit=, y_unit=)  points, one a row
    table(title, description, *columns, key="container", sort=("Of expected", False), footer=["Energy"])
        Label("container", "Container", links=[links.container_of_cell()])
        Value("Power", expression, "watt", decimals=1, shown="figure|bar|text|background", thresholds=, mappings=)
    matrix(title, description, query, unit=, thresholds= or mappings=)   the map by position

Where clicks lead is `links`, colours and value mappings are `colours`. A panel that shows nothing on a healthy fleet
stands in `empty.py` with why. Hash rates of different algorithms are never added: sum by (algorithm), legend
{{algorithm}}. Over more than one container only container:, model: and fleet: series are read, or a topk of at most 100.
"""
