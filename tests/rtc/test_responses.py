"""What every answer of the API means, by the provider's table of errors; no network."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.errors import (
    MESSAGE_LIMIT,
    ApiError,
    CallFailed,
    CallRefused,
    CredentialsRefused,
    TaskNotFound,
    Throttled,
    TimestampRefused,
)
from snapshot_tuner.rtc.responses import classify

# Code, HTTP status, error, outcome unknown: every row of the table, and the codes that a row stands for.
TABLE: list[tuple[str, int, type[ApiError], bool]] = [
    ("MissingParameter", 400, CallRefused, False),
    ("MissingRequestInfo", 400, CallRefused, False),
    ("InvalidParameter", 400, CallRefused, False),
    ("InvalidParameter.RoomId", 400, CallRefused, False),
    ("InvalidParameter.ErrorActiveTaskNotFound", 404, TaskNotFound, False),
    ("MissingAuthenticationToken", 401, CredentialsRefused, False),
    ("MissingSignature", 401, CredentialsRefused, False),
    ("SignatureDoesNotMatch", 401, CredentialsRefused, False),
    ("InvalidAccessKey", 401, CredentialsRefused, False),
    ("InvalidAuthorization", 400, CredentialsRefused, False),
    ("InvalidCredential", 400, CredentialsRefused, False),
    ("InvalidCredential.Scope", 400, CredentialsRefused, False),
    ("InvalidSecretToken", 401, CredentialsRefused, False),
    ("InvalidTimestamp", 400, TimestampRefused, False),
    ("InvalidTimestamp", 403, TimestampRefused, False),
    ("ServiceNotFound", 404, CallRefused, False),
    ("InvalidActionOrVersion", 404, CallRefused, False),
    ("LackPolicy", 403, CredentialsRefused, False),
    ("AccessDenied", 403, CredentialsRefused, False),
    ("AccessDenied.NoPermission", 403, CredentialsRefused, False),
    ("InternalError", 500, CallFailed, False),
    ("InternalError.Unknown", 500, CallFailed, False),
    ("UndefinedError", 500, CallFailed, False),
    ("FailToConnect", 502, CallFailed, False),
    ("InternalServiceTimeout", 504, CallFailed, True),
    ("FlowLimitExceeded", 429, Throttled, False),
    ("FlowLimitExceeded.QPSOverLimit", 429, Throttled, False),
    ("AccountFlowLimitExceeded", 429, Throttled, False),
    ("RequestLimitExceeded", 429, Throttled, False),
    ("ServiceUnavailableTemp", 503, CallFailed, False),
]


def failure(code: object, message: object = "No.", request_id: object = "req-1") -> bytes:
    return json.dumps(
        {"ResponseMetadata": {"RequestId": request_id, "Error": {"Code": code, "Message": message}}}
    ).encode()


def error_from(status: int, body: bytes, secrets: Sequence[str] = ()) -> ApiError:
    with pytest.raises(ApiError) as caught:
        classify(status, body, secrets=secrets)
    return caught.value


@pytest.mark.parametrize(("code", "status", "error", "unknown"), TABLE)
@pytest.mark.parametrize("as_status", [None, 200], ids=["its-status", "http-200"])
def test_a_code_of_the_table_decides_whatever_the_status(
    code: str,
    status: int,
    error: type[ApiError],
    unknown: bool,  # noqa: FBT001 -- a column of the table
    as_status: int | None,
) -> None:
    """The code's class decides; the HTTP status differs between versions of the documentation."""
    sent = as_status or status
    raised = error_from(sent, failure(code))
    assert type(raised) is error
    assert (raised.code, raised.message, raised.status, raised.request_id) == (code, "No.", sent, "req-1")
    assert raised.outcome_unknown is unknown


@pytest.mark.parametrize(
    ("status", "error", "unknown"),
    [
        (400, CredentialsRefused, False),
        (401, CredentialsRefused, False),
        (403, CredentialsRefused, False),
        (404, CallRefused, False),
        (408, CallFailed, True),
        (422, CallRefused, False),
        (429, Throttled, False),
        (500, CallFailed, False),
        (503, CallFailed, False),
        (504, CallFailed, True),
        (200, CallFailed, True),
        (302, CallFailed, True),
    ],
)
def test_a_code_that_nobody_knows_is_classified_by_the_status(
    status: int,
    error: type[ApiError],
    unknown: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    """New codes appear; under HTTP 200 nobody knows, and the event is tried again."""
    raised = error_from(status, failure("BrandNew.Code"))
    assert (type(raised), raised.outcome_unknown) == (error, unknown)


def test_result_ok_without_an_error_gives_the_request_id() -> None:
    """Success is: 2xx, no Error, Result "ok"."""
    assert classify(200, b'{"ResponseMetadata": {"RequestId": "req-7"}, "Result": "ok"}') == "req-7"


def test_an_error_of_null_is_no_error() -> None:
    """Some gateways of the provider spell an absent Error as null."""
    assert classify(200, b'{"ResponseMetadata": {"RequestId": "r", "Error": null}, "Result": "ok"}') == "r"


@pytest.mark.parametrize(
    "body",
    [
        b'{"Result": "ok"}',
        b'{"ResponseMetadata": [], "Result": "ok"}',
        b'{"ResponseMetadata": {"RequestId": 7}, "Result": "ok"}',
    ],
)
def test_success_without_a_request_id_is_success(body: bytes) -> None:
    """The call was carried out, whether or not the answer can be traced."""
    assert classify(200, body) == ""


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html>502 Bad Gateway</html>"),
        (403, b"<html>Forbidden by the proxy</html>"),
        (200, b""),
        (200, b"\xff\xfe"),
        (200, b'\xef\xbb\xbf{"Result": "ok"}'),
        (200, '{"Result": "ok"}'.encode("utf-16")),
        (200, b'["ok"]'),
        (200, b'"ok"'),
        (200, b"null"),
        (200, b"[" * 100_000),
        (200, b"9" * 5_000),
        (200, b"{}"),
        (200, b'{"Result": "pending"}'),
        (200, b'{"Result": ["ok"]}'),
        (200, b'{"Result": {"Result": "ok"}}'),
        (500, b'{"Result": "ok"}'),
        (302, b'{"Result": "ok"}'),
        (400, b'{"message": "from a gateway"}'),
        (200, b'{"ResponseMetadata": {"Error": {}}, "Result": "ok"}'),
        (200, b'{"ResponseMetadata": {"Error": "no"}, "Result": "ok"}'),
        (400, b'{"ResponseMetadata": {"Error": {"Code": 7}}}'),
        (400, b'{"ResponseMetadata": {"Error": {"Code": "a b"}}}'),
    ],
)
def test_an_answer_that_is_not_the_providers_leaves_the_outcome_unknown(status: int, body: bytes) -> None:
    """Whoever wrote it, it does not say whether the call was carried out; so the event is tried again."""
    raised = error_from(status, body)
    assert type(raised) is CallFailed
    assert (raised.code, raised.status, raised.outcome_unknown) == ("MalformedAnswer", status, True)


def test_a_429_of_a_gateway_is_a_call_that_was_not_let_in() -> None:
    """A proxy's own limit is a limit, too. Were the outcome unknown, nobody would slow down."""
    raised = error_from(429, b"<html>Too many requests</html>")
    assert (type(raised), raised.outcome_unknown) == (Throttled, False)


def test_a_message_is_cut_and_kept_on_one_line() -> None:
    """The provider's words end up in logs: at most 200 characters, none of them a control character."""
    raised = error_from(400, failure("InvalidParameter", "a\nb\x00\ud800" + "x" * 500))
    assert raised.message == "a b  " + "x" * (MESSAGE_LIMIT - 6) + "…"


def test_secrets_are_taken_out_of_a_message_before_it_is_cut() -> None:
    """No part of a key, a token or a signature survives, wherever in the message it stands."""
    token, signature = "token-0123456789", "ab" * 32
    message = "x" * (MESSAGE_LIMIT - 5) + token
    assert "token" not in error_from(403, failure("AccessDenied", message), secrets=[token]).message
    raised = error_from(401, failure("SignatureDoesNotMatch", f"expected {signature}, key AK"), secrets=["AK"])
    assert raised.message == "expected [redacted], key [redacted]"
    header = f"HMAC-SHA256 Credential=AK/20261122/r/rtc/request, SignedHeaders=host;x-date, Signature={signature}"
    raised = error_from(401, failure("SignatureDoesNotMatch", f"got {header}. Expected another."))
    assert raised.message == "got [redacted]. Expected another."
    raised = error_from(401, failure("SignatureDoesNotMatch", f"got {header[:60]}"))
    assert raised.message == "got [redacted]"


@pytest.mark.parametrize("request_id", ["a\nb", "x" * 129, "", 7, None, {}])
def test_a_request_id_of_another_shape_is_left_out(request_id: object) -> None:
    """It goes into logs and answers as it is, so only printable ASCII of a sane length passes."""
    assert error_from(500, failure("InternalError", request_id=request_id)).request_id is None


@pytest.mark.parametrize("message", [None, 7, ["x"]])
def test_an_error_without_a_message_is_still_the_error(message: object) -> None:
    """The code decides; the message is for people."""
    raised = error_from(500, failure("InternalError", message))
    assert (raised.code, raised.message) == ("InternalError", "(no message)")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "Result": json_values | st.just("ok"),
        "ResponseMetadata": json_values
        | st.fixed_dictionaries(
            {},
            optional={"RequestId": json_values, "Error": json_values | st.dictionaries(st.just("Code"), json_values)},
        ),
    },
)


@given(
    status=st.integers(100, 599), body=st.binary(max_size=200) | answers.map(lambda answer: json.dumps(answer).encode())
)
def test_any_answer_is_a_request_id_or_an_error_of_the_tree(status: int, body: bytes) -> None:
    """Whatever comes over the wire, nothing but ApiError is raised, and success needs its three signs."""
    try:
        classify(status, body)
    except ApiError as error:
        assert error.status == status  # noqa: PT017 -- either way is a valid outcome
    else:
        answer = json.loads(body)
        assert 200 <= status < 300
        assert answer["Result"] == "ok"
