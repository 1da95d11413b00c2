"""What `tuner explain` prints for people, and that it is true: the steps end where the ledger ends."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from devkit.tuner import recordings
from devkit.tuner.exits import Exit
from devkit.tuner.explain.opening import Invocation
from devkit.tuner.explain.replay import Explained, VirtualDeployment
from devkit.tuner.explain.steps import Change, follows, steps
from devkit.tuner.recordings import Arrival
from snapshot_tuner.ledger import precedence
from snapshot_tuner.model import OutcomeKind, TaskRef
from snapshot_tuner.policy.engine import Policy
from tests.tuner.explain.explaining import EVENTS, ROOT, SHIPPED, Explainer, cloud_event

CALMER = ROOT / "devkit" / "tuner" / "examples" / "calmer.yaml"

EITHER = """
version: 1
rules:
  - name: either
    match: {$or: [{data: {zone: [{prefix: eu-}]}}, {source: [{suffix: /x}, /s]}], subject: [{exists: false}]}
    interval: 5
"""


def test_a_matching_event_is_told_from_its_attributes_to_its_outcome(explainer: Explainer) -> None:
    """Every rule; every operator of those that were asked, with a mark and with what the event has there."""
    assert explainer.output(SHIPPED, EVENTS / "sqs" / "cloudevent.json") == (
        """\
No history was given (--after): nothing is open at first.

event load-101-2 of /monitor/rtc
  type             rtc.room.load
  time             2026-03-01T09:01:00.25Z
  received         2026-03-01T09:01:01Z
  datacontenttype  "application/json"
  subject          "room-101"
  data             {"AppId":"5f3a1c0e9b7d4e2a8c6f0b13","RoomId":"room-101","TaskId":"task-1","load":0.93}
rules
  ✗ moderation-alert  type is "rtc.room.load", not "moderation.alert"
  └── ✗ type is "rtc.room.load"
      └── ✗ wanted "moderation.alert"
  ✓ room-load-high  its pattern matches
  ├── ✓ type is "rtc.room.load"
  │   └── ✓ wanted "rtc.room.load"
  └── ✓ data is an object
      └── ✓ data.load is 0.93
          └── ✓ wanted {"numeric":[">=",0.8]}
  · dead-band  not reached: rule 'room-load-high' before it has decided
  · room-load-normal  not reached: rule 'room-load-high' before it has decided
interval of 5f3a1c0e9b7d4e2a8c6f0b13 room-101 task-1
  asked          43 s  load 0.93 -> curve 43 s
  bounds         43 s  within 2 to 300 s
  order          43 s  nothing was known of the task
  open           43 s  nothing else is open
  stabilizing    43 s  no lengthen_after
  unchanged      43 s  no skip_unchanged_within: a call is made
→ applied: load 0.93 -> curve 43 s
"""
    )


def test_a_clamped_interval_is_told_before_and_after_its_bound(explainer: Explainer) -> None:
    """The rule asks for 1 s, the bounds give 2 s."""
    printed = explainer.output(SHIPPED, EVENTS / "sqs" / "moderation_alert.json")
    assert "  asked           1 s  fixed 1 s\n  bounds          2 s  clamped to 2 s by bounds.min\n" in printed
    assert printed.endswith("→ applied: fixed 1 s, clamped to 2 s by bounds.min\n")
    low = explainer.file("low.yaml", SHIPPED.read_text("utf-8").replace("max: 300", "max: 20"))
    printed = explainer.output(low, EVENTS / "sqs" / "cloudevent.json")
    assert "  bounds         20 s  clamped to 20 s by bounds.max\n" in printed


def test_an_event_that_is_held_has_no_interval(explainer: Explainer) -> None:
    """Nor has one that no rule matches, or that is rejected by its rule."""
    held = explainer.output(SHIPPED, EVENTS / "sqs" / "dead_band.json")
    assert "✓ dead-band  its pattern matches" in held
    assert held.endswith("→ held: hold: matched, deliberately no change\n")
    unmatched = explainer.output(SHIPPED, EVENTS / "sqs" / "unmatched.json")
    assert "not reached" not in unmatched
    assert unmatched.endswith("→ unmatched: no rule matches type 'rtc.user.left'\n")
    missing = EVENTS / "sqs" / "malformed_missing_app_id.json"
    rejected = explainer.output(SHIPPED, missing, exit_code=Exit.REJECTED)
    assert rejected.endswith("→ rejected: data.AppId: missing\n")
    assert not any("interval of" in printed for printed in (held, unmatched, rejected))


def test_an_event_that_cannot_be_read_is_told_with_the_reason(explainer: Explainer) -> None:
    """There is nothing else to tell of it."""
    printed = explainer.output(SHIPPED, EVENTS / "sqs" / "malformed_not_json.json", exit_code=Exit.REJECTED)
    assert printed.splitlines()[2:] == [
        "an event that cannot be read",
        "→ rejected: body: is not JSON: Expecting value at line 1, column 54",
    ]


def test_every_task_of_an_event_has_an_interval(explainer: Explainer) -> None:
    printed = explainer.output(SHIPPED, EVENTS / "http" / "several_tasks.json")
    assert [line for line in printed.splitlines() if line.startswith("interval")] == [
        "interval of 5f3a1c0e9b7d4e2a8c6f0b13 room-204 task-1",
        "interval of 5f3a1c0e9b7d4e2a8c6f0b13 room-204 task-2",
    ]
    assert printed.count("→ applied: load 0.88 -> curve 30 s") == 2


def test_alternatives_are_told_one_by_one(explainer: Explainer) -> None:
    """With what each of them found."""
    event = explainer.file("event.json", cloud_event("e", 0))
    assert """
  ✓ either  its pattern matches
  ├── ✓ $or: one of these
  │   ├── ✗ $or[0]
  │   │   └── ✗ $or[0].data is an object
  │   │       └── ✗ $or[0].data.zone is absent
  │   │           └── ✗ wanted {"prefix":"eu-"}
  │   └── ✓ $or[1]
  │       └── ✓ $or[1].source is "/s"
  │           ├── ✗ wanted {"suffix":"/x"}
  │           └── ✓ wanted "/s"
  └── ✓ subject is absent
      └── ✓ wanted {"exists":false}
""" in explainer.output(explainer.file("either.yaml", EITHER), event)


def test_what_follows_is_told_with_its_moment(explainer: Explainer) -> None:
    """A grave alert of the example policy: ten minutes of 1 s, then 5 s."""
    event = explainer.file("event.json", cloud_event("a", 0, type_="moderation.alert", label="weapon"))
    assert explainer.output(CALMER, event).endswith(
        """\
→ applied: fixed 1 s, for 600 s, then 5 s
  then, if no other event comes: 5 s at 2026-03-01T09:10:00Z, as rule grave-alert asked (event a)
"""
    )


def test_a_time_that_stands_in_is_marked(explainer: Explainer) -> None:
    """And a sequence is among the attributes."""
    printed = explainer.output(SHIPPED, EVENTS / "sqs" / "cloudevent_without_time.json")
    assert "time             2026-03-01T09:01:04Z, when it was sent: it has none of its own\n" in printed
    numbered = json.dumps({**json.loads(cloud_event("e", 0, load=0.1)), "sequence": "0012"})
    assert "\n  sequence   12\n" in explainer.output(SHIPPED, explainer.file("event.json", numbered))


def test_no_event_can_change_the_terminal_or_the_layout(explainer: Explainer) -> None:
    """Neither by control characters nor by what rich would take for markup."""
    text = "\x1b[31m[bold red]\n\x9b31m\u202e"
    event = explainer.file("event.json", cloud_event("e[bold]\u202e", 0, type_="\u2066x", label=text))
    printed = explainer.output(SHIPPED, event)
    assert '"label":"\\u001b[31m[boldred]\\n\\u009b31m\\u202e"' in "".join(printed.split())
    assert "event e[bold]\\u202e of /s\n" in printed
    assert "  type       \\u2066x\n" in printed
    assert all(character.isprintable() for line in printed.splitlines() for character in line)


def test_a_line_has_no_spaces_at_its_end(explainer: Explainer) -> None:
    """People paste it."""
    printed = explainer.output(SHIPPED, EVENTS / "sqs" / "mixed_batch.json", exit_code=Exit.REJECTED)
    assert [line for line in printed.splitlines() if line != line.rstrip()] == []


def test_a_policy_with_mistakes_explains_nothing(explainer: Explainer) -> None:
    """Exit code 1, and the mistake."""
    wrong = explainer.file("wrong.yaml", EITHER.replace("interval: 5", "interval: 0"))
    complaint = explainer.complaint(wrong, EVENTS / "sqs" / "cloudevent.json", exit_code=Exit.MISTAKES)
    assert "interval" in complaint


@pytest.fixture(scope="module")
def day_with_alerts(tmp_path_factory: pytest.TempPathFactory) -> list[Explained]:
    """All that the example policy makes of some rooms of the day in which there were alerts."""
    policy = Policy.load(CALMER)
    lines = gzip.decompress((EVENTS / "day.ndjson.gz").read_bytes()).decode().splitlines()
    alerts = Counter(room(line) for line in lines if '"moderation.alert"' in line)
    rooms = {name for name, _ in alerts.most_common(6)}
    explained: list[Explained] = []
    with VirtualDeployment.opened(policy, tmp_path_factory.mktemp("replay")) as replay:
        for number, line in enumerate(lines):
            for each in recordings.arrivals(number, line) if room(line) in rooms else ():
                assert isinstance(each, Arrival)
                explained += replay.play(Invocation(each.received_us, (each.signal,)))
    return explained


def room(line: str) -> str:
    """The room of a recorded event."""
    return line.partition('"RoomId":"')[2].partition('"')[0]


def test_the_last_step_is_what_the_task_should_be(day_with_alerts: list[Explained]) -> None:
    """For every adjustment that the ledger took; the others have no interval in the end."""
    seen = set()
    for explained in day_with_alerts:
        for visit, outcome in zip(explained.visits, explained.outcomes, strict=False):
            assert explained.explanation is not None
            assert explained.explanation.asked is not None
            printed = steps(visit, explained.explanation)
            seen.add(outcome.kind)
            if outcome.kind in (OutcomeKind.APPLIED, OutcomeKind.DEFERRED):
                assert visit.after is not None
                assert printed[-1].seconds == visit.after.desired.interval
                assert (printed[-1].seconds == outcome.interval) or outcome.kind is OutcomeKind.DEFERRED
            else:
                assert printed[-1].seconds is None
    assert seen == {OutcomeKind.APPLIED, OutcomeKind.DEFERRED, OutcomeKind.DUPLICATE, OutcomeKind.SUPERSEDED}


def test_what_follows_is_what_comes(day_with_alerts: list[Explained]) -> None:
    """The next event of a task finds it where the last change before that moment was to put it."""
    foretold: dict[TaskRef, tuple[int, list[Change]]] = {}
    compared = 0
    for explained in day_with_alerts:
        for visit in explained.visits:
            task = visit.adjustment.task
            if task in foretold and visit.before is not None:
                interval, changes = foretold[task]
                for change in changes:
                    interval = change.interval if change.at_us <= visit.now_us else interval
                assert visit.before.desired.interval == interval
                compared += bool(changes)
            if visit.after is not None:
                foretold[task] = visit.after.desired.interval, list(follows(visit))
                assert precedence.effective(visit.after, visit.now_us) == visit.after.desired
    assert compared > 100


def test_help_tells_how_to_give_a_history(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names the options and an example whose files are there."""
    from devkit.tuner.__main__ import main  # noqa: PLC0415 - nothing else here needs the command itself

    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    printed = capsys.readouterr().out
    assert "--after EVENTS.ndjson" in printed
    assert "--at TIME" in printed
    (example,) = [line for line in printed.splitlines() if line.strip().startswith("./tuner explain")]
    assert all((ROOT / Path(name)).is_file() for name in example.split()[2:])
