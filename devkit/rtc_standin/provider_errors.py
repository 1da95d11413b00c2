"""The provider's documented error codes, and the refusal that carries one."""

from enum import Enum


class ProviderError(Enum):
    """Every code of the table: (Code, CodeN, HTTP status); CodeN is None where it is not published."""

    MISSING_PARAMETER = ("MissingParameter", 100002, 400)
    MISSING_REQUEST_INFO = ("MissingRequestInfo", 100004, 400)
    INVALID_PARAMETER = ("InvalidParameter", None, 400)
    ACTIVE_TASK_NOT_FOUND = ("InvalidParameter.ErrorActiveTaskNotFound", None, 400)
    MISSING_AUTHENTICATION_TOKEN = ("MissingAuthenticationToken", 100003, 401)
    MISSING_SIGNATURE = ("MissingSignature", 100005, 401)
    SIGNATURE_DOES_NOT_MATCH = ("SignatureDoesNotMatch", 100010, 401)
    INVALID_ACCESS_KEY = ("InvalidAccessKey", 100009, 401)
    INVALID_SECRET_TOKEN = ("InvalidSecretToken", None, 401)
    INVALID_AUTHORIZATION = ("InvalidAuthorization", 100024, 400)
    INVALID_CREDENTIAL = ("InvalidCredential", None, 400)
    INVALID_TIMESTAMP = ("InvalidTimestamp", 100006, 403)
    SERVICE_NOT_FOUND = ("ServiceNotFound", 100007, 404)
    INVALID_ACTION_OR_VERSION = ("InvalidActionOrVersion", 100008, 404)
    LACK_POLICY = ("LackPolicy", 100012, 403)
    ACCESS_DENIED = ("AccessDenied", 100013, 403)
    ACCESS_DENIED_DETAILED = ("AccessDenied.NoPermission", 100013, 403)
    INTERNAL_ERROR = ("InternalError", 100014, 500)
    INTERNAL_ERROR_DETAILED = ("InternalError.Unknown", 100014, 500)
    UNDEFINED_ERROR = ("UndefinedError", 100014, 500)
    FAIL_TO_CONNECT = ("FailToConnect", 100015, 502)
    INTERNAL_SERVICE_TIMEOUT = ("InternalServiceTimeout", 100016, 504)
    FLOW_LIMIT_EXCEEDED = ("FlowLimitExceeded", 100018, 429)
    QPS_OVER_LIMIT = ("FlowLimitExceeded.QPSOverLimit", 100018, 429)
    ACCOUNT_FLOW_LIMIT_EXCEEDED = ("AccountFlowLimitExceeded", 100018, 429)
    REQUEST_LIMIT_EXCEEDED = ("RequestLimitExceeded", 100018, 429)
    SERVICE_UNAVAILABLE_TEMP = ("ServiceUnavailableTemp", 100019, 503)

    def __init__(self, code: str, code_n: int | None, status: int) -> None:
        self.code = code
        self.code_n = code_n
        self.status = status


class Refused(Exception):
    """The provider answers a call with one of its errors."""

    def __init__(self, error: ProviderError, message: str) -> None:
        super().__init__(f"{error.code}: {message}")
        self.error = error
        self.message = message
