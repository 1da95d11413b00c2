-- KEYS: that of due, then the task. ARGV: 'clear' or 'set'; to set, milliseconds that a task is remembered, then
--   least and greatest interval (0 is none), microseconds that they hold, by whom and why, with a NUL between.
-- Answers {now, the bounds that hold now, those that held before}, each false where there are none.
local due_name, name = KEYS[1], KEYS[2]
local before, bounds = bounds_at(name, now), false
local held = before and before.saved or false

local function keep(least_ms)
  for _, key in ipairs({bounds_name, bounded_name}) do
    if call('PTTL', key) < least_ms then
      call('PEXPIRE', key, format('%.0f', least_ms))
    end
  end
end

if ARGV[1] == 'set' then
  local ends, kept_ms = format('%.0f', now + ARGV[5]), math.ceil(ARGV[5] / 1000) + ARGV[2]
  -- First of all, with nothing in them changed: a server that is full refuses the first write of a script, and none after
  -- it; and a user that may not call what keeps, reads and removes bounds must not leave some that it cannot read.
  try('ZADD', bounded_name, 'XX', ends, name)
  call('HGET', bounds_name, name)
  call('HDEL', bounds_name, '')
  keep(kept_ms)
  bounds = ARGV[3] .. '\0' .. ARGV[4] .. '\0' .. ends .. '\0' .. (before and before.since or format('%.0f', now)) .. '\0' .. ARGV[6]
  call('HSET', bounds_name, name, bounds)
  try('ZADD', bounded_name, ends, name)
  keep(kept_ms)
  remove_ended_bounds(now)
elseif held then
  call('HDEL', bounds_name, name)
  try('ZREM', bounded_name, name)
end
has_bounds = nil
local task = (held or bounds) and get_task(name, now)
if task then
  if not task[DOUBT_UNTIL] then
    task[CALL_DUE] = now + TRY_AGAIN_US
  end
  local left, least = call('PTTL', name), bounds and math.ceil(ARGV[5] / 1000) + ARGV[2] or 0
  save_task(due_name, name, task, now, 'PX', format('%.0f', math.max(left, least, 1)))
end
return said({now, bounds, held})
