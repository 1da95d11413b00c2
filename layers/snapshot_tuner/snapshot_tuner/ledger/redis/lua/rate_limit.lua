-- The shared cursor behind `reserve`, and what a throttled call does to it: the Lua of rate_limit.py.

-- {next_us, paused_until_us, spacings, stretches}: the last two are values that were used, each with the time behind it
-- until which it counts.
local function save_cursor(name, cursor)
  -- It never expires: where the store's clock is set ahead it would be gone before anybody knows.
  call('SET', name, pack(cursor))
end

local function are_uses(uses)
  if type(uses) ~= 'table' or #uses % 2 ~= 0 then
    return false
  end
  for i = 1, #uses, 2 do
    if type(uses[i]) ~= 'number' or not (uses[i] > 0 and uses[i] <= SPACING_US_MOST) or not is_time(uses[i + 1]) then
      return false
    end
  end
  return true
end

local function is_cursor(cursor)
  return type(cursor) == 'table'
    and is_time(cursor[1])
    and is_time(cursor[2])
    and are_uses(cursor[3] or {})
    and are_uses(cursor[4] or {})
end

local function load_cursor(name, now)
  local saved = try('GET', name)
  if not saved then
    return {0, 0, {}, {}}
  end
  local is_read, cursor = pcall(unpack_record, saved)
  if not is_read or not is_cursor(cursor) then
    set_aside(name, 'not a cursor', saved)
    cursor = {now + LOST_CURSOR_US, 0}
    save_cursor(name, cursor)
  end
  cursor[3], cursor[4] = cursor[3] or {}, cursor[4] or {}
  return cursor
end

local function first_free(next_us, now)
  if next_us > now + HORIZON_US then
    return now
  end
  return math.max(next_us, now)
end

-- With one more, whose time is not known yet; without what is over, and what the new one outlasts.
local function used(uses, value, at, kept_us)
  local left = {}
  for i = 1, #uses, 2 do
    if uses[i] > value and uses[i + 1] > at and uses[i + 1] <= at + kept_us then
      left[#left + 1], left[#left + 2] = uses[i], uses[i + 1]
    end
  end
  left[#left + 1], left[#left + 2] = value, 0
  return left
end

-- Seconds for which a slot is valid, beyond those of a near store.
local function longer_valid(stretch)
  return (stretch - 1) * NEAR_SLOT_US / 1e6
end

local function pause(name, now)
  local cursor = load_cursor(name, now)
  if cursor[2] > now and cursor[2] <= now + PAUSE_US then
    return
  end
  cursor[1], cursor[2] = first_free(cursor[1], now) + PAUSE_US, now + PAUSE_US
  save_cursor(name, cursor)
end

-- Nobody starts a call for as long as slots of before can be in one second with later ones.
local function rest(name, cursor, now)
  cursor[1] = first_free(cursor[1], now) + CORRECTION_PAUSE_US + math.ceil(1e6 * longer_valid(cursor[4][1] or 1))
  save_cursor(name, cursor)
end
