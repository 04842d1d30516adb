"""Hashyard itself: can the numbers be trusted? For the administrator."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import colours, looks
from grafana.panels import FIGURE_SIZE, graph, stat, timeline
from grafana.queries import now, over_time
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton

SLOW = looks.Look("light-purple", width=2, fill=8)
USUAL = looks.Look("semi-dark-purple", width=2, fill=0)
COUNTED = looks.Look("light-blue", width=2, fill=8)
SECOND = looks.Look(colours.GREY, width=1, fill=0, axis="right", unit="short")

JOBS = ("hashyard", "hashyard-exporter", "hashyard-controller", "prometheus", "alertmanager", "grafana")
"""Jobs of prometheus.yml: the containers, and the parts of the stack."""

RESULTS = {
    "ok": colours.GREEN,
    "timeout": "orange",
    "refused": "dark-orange",
    "unreachable": "semi-dark-orange",
    "auth": colours.RED,
    "malformed": "purple",
    "unsupported": "light-blue",
}
"""What a poll ends with; grey is the line of those under way."""

WORDS = 36
"""Size in px of a stat that says a word."""


def dashboard() -> Dashboard:
    """Give the dashboard of Hashyard's own parts."""
    return skeleton(
        "hashyard-self",
        "Hashyard itself",
        "Can the numbers be trusted?",
        Section(None, _figures()),
        Section("Which part was away?", _parts()),
        Section("Does the exporter keep up?", _exporter()),
        Section("Does Prometheus keep up?", _prometheus()),
        Section("Does the controller?", _controller()),
    )


def _figures() -> Panels:
    accepted = colours.values({1: ("Accepted", colours.PLAIN), 0: ("Refused", colours.RED)})
    return [
        stat(
            "Containers read",
            "Containers that Prometheus could read from the exporter at its last try ÷ all that it knows of.",
            now('sum(up{job="hashyard"}) / count(up{job="hashyard"})', "read"),
            unit="percentunit",
            decimals=0,
            thresholds=colours.low(red=0.99, yellow=0.999),
            no_value="No exporter",
            size=FIGURE_SIZE,
        ),
        stat(
            "Oldest container's reading",
            "Age of the newest reading of that container which has waited longest. Red once an alert would say so.",
            now("time() - min(container:last_seen_timestamp_seconds:max)", "age"),
            unit="s",
            decimals=1,
            thresholds=colours.high(yellow=180, red=300),
            no_value="No reading",
            size=FIGURE_SIZE,
        ),
        stat(
            "Polls behind",
            "How late the exporter's polls begin; of several exporters the worst. As late as its own interval is too late.",
            now("max(hashyard_exporter_poll_lag_seconds)", "lag"),
            unit="s",
            decimals=1,
            thresholds=colours.high(yellow=10, red=30),
            no_value="No exporter",
            size=FIGURE_SIZE,
        ),
        stat(
            "Readings a second",
            "Polls that ended well, all exporters together.",
            over_time('sum(rate(hashyard_exporter_polls_total{result="ok"}[$__rate_interval]))', "readings"),
            unit="short",
            decimals=1,
            colour="light-blue",
            no_value="No exporter",
            size=FIGURE_SIZE,
        ),
        stat(
            "Inventory",
            "Whether exporter and controller took over targets.yml as it now lies on the disk. Refused: the last good one is"
            " in use, and the log names line and remedy.",
            now(
                "min(hashyard_exporter_config_last_reload_successful"
                " or hashyard_controller_config_last_reload_successful)",
                "inventory",
            ),
            unit="none",
            mappings=accepted,
            size=WORDS,
            no_value="No answer",
        ),
        stat(
            "Schedule looked at",
            "How long ago the controller last looked at what should be. Red once an alert would say so.",
            now("time() - min(hashyard_controller_schedule_last_run_timestamp_seconds)", "ago"),
            unit="s",
            decimals=0,
            thresholds=colours.high(yellow=120, red=300),
            no_value="No controller",
            size=FIGURE_SIZE,
        ),
        stat(
            "Reasons not to write",
            "Doubts for which the controller writes nothing to any miner now: a clock out of step, an exporter away, readings"
            " that do not add up.",
            now("max(hashyard_controller_doubts)", "doubts"),
            unit="locale",
            decimals=0,
            thresholds=colours.steps((None, colours.PLAIN), (1, colours.YELLOW)),
            no_value="No controller",
            size=FIGURE_SIZE,
        ),
        stat(
            "Clients' queries that fail",
            "Queries of clients that ended in an error of ours ÷ all of them, in ten minutes.",
            now(
                'sum(increase(hashyard_controller_gateway_requests_total{code=~"5.."}[10m]))'
                " / (sum(increase(hashyard_controller_gateway_requests_total[10m])) > 0)",
                "failed",
            ),
            unit="percentunit",
            decimals=1,
            thresholds=colours.high(yellow=0.01, red=0.05),
            no_value="No client asks",
            size=WORDS,
        ),
    ]


def _parts() -> Panels:
    away = colours.ranges(
        (0, 0, "away", colours.RED),
        (0.0001, 0.9999, "partly", colours.YELLOW),
        (1, 1, "up", colours.GREEN),
    )
    return [
        timeline(
            "Parts",
            "Whether Prometheus could read each part; the containers together, and partly where some could not be read."
            " A gap: Prometheus itself was down, or the part was not known to it.",
            over_time('sum(up{job="hashyard"}) / count(up{job="hashyard"})', "containers"),
            *(
                over_time(f'avg(up{{job="{job}"}})', job.removeprefix("hashyard-"))
                for job in JOBS
                if job != "hashyard"
            ),
            mappings=away,
            height=8,
        ),
    ]


def _exporter() -> Panels:
    duration = "sum by (le) (rate(hashyard_exporter_poll_duration_seconds_bucket[$__rate_interval]))"
    return [
        graph(
            "Time of a round, and its interval",
            "How long it took to poll every miner once, that of the slowest exporter; miners that back off are left out."
            " Polls are spread over the interval (dashed), so a round takes as long as that; one that takes longer is"
            " behind.",
            over_time("max(hashyard_exporter_sweep_duration_seconds)", "round", COUNTED),
            over_time("min(hashyard_exporter_poll_interval_seconds)", "interval", looks.EXPECTED),
            unit="s",
            width=8,
            no_value="No exporter answered in this time",
        ),
        graph(
            "Time of a poll",
            "Half of the polls were quicker than the lower line, 99 % than the upper; failed ones too.",
            over_time(f"histogram_quantile(0.99, {duration})", "99 %", SLOW),
            over_time(f"histogram_quantile(0.5, {duration})", "half", USUAL),
            unit="s",
            width=8,
            no_value="No exporter answered in this time",
        ),
        graph(
            "Polls by result",
            "Polls a second, all exporters together: ok, or why they failed. Line: polls under way, on the right axis.",
            over_time(
                "sum by (result) (rate(hashyard_exporter_polls_total[$__rate_interval])) > 0", "{{result}}"
            ),
            over_time("sum(hashyard_exporter_polls_in_flight)", "under way", _IN_FLIGHT),
            unit="ops",
            width=8,
            stacked=True,
            named=RESULTS,
            no_value="No exporter answered in this time",
        ),
    ]


_IN_FLIGHT = looks.Look(colours.GREY, width=1, fill=0, axis="right", unit="short", alone=True)


def _prometheus() -> Panels:
    return [
        graph(
            "Time of a scrape",
            "The five slowest of Hashyard's parts and containers at each moment. Dashed: what is too long, a third of the"
            " interval.",
            over_time(
                'label_replace(label_replace(topk(5, scrape_duration_seconds{job=~"hashyard.*"}),'
                ' "part", "$1", "instance", "(.*)"), "part", "$1", "job", "hashyard-(.*)")',
                "{{part}}",
            ),
            over_time("vector(10)", "too long", looks.LIMIT),
            unit="s",
            width=8,
        ),
        graph(
            "Samples",
            "Samples of one round of scrapes of all containers, and, on the right axis, the series that Prometheus holds in"
            " memory: they are what it costs.",
            over_time('sum(scrape_samples_scraped{job="hashyard"})', "samples a round", COUNTED),
            over_time("max(prometheus_tsdb_head_series)", "series in memory", SECOND),
            unit="short",
            width=8,
        ),
        graph(
            "Rule groups: time of their interval",
            "How long a group of rules takes ÷ its interval. Dashed: half of it, where an alert begins to count.",
            over_time(
                "max by (group) (label_replace(prometheus_rule_group_last_duration_seconds"
                ' / prometheus_rule_group_interval_seconds, "group", "$1", "rule_group", ".*;(?:hashyard-)?(.*)"))',
                "{{group}}",
            ),
            over_time("vector(0.5)", "too long", looks.LIMIT),
            unit="percentunit",
            width=8,
        ),
    ]


def _controller() -> Panels:
    return [
        graph(
            "Since the schedule was looked at",
            "How long ago the controller had last looked at what should be. A line that climbs: nobody runs the schedule.",
            over_time(
                "time() - min(hashyard_controller_schedule_last_run_timestamp_seconds)", "ago", COUNTED
            ),
            unit="s",
            width=8,
            no_value="No controller answered in this time",
        ),
        graph(
            "Events",
            "Events a minute that were written to the record, and those that could not be written at once.",
            over_time(
                "sum(rate(hashyard_controller_events_written_total[$__rate_interval])) * 60",
                "written",
                COUNTED,
            ),
            over_time(
                "sum(rate(hashyard_controller_event_write_failures_total[$__rate_interval])) * 60",
                "failed",
                looks.Look(colours.RED, width=2, fill=0),
            ),
            unit="short",
            width=8,
            no_value="No controller answered in this time",
        ),
        graph(
            "Clients' queries",
            "Queries of clients a second, by the answer's code: 2 well, 4 refused or wrong, 5 an error of ours.",
            over_time(
                "sum by (code) (rate(hashyard_controller_gateway_requests_total[$__rate_interval]))",
                "{{code}}",
            ),
            unit="reqps",
            width=8,
            stacked=True,
            no_value="No client asked in this time",
        ),
    ]
