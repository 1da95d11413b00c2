-- What every script shares: the store's time and a task's record. The Lua of transitions.py, which says why;
-- tests/ledger holds both to one suite and one model. Times are microseconds since the Unix epoch.

local byte, sub = string.byte, string.sub
local call, pack, unpack_record = redis.call, cmsgpack.pack, cmsgpack.unpack

local function read_now()
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
end

-- A task's record is an array; `false` is "none". A wish is two fields: its order key, and the rest of it,
-- which no script looks into. Saved, an applied wish that is the desired one is `true`: most are, always.
local KEY, WISH, DESIRED_AT = 1, 2, 3
local APPLIED_KEY, APPLIED_WISH, APPLIED_AT = 4, 5, 6
local TOKEN, BEGUN, UNTIL, LEASE_KEY, LEASE_WISH = 7, 8, 9, 10, 11
local DOUBT_UNTIL, SETTLED_TOKEN = 12, 13

local function doubt(task, until_us)
  if not task[DOUBT_UNTIL] or task[DOUBT_UNTIL] < until_us then
    task[DOUBT_UNTIL] = until_us
  end
end

local function end_lease(task)
  task[TOKEN], task[BEGUN], task[UNTIL], task[LEASE_KEY], task[LEASE_WISH] = false, false, false, false, false
end

local function pass_time(task, now)
  if task[DOUBT_UNTIL] and task[DOUBT_UNTIL] > now + LATE_CALL_US then
    task[DOUBT_UNTIL] = now + LATE_CALL_US
  end
  if task[TOKEN] then
    if task[UNTIL] <= now then
      local lapsed = task[UNTIL]
      end_lease(task)
      doubt(task, lapsed + LATE_CALL_US)
    elseif task[UNTIL] > now + LEASE_US then
      task[BEGUN], task[UNTIL] = now, now + LEASE_US
    end
  end
end

local function load_task(saved, now)
  if not saved then
    return nil
  end
  local task = unpack_record(saved)
  if task[APPLIED_KEY] == true then
    task[APPLIED_KEY] = task[KEY]
  end
  if task[APPLIED_WISH] == true then
    task[APPLIED_WISH] = task[WISH]
  end
  pass_time(task, now)
  return task
end

-- `...` is 'PX', milliseconds, or 'KEEPTTL'.
local function save_task(name, task, ...)
  local applied_key, applied_wish = task[APPLIED_KEY], task[APPLIED_WISH]
  if applied_key == task[KEY] then
    task[APPLIED_KEY] = true
  end
  if applied_wish == task[WISH] then
    task[APPLIED_WISH] = true
  end
  call('SET', name, pack(task), ...)
  task[APPLIED_KEY], task[APPLIED_WISH] = applied_key, applied_wish
end
