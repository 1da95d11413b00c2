-- What an event changes in a task: the intent that it asks for, and the ends that it brings. The Lua of precedence.py, too.

-- Order key and time of asking of the intent that this one competes with, if there is one.
local function competitor(task, intent)
  if until_of(intent) == 0 then
    return task[BASE_KEY], task[BASE_INTENT]
  end
  local open, rule = task[OPEN], rule_of(intent)
  for i = 1, open and #open or 0, 2 do
    if rule_of(open[i + 1]) == rule then
      return open[i], open[i + 1]
    end
  end
  return false, false
end

local function open_count(task, now)
  local count = 0
  for i = 2, task[OPEN] and #task[OPEN] or 0, 2 do
    count = count + (until_of(task[OPEN][i]) > now and 1 or 0)
  end
  return count
end

-- Ends what older events have asked for by these rules, now and for later; whether anything is new in that, and whether
-- this event had ended something before.
local function end_rules(task, rules, key, at, now)
  local is_named, kept, is_new, is_known = {}, {}, false, false
  for _, rule in ipairs(rules) do
    is_named[rule] = true
  end
  for i = 1, task[ENDS] and #task[ENDS] or 0, 3 do
    local rule, its_key, its_time = task[ENDS][i], task[ENDS][i + 1], task[ENDS][i + 2]
    is_known = is_known or its_key == key
    if not is_named[rule] or not is_newer(key, its_key) then
      is_named[rule] = false
      kept[#kept + 1], kept[#kept + 2], kept[#kept + 3] = rule, its_key, its_time
    end
  end
  for _, rule in ipairs(rules) do
    if is_named[rule] then
      is_new = true
      kept[#kept + 1], kept[#kept + 2], kept[#kept + 3] = rule, key, at
    end
  end
  while #kept > 3 * OPEN_MOST do -- rules come and go with policies
    local first = 1
    for i = 4, #kept, 3 do
      if is_newer(kept[first + 1], kept[i + 1]) then
        first = i
      end
    end
    for _ = 1, 3 do
      table.remove(kept, first)
    end
  end
  task[ENDS] = #kept > 0 and kept
  advance_precedence(task, now)
  return is_new, is_known
end

-- What an earlier delivery of the same event left, wherever that stands.
local function recorded(task, key)
  if task[BASE_KEY] == key then
    return task[BASE_INTENT]
  end
  local open = task[OPEN]
  for i = 1, open and #open or 0, 2 do
    if open[i] == key and rule_of(open[i + 1]) ~= '' then
      return open[i + 1]
    end
  end
  return nil
end

-- Takes out what an earlier delivery of the same event left, where another policy had decided it; whether that was so.
local function withdraw(task, key, intent, note, now)
  local after, default = ended(intent, note, now), by_default(intent, note, now)
  local open, others, has_other_default = task[OPEN], {}, default_of(note) ~= default_of(note_of(task, key))
  if until_of(intent) == 0 then
    intent = passed(intent, note, now)
  end
  local function is_other(its_key, its_intent)
    return its_key == key
      and (has_other_default or (its_intent ~= intent and its_intent ~= after and its_intent ~= default))
  end
  local is_there = is_other(task[BASE_KEY], task[BASE_INTENT])
    or is_other(task[STABILIZING_KEY], task[STABILIZING_INTENT])
  for i = 1, open and #open or 0, 2 do
    is_there = is_there or is_other(open[i], open[i + 1])
    if open[i] ~= key then
      others[#others + 1], others[#others + 2] = open[i], open[i + 1]
    end
  end
  if not is_there then
    return false
  end
  if task[BASE_KEY] == key then
    local applied = task[APPLIED_KEY]
    local is_earlier = applied and until_of(task[APPLIED_INTENT]) == 0 and is_newer(key, applied)
    task[BASE_KEY], task[BASE_INTENT] = is_earlier and applied, is_earlier and as_asked(task[APPLIED_INTENT])
  end
  if task[STABILIZING_KEY] == key then
    task[STABILIZING_KEY], task[STABILIZING_INTENT], task[STABILIZING_UNTIL] = false, false, false
  end
  task[OPEN] = #others > 0 and others
  if task[BASE_KEY] or task[OPEN] then
    advance_precedence(task, now)
  end
  return true
end

local function put(task, key, intent)
  if until_of(intent) == 0 then
    task[BASE_KEY], task[BASE_INTENT] = key, intent
    return
  end
  local rule, others = rule_of(intent), {}
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
  others[#others + 1], others[#others + 2] = key, intent
  task[OPEN] = others
end

local function take(task, key, intent, now)
  if asks_nothing(task) then
    task[OPEN] = false
  end
  local was_key, was_intent
  if task[BASE_KEY] or task[OPEN] then
    was_key, was_intent = unstabilized(task, now)
  end
  local before_key, before_intent = task[KEY], task[INTENT]
  -- When each was asked for, of all that the task knows of before.
  local asked = {task[INTENT]}
  for i = 2, task[OPEN] and #task[OPEN] or 0, 2 do
    asked[#asked + 1] = task[OPEN][i]
  end
  if task[BASE_KEY] then
    asked[#asked + 1] = task[BASE_INTENT]
  end
  put(task, key, intent)
  expire(task, now)
  local wanted_key, wanted = unstabilized(task, now)
  if wanted_key ~= was_key or wanted ~= was_intent then
    local interval = interval_of(wanted)
    local _, _, _, _, lengthen = numbers_of(intent)
    task[STABILIZING_KEY], task[STABILIZING_INTENT], task[STABILIZING_UNTIL] = false, false, false
    if was_key and lengthen > 0 and interval > interval_of(before_intent) then
      local less = 0
      for _, each in ipairs(asked) do
        local other, at = numbers_of(each)
        if other < interval and at > less then
          less = at
        end
      end
      if less + lengthen > now then
        task[STABILIZING_KEY], task[STABILIZING_INTENT] = before_key, before_intent
        task[STABILIZING_UNTIL] = less + lengthen
      end
    end
  end
  advance_precedence(task, now)
end
