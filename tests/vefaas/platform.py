"""Messages and requests as the triggers send them, and what has come of them."""

import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from devkit.rtc_standin import StandIn
from devkit.rtc_standin.call_log import LoggedCall
from devkit.vefaas.instance import Instance
from devkit.vefaas.triggers import KafkaMessage, send_message

OPERATOR = "operators-token-of-24-characters"
SECRET = b"s" * 32


def body(number: int, load: float = 0.9) -> bytes:
    data = {"AppId": "app", "RoomId": f"room-{number}", "TaskId": "task", "load": load}
    event = {"specversion": "1.0", "id": f"e-{number}", "source": "/tests", "type": "rtc.room.load", "data": data}
    return json.dumps(event).encode()


def signed(number: int) -> Mapping[str, str]:
    sent, text = str(int(time.time())), body(number)
    mac = hmac.new(SECRET, f"m-{number}.{sent}.".encode() + text, hashlib.sha256).digest()
    return {
        "webhook-id": f"m-{number}",
        "webhook-timestamp": sent,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
        "content-type": "application/cloudevents+json",
    }


def environment(standin: StandIn, ledger: Path) -> dict[str, str]:
    return {
        "LEDGER_URL": f"sqlite://{ledger}",
        "OPERATOR_TOKENS": f"alice:{OPERATOR}",
        "WEBHOOK_SECRETS": f"whsec_{base64.b64encode(SECRET).decode()}",
        **standin.environment(),
    }


def status(instance: Instance, number: int) -> int:
    return send_message(instance.port, KafkaMessage(number, body(number))).status


def applied(standin: StandIn) -> Counter[str]:
    return Counter(call.task.room_id for call in standin.calls() if _is_ok(call) and call.task is not None)


def _is_ok(call: LoggedCall) -> bool:
    return call.outcome == "ok"


def lines(instance: Instance, message: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, instance.lines) if line["message"] == message]
