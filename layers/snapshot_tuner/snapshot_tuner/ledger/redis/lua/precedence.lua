-- What a task should be now: the Lua of precedence.py, which says why.

local function has_edges(task, key)
  return task[NOTES] and key and find(note_of(task, key), ':', 1, true)
end

-- Whether nothing was ever asked for: the intent is nobody's, and only fills its place.
local function asks_nothing(task)
  return not task[BASE_KEY] and rule_of(task[INTENT]) == ''
end

-- The intent as far as no end of its rule that is newer has it end sooner.
local function cut(task, key, intent)
  local ends, until_us, rule = task[ENDS], until_of(intent), nil
  local sooner = until_us
  for i = 1, ends and until_us > 0 and #ends or 0, 3 do
    rule = rule or rule_of(intent)
    if ends[i] == rule and ends[i + 2] < sooner and is_newer(ends[i + 1], key) then
      sooner = ends[i + 2]
    end
  end
  if sooner == until_us then
    return intent
  end
  local head, rest = match(intent, '^(%d+%z%d+%z)%d+(.*)$')
  return head .. format('%.0f', sooner) .. rest
end

local function expire(task, now)
  local open = task[OPEN]
  for i = 1, open and #open or 0, 2 do
    local key, intent = open[i], open[i + 1]
    local base = until_of(intent) <= now and ended(intent, note_of(task, key), now)
    if base and (not task[BASE_KEY] or is_newer(key, task[BASE_KEY])) then
      task[BASE_KEY], task[BASE_INTENT] = key, base
    end
  end
  if has_edges(task, task[BASE_KEY]) then
    task[BASE_INTENT] = passed(task[BASE_INTENT], note_of(task, task[BASE_KEY]), now)
  end
  if task[STABILIZING_UNTIL] and task[STABILIZING_UNTIL] <= now then
    task[STABILIZING_KEY], task[STABILIZING_INTENT], task[STABILIZING_UNTIL] = false, false, false
  end
end

local function unstabilized(task, now)
  local open, key, intent = task[OPEN], nil, nil
  for i = 1, open and #open or 0, 2 do
    if until_of(open[i + 1]) > now then
      local better = not intent
      if intent then
        local a, b = interval_of(open[i + 1]), interval_of(intent)
        better = a < b or (a == b and is_newer(open[i], key))
      end
      if better then
        key, intent = open[i], open[i + 1]
      end
    end
  end
  if intent then
    return key, intent
  end
  if task[BASE_KEY] then
    return task[BASE_KEY], task[BASE_INTENT]
  end
  local default
  for i = 1, #open, 2 do
    local its_default = by_default(open[i + 1], note_of(task, open[i]), now)
    local later = not intent or (its_default and not default)
    if intent and not later and (its_default or not default) then
      local a, b = until_of(open[i + 1]), until_of(intent)
      later = a > b or (a == b and is_newer(open[i], key))
    end
    if later then
      key, intent, default = open[i], open[i + 1], its_default
    end
  end
  return key, default or intent
end

local function effective(task, now)
  local key, intent = unstabilized(task, now)
  local until_us = task[STABILIZING_UNTIL]
  if until_us and now < until_us and interval_of(task[STABILIZING_INTENT]) < interval_of(intent) then
    return task[STABILIZING_KEY], task[STABILIZING_INTENT]
  end
  return key, intent
end

local function advance_precedence(task, now)
  if not task[OPEN] and not task[STABILIZING_UNTIL] then
    local is_base = task[BASE_KEY] == task[KEY] and task[BASE_INTENT] == task[INTENT]
    if is_base and not has_edges(task, task[KEY]) then
      return -- most tasks, always
    end
  end
  for i = 1, task[ENDS] and task[OPEN] and #task[OPEN] or 0, 2 do
    task[OPEN][i + 1] = cut(task, task[OPEN][i], task[OPEN][i + 1])
  end
  expire(task, now)
  local key, intent = effective(task, now)
  if key ~= task[KEY] or intent ~= task[INTENT] then
    task[KEY], task[INTENT], task[DESIRED_AT], task[CALL_DUE] = key, intent, now, now
  end
end

local function next_change(task, now)
  local open, change, stabilizing = task[OPEN], nil, task[STABILIZING_UNTIL]
  for i = 2, open and #open or 0, 2 do
    local ends = until_of(open[i])
    if ends > now and (not change or ends < change) then
      change = ends
    end
  end
  if not change and has_edges(task, task[BASE_KEY] or task[KEY]) then
    for at in gmatch(note_of(task, task[BASE_KEY] or task[KEY]), ' (%d+):') do
      if at + 0 > now then
        change = at + 0
        break
      end
    end
  end
  if stabilizing and stabilizing > now and (not change or stabilizing < change) then
    change = stabilizing
  end
  return change or false
end

-- Whether another event's call has set the same interval, so short a time ago that nobody needs to repeat it.
local function is_unchanged(task, wanted, now)
  local interval, _, _, _, _, skip = numbers_of(wanted)
  if skip == 0 or task[DOUBT_UNTIL] or not task[APPLIED_KEY] then
    return false
  end
  local applied = task[APPLIED_INTENT]
  return interval_of(applied) == interval
    and business_of(applied) == business_of(task[INTENT])
    and now - task[APPLIED_AT] <= skip
end
