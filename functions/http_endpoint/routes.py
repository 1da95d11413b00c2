"""The routes, one function each: from a request to an answer."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from http_endpoint import answers, bodies, callers, reading, task_routes, views
from http_endpoint.answers import Answer, Problem, Refusal
from http_endpoint.request import Request, Visit
from snapshot_tuner import bootstrap
from snapshot_tuner.aws import invocation
from snapshot_tuner.aws.invocation import Context, read_each
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import (
    EventRejected,
    FixDeployment,
    LedgerUnavailable,
    PolicyError,
    SettingsError,
)
from snapshot_tuner.events.readings.reading import Event
from snapshot_tuner.events.rtc_callback import Callback
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.explanation import Explanation
from snapshot_tuner.settings import HttpAuth
from snapshot_tuner.tuning import deployment_check
from snapshot_tuner.tuning.deployment_check import Check
from snapshot_tuner.tuning.inspection import Inspector

_RTC_SECONDS: Final = 4.5
"""The RTC service waits 5 s for the answer to a callback; the rest is for a cold start and the way back."""

_FRONTS: Final = "http_endpoint takes requests of function URLs, API Gateway and Application Load Balancers, no others"
_ORIGIN: Final = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_BEHIND_POLICY: Final = ("ledger", "provider")
_RATE: Final = re.compile(r"[1-9][0-9]{0,9}")


Route = Callable[[Visit], Answer]


def post_events(visit: Visit) -> Answer:
    """Read, decide, admit, call; one outcome per event and task."""
    sent = _read(visit)
    tuner = bootstrap.tuner()
    for event in sent.events if sent.keyed else ():
        if isinstance(event, Signal) and bootstrap.inspector().is_in_flight(event):
            raise Refusal(Problem.IN_FLIGHT, "it is answered when its call has ended; then this one is a duplicate")
    outcomes = tuner.process(sent.events, invocation.deadline(visit.context))
    answer = answers.from_outcomes([outcome for each in outcomes for outcome in each], alerts=sent.alerts)
    # Knative takes a body of success for an event to pass on, and for a failure where it is none.
    prefers = visit.request.headers.get("prefer", "").split(",")
    wants_reply = any(each.partition(";")[0].strip().lower() == "reply" for each in prefers)
    return replace(answer, body="") if wants_reply and answer.status == HTTPStatus.OK else answer


def permit_origin(visit: Visit) -> Answer:
    """A sender asks whether it may send (CloudEvents 1.0.2, HTTP 1.1 Web Hooks, 4). What it sends needs its proof.

    Source of the headers: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md.
    """
    headers = visit.request.headers
    origin, asked = headers.get("webhook-request-origin", ""), headers.get("webhook-request-rate", "")
    if not _ORIGIN.fullmatch(origin):
        raise Refusal(Problem.MALFORMED, "WebHook-Request-Origin: must be the name of the sender's host")
    per_minute = bootstrap.settings().rtc_max_qps * 60
    rate = min(int(asked), per_minute) if _RATE.fullmatch(asked) else per_minute
    allowed = {"Allow": "POST, OPTIONS", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": str(rate)}
    return replace(answers.ok({}), headers=allowed)


def post_rtc_callback(visit: Visit) -> Answer:
    """The RTC service's own events; proved by its signature whatever HTTP_AUTH says, as it can make no other."""
    settings = bootstrap.settings()
    request = bodies.opened(visit.request, settings)
    try:
        callback = Callback.read(request.body or b"")
    except EventRejected:
        callback = None  # what cannot be read proves nothing, and learns nothing
    if callback is None or not callback.is_signed_with(settings.rtc_callback_secrets):
        detail = "Signature must be the RTC service's, made with a secret of this deployment"
        raise Refusal(Problem.UNAUTHENTICATED, detail, {"WWW-Authenticate": "RTC-Callback"})
    deadline = min(invocation.deadline(visit.context), SystemClock().monotonic() + _RTC_SECONDS)

    def read(given: Callback) -> list[Event]:
        given.check(
            app_ids=settings.rtc_app_ids,
            now_us=SystemClock().wall_us(),
            skew_seconds=settings.max_clock_skew_seconds,
        )
        return given.events()

    (outcomes,) = bootstrap.tuner().process_each(read_each([callback], read, gives=callback.source), deadline)
    return answers.from_outcomes(outcomes)


def post_explain(visit: Visit) -> Answer:
    """The decision about one event, rule by rule; nothing is admitted or called."""
    match _read(visit, only_looks=True).events:
        case [Signal() as signal]:
            inspector = bootstrap.inspector()
            explanation = inspector.explain(signal)
            return answers.ok(views.from_explanation(signal, explanation, _step_in(inspector, explanation)))
        case [EventRejected() as rejected]:
            raise Refusal(Problem.MALFORMED, str(rejected))
        case _:
            raise Refusal(Problem.MALFORMED, "body: one event at a time is explained")


def _step_in(inspector: Inspector, explanation: Explanation) -> dict[str, Any] | None:
    """What an operator's bounds on the first task make of its interval, where it has some."""
    adjustments = explanation.decision.adjustments
    if not adjustments or not adjustments[0].interval:
        return None
    task, seconds = adjustments[0].task, adjustments[0].interval
    try:
        bounds = inspector.bounds(task)
    except LedgerUnavailable:
        return views.bounds_not_known(seconds)
    return None if bounds is None else views.from_step_in(bounds, bounds.nearest(seconds))


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


def post_health_check(visit: Visit) -> Answer:
    """Each part of the deployment tried, the RTC API with a harmless question; for an operator, who gets reasons."""
    callers.identify_caller(visit.request, bootstrap.settings(), only_looks=True)
    # The secrets have been read by now: without them nobody can prove anything.
    secrets = Check("secrets", ok=True, says="the settings are right, and the secrets that they name can be read")
    try:
        checks = [secrets, *bootstrap.check_deployment()]
    except PolicyError as error:
        untried = (Check(name, ok=None, says="not tried, as nothing runs without a policy") for name in _BEHIND_POLICY)
        checks = [secrets, deployment_check.wrong_policy(error), *untried]
    for check in checks:
        if check.ok is False:
            bootstrap.logger().warning("check_failed", check=check.name, says=check.says)
    members = {"checks": [views.from_check(check) for check in checks]}
    failed = next((check for check in checks if not check.ok), None)
    if failed is None:
        return answers.ok({"status": "ok", **members})
    return answers.from_problem(Problem.UNHEALTHY, f"{failed.name}: {failed.says}", members=members)


def get_openapi(visit: Visit) -> Answer:
    from http_endpoint import docs  # noqa: PLC0415 - no event needs it: not at a cold start

    callers.identify_caller(visit.request, bootstrap.settings(), only_looks=True)
    return docs.document()


def get_docs(visit: Visit) -> Answer:
    from http_endpoint import docs  # noqa: PLC0415 - no event needs it: not at a cold start

    callers.identify_caller(visit.request, bootstrap.settings(), only_looks=True)
    return docs.page()


def get_console(visit: Visit) -> Answer:
    """For everybody where a signature is asked for: a browser cannot prove who opens a page, and it holds no data."""
    from http_endpoint import console  # noqa: PLC0415 - no event needs it: not at a cold start

    settings = bootstrap.settings()
    if settings.http_auth is HttpAuth.IAM:
        callers.identify_caller(visit.request, settings, only_looks=True)
    return console.page()


ROUTES: Final[Mapping[str, Mapping[str, Route]]] = MappingProxyType(
    {
        "/events": {"POST": post_events, "OPTIONS": permit_origin},
        "/callbacks/rtc": {"POST": post_rtc_callback},
        "/tasks": {"GET": task_routes.get_tasks},
        "/tasks/<AppId>/<RoomId>/<TaskId>": {"GET": task_routes.get_task},
        "/tasks/<AppId>/<RoomId>/<TaskId>/bounds": {"PUT": task_routes.put_bounds, "DELETE": task_routes.delete_bounds},
        "/explain": {"POST": post_explain},
        "/health": {"GET": get_health},
        "/health/check": {"POST": post_health_check},
        "/openapi.json": {"GET": get_openapi},
        "/docs": {"GET": get_docs},
        "/console": {"GET": get_console},
    }
)
"""By path, and by method; a name in angle brackets stands for one part of a path."""

_BY_PARTS: Final = [(path.split("/")[1:], by_method) for path, by_method in ROUTES.items()]


def visit(request: Request, context: Context) -> Answer:
    """The answer of the route for the request. Whatever goes wrong is a problem that gives nothing away."""
    try:
        if not request.front_is_known:
            raise Refusal(Problem.MALFORMED, _FRONTS)  # noqa: TRY301 - as every route refuses
        route, names = _route(request)
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


def _route(request: Request) -> tuple[Route, Mapping[str, str]]:
    """The route for the path and method, and what its names stand for."""
    paths = [request.path]
    if request.stage is not None and request.path[:1] == (request.stage,):
        paths.append(request.path[1:])
    for path in paths:
        for parts, by_method in _BY_PARTS:
            names = _names(parts, path)
            if names is not None:
                # HEAD is GET, without the body.
                route = by_method.get("GET" if request.method == "HEAD" else request.method)
                if route is None:
                    methods = [*by_method, *(["HEAD"] if "GET" in by_method else [])]
                    raise Refusal(Problem.METHOD, f"it takes {' and '.join(methods)}", {"Allow": ", ".join(methods)})
                return route, names
    raise Refusal(Problem.NO_SUCH_ROUTE, "GET /openapi.json lists the routes")


def _names(parts: Sequence[str], path: Sequence[str]) -> dict[str, str] | None:
    """None where the path is another."""
    if len(parts) != len(path):
        return None
    names: dict[str, str] = {}
    for part, given in zip(parts, path, strict=True):
        if part[:1] == "<":
            names[part.strip("<>")] = given
        elif part != given:
            return None
    return names


def _read(visit: Visit, *, only_looks: bool = False) -> reading.Sent:
    settings = bootstrap.settings()
    request = bodies.opened(visit.request, settings)
    caller = callers.identify_caller(request, settings, only_looks=only_looks)
    if caller.has_token:
        bootstrap.logger().info("token_accepted", sender=caller.name)
    return reading.read(request, caller, settings, bootstrap.tuner().readings)


def _what_is_wrong(error: FixDeployment | LedgerUnavailable) -> str:
    # A file's path, a host or a URL with a password stays in the log.
    match error:
        case SettingsError(variable=variable):
            return f"{variable} is missing or malformed; the function's log says more"
        case PolicyError(problems=problems):
            return "; ".join(problems)
        case LedgerUnavailable(for_senders=text):
            return text
        case _:
            return "the function's log says more"


def _place(error: Exception) -> str:
    """The innermost function and line: enough to find a defect, without a path or a value."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}" if frame is not None else ""
