"""Peer (a): the queue handler that the documentation of the parts suggests, each part with its defaults.

Powertools takes the batch apart and remembers event ids in Redis; each record is handled after the other; the
SDK signs and calls. It knows no order of events and no limit of calls.
"""

import json
import os
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import boto3  # type: ignore[import-untyped] # noqa: F401 - a usual handler has it, and Idempotency imports it anyway
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.persistence.redis import RedisCachePersistenceLayer
from aws_lambda_powertools.utilities.typing import LambdaContext
from volcenginesdkcore import ApiClient, Configuration, UniversalApi, UniversalInfo

_ENDPOINT = urlsplit(os.environ["RTC_ENDPOINT"])
_STORE = urlsplit(os.environ["LEDGER_URL"])

_logger = Logger(service="usual-handler")
_processor = BatchProcessor(event_type=EventType.SQS)
_persistence = RedisCachePersistenceLayer(host=_STORE.hostname or "", port=_STORE.port or 6379, ssl=False)
_idempotency = IdempotencyConfig(event_key_jmespath="[source, id]", expires_after_seconds=86_400)
_info = UniversalInfo(
    method="POST", service="rtc", version="2023-11-01", action="UpdateSnapshot", content_type="application/json"
)


def _api() -> UniversalApi:
    configuration = Configuration()
    configuration.ak = os.environ["VOLCENGINE_ACCESS_KEY"]
    configuration.sk = os.environ["VOLCENGINE_SECRET_KEY"]
    configuration.region = os.environ["RTC_REGION"]
    configuration.scheme = _ENDPOINT.scheme
    configuration.host = _ENDPOINT.netloc
    return UniversalApi(ApiClient(configuration))


_client = _api()


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    _idempotency.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=_handle, processor=_processor, context=context)


def _handle(record: SQSRecord) -> None:
    _adjust(event=json.loads(record.body))


@idempotent_function(data_keyword_argument="event", persistence_store=_persistence, config=_idempotency)  # type: ignore[untyped-decorator] # it has no types
def _adjust(event: dict[str, Any]) -> dict[str, Any]:
    data = event["data"]
    load = Decimal(str(data["load"]))
    interval = int(min(Decimal(60), Decimal(10) + (load - Decimal("0.8")) * 250))
    task = {name: data[name] for name in ("AppId", "RoomId", "TaskId")}
    _client.do_call(_info, {**task, "ImageConfig": {"Interval": interval}})
    _logger.info("adjusted", event_id=event["id"], interval=interval, **task)
    return {"interval": interval}
