"""A stand-in of the RTC API: a real HTTP server that checks signatures, keeps tasks, and fails on demand."""

from devkit.rtc_standin.call_log import Call, Peaks
from devkit.rtc_standin.faults import Fault, FaultKind
from devkit.rtc_standin.provider_errors import ProviderError
from devkit.rtc_standin.signature import Credentials
from devkit.rtc_standin.standin import StandIn

__all__ = ["Call", "Credentials", "Fault", "FaultKind", "Peaks", "ProviderError", "StandIn"]
