"""The whole application on this machine: what template.yaml deploys, with the stand-in for the RTC API."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from devkit.local_runtime.asynchronous import AsynchronousInvocation, AsynchronousSettings, from_bus, from_topic
from devkit.local_runtime.aws_api import REGION, AwsApi
from devkit.local_runtime.background import in_background
from devkit.local_runtime.front import serve_function_url
from devkit.local_runtime.function import Function, FunctionSettings, running
from devkit.local_runtime.kafka import Topic, served_topic
from devkit.local_runtime.kafka_mapping import KafkaMapping
from devkit.local_runtime.queue_mapping import MappingSettings, QueueMapping
from devkit.local_runtime.queues import Bus, Queue, Redrive, SnsTopic, create_bus, create_queue, create_topic
from devkit.local_runtime.sandbox import Code
from devkit.local_runtime.schedule import Schedule
from devkit.rtc_standin import StandIn

HANDLERS = {
    name: f"{name}.handler.lambda_handler" for name in ("queue_worker", "http_endpoint", "bus_listener", "reconciler")
}
TIMEOUT_SECONDS = {"queue_worker": 20, "http_endpoint": 10, "bus_listener": 20, "reconciler": 55}
URGENT_TYPES = ("moderation.alert",)
"""The detail-types that must not wait behind others on the bus."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue, its mapping to queue_worker, and the receives after which a message is a dead letter."""

    mapping: MappingSettings
    visibility_seconds: int
    receives: int


EVENT_QUEUE = QueueSettings(MappingSettings(batch_size=100, window_seconds=1, maximum_concurrency=10), 121, 5)
URGENT_QUEUE = QueueSettings(MappingSettings(batch_size=10, window_seconds=0, maximum_concurrency=10), 30, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSettings:
    """The template's values, except where a machine of its own or a test needs others.

    `name` begins the names of queues and buses. `sandboxes` are those of each function, and bound the
    mappings' concurrency: ten of them would be many processes for one machine; the reconciler has one. Of several, one
    of queue_worker is left to what is urgent. `retry_seconds` are the waits before Lambda's retries of an asynchronous
    invocation. The bus has the rule of DirectBusRule, so that events get to bus_listener too.
    """

    name: str
    environment: Mapping[str, str] = field(repr=False)
    timeout_seconds: Mapping[str, int] = field(default_factory=lambda: TIMEOUT_SECONDS)
    memory_mb: int = 512
    sandboxes: int = 2
    queue: QueueSettings = EVENT_QUEUE
    urgent_queue: QueueSettings = URGENT_QUEUE
    urgent_types: tuple[str, ...] = URGENT_TYPES
    retry_seconds: tuple[int, ...] = (60, 120)
    schedule_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Application:
    """Where everything is."""

    functions: Mapping[str, Function]
    queue: Queue
    dead_letters: Queue
    urgent_queue: Queue
    urgent_dead_letters: Queue
    direct_types: tuple[str, ...]
    """Those that go from the bus straight to bus_listener."""
    listener_dead_letters: Queue
    stream_dead_letters: Queue
    bus: Bus
    topic: SnsTopic
    kafka: Topic
    url: str


@contextmanager
def deployed_here(
    settings: ApplicationSettings, api: AwsApi, code: Code, on_line: Callable[[str, str], None]
) -> Iterator[Application]:
    """The application until the end of the block. `on_line` gets a function's name and each line of its log."""
    dead_letters = create_queue(api, f"{settings.name}-event-dead-letters")
    queue = _queue(api, f"{settings.name}-events", settings.queue, dead_letters)
    urgent_dead_letters = create_queue(api, f"{settings.name}-urgent-dead-letters")
    urgent_queue = _queue(api, f"{settings.name}-urgent-events", settings.urgent_queue, urgent_dead_letters)
    listener_dead_letters = create_queue(api, f"{settings.name}-listener-dead-letters")
    # As long as an event may be at work; see asynchronous.py.
    inbox = create_queue(
        api, f"{settings.name}-listener-inbox", visibility_seconds=6 * settings.timeout_seconds["bus_listener"]
    )
    bus = create_bus(api, settings.name)
    urgent = list(settings.urgent_types)
    bus.route("queue", {"detail-type": [{"anything-but": urgent}]}, queue)
    bus.route("listener", {"detail-type": urgent}, inbox)
    notifications = create_queue(
        api, f"{settings.name}-topic-inbox", visibility_seconds=6 * settings.timeout_seconds["bus_listener"]
    )
    topic = create_topic(api, settings.name)
    topic.subscribe(notifications)
    stream_dead_letters = create_queue(api, f"{settings.name}-stream-dead-letters")
    with ExitStack() as parts:
        functions = {
            name: parts.enter_context(running(_function(name, handler, settings), code, on_line))
            for name, handler in HANDLERS.items()
        }
        for source, of, sandboxes in (
            (queue, settings.queue.mapping, max(1, settings.sandboxes - 1)),
            (urgent_queue, settings.urgent_queue.mapping, 1),
        ):
            mapping = replace(of, maximum_concurrency=min(of.maximum_concurrency, sandboxes))
            parts.enter_context(in_background(QueueMapping(source, functions["queue_worker"], mapping)))
        for taken, to_event in ((inbox, from_bus), (notifications, from_topic)):
            asynchronous = AsynchronousSettings(listener_dead_letters, to_event, settings.retry_seconds)
            parts.enter_context(in_background(AsynchronousInvocation(taken, functions["bus_listener"], asynchronous)))
        kafka = parts.enter_context(served_topic(settings.name))
        from_kafka = KafkaMapping(
            kafka,
            functions["queue_worker"],
            stream_dead_letters,
            batch_size=settings.queue.mapping.batch_size,
            receives=settings.queue.receives,
        )
        parts.enter_context(in_background(from_kafka))
        parts.enter_context(in_background(Schedule(functions["reconciler"], settings.schedule_seconds)))
        url = parts.enter_context(serve_function_url(functions["http_endpoint"]))
        yield Application(
            functions=functions,
            queue=queue,
            dead_letters=dead_letters,
            urgent_queue=urgent_queue,
            urgent_dead_letters=urgent_dead_letters,
            direct_types=settings.urgent_types,
            listener_dead_letters=listener_dead_letters,
            stream_dead_letters=stream_dead_letters,
            bus=bus,
            topic=topic,
            kafka=kafka,
            url=url,
        )


def _queue(api: AwsApi, name: str, settings: QueueSettings, dead_letters: Queue) -> Queue:
    redrive = Redrive(dead_letters, settings.receives)
    return create_queue(api, name, visibility_seconds=settings.visibility_seconds, redrive=redrive)


def environment(code: Code, stand_in: StandIn, ledger_url: str) -> dict[str, str]:
    """The functions' variables: what the template sets, with the stand-in, this ledger and the built policy."""
    return {
        **stand_in.environment(),
        "LEDGER_URL": ledger_url,
        "POLICY_PATH": str(code.tree.policy),
        "VOLCENGINE_ECS_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def _function(name: str, handler: str, settings: ApplicationSettings) -> FunctionSettings:
    return FunctionSettings(
        name=name,
        handler=handler,
        environment={**settings.environment, "POWERTOOLS_SERVICE_NAME": name},
        timeout_seconds=settings.timeout_seconds[name],
        memory_mb=settings.memory_mb,
        sandboxes=1 if name == "reconciler" else settings.sandboxes,
    )
