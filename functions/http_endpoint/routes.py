"""The routes, one function each: from a request to an answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

from http_endpoint import answers, callers, reading, views
from http_endpoint.answers import Answer, Problem, Refusal
from http_endpoint.request import Request
from snapshot_tuner import bootstrap
from snapshot_tuner.aws import invocation
from snapshot_tuner.aws.invocation import Context, read_each
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import EventRejected, FixDeployment, LedgerUnavailable, PolicyError, SettingsError
from snapshot_tuner.events.rtc_callback import Callback
from snapshot_tuner.model import Signal, TaskRef
from snapshot_tuner.policy.targets import is_id

_RTC_SECONDS: Final = 4.5
"""The RTC service waits 5 s for the answer to a callback; the rest is for a cold start and the way back."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request on its route; `names` are what the path says."""

    request: Request
    context: Context
    names: Mapping[str, str]


Route = Callable[[Visit], Answer]


def post_events(visit: Visit) -> Answer:
    """Read, decide, admit, call; one outcome per event and task."""
    sent = _read(visit)
    tuner = bootstrap.tuner()
    for event in sent.events if sent.keyed else ():
        if isinstance(event, Signal) and bootstrap.inspector().is_in_flight(event):
            raise Refusal(Problem.IN_FLIGHT, "it is answered when its call has ended; then this one is a duplicate")
    outcomes = tuner.process(sent.events, invocation.deadline(visit.context))
    return answers.from_outcomes([outcome for answer in outcomes for outcome in answer])


def post_rtc_callback(visit: Visit) -> Answer:
    """The RTC service's own events; proved by its signature whatever HTTP_AUTH says, as it can make no other."""
    settings = bootstrap.settings()
    callers.check_size(visit.request, settings)
    try:
        callback = Callback.read(visit.request.body or b"")
    except EventRejected:
        callback = None  # what cannot be read proves nothing, and is told nothing
    if callback is None or not callback.is_signed_with(settings.rtc_callback_secrets):
        detail = "Signature must be the RTC service's, made with a secret of this deployment"
        raise Refusal(Problem.UNAUTHENTICATED, detail, {"WWW-Authenticate": "RTC-Callback"})
    deadline = min(invocation.deadline(visit.context), SystemClock().monotonic() + _RTC_SECONDS)
    (outcomes,) = bootstrap.tuner().process(read_each([callback], Callback.signal), deadline)
    return answers.from_outcomes(outcomes)


def post_explain(visit: Visit) -> Answer:
    """The decision about one event, rule by rule; nothing is admitted or called."""
    match _read(visit).events:
        case [Signal() as signal]:
            return answers.ok(views.from_explanation(signal, bootstrap.inspector().explain(signal)))
        case [EventRejected() as rejected]:
            raise Refusal(Problem.MALFORMED, str(rejected))
        case _:
            raise Refusal(Problem.MALFORMED, "body: one event at a time is explained")


def get_task(visit: Visit) -> Answer:
    """What a task should be, what it is as far as is known, and what is pending."""
    callers.identify_caller(visit.request, bootstrap.settings())
    task = TaskRef(*(unquote(visit.names[name]) for name in ("AppId", "RoomId", "TaskId")))
    if not (is_id(task.app_id) and is_id(task.room_id) and is_id(task.task_id)):
        raise Refusal(Problem.TASK_UNKNOWN, "an id has 1 to 128 letters, digits and _ @ - .")
    report = bootstrap.inspector().task(task)
    if report is None:
        raise Refusal(Problem.TASK_UNKNOWN, "no event has been admitted for it, or the last one is long ago")
    return answers.ok(views.from_task(report))


def get_health(_: Visit) -> Answer:
    """Whether an event could be handled now. For anybody to see, so it says what is wrong and no more."""
    try:
        inspector = bootstrap.inspector()
        inspector.check_ledger()
    except (FixDeployment, LedgerUnavailable) as error:
        bootstrap.logger().error("unhealthy", error=str(error))
        # Which rules there are is nobody's business who has proved nothing.
        detail = "the policy has mistakes" if isinstance(error, PolicyError) else _what_is_wrong(error)
        raise Refusal(Problem.UNHEALTHY, detail) from None
    return answers.ok(views.healthy(inspector.policy.version, inspector.policy.sha256))


def get_openapi(visit: Visit) -> Answer:
    from http_endpoint import openapi  # noqa: PLC0415 - no event needs it: not at a cold start

    callers.identify_caller(visit.request, bootstrap.settings())
    return answers.ok(openapi.document())


def get_docs(visit: Visit) -> Answer:
    from http_endpoint import docs  # noqa: PLC0415 - likewise

    callers.identify_caller(visit.request, bootstrap.settings())
    return docs.page()


ROUTES: Final[Mapping[str, Mapping[str, Route]]] = MappingProxyType(
    {
        "/events": {"POST": post_events},
        "/callbacks/rtc": {"POST": post_rtc_callback},
        "/tasks/<AppId>/<RoomId>/<TaskId>": {"GET": get_task},
        "/explain": {"POST": post_explain},
        "/health": {"GET": get_health},
        "/openapi.json": {"GET": get_openapi},
        "/docs": {"GET": get_docs},
    }
)
"""By path, and by method; a name in angle brackets stands for one part of a path."""


def visit(routes: Mapping[str, Route], event: Mapping[str, Any], context: Context, names: Mapping[str, str]) -> Answer:
    """The answer of the route for the event's method. Whatever goes wrong is a problem that gives nothing away."""
    try:
        request = Request.from_event(event)
        route = routes.get(request.method)
        if route is None:
            raise Refusal(Problem.METHOD, f"it takes {' and '.join(routes)}", {"Allow": ", ".join(routes)})  # noqa: TRY301 - as every route refuses
        return route(Visit(request, context, names))
    except Refusal as refusal:
        bootstrap.logger().warning("request_refused", problem=refusal.problem.type, reason=refusal.detail)
        return answers.from_problem(refusal.problem, refusal.detail, headers=refusal.headers)
    except FixDeployment as error:
        bootstrap.logger().error("deployment_wrong", error=str(error))
        return answers.from_problem(Problem.DEPLOYMENT, _what_is_wrong(error))
    except LedgerUnavailable as error:
        bootstrap.logger().error("ledger_unavailable", error=str(error))
        return answers.from_problem(Problem.UNAVAILABLE, _what_is_wrong(error))
    except Exception as error:  # noqa: BLE001 - the last resort: a traceback could quote a body or a secret
        bootstrap.logger().error("defect", error=type(error).__name__, at=_place(error))
        return answers.from_problem(Problem.DEFECT, "the function's log says where")


def _read(visit: Visit) -> reading.Sent:
    settings = bootstrap.settings()
    callers.check_size(visit.request, settings)
    return reading.read(visit.request, callers.identify_caller(visit.request, settings), settings)


def _what_is_wrong(error: FixDeployment | LedgerUnavailable) -> str:
    # A file's path, a host or a URL with a password stays in the log.
    match error:
        case SettingsError(variable=variable):
            return f"{variable} is missing or malformed; the function's log says more"
        case PolicyError(problems=problems):
            return "; ".join(problems)
        case LedgerUnavailable():
            return "the ledger does not answer; the function's log says more"
        case _:
            return "the function's log says more"


def _place(error: Exception) -> str:
    """The innermost function and line: enough to find a defect, without a path or a value."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}" if frame is not None else ""
