"""One connection to the stand-in: requests in, answers out, or what a fault makes of them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import assert_never

from devkit.rtc_standin import update_snapshot
from devkit.rtc_standin.account import Account
from devkit.rtc_standin.arrival import ArrivalClock
from devkit.rtc_standin.call_log import HUNG_UP, CallLog
from devkit.rtc_standin.faults import ODD_BODIES, Fault, FaultKind, FaultPlan
from devkit.rtc_standin.get_snapshot_task import ReadFaults, is_read, parse_read, task_answer
from devkit.rtc_standin.http_wire import MalformedRequest, RequestParser, WireRequest, answer
from devkit.rtc_standin.provider_errors import ProviderError, Refused
from devkit.rtc_standin.signature import KeyPair, verify
from devkit.rtc_standin.update_snapshot import Api, Update

CONTROL_PREFIX = "/_standin/"
_READ_BYTES = 64 * 1024


@dataclass(slots=True)
class Site:
    """What all connections of one stand-in share. `latency` is in seconds."""

    credentials: KeyPair
    api: Api
    latency: float
    account: Account
    log: CallLog
    faults: FaultPlan
    control: Callable[[WireRequest], tuple[int, bytes]]
    read_faults: ReadFaults
    open_connections: "set[Connection]" = field(default_factory=set)
    numbers: "count[int]" = field(default_factory=lambda: count(1))


@dataclass(slots=True)
class _Arrival:
    """When the first byte of the request was read, and the number of the call that it turned out to be."""

    monotonic: float
    wall: float
    number: int | None = None
    outcome: str = HUNG_UP


class Connection(asyncio.BufferedProtocol):
    """Callbacks instead of a task per connection, and a look at what waits before it is read: arrivals are exact."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._number = next(site.numbers)
        self._parser = RequestParser()
        self._arrival: _Arrival | None = None
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._received = bytearray(_READ_BYTES)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The event loop has set TCP_NODELAY.
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream connection is needed")
        self._transport = transport
        self._clock = ArrivalClock(transport)
        self._site.open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        if self._timer is not None:
            self._timer.cancel()
        self._end_call()
        self._clock.close()
        self._site.open_connections.discard(self)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 -- asyncio's signature
        self._waited_since = self._clock.now()
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        if self._arrival is None:
            self._arrival = _Arrival(*self._waited_since)
        self._parser.feed(bytes(self._received[:nbytes]))
        if not self._busy:
            self._advance(self._arrival)

    def abort(self) -> None:
        """Close at once; what is not sent yet is lost."""
        self._transport.abort()

    def _advance(self, arrival: _Arrival) -> None:
        try:
            header = self._parser.read_header()
            if header is None:
                return
            reads = is_read(header)
            is_call = not reads and not header.path.startswith(CONTROL_PREFIX)
            if is_call and arrival.number is None:
                arrival.number = self._site.log.begin(
                    arrived=arrival.monotonic, arrived_at=arrival.wall, connection=self._number
                )
                if self._site.faults.take_before_body():
                    arrival.outcome = FaultKind.CUT_BEFORE_BODY
                    self.abort()
                    return
            request = self._parser.read_request()
        except MalformedRequest as error:
            self._transport.write(b"".join(answer(400, str(error).encode(), "text/plain")))
            self._transport.close()
            return
        if request is None:
            return
        self._busy = True
        if reads:
            self._serve_read(request, arrival)
        elif arrival.number is None:
            self._send(*answer(*self._site.control(request)))
        else:
            self._serve(request, arrival, arrival.number)

    def _serve_read(self, request: WireRequest, arrival: _Arrival) -> None:
        site, faults = self._site, self._site.read_faults
        now = datetime.fromtimestamp(arrival.wall, UTC)
        try:
            verify(request, site.credentials, region=site.api.region, service=update_snapshot.SERVICE, now=now)
            task = parse_read(request, site.api)
            site.account.check_read_quota(arrival.monotonic)
            response = answer(200, task_answer(site.api, task, *site.account.read(task)))
        except Refused as refusal:
            body = update_snapshot.failure(site.api, refusal.error, refusal.message)
            response = answer(refusal.error.status, body)
        if faults.answer is not None:
            response = answer(*faults.answer)
        self._later(site.latency + faults.delay, lambda: self._send(*response))

    def _serve(self, request: WireRequest, arrival: _Arrival, number: int) -> None:
        site = self._site
        now = datetime.fromtimestamp(arrival.wall, UTC)
        try:
            verify(request, site.credentials, region=site.api.region, service=update_snapshot.SERVICE, now=now)
            update = update_snapshot.parse_update(request, site.api)
            trace = request.headers.get("traceparent")
            site.log.identify(number, update.task, update.interval, update.business_id, trace)
            site.account.check_quota(arrival.monotonic)
            site.account.check_running(update.task)
        except Refused as refusal:
            arrival.outcome = refusal.error.code
            body = update_snapshot.failure(site.api, refusal.error, refusal.message)
            refused = answer(refusal.error.status, body)
            self._later(site.latency, lambda: self._send(*refused))
            return
        fault = site.faults.take(update.task)
        if fault is None:
            arrival.outcome = "ok"
            self._apply(update, number)
            self._later(site.latency, lambda: self._send(*self._success()))
            return
        arrival.outcome = fault.error.code if fault.error else str(fault.kind)
        if fault.apply_after is not None and fault.apply_after > 0:
            # On the loop, not on this connection's timer: it comes to pass when the caller has hung up, too.
            loop = asyncio.get_running_loop()
            loop.call_later(fault.apply_after, self._apply, update, number)
        elif fault.apply_after is not None or fault.is_delayed:
            self._apply(update, number)
        self._later(site.latency, lambda: self._play(fault))

    def _apply(self, update: Update, number: int) -> None:
        if self._site.account.apply(update):
            self._site.log.apply(number, time.monotonic())

    def _play(self, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.ERROR:
                error = fault.error or ProviderError.UNDEFINED_ERROR
                body = update_snapshot.failure(self._site.api, error, "The stand-in was told to say so.")
                self._send(*answer(fault.status or error.status, body))
            case (
                FaultKind.HTML_PAGE
                | FaultKind.NOT_AN_OBJECT
                | FaultKind.EMPTY_BODY
                | FaultKind.RESULT_NOT_OK
                | FaultKind.NOT_UTF8
                | FaultKind.HUGE_BODY
            ):
                self._send(*answer(fault.status or 200, ODD_BODIES[fault.kind]))
            case FaultKind.CUT | FaultKind.CUT_BEFORE_BODY:
                self.abort()
            case FaultKind.CUT_IN_ANSWER:
                header, body = self._success()
                self._transport.write(header + body[: len(body) // 2])
                self._transport.close()
            case FaultKind.SILENCE:
                pass
            case FaultKind.SLOW_HEADER:
                header, body = self._success()
                self._drip([*(bytes([byte]) for byte in header), body], fault.delay)
            case FaultKind.SLOW_BODY:
                header, body = self._success()
                self._drip([header, *(bytes([byte]) for byte in body)], fault.delay)
            case FaultKind.LATENCY:
                self._later(fault.delay, lambda: self._send(*self._success()))
            case _:
                assert_never(fault.kind)

    def _success(self) -> tuple[bytes, bytes]:
        return answer(200, update_snapshot.success(self._site.api))

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        if delay > 0:
            self._timer = asyncio.get_running_loop().call_later(delay, action)
        else:
            action()

    def _drip(self, pieces: list[bytes], delay: float) -> None:
        first, *rest = pieces
        if not rest:
            self._send(first)
            return
        self._transport.write(first)
        self._later(delay, lambda: self._drip(rest, delay))

    def _send(self, *pieces: bytes) -> None:
        # First the log: when the caller has the answer, its next call must not overlap with this one.
        self._end_call()
        self._transport.write(b"".join(pieces))
        self._busy = False
        if not self._parser.is_empty:
            self._arrival = _Arrival(time.monotonic(), time.time())
            self._advance(self._arrival)

    def _end_call(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None and arrival.number is not None:
            self._site.log.end(arrival.number, arrival.outcome, time.monotonic())
