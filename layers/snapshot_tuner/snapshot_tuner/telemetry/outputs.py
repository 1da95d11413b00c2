"""Where log lines and metrics go: on Lambda to CloudWatch, through Powertools; elsewhere they are lines of JSON."""

from collections.abc import Mapping

from snapshot_tuner.telemetry.json_lines import JsonLines, MetricLines
from snapshot_tuner.telemetry.log import ErrorLog
from snapshot_tuner.telemetry.metrics import Recorder


def logger(*, as_lines: bool) -> ErrorLog:
    """The log of the stdout of the moment in which it is made."""
    if as_lines:
        return JsonLines("snapshot-tuner")
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - not in the package for veFaaS

    # Our messages are names: it need not try to read each of them as JSON.
    powertools: ErrorLog = Logger(service="snapshot-tuner", json_deserializer=str)
    return powertools


def recorder(environ: Mapping[str, str], log: ErrorLog, *, as_lines: bool) -> Recorder | None:
    """None on a developer's machine, where nobody takes metrics from the log."""
    if as_lines:
        return MetricLines(log)
    function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if not function_name:
        return None
    from snapshot_tuner.telemetry.emf import EmfRecorder  # noqa: PLC0415 - its Powertools are not in veFaaS's package

    return EmfRecorder(environ.get("POWERTOOLS_SERVICE_NAME") or "snapshot-tuner", function_name)
