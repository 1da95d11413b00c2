"""Mistakes to plant in how the template is released, measured and watched: place, value, what is found then."""

from typing import Final

REMOVED: Final = object()
"""In place of a value: the place is taken out."""

IN_OPERATIONS: Final[tuple[tuple[str, object, str], ...]] = (
    ("Globals/Function/AutoPublishAlias", REMOVED, "QueueWorker: no alias"),
    ("Globals/Function/SnapStart", REMOVED, "QueueWorker: does not say whether it starts from snapshots"),
    (
        "Resources/ListenerRule/Properties/Targets/0/Arn",
        {"Fn::GetAtt": ["BusListener", "Arn"]},
        "ListenerRule bus-listener: invokes BusListener past its alias",
    ),
    (
        "Resources/ListenerRulePermission/Properties/FunctionName",
        {"Ref": "BusListener"},
        "ListenerRulePermission: invokes BusListener past its alias",
    ),
    ("Resources/CallsRefusedAlarm", REMOVED, "CallsRefused: no alarm"),
    ("Resources/PolicyRefusedAlarm", REMOVED, "PolicyRefused: no alarm"),
    ("Resources/BoundsHeldLongAlarm", REMOVED, "BoundsHeldLong: no alarm"),
    ("Resources/RecordsSetAsideAlarm", REMOVED, "RecordsSetAside: no alarm"),
    ("Resources/LedgerClockAlarm", REMOVED, "LedgerClockOff: no alarm"),
    ("Resources/LedgerForgottenAlarm", REMOVED, "LedgerMayHaveForgotten: no alarm"),
    ("Resources/UnmatchedAlarm", REMOVED, "EventsUnmatched: no alarm"),
    (
        "Resources/UnmatchedAlarm/Properties/Dimensions/0/Value",
        "snapshot-tuner",
        "UnmatchedAlarm: its metric has no such dimensions",
    ),
    (
        "Resources/SilenceAlarm/Properties/TreatMissingData",
        "notBreaching",
        "SilenceAlarm: does not ring where there is nothing at all",
    ),
    # A mean of milliseconds is hardly ever below 1, however few there are.
    ("Resources/SilenceAlarm/Properties/Statistic", "Average", "SilenceAlarm: Average does not count"),
    ("Resources/ReconcilerSilentAlarm", REMOVED, "Reconciler: no alarm where its schedule does not invoke it"),
    (
        "Resources/ReconcilerSilentAlarm/Properties/TreatMissingData",
        "missing",
        "ReconcilerSilentAlarm: does not ring where there is nothing at all",
    ),
    (
        "Resources/ReconcilerSilentAlarm/Properties/Dimensions/0/Value",
        {"Ref": "QueueWorker"},
        "Reconciler: no alarm where its schedule does not invoke it",
    ),
    (
        "Resources/LedgerAlarm/Properties/MetricName",
        "LedgerUnavailable",
        "LedgerAlarm: nobody counts LedgerUnavailable",
    ),
    (
        "Resources/CredentialsAlarm/Properties/Dimensions/0/Value",
        "snapshot-tuner",
        "CredentialsAlarm: its metric has no such dimensions",
    ),
    (
        "Globals/Function/Environment/Variables/POWERTOOLS_SERVICE_NAME",
        "snapshot-tuner",
        "CallsRefusedAlarm: its metric has no such dimensions",
    ),
    (
        "Resources/Dashboard/Properties/DashboardBody",
        {"Fn::Sub": '{"widgets": [{"properties": {"metrics": [["SnapshotTuner", "CallsSend"]]}}]}'},
        "Dashboard: nobody counts CallsSend",
    ),
    (
        "Resources/Dashboard/Properties/DashboardBody",
        {"Fn::Sub": '{"widgets": [{"properties": {"metrics": [["SnapshotTuner", "CallsSent"]]}}]}'},
        "Dashboard: does not begin with how far behind the application is",
    ),
    (
        "Resources/Dashboard/Properties/DashboardBody",
        {"Fn::Sub": '{"widgets": [{"properties": {"metrics": [["SnapshotTuner", "CallsSent"]]}}]}'},
        "Dashboard: does not show EventsRetried",
    ),
    (
        "Resources/Dashboard/Properties/DashboardBody",
        {"Fn::Sub": '{"widgets": [{"properties": {"metrics": [["SnapshotTuner", "CallsSent"]]}}]}'},
        "Dashboard: does not show ListenerDeadLetters",
    ),
    (
        "Resources/Dashboard/Properties/DashboardBody/Fn::Sub/1/Cache",
        "none",
        "Dashboard: does not show the ledger's Evictions",
    ),
    (
        "Globals/Function/Environment/Variables/RTC_MAX_QPS",
        "60",
        "Dashboard: the quota is not drawn where it is",
    ),
)
