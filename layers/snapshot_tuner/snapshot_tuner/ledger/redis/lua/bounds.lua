-- An operator's bounds: beside the tasks' records, as they may come before a task's first event. One hash has them by the
-- names of tasks' keys: least and greatest interval (0 is none), until when, since when, by whom, why, with a NUL between;
-- one sorted set has the names by when they end. Their keys stand in front of those of the lists, which are the last ones.
local bounds_name, bounded_name = table.remove(KEYS, #KEYS - 3), table.remove(KEYS, #KEYS - 2)
local bounds_of = {} -- those of a task, by its record that was loaded
local has_bounds -- looked at once, where it is asked for: nearly always there are none

-- 1 to 600, or 0, which is none.
local function is_bound(digits)
  return digits == '0' or is_interval(digits + 0)
end

-- Nil where none hold.
local function bounds_at(name, now)
  if has_bounds == nil then
    has_bounds = call('EXISTS', bounds_name) == 1
  end
  local saved = has_bounds and try('HGET', bounds_name, name)
  if not saved then
    return nil
  end
  local least, most, ends, since = match(saved, '^(%d+)%z(%d+)%z(%d+)%z(%d+)%z[^%z]*%z')
  local is_read = least and is_bound(least) and is_bound(most) and is_time(ends + 0) and is_time(since + 0)
  if not is_read or not is_text(saved) then
    keep_aside(bounds_name .. ' ' .. name, 'not bounds', saved)
    call('HDEL', bounds_name, name)
    try('ZREM', bounded_name, name)
    return nil
  end
  if ends + 0 <= now then
    return nil
  end
  return {
    least = math.max(INTERVAL_LEAST, least + 0), most = most == '0' and INTERVAL_MOST or most + 0,
    ends = ends + 0, since = since, saved = saved,
  }
end

-- What the provider should have: what is desired, within its bounds (`Bounds.clamp`).
local function wanted_of(task)
  local bounds, intent = bounds_of[task], task[INTENT]
  if not bounds then
    return intent
  end
  local interval = interval_of(intent)
  local within = math.min(math.max(interval, bounds.least), bounds.most)
  if within == interval then
    return intent
  end
  local rest = match(intent, '^%d+(.*)$')
  if until_of(intent) == 0 then -- what was asked for stands where `then` does
    local asked, behind = match(rest, '^(%z%d+%z0%z)%d+(.*)$')
    rest = asked .. interval .. behind
  end
  return within .. rest
end

local function remove_ended_bounds(now)
  for _, name in ipairs(try('ZRANGE', bounded_name, '-inf', format('%.0f', now), 'BYSCORE', 'LIMIT', 0, 100)) do
    try('HDEL', bounds_name, name)
    call('ZREM', bounded_name, name)
  end
end
