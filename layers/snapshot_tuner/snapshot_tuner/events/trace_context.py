"""W3C Trace Context, as CloudEvents' extension for distributed tracing carries it: passed on, never made up."""

import re

from snapshot_tuner.model import Signal

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent(signal: Signal) -> str | None:
    """The event's `traceparent`, if it has a complete one.

    Sent on as it is: no span is recorded here that could be the parent of what comes after.
    """
    text = signal.attributes.get("traceparent")
    return text if isinstance(text, str) and _TRACEPARENT.fullmatch(text) else None


def trace_id(signal: Signal) -> str | None:
    """The trace that the event belongs to, 32 hex digits."""
    found = traceparent(signal)
    return found and found[3:35]
