"""The team's own JSON, over the queues it has: a list of readings, numbers as text, milliseconds as time.

Whatever happens on the way, each task ends at the interval that its newest reading asks for.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from devkit.local_runtime.application import ApplicationSettings, QueueSettings, environment
from devkit.local_runtime.aws_api import AwsApi
from devkit.local_runtime.queue_mapping import MappingSettings
from devkit.rtc_standin import Fault, FaultKind, ProviderError, StandIn
from snapshot_tuner.model import TaskRef
from tests.polling import eventually
from tests.runtime.conftest import OWN, RECEIVES, code_for
from tests.runtime.machine import Machine, dead_letter, depth, room, running_machine

POLICY = """
version: 1
events:
  - name: monitor
    match: {kind: [room-readings]}
    each: body.readings
    id: "{item.room}/{item.ts}"
    type: room.load
    time: "{item.ts}"
    numbers: [data.load]
    data: {AppId: 5f3a1c0e9b7d4e2a8c6f0b13, RoomId: "{item.room}", TaskId: task-1, load: "{item.load}"}
  - name: by-key
    match: {load: [{exists: true}]}
    type: room.load
    numbers: [data.load]
    data: {AppId: 5f3a1c0e9b7d4e2a8c6f0b13, RoomId: "{record.key}", TaskId: task-1, load: "{body.load}"}
rules:
  - {name: load, match: {type: [room.load]}, interval: {of: data.load, curve: [[0, 10], [1, 110]]}}
"""
NOW_MS = time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def machine(api: AwsApi, ledger_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The application with the team's policy, and with waits that suit a test."""
    code = code_for(OWN)
    policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    with StandIn() as stand_in:
        variables = environment(code, stand_in, ledger_url)
        settings = ApplicationSettings(
            name="own-json",
            environment={**variables, "POLICY_PATH": str(policy), "LEDGER_NAMESPACE": "own-json"},
            sandboxes=1,
            queue=QueueSettings(MappingSettings(100, 0.1, 1), visibility_seconds=2, receives=RECEIVES),
            retry_seconds=(0,),
        )
        with running_machine(settings, api, code, stand_in) as running:
            for sandbox in running.application.functions["queue_worker"].sandboxes:
                assert not sandbox.invoke({"Records": []}).failed
            yield running


def reading(name: str, load: str, seconds: float) -> dict[str, Any]:
    """As the team's monitor writes it, so many seconds from now."""
    return {"room": name, "load": load, "ts": NOW_MS + round(seconds * 1000)}


def message(*readings: dict[str, Any]) -> str:
    return json.dumps({"kind": "room-readings", "host": "monitor-3", "readings": list(readings)})


def intervals(machine: Machine, *names: str) -> list[int | None]:
    return [machine.interval(room(name)) for name in names]


def calls(machine: Machine, name: str) -> list[tuple[int | None, str]]:
    return [(call.interval, call.outcome) for call in machine.calls(room(name))]


def outcomes(machine: Machine, kind: str, task: TaskRef, function: str = "queue_worker") -> int:
    return len(machine.journal.entries(function, message=kind, room_id=task.room_id))


def is_empty(machine: Machine) -> bool:
    return depth(machine.application.queue) == 0


def test_each_task_is_at_its_newest_reading(machine: Machine) -> None:
    """Of three rooms in two messages, and of one late message that says what was before."""
    queue = machine.application.queue
    queue.send(message(reading("a-1", "0.20", -60), reading("a-2", "0.30", -60), reading("a-3", "0.40", -60)))
    queue.send(message(reading("a-1", "0.50", -30), reading("a-3", "0.60", -30)))
    eventually(lambda: intervals(machine, "a-1", "a-2", "a-3") == [60, 40, 70])
    queue.send(message(reading("a-1", "0.90", -45), reading("a-2", "0.90", -75)))
    eventually(lambda: outcomes(machine, "event_superseded", room("a-2")) == 1)
    eventually(lambda: is_empty(machine))
    assert intervals(machine, "a-1", "a-2", "a-3") == [60, 40, 70]


def test_of_one_message_the_newest_reading_of_a_task_counts(machine: Machine) -> None:
    """Wherever it stands in the list. One call is made."""
    machine.application.queue.send(
        message(reading("b-1", "0.10", -20), reading("b-1", "0.70", -10), reading("b-1", "0.30", -15))
    )
    eventually(lambda: is_empty(machine))
    assert calls(machine, "b-1") == [(80, "ok")]


def test_a_message_that_comes_again_is_called_for_once(machine: Machine) -> None:
    """SQS delivers twice, and so do senders that got no answer."""
    text = message(reading("c-1", "0.50", -20), reading("c-2", "0.25", -20))
    for _ in range(3):
        machine.application.queue.send(text)
    eventually(lambda: outcomes(machine, "event_duplicate", room("c-1")) == 2)
    eventually(lambda: is_empty(machine))
    assert [calls(machine, name) for name in ("c-1", "c-2")] == [[(60, "ok")], [(35, "ok")]]


def test_a_bad_reading_is_refused_alone_and_its_message_is_a_dead_letter(machine: Machine) -> None:
    """Its neighbours are applied once; the log names reading and field."""
    machine.application.queue.send(
        message(reading("d-1", "0.50", -20), reading("d-2", "n/a", -20), reading("d-3", "0.25", -20))
    )
    assert "n/a" in dead_letter(machine.application.dead_letters, "d-2")["Body"]
    assert [calls(machine, name) for name in ("d-1", "d-2", "d-3")] == [[(60, "ok")], [], [(35, "ok")]]
    refused = machine.journal.entries("queue_worker", message="event_rejected")
    assert {entry["reason"] for entry in refused} == {"reading monitor, data.load: must be a number, not 'n/a'"}
    assert len(refused) == RECEIVES


def test_a_throttled_call_is_made_up_for_and_nothing_newer_is_lost(machine: Machine) -> None:
    """The message comes back; what was applied is a duplicate then, what is newer stays."""
    fault = Fault(kind=FaultKind.ERROR, error=ProviderError.QPS_OVER_LIMIT, task=room("e-1"), times=1)
    machine.stand_in.add_fault(fault)
    machine.application.queue.send(message(reading("e-1", "0.50", -20), reading("e-2", "0.25", -20)))
    eventually(lambda: outcomes(machine, "event_to_retry", room("e-1")) == 1)
    machine.application.queue.send(message(reading("e-2", "0.75", -10)))
    eventually(lambda: intervals(machine, "e-1", "e-2") == [60, 85])
    eventually(lambda: is_empty(machine))
    assert calls(machine, "e-2") == [(35, "ok"), (85, "ok")]


def test_kafka_delivers_the_same_bodies_and_a_room_in_the_key(machine: Machine) -> None:
    """Of one partition in its order; a value is what a message's body is."""
    topic = machine.application.kafka
    topic.append(None, message(reading("f-1", "0.50", -20)).encode())
    for load in ("0.1", "0.2", "0.3"):
        topic.append("f-2", json.dumps({"load": load}).encode())
    topic.append("f-2", None)  # a key that is deleted
    eventually(lambda: intervals(machine, "f-1", "f-2") == [60, 40])
    assert depth(machine.application.stream_dead_letters) == 0


def test_a_kafka_record_that_cannot_be_read_is_given_up_and_the_partition_goes_on(machine: Machine) -> None:
    """The stream's dead letters say where it stands; what is behind it is applied, once."""
    topic = machine.application.kafka
    number, offset = topic.append("g-1", b"no JSON")
    assert topic.append("g-1", b'{"load": "0.5"}') == (number, offset + 1)
    told = json.loads(dead_letter(machine.application.stream_dead_letters, "KafkaBatchInfo")["Body"])
    assert told["KafkaBatchInfo"] == {
        "topic": "own-json", "partition": number, "startOffset": offset, "endOffset": offset,
    }  # fmt: skip
    eventually(lambda: intervals(machine, "g-1") == [60])
    assert calls(machine, "g-1") == [(60, "ok")]


def test_sns_delivers_the_same_bodies(machine: Machine) -> None:
    """A notification that cannot be read is a dead letter of the listener, after its retries."""
    machine.application.topic.publish(message(reading("h-1", "0.50", -20)))
    eventually(lambda: intervals(machine, "h-1") == [60])
    machine.application.topic.publish("no JSON, h-2")
    given_up = json.loads(dead_letter(machine.application.listener_dead_letters, "h-2")["Body"])
    assert given_up["requestPayload"]["Records"][0]["Sns"]["Message"] == "no JSON, h-2"
