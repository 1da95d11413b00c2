"""The stand-in's own verifier of signatures: it agrees with the provider, and notices every change."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from devkit.rtc_standin import KeyPair, ProviderError
from devkit.rtc_standin.http_wire import WireRequest
from devkit.rtc_standin.provider_errors import Refused
from devkit.rtc_standin.signature import verify
from tests.rtc_standin.calls import Signing, tampered

# Published in the provider's documentation as samples; not secrets.
K2 = KeyPair(
    "AKLTYWViMTVmZGYzM2E0NDI5Mzk2MDZjNjFmMjc2MjRjMzg",
    "WkRZeE1EQmxPVGhsWWpWak5HVmtNbUUxTXpZeU9UVXlOMlE1TmpZeVlqTQ==",
)


@dataclass(frozen=True)
class Published:
    """A request whose signature the provider's documentation prints; signed headers host;x-date."""

    method: str
    service: str
    query: str
    body: bytes
    date: str
    signature: str

    def request(self, signature: str) -> WireRequest:
        scope = f"{K2.access_key}/{self.date[:8]}/cn-beijing/{self.service}/request"
        headers = {
            "host": f"{self.service}.volcengineapi.com",
            "x-date": self.date,
            "authorization": f"HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-date, Signature={signature}",
        }
        return WireRequest(self.method, "/", self.query, MappingProxyType(headers), self.body)


PUBLISHED = [
    Published(
        "GET",
        "iam",
        "Action=ListUsers&Limit=10&Offset=0&Version=2018-01-01",
        b"",
        "20240619T071306Z",
        "e31c4558bcfe08a286001f59cedbf0791ffd0b2362f10e55ee2627467bcdde93",
    ),
    Published(
        "GET",
        "billing",
        "Action=QueryBalanceAcct&Version=2022-01-01",
        b"",
        "20250329T180937Z",
        "1eda9e7e6b1728151a8e8791fdaf67cfbd28bd5c80d0fce2eb208746cf483105",
    ),
    Published(
        "POST",
        "billing",
        "Action=ListBill&Version=2022-01-01",
        b'{"Limit":10,"BillPeriod":"2023-08"}',
        "20250329T180937Z",
        "5e8480ceea12d0000a23c054151c50dd02c1a7dec835004057d19f13d53a7658",
    ),
]


def refusal(request: WireRequest, credentials: KeyPair | None = None) -> ProviderError | None:
    try:
        verify(request, credentials or KeyPair(), region="cn-north-1", service="rtc", now=datetime.now(UTC))
    except Refused as refused:
        return refused.error
    return None


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.query)
def test_the_published_signatures_verify(published: Published) -> None:
    """The verifier is independent of the SDK and agrees with the provider's documentation; one bit off, and not."""
    now = datetime.strptime(published.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    request = published.request(published.signature)
    verify(request, K2, region="cn-beijing", service=published.service, now=now)
    one_bit_off = published.request(f"{int(published.signature, 16) ^ 1:064x}")
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        verify(one_bit_off, K2, region="cn-beijing", service=published.service, now=now)


MISMATCH = ProviderError.SIGNATURE_DOES_NOT_MATCH
SIGNED = Signing().request()


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (SIGNED, None),
        (tampered(SIGNED, authorization=None), ProviderError.MISSING_AUTHENTICATION_TOKEN),
        (tampered(SIGNED, authorization="Bearer x"), ProviderError.MISSING_SIGNATURE),
        (tampered(SIGNED, x_date=None), ProviderError.MISSING_REQUEST_INFO),
        (tampered(SIGNED, x_date="yesterday"), ProviderError.INVALID_TIMESTAMP),
        (tampered(SIGNED, host="elsewhere"), MISMATCH),
        (tampered(SIGNED, content_type="text/plain"), MISMATCH),
        (tampered(SIGNED, x_content_sha256="0" * 64), MISMATCH),
        (replace(SIGNED, body=SIGNED.body + b" "), MISMATCH),
        (replace(SIGNED, query=SIGNED.query + "&More=1"), MISMATCH),
        (replace(SIGNED, path="/other"), MISMATCH),
        (replace(SIGNED, method="PUT"), MISMATCH),
        (Signing(region="cn-beijing").request(), ProviderError.INVALID_CREDENTIAL),
        (Signing(service="vod").request(), ProviderError.INVALID_CREDENTIAL),
        (Signing(credentials=KeyPair(secret_key="another")).request(), MISMATCH),
        (Signing(credentials=KeyPair(access_key="another")).request(), ProviderError.INVALID_ACCESS_KEY),
        (Signing(signed=("host",)).request(), MISMATCH),
        (Signing(signed=("x-date",)).request(), MISMATCH),
        (Signing(signed=("host", "x-date")).request(), None),
        (tampered(Signing(signed=("host", "x-date")).request(), x_content_sha256="0" * 64), MISMATCH),
        (Signing(signed=("x-date", "host")).request(), MISMATCH),
        (Signing(extra=(("x-security-token", "T"),)).request(), ProviderError.INVALID_ACCESS_KEY),
    ],
)  # fmt: skip
def test_a_request_with_any_part_changed_is_refused(request_: WireRequest, error: ProviderError | None) -> None:
    """Each signed part, the scope and both keys matter; the untouched request passes."""
    assert refusal(request_) is error


@pytest.mark.parametrize(("minutes", "error"), [(14, None), (16, ProviderError.INVALID_TIMESTAMP)])
@pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "behind"])
def test_a_date_may_be_a_quarter_of_an_hour_off(minutes: int, sign: int, error: ProviderError | None) -> None:
    """The tolerance is 15 minutes in both directions."""
    assert refusal(Signing(at=datetime.now(UTC) + sign * timedelta(minutes=minutes)).request()) is error


def test_a_temporary_key_needs_its_token_and_the_token_signed() -> None:
    """`x-security-token` is sent, is the right one, and stands among the signed headers."""
    temporary = KeyPair(session_token="T")
    signed = ("content-type", "host", "x-content-sha256", "x-date", "x-security-token")
    token = (("x-security-token", "T"),)
    assert refusal(Signing(extra=token, signed=signed).request(), temporary) is None
    assert refusal(Signing().request(), temporary) is ProviderError.INVALID_ACCESS_KEY
    other = (("x-security-token", "U"),)
    assert refusal(Signing(extra=other, signed=signed).request(), temporary) is ProviderError.INVALID_ACCESS_KEY
    assert refusal(Signing(extra=token).request(), temporary) is MISMATCH
