"""Each sender's section of docs/events.md can be copied: its policy makes of the sample body what it says arrives."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import record_of
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.engine import Policy
from tests.docs.pages import ROOT, code_blocks

_SAMPLE: Final = r"`(events/bodies/[a-z_]+\.json)`[^`]*\sbecomes:\n"
PAGE: Final = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
SECTIONS: Final = {
    section.partition("\n")[0]: section
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)
    if re.search(_SAMPLE, section)
}
SENT_US: Final = rfc3339.to_microseconds("2026-03-01T09:00:44Z")
RECORD: Final = record_of(
    id="rtc.room.load-0@7", key="room-418", topic="rtc.room.load", headers={"app": "5f3a1c0e9b7d4e2a8c6f0b13"}
)


def arriving(policy: Policy, body: str) -> str:
    """A line for each event, and one for each task that it adjusts."""
    lines = []
    for event in signals.from_body(body, sent_us=SENT_US, readings=policy.readings, record=RECORD):
        assert isinstance(event, Signal)
        lines.append(f"{event.type}  {event.id}  {rfc3339.from_microseconds(event.time_us)}")
        decision = policy.decide(event)
        lines += [
            f"  {decision.rule}: {each.task.room_id} {each.task.task_id} -> {each.interval} s"
            for each in decision.adjustments
        ]
    return "".join(f"{line}\n" for line in lines)


def test_every_sender_has_its_section() -> None:
    assert list(SECTIONS) == [
        "Alertmanager", "Grafana", "CloudWatch", "Volcengine Cloud Monitor",
        "A list of measurements", "A record of Kafka", "OpenTelemetry",
    ]  # fmt: skip


@pytest.mark.parametrize("name", SECTIONS)
def test_what_arrives_is_what_the_section_says(name: str) -> None:
    """By its own policy, of the sample that it names."""
    section = SECTIONS[name]
    *_, policy = code_blocks(section, "yaml")
    (sample,) = re.findall(_SAMPLE, section)
    (printed,) = code_blocks(section, "text")
    assert printed == arriving(Policy.parse(policy, name), (ROOT / sample).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_the_senders_configuration(name: str) -> None:
    """YAML that can be read, or a command; Cloud Monitor is set up in a console."""
    *configuration, _ = code_blocks(SECTIONS[name], "yaml")
    assert configuration or code_blocks(SECTIONS[name], "sh") or name == "Volcengine Cloud Monitor"
    assert all(isinstance(yaml.safe_load(text), dict) for text in configuration)


def test_every_sample_body_is_told_of() -> None:
    """In a section of its own, or among the other shapes."""
    for path in Path(ROOT / "events" / "bodies").glob("*.json"):
        assert f"{path.name}`" in PAGE
