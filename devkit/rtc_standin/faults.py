"""What the stand-in can be made to do wrong, and to which calls."""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType

from devkit.rtc_standin.provider_errors import ProviderError
from snapshot_tuner.model import TaskRef


class FaultKind(StrEnum):
    """Every way in which a call can go wrong on the provider's side or on the way."""

    ERROR = auto()  # the answer is `Fault.error`, in the provider's shape
    HTML_PAGE = auto()  # a proxy's page (give it its status, 502)
    NOT_AN_OBJECT = auto()  # JSON, but a list
    EMPTY_BODY = auto()
    RESULT_NOT_OK = auto()  # no Error, and Result is "pending"
    NOT_UTF8 = auto()
    HUGE_BODY = auto()  # a megabyte of JSON
    CUT_BEFORE_BODY = auto()  # the connection is closed when the header has been read
    CUT = auto()  # the connection is closed without an answer
    CUT_IN_ANSWER = auto()  # the connection is closed in the middle of an answer that says ok
    SILENCE = auto()  # the connection is held open, and no answer comes
    SLOW_HEADER = auto()  # the ordinary answer, its header byte by byte
    SLOW_BODY = auto()  # the ordinary answer, its body byte by byte
    LATENCY = auto()  # the ordinary answer, later


ODD_BODIES: Mapping[FaultKind, bytes] = MappingProxyType(
    {
        FaultKind.HTML_PAGE: b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
        FaultKind.NOT_AN_OBJECT: b'["ok"]',
        FaultKind.EMPTY_BODY: b"",
        FaultKind.RESULT_NOT_OK: b'{"ResponseMetadata": {"RequestId": "odd"}, "Result": "pending"}',
        FaultKind.NOT_UTF8: b'{"ResponseMetadata": {"RequestId": "odd"}, "Result": "ok", "Text": "\xff\xfe"}',
        FaultKind.HUGE_BODY: b'{"ResponseMetadata": {"RequestId": "odd"}, "Result": "ok", "Text": "%b"}'
        % (b"x" * 1024 * 1024),
    }
)
"""What is answered instead; with HTTP 200 unless the fault says otherwise."""

_DELAYED = frozenset({FaultKind.SLOW_HEADER, FaultKind.SLOW_BODY, FaultKind.LATENCY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, and the calls it befalls: the next `times` that match (None: all, until a reset).

    `apply_after` is when the call takes effect all the same: None never, 0.0 at once, otherwise that many
    seconds after its arrival, even if the caller has hung up by then. The delayed kinds answer as usual, so
    they apply as usual. `delay` is theirs: seconds before the answer, or between two of its bytes.
    `probability` is drawn per matching call from a generator seeded with `seed`.
    """

    kind: FaultKind
    times: int | None = 1
    task: TaskRef | None = None
    probability: float = 1.0
    seed: int = 0
    error: ProviderError | None = None
    status: int | None = None
    apply_after: float | None = None
    delay: float = 0.0

    @property
    def is_delayed(self) -> bool:
        """Whether the answer is the ordinary one, only slow."""
        return self.kind in _DELAYED

    def __post_init__(self) -> None:
        """Raise ValueError where the parts contradict each other: a fault that says nothing helps nobody."""
        if (self.kind is FaultKind.ERROR) != (self.error is not None):
            raise ValueError(f"`error` belongs to {FaultKind.ERROR}, and to it alone")
        if self.is_delayed != (self.delay > 0):
            raise ValueError(f"`delay` in seconds belongs to {', '.join(sorted(_DELAYED))}, and to them alone")
        if self.status is not None and self.kind is not FaultKind.ERROR and self.kind not in ODD_BODIES:
            raise ValueError("`status` belongs to a fault that is an answer")
        if self.kind in _DELAYED | {FaultKind.CUT_BEFORE_BODY} and self.apply_after is not None:
            raise ValueError(f"`apply_after` does not go with {self.kind}")
        if self.kind is FaultKind.CUT_BEFORE_BODY and self.task is not None:
            raise ValueError("the task stands in the body, which is not read")
        if self.times is not None and self.times < 1:
            raise ValueError("`times` is at least 1")
        if not 0 < self.probability <= 1:
            raise ValueError("`probability` is over 0 and at most 1")


class _Planned:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times
        self.random = random.Random(fault.seed)  # noqa: S311 -- reproducible, not secret

    def befalls(self, *, task: TaskRef | None, before_body: bool) -> bool:
        fault = self.fault
        if before_body != (fault.kind is FaultKind.CUT_BEFORE_BODY):
            return False
        if fault.task is not None and fault.task != task:
            return False
        return fault.probability == 1.0 or self.random.random() < fault.probability


class FaultPlan:
    """The faults to come, in the order they were added; each call meets one at most. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(_Planned(fault))

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def take_before_body(self) -> Fault | None:
        """The fault of a call whose body has not been read yet."""
        return self._take(task=None, before_body=True)

    def take(self, task: TaskRef) -> Fault | None:
        """The fault of a valid call for the task."""
        return self._take(task=task, before_body=False)

    def _take(self, *, task: TaskRef | None, before_body: bool) -> Fault | None:
        with self._lock:
            for planned in self._planned:
                if planned.befalls(task=task, before_body=before_body):
                    if planned.left is not None:
                        planned.left -= 1
                        if planned.left == 0:
                            self._planned.remove(planned)
                    return planned.fault
        return None
