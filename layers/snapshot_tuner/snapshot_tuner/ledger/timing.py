"""The durations and rates that every ledger keeps."""

LEASE_SECONDS = 15.0
"""How long one call may be in flight: more than twice the 7 s that a whole call may take."""

LATE_CALL_SECONDS = 15.0
"""After this a call whose outcome is unknown can no longer arrive at the provider."""

SLOT_SHARE = 29 / 30
"""Share of the account's quota that is handed out as slots: 145 of 150 calls/s. The rest is what makes a
slot usable for 1/29 s after its start: 145 slots/s over 1 + 1/29 s are 150 calls."""

SLOT_VALID_SECONDS = 1 / 29
"""At least: slots per second x (1 s + how long one is usable) are never more than the quota. A worker that knows the
store's clock less well needs slots that are usable for longer, and all get fewer."""

SLOT_USABLE_SECONDS = 0.024
"""The least that is left of a slot after subtracting the uncertainty of the store's clock."""

VALIDITY_KEPT_SECONDS = 3.0
"""How long a longer validity counts after its last use: more than the longest, and the second it reaches into."""

SPACING_SECONDS_MOST = 1000.0
"""No two slots are further apart: a record that says so was not written by this code."""

QUOTA_KEPT_SECONDS = 930.0
"""How long a lower quota counts after its last use: its worker may run for 900 s without asking."""

SLOTS_AHEAD_SECONDS, SLOTS_AHEAD_SECONDS_MOST = 0.1, 1.0
"""How far ahead slots are handed out, but at least one: what is urgent waits behind those that others hold."""

FAR_ROUND_TRIPS_AHEAD = 5
"""Further ahead by this many round trips, for all, while a worker that is far away shares the cursor: to reserve, begin
and settle takes three, and a call is begun one or two before its slot."""

READS_PER_SECOND = 58.0
"""Slots for GetSnapshotTask: of 60 calls/s (Version 2023-11-01) the same share."""

CURSOR_HORIZON_SECONDS = 930.0
"""No caller waits longer than a function may run (900 s): a cursor further ahead comes from a clock step."""

THROTTLE_PAUSE_SECONDS = 1.0
"""How far one throttled call moves the cursor: the provider counts by the second."""

SOURCE_SECONDS = 600.0
"""How long an event that was not applied is left to its source, which delivers it again: a queue's visibility timeout
is shorter. After that the reconciler takes care of the task."""

TRY_AGAIN_SECONDS = 60.0
"""For how long nobody else takes up a task after a failed call, or after a reconciler has claimed it."""

CLOCK_BEHIND_SECONDS = 1.0
"""A worker whose time is this far behind one seen earlier has measured a clock that was set back since."""

CORRECTION_PAUSE_SECONDS = 1.0 + SLOT_VALID_SECONDS + 0.05
"""For how long nobody calls after the store's clock was set: no second can then hold slots from before and after."""

LOST_CURSOR_SECONDS = 10.0
"""For how long no slot is handed out after the cursor could not be read: usually each of those who share it holds slots
of no more than the next second, one after the other."""

MARK_KEPT_SECONDS, MARK_TRUSTED_SECONDS = 7 * 86_400.0, 86_400.0
"""How long a store keeps a client's mark after its last write; a client notices if a younger one is missing."""

CAREFUL_SECONDS = 24 * 3600.0 + 600.0
"""How long the ledger is careful after a store may have forgotten something: longer than any rule's `for`, so that what
was in effect is over.

Not the longest of the policy in force: a record may be of another one, and the reconciler has none.
"""
