"""A handler in a process of its own, measured from inside; needs nothing but the standard library.

Called with the handler's dotted name. Reads one JSON line per batch from standard input, the path of a file with
`{"event": ..., "remaining_ms": ...}`, and answers each with one line: how long the handler took, how much
processor time that was, which modules it imported, the most memory that the process ever held, and which records come
back; or with what it raised.
"""

import gc
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class _BenchmarkContext:
    function_name = "benchmark"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:cn-north-1:123456789012:function:benchmark"
    memory_limit_in_mb = 1024
    aws_request_id = "benchmark"

    def __init__(self, remaining_ms: int) -> None:
        self._end = time.monotonic() + remaining_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - time.monotonic()) * 1000))


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the log is written, but nobody reads it
    module, _, name = sys.argv[1].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_measured(handler, json.loads(Path(json.loads(line)).read_bytes()))), file=answers, flush=True)


def _measured(handler: Callable[[Any, _BenchmarkContext], Any], job: dict[str, Any]) -> dict[str, Any]:
    context = _BenchmarkContext(job["remaining_ms"])
    gc.collect()
    imported = set(sys.modules)
    processor, start = time.process_time(), time.monotonic()
    try:
        returned = handler(job["event"], context)
    except Exception as error:  # noqa: BLE001 - whatever it raises, its invoker would see
        return {"raised": f"{type(error).__name__}: {error}"}
    seconds, processor = time.monotonic() - start, time.process_time() - processor
    return {
        "seconds": seconds,
        "processor_seconds": processor,
        "imported": sorted(sys.modules.keys() - imported),
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "returned": [failure["itemIdentifier"] for failure in (returned or {}).get("batchItemFailures", ())],
    }


if __name__ == "__main__":
    main()
