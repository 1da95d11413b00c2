"""What goes over the wire to admit.lua."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.ledger import intents
from snapshot_tuner.ledger.redis import scripts
from snapshot_tuner.ledger.redis.codec import TaskRecord, pack_adjustment, unpack_intent, unpack_state
from snapshot_tuner.model import Adjustment
from tests.ledger.backends import TASK, event

_SECONDS = st.integers(0, 86_400)


@given(
    st.one_of(st.none(), st.text(st.characters(exclude_characters="\0"), min_size=1)),
    st.text(),
    st.tuples(st.one_of(st.none(), st.integers(1, 86_400)), st.one_of(st.none(), st.integers(1, 600))),
    st.tuples(_SECONDS, _SECONDS),
    st.sampled_from([event("e1"), event("\u2603", sequence=7), event("old", at=-2e9)]),
)
def test_the_word_of_an_adjustment_holds_its_whole_intent(
    business_id: str | None,
    rule: str,
    end: tuple[int | None, int | None],
    patience: tuple[int, int],
    given_event: Adjustment,
) -> None:
    """Time and fingerprint have fixed places; behind the order key comes the intent, whatever the rule's name."""
    adjustment = given_event._replace(
        business_id=business_id,
        rule=rule,
        for_seconds=end[0],
        then_interval=end[1],
        lengthen_after=patience[0],
        skip_unchanged_within=patience[1],
    )
    word = pack_adjustment(adjustment)
    assert int(word[:20]) == adjustment.signal.time_us
    assert word[20:36].hex() == adjustment.signal.fingerprint()[:32]
    _, note, ends, reason, rest = word[36:].split(b"\1", 4)
    assert (note, ends) == (b"", b"")
    assert unpack_intent(TASK, rest)._replace(reason=reason.decode()) == intents.from_adjustment(adjustment)


def test_every_field_of_a_record_has_one_number_for_both_sides() -> None:
    """The scripts say names; what a name means stands in `TaskRecord`, and nowhere as a number."""
    folder = Path(scripts.__file__).parent / "lua"
    for path in sorted(folder.glob("*.lua")):
        assert not re.search(r"\b(task|record)\[\d+\]", path.read_text("utf-8")), path.name
    text = scripts.Script.load("record", "intents", "precedence", "task", "take", "admit").text.decode()
    for number, name in enumerate(TaskRecord._fields, 1):
        assert f"local {name.upper()} = {number}\n" in text


def test_fields_of_a_later_version_are_passed_over() -> None:
    """It put them behind those that this one knows."""
    head = f"{0:020d}\0id\0/source".encode()
    rest = b"5\x001\x000\x000\x000\x000\x00\x00rule"
    record = TaskRecord(
        head, rest, 7, None, None, None, None, 0, 0, b"", b"", None, None, None, b"", None, None, b"", 0, 9, None
    )
    assert unpack_state(TASK, [*record, b"of a later version"], None) == unpack_state(TASK, record, None)
