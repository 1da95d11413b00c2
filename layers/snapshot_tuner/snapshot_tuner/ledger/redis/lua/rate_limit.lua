-- The shared cursor behind `reserve`, and what a throttled call does to it: the Lua of rate_limit.py.

local function save_cursor(name, next_us, paused_until_us)
  -- One that is not moved for so long says nothing any more.
  call('SET', name, pack({next_us, paused_until_us}), 'PX', 2 * HORIZON_US / 1000)
end

local function load_cursor(name, now)
  local saved = try('GET', name)
  if not saved then
    return 0, 0
  end
  local is_read, cursor = pcall(unpack_record, saved)
  if not is_read or type(cursor) ~= 'table' or not is_time(cursor[1]) or not is_time(cursor[2]) then
    set_aside(name, 'it is no cursor', saved)
    save_cursor(name, now + LOST_CURSOR_US, 0)
    return now + LOST_CURSOR_US, 0
  end
  return cursor[1], cursor[2]
end

local function first_free(next_us, now)
  if next_us > now + HORIZON_US then
    return now
  end
  return math.max(next_us, now)
end

local function pause(name, now)
  local next_us, paused_until_us = load_cursor(name, now)
  if paused_until_us > now and paused_until_us <= now + PAUSE_US then
    return
  end
  save_cursor(name, first_free(next_us, now) + PAUSE_US, now + PAUSE_US)
end
