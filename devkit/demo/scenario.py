"""What the demo plays, and in which order: every file of its three sources in events/ once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """Files that show one thing, each one an invocation. `throttled`: the provider refuses the first call."""

    title: str
    files: tuple[str, ...]
    throttled: bool = False


SCENARIO = (
    Stage(
        "A queue: events in every envelope, each at the interval that its rule says",
        (
            "sqs/cloudevent.json",
            "sqs/cloudevent_base64.json",
            "sqs/cloudevent_without_time.json",
            "sqs/eventbridge.json",
            "sqs/sns_cloudevent.json",
            "sqs/sns_eventbridge.json",
            "sqs/queue_bus_queue.json",
        ),
    ),
    Stage(
        "The first event once more, then an older one of its task: no call",
        ("sqs/duplicate.json", "sqs/late.json"),
    ),
    Stage(
        "The policy changes nothing here: no call",
        ("sqs/dead_band.json", "sqs/unmatched.json"),
    ),
    Stage(
        "One batch: two events of a task (one call), garbage, another task",
        ("sqs/mixed_batch.json",),
    ),
    Stage(
        "The provider throttles the call: the event comes back, and is applied",
        ("sqs/moderation_alert.json",),
        throttled=True,
    ),
    Stage(
        "Malformed, and poison (a task that is not running): to the dead-letter queue",
        ("sqs/malformed_not_json.json", "sqs/malformed_missing_app_id.json", "sqs/poison_unknown_task.json"),
    ),
    Stage(
        "Over HTTP: the status tells the sender",
        (
            "http/cloudevent.json",
            "http/duplicate.json",
            "http/late.json",
            "http/base64_body.json",
            "http/moderation_alert.json",
            "http/several_tasks.json",
            "http/dead_band.json",
            "http/unmatched.json",
            "http/malformed_not_json.json",
            "http/malformed_missing_app_id.json",
            "http/poison_unknown_task.json",
        ),
    ),
    Stage(
        "Straight from a bus: what cannot be settled raises, and is tried three times",
        (
            "eventbridge/room_load.json",
            "eventbridge/duplicate.json",
            "eventbridge/late.json",
            "eventbridge/cloudevent_in_detail.json",
            "eventbridge/sqs_record_in_detail.json",
            "eventbridge/moderation_alert.json",
            "eventbridge/dead_band.json",
            "eventbridge/unmatched.json",
            "eventbridge/malformed_not_json_in_detail.json",
            "eventbridge/malformed_missing_app_id.json",
            "eventbridge/poison_unknown_task.json",
        ),
    ),
)

FILES = tuple(file for stage in SCENARIO for file in stage.files)
