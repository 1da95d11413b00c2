-- What a task should be now: the Lua of precedence.py, which says why.

-- Whether `a` comes after `b`, as bytes: Lua's own `<` follows the server's locale.
local function is_newer(a, b)
  if a == b then
    return false
  end
  for from = 1, #a, 8 do
    local x, y = sub(a, from, from + 7), sub(b, from, from + 7)
    if x ~= y then
      for i = 1, #x do
        local p, q = byte(x, i), byte(y, i)
        if p ~= q then
          return q == nil or p > q
        end
      end
      return false -- `a` ends first
    end
  end
  return false
end

local function numbers_of(wish)
  local interval, asked, until_us, after, lengthen, skip = match(wish, '^(%d+)%z(%d+)%z(%d+)%z(%d+)%z(%d+)%z(%d+)')
  return interval + 0, asked + 0, until_us + 0, after + 0, lengthen + 0, skip + 0
end

local function interval_of(wish)
  return match(wish, '^%d+') + 0
end

local function until_of(wish)
  return match(wish, '^%d+%z%d+%z(%d+)') + 0
end

local function rule_of(wish)
  return match(wish, '^%d+%z%d+%z%d+%z%d+%z%d+%z%d+%z[^%z]*%z(.*)$')
end

local function business_of(wish)
  return match(wish, '^%d+%z%d+%z%d+%z%d+%z%d+%z%d+%z([^%z]*)')
end

-- The wish with another time of asking, and its end as far from it as before.
local function asked_at(wish, asked)
  local interval, own, until_us, rest = match(wish, '^(%d+)%z(%d+)%z(%d+)(.*)$')
  local ends = until_us + 0
  if ends > 0 then
    ends = ends - own + asked
  end
  return format('%s\0%.0f\0%.0f', interval, asked, ends) .. rest
end

local function lapse(task, now)
  local open = task[OPEN]
  for i = 1, open and #open or 0, 2 do
    local key, wish = open[i], open[i + 1]
    local asked, until_us, after, rest = match(wish, '^%d+%z(%d+)%z(%d+)%z(%d+)(.*)$')
    if until_us + 0 <= now and after ~= '0' and (not task[BASE_KEY] or is_newer(key, task[BASE_KEY])) then
      task[BASE_KEY], task[BASE_WISH] = key, after .. '\0' .. asked .. '\0000\0000' .. rest
    end
  end
  if task[HELD_UNTIL] and task[HELD_UNTIL] <= now then
    task[HELD_KEY], task[HELD_WISH], task[HELD_UNTIL] = false, false, false
  end
end

local function without_cooldown(task, now)
  local open, key, wish = task[OPEN], nil, nil
  for i = 1, open and #open or 0, 2 do
    if until_of(open[i + 1]) > now then
      local better = not wish
      if wish then
        local a, b = interval_of(open[i + 1]), interval_of(wish)
        better = a < b or (a == b and is_newer(open[i], key))
      end
      if better then
        key, wish = open[i], open[i + 1]
      end
    end
  end
  if wish then
    return key, wish
  end
  if task[BASE_KEY] then
    return task[BASE_KEY], task[BASE_WISH]
  end
  for i = 1, #open, 2 do
    local later = not wish
    if wish then
      local a, b = until_of(open[i + 1]), until_of(wish)
      later = a > b or (a == b and is_newer(open[i], key))
    end
    if later then
      key, wish = open[i], open[i + 1]
    end
  end
  return key, wish
end

local function holds(task, now)
  local key, wish = without_cooldown(task, now)
  if task[HELD_UNTIL] and now < task[HELD_UNTIL] and interval_of(task[HELD_WISH]) < interval_of(wish) then
    return task[HELD_KEY], task[HELD_WISH]
  end
  return key, wish
end

local function pass_levels(task, now)
  if not task[OPEN] and not task[HELD_UNTIL] then
    if task[BASE_KEY] == task[KEY] and task[BASE_WISH] == task[WISH] then
      return -- most tasks, always
    end
  end
  lapse(task, now)
  local key, wish = holds(task, now)
  if key ~= task[KEY] or wish ~= task[WISH] then
    task[KEY], task[WISH], task[DESIRED_AT], task[CALL_DUE] = key, wish, now, now
  end
end

local function next_change(task, now)
  local open, change = task[OPEN], task[HELD_UNTIL] and task[HELD_UNTIL] > now and task[HELD_UNTIL]
  for i = 2, open and #open or 0, 2 do
    local ends = until_of(open[i])
    if ends > now and (not change or ends < change) then
      change = ends
    end
  end
  return change
end

-- Order key and time of asking of the wish that this one competes with, if there is one.
local function strand(task, wish)
  if until_of(wish) == 0 then
    return task[BASE_KEY], task[BASE_WISH]
  end
  local open, rule = task[OPEN], rule_of(wish)
  for i = 1, open and #open or 0, 2 do
    if rule_of(open[i + 1]) == rule then
      return open[i], open[i + 1]
    end
  end
  return false, false
end

local function put(task, key, wish)
  if until_of(wish) == 0 then
    task[BASE_KEY], task[BASE_WISH] = key, wish
    return
  end
  local rule, others = rule_of(wish), {}
  local first
  for i = 1, task[OPEN] and #task[OPEN] or 0, 2 do
    local each = task[OPEN][i + 1]
    if rule_of(each) ~= rule then
      others[#others + 1], others[#others + 2] = task[OPEN][i], each
      if not first or until_of(each) < until_of(others[first + 1]) then
        first = #others - 1
      end
    end
  end
  if #others == 2 * OPEN_MOST then
    table.remove(others, first)
    table.remove(others, first)
  end
  others[#others + 1], others[#others + 2] = key, wish
  task[OPEN] = others
end

local function take(task, key, wish, now)
  local was_key, was_wish = without_cooldown(task, now)
  local held_key, held_wish = task[KEY], task[WISH]
  -- When each was asked for, of all that the task knows of before.
  local asked = {task[WISH]}
  for i = 2, task[OPEN] and #task[OPEN] or 0, 2 do
    asked[#asked + 1] = task[OPEN][i]
  end
  if task[BASE_KEY] then
    asked[#asked + 1] = task[BASE_WISH]
  end
  put(task, key, wish)
  lapse(task, now)
  local wanted_key, wanted = without_cooldown(task, now)
  if wanted_key ~= was_key or wanted ~= was_wish then
    local interval = interval_of(wanted)
    local _, _, _, _, lengthen = numbers_of(wish)
    task[HELD_KEY], task[HELD_WISH], task[HELD_UNTIL] = false, false, false
    if lengthen > 0 and interval > interval_of(held_wish) then
      local less = 0
      for _, each in ipairs(asked) do
        local other, at = numbers_of(each)
        if other < interval and at > less then
          less = at
        end
      end
      if less + lengthen > now then
        task[HELD_KEY], task[HELD_WISH], task[HELD_UNTIL] = held_key, held_wish, less + lengthen
      end
    end
  end
  pass_levels(task, now)
end

-- Whether another event's call has set the same interval, so short a time ago that nobody needs to repeat it.
local function is_unchanged(task, now)
  local interval, _, _, _, _, skip = numbers_of(task[WISH])
  if skip == 0 or task[DOUBT_UNTIL] or not task[APPLIED_KEY] then
    return false
  end
  local applied = task[APPLIED_WISH]
  return interval_of(applied) == interval
    and business_of(applied) == business_of(task[WISH])
    and now - task[APPLIED_AT] <= skip
end
