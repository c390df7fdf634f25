"""A collector for prometheus_client: each scrape is one look, from which all families are filled. Needs extra `metrics`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from swaptiers.metrics.family import Buckets, Family, Look

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector, Generic[Look]):
    """To be registered: ``prometheus_client.REGISTRY.register(metrics)``. From any thread.

    `looks`: called at each scrape; each thing to show with the values of `labels`, which come first in every family.
    """

    def __init__(
        self,
        families: Sequence[Family[Look]],
        looks: Callable[[], Iterable[tuple[tuple[str, ...], Look]]],
        labels: tuple[str, ...] = (),
    ) -> None:
        self._families = families
        self._looks = looks
        self._labels = labels

    def describe(self) -> Iterator[Metric]:
        """Every family without samples, so that a registry knows the names without asking for numbers."""
        for family in self._families:
            yield self._empty(family)

    def collect(self) -> Iterator[Metric]:
        """Every family with its samples of this moment."""
        looks = tuple(self._looks())
        for family in self._families:
            metric = self._empty(family)
            for first, look in looks:
                for values, number in family.read(look):
                    _add(metric, [_readable(value) for value in (*first, *values)], number)
            yield metric

    def text(self) -> str:
        """In Prometheus's text format (version 0.0.4), as a scrape gets it."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry).decode()

    def _empty(self, family: Family[Look]) -> Metric:
        kinds: Mapping[str, Callable[..., Metric]] = {
            "counter": CounterMetricFamily,
            "gauge": GaugeMetricFamily,
            "histogram": HistogramMetricFamily,
        }
        return kinds[family.kind](family.name, family.help, labels=[*self._labels, *family.labels])


def _add(metric: Metric, labels: list[str], number: float | Buckets) -> None:
    if isinstance(number, Buckets):
        assert isinstance(metric, HistogramMetricFamily)
        bounds = [(_bound(bound), count) for bound, count in number.counts]
        metric.add_metric(labels, bounds, number.total)
    else:
        assert isinstance(metric, CounterMetricFamily | GaugeMetricFamily)
        metric.add_metric(labels, float(number))


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else repr(bound)


def _readable(value: str) -> str:
    """Label values are UTF-8; what can't be is shown as `?`."""
    return value.encode("utf-8", "replace").decode()
