"""Metrics of the service, in the text format of Prometheus."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric

from api.middleware.exchange import Exchange
from models.database.client import Database
from models.errors import DatabaseError
from models.ingestions.ingestion import COUNTED

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_QUERY_SECONDS = 2.0
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of one application: a listener to exchanges, and an observer of the driver.

    They are in their own registry. Labels have few values: templates of routes, not paths.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "caseledger_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "caseledger_http_request_seconds",
            "Time until the last byte of the answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._commands = Histogram(
            "caseledger_mongodb_command_seconds",
            "Time of MongoDB commands.",
            ("command", "outcome"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._waits = Histogram(
            "caseledger_mongodb_pool_wait_seconds",
            "Time that commands waited for a connection.",
            ("outcome",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._open = Gauge(
            "caseledger_mongodb_pool_connections", "Open connections.", registry=self.registry
        )
        self._used = Gauge(
            "caseledger_mongodb_pool_connections_in_use",
            "Connections that a command uses.",
            registry=self.registry,
        )

    def note(self, exchange: Exchange) -> None:
        """Count a request after its answer."""
        self._requests.labels(exchange.method, exchange.route, str(exchange.status)).inc()
        self._seconds.labels(exchange.method, exchange.route).observe(exchange.seconds)

    def command_ended(self, command: str, seconds: float, *, failed: bool) -> None:
        """Count a MongoDB command."""
        self._commands.labels(command, _outcome(failed)).observe(seconds)

    def connection_waited(self, seconds: float, *, failed: bool) -> None:
        """Count a wait for a connection of the pool."""
        self._waits.labels(_outcome(failed)).observe(seconds)

    def connections_changed(self, opened: int, used: int) -> None:
        """Add to the numbers of connections that are open and in use."""
        self._open.inc(opened)
        self._used.inc(used)

    async def text(self, database: Database) -> bytes:
        """Return all metrics; those of imports are missing when the database does not answer."""
        imports = CollectorRegistry()
        imports.register(_ConstantCollector(await _import_metrics(database)))
        return generate_latest(self.registry) + generate_latest(imports)


class _ConstantCollector:
    """A collector that returns given metrics."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _outcome(failed: bool) -> str:
    return "failed" if failed else "succeeded"


async def _import_metrics(database: Database) -> list[Metric]:
    """Return the totals of the records of all imports, of all processes."""
    try:
        groups = await database.ingestions.aggregate(
            _totals(), hint="counts", seconds=_QUERY_SECONDS
        )
    except DatabaseError:
        return [GaugeMetricFamily("caseledger_mongodb_up", "Whether MongoDB answers.", 0)]
    imports = GaugeMetricFamily("caseledger_imports", "Imports by state.", labels=["status"])
    executions = CounterMetricFamily(
        "caseledger_imported_executions",
        "Execution directories by the outcome of their import.",
        labels=["outcome"],
    )
    for group in groups:
        imports.add_metric([group["_id"]], group["imports"])
    for name in COUNTED:
        executions.add_metric([name], sum(group[name] for group in groups))
    up = GaugeMetricFamily("caseledger_mongodb_up", "Whether MongoDB answers.", 1)
    return [up, imports, executions]


def _totals() -> list[dict[str, Any]]:
    sums = {name: {"$sum": f"$counts.{name}"} for name in COUNTED}
    return [
        {"$project": {"_id": 0, "status": 1, **{f"counts.{name}": 1 for name in COUNTED}}},
        {"$group": {"_id": "$status", "imports": {"$sum": 1}, **sums}},
    ]
