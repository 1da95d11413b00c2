-- What every script shares: the store's time and a task's record. The Lua of transitions.py, which says why;
-- tests/ledger holds both to one suite and one model. Times are microseconds since the Unix epoch.

local byte, sub, match, format = string.byte, string.sub, string.match, string.format
local call, pack, unpack_record = redis.call, cmsgpack.pack, cmsgpack.unpack

-- The last argument of every script is the store's time as its client has measured it, in microseconds: managed
-- stores may refuse TIME to scripts.
local now = table.remove(ARGV) + 0

-- A task's record is an array; `false` is "none". An intent is two fields: its order key, and the rest of it: six
-- numbers (interval, asked_us, until_us, then, lengthen_us, skip_us; 0 is "none"), business id and rule, with a
-- NUL between. Saved, an applied intent or a base that is the desired one is `true`: most are, always.
local KEY, INTENT, DESIRED_AT = 1, 2, 3
local APPLIED_KEY, APPLIED_INTENT, APPLIED_AT = 4, 5, 6
local TOKEN, BEGUN, UNTIL, LEASE_KEY, LEASE_INTENT = 7, 8, 9, 10, 11
local DOUBT_UNTIL, SETTLED_TOKEN = 12, 13
local BASE_KEY, BASE_INTENT = 14, 15
local OPEN = 16 -- order key and rest of each, in one array
local STABILIZING_KEY, STABILIZING_INTENT, STABILIZING_UNTIL = 17, 18, 19
local CALL_DUE, DUE = 20, 21 -- DUE is what the index `due` was told last

local function doubt(task, until_us)
  if not task[DOUBT_UNTIL] or task[DOUBT_UNTIL] < until_us then
    task[DOUBT_UNTIL] = until_us
  end
  task[CALL_DUE] = task[DOUBT_UNTIL]
end

local function end_lease(task)
  task[TOKEN], task[BEGUN], task[UNTIL], task[LEASE_KEY], task[LEASE_INTENT] = false, false, false, false, false
end

