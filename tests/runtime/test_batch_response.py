"""What Lambda makes of a batch's answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.local_runtime.batch_response import acknowledged
from devkit.local_runtime.sandbox import InvocationResult

BATCH = ("a", "b", "c")


def answered(payload: object) -> frozenset[str]:
    return acknowledged(InvocationResult(json.dumps(payload).encode(), failed=False), BATCH)


@pytest.mark.parametrize("payload", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_an_answer_that_names_nothing_acknowledges_everything(payload: object) -> None:
    """No answer, an empty one, an empty list and null are all a success."""
    assert answered(payload) == {"a", "b", "c"}


def test_the_records_that_are_named_come_back() -> None:
    """Only they; naming one twice changes nothing."""
    named = [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}]
    assert answered({"batchItemFailures": named}) == {"a", "c"}


@pytest.mark.parametrize(
    "item",
    [
        {"itemIdentifier": "unknown"},
        {"itemIdentifier": ""},
        {"itemIdentifier": None},
        {"itemidentifier": "b"},
        "b",
        None,
    ],
)
def test_an_item_that_names_no_record_of_the_batch_fails_all_of_it(item: object) -> None:
    """Lambda cannot tell which record was meant, so every one comes back."""
    assert answered({"batchItemFailures": [{"itemIdentifier": "a"}, item]}) == frozenset()


@pytest.mark.parametrize("payload", [[], "ok", 1, {"batchItemFailures": "b"}])
def test_an_answer_of_another_shape_fails_the_batch(payload: object) -> None:
    """It is no answer to a batch."""
    assert answered(payload) == frozenset()


def test_a_failed_invocation_fails_the_batch() -> None:
    """Whatever its body holds."""
    assert acknowledged(InvocationResult(b'{"batchItemFailures": []}', failed=True), BATCH) == frozenset()
    assert acknowledged(InvocationResult(b"not JSON", failed=False), BATCH) == frozenset()


@given(st.sets(st.sampled_from(BATCH)))
def test_what_is_named_and_what_is_acknowledged_make_up_the_batch(failed: set[str]) -> None:
    """No message is lost, and none is deleted against the answer."""
    items = [{"itemIdentifier": message_id} for message_id in failed]
    assert answered({"batchItemFailures": items}) == set(BATCH) - failed
