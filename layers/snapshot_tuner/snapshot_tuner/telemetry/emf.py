"""Figures as metrics: one line of CloudWatch's Embedded Metric Format on stdout, which Lambda's log takes in."""

from collections.abc import Sequence

from aws_lambda_powertools import Metrics

from snapshot_tuner.telemetry.metrics import BatchFigures, Metric

NAMESPACE = "SnapshotTuner"

_VALUES_MOST = 99
"""Of one metric in one line: EMF takes 100, and Powertools begins a new line with the hundredth."""


class EmfRecorder:
    """Every metric twice: by `service` (the deployment) for alarms, and by `service` and `function_name`.

    A batch in which nothing happened gives no line.
    """

    def __init__(self, service: str, function_name: str) -> None:
        self._metrics = Metrics(namespace=NAMESPACE, service=service)
        self._service = service
        self._function_name = function_name

    def record(self, figures: BatchFigures) -> None:
        if not figures.counts and not figures.event_to_applied_ms and figures.policy_age is None:
            return
        self._metrics.add_dimension("function_name", self._function_name)
        self._metrics.add_dimensions(service=self._service)
        for metric, times in figures.counts.items():
            self._metrics.add_metric(metric, "Count", times)
        if figures.policy_age is not None:
            self._metrics.add_metric(Metric.POLICY_AGE, "Seconds", figures.policy_age)
        if figures.ledger_round_trip_ms is not None:
            self._metrics.add_metric(Metric.LEDGER_ROUND_TRIP, "Milliseconds", figures.ledger_round_trip_ms)
        for milliseconds in _sample(figures.event_to_applied_ms):
            self._metrics.add_metric(Metric.EVENT_TO_APPLIED, "Milliseconds", milliseconds)
        self._metrics.flush_metrics()


def _sample(values: Sequence[int]) -> Sequence[int]:
    """All of a few; of many, evenly spaced by rank from the least to the greatest: the percentiles stay."""
    if len(values) <= _VALUES_MOST:
        return values
    ranked = sorted(values)
    last_rank, last_index = len(ranked) - 1, _VALUES_MOST - 1
    return [ranked[index * last_rank // last_index] for index in range(_VALUES_MOST)]
