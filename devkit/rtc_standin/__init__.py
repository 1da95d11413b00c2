"""A stand-in of the RTC API: a real HTTP server that checks signatures, keeps tasks, and fails on demand."""

from devkit.rtc_standin.call_log import LoggedCall, Peaks
from devkit.rtc_standin.faults import Fault, FaultKind
from devkit.rtc_standin.provider_errors import ProviderError
from devkit.rtc_standin.signature import KeyPair
from devkit.rtc_standin.standin import StandIn
from devkit.rtc_standin.update_snapshot import BYTEPLUS, Api

__all__ = ["BYTEPLUS", "Api", "Fault", "FaultKind", "KeyPair", "LoggedCall", "Peaks", "ProviderError", "StandIn"]
