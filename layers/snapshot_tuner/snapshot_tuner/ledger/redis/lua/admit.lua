-- KEYS: those of order, due and checks, then event and task of each adjustment.
-- ARGV: order, milliseconds that a task is remembered, milliseconds that an event is, microseconds that a time
--   may be ahead, and behind, the policy that decided; then each adjustment in one word: 20 digits of the event's time,
--   16 bytes of its fingerprint, where it has any of these a byte of 1, the note, another one, the rules that it ends
--   with a NUL between, a third one, the reason, and a fourth one, then order key, NUL, intent; one with an interval of 0
--   asks for none.
-- Answers {now by the store's own clock, one letter per adjustment (N and R: to a shorter interval), what is in effect instead for each that is
--   deferred}, or
--   {now, false, order} where the namespace has another order.
local order, task_ms, event_ms, policy = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
-- Events are judged by the store's own clock; what is remembered of them is in the ledger's time.
local ahead = correction == 'local' and 0 or correction + 0
local latest, earliest = now - ahead + ARGV[4], now - ahead - ARGV[5]

local known_order = try('GET', KEYS[1])
if known_order and not match(known_order, '^[a-z]+$') then -- another word is an order that only a later version knows
  set_aside(KEYS[1], 'not a word of lower-case letters', known_order)
  known_order = false
end
if known_order and known_order ~= order then
  return said({now - ahead, false, known_order})
end
-- Ahead of everything else: a server that is full refuses the first write of a script, and none after it.
call('SET', KEYS[1], order, 'PX', task_ms)

local remembers, effective = false, {}
local due_name = KEYS[2]

local function is_over(intent, now)
  local ends = until_of(intent)
  return ends > 0 and ends <= now
end

local function is_over_for_good(intent, note, now)
  local _, _, ends, after = numbers_of(intent)
  return ends > 0 and ends <= now and after == 0 and not default_of(note)
end

-- The record of a task for which an event is the first that is known, and which asks for no interval.
local function nothing(order_key, asked, at, now)
  local task = new_task()
  local intent = format('%d\0%.0f\0%.0f\0000\0000\0000\0\0', INTERVAL_DEFAULT, asked, at)
  task[KEY], task[INTENT], task[DESIRED_AT], task[CALL_DUE] = order_key, intent, now, LATEST_US
  task[OPEN] = {order_key, intent}
  set_policy(task, order_key, policy)
  return task
end

local function decided(task, order_key, reason)
  set_policy(task, order_key, policy)
  set_reason(task, order_key, reason)
end

-- New, retry, deferred (f) or superseded; the task with the intent in it; and whether a superseded one changed it.
local function take_up(task, order_key, intent, note, reason, now, seen)
  if not task then
    if is_over_for_good(intent, note, now) then
      return 's', nil
    end
    task = new_task()
    task[KEY], task[INTENT], task[DESIRED_AT] = order_key, intent, now
    set_note(task, order_key, note)
    decided(task, order_key, reason)
    put(task, order_key, intent)
    advance_precedence(task, now)
    task[CALL_DUE] = now + SOURCE_US
    return seen and 'r' or 'n', task
  end
  local before, call_due, is_withdrawn = recorded(task, order_key), task[CALL_DUE], false
  if before then
    seen = true
    local _, asked = numbers_of(before)
    intent = asked_at(intent, asked)
  end
  intent = cut(task, order_key, intent)
  if asks_nothing(task) and is_over_for_good(intent, note, now) then
    return 's', task
  end
  if before then
    is_withdrawn = withdraw(task, order_key, intent, note, now)
  end
  local kept_key = competitor(task, intent)
  if kept_key and is_newer(kept_key, order_key) then
    return 's', task, is_withdrawn
  end
  local was = is_over(intent, now) and {unpack(task, 1, ENDS)}
  set_note(task, order_key, note)
  take(task, order_key, intent, now)
  if task[KEY] == order_key then
    decided(task, order_key, reason)
    task[DESIRED_AT] = now
    task[CALL_DUE] = task[DOUBT_UNTIL] and call_due or now + SOURCE_US
    return seen and 'r' or 'n', task
  end
  local leaves_anything = task[BASE_KEY] == order_key or (not task[BASE_KEY] and default_of(note))
  if was and not leaves_anything then
    for field = 1, ENDS do
      task[field] = was[field]
    end
    return 's', task, is_withdrawn
  end
  decided(task, order_key, reason)
  return 'f', task
end

-- As `take_up`, of an event that ends what these rules have asked for; held (h) where there was nothing to end. That takes
-- effect at once, whatever comes of the event's own interval.
local function end_and_take(task, order_key, intent, note, reason, names, now, seen)
  local rules = {}
  for rule in string.gmatch(names, '[^%z]+') do
    rules[#rules + 1] = rule
  end
  local interval, asked = numbers_of(intent)
  local at = math.min(asked, now)
  if not task and (interval == 0 or is_over_for_good(intent, note, now)) then
    task = nothing(order_key, asked, at, now)
    end_rules(task, rules, order_key, at, now)
    return interval == 0 and 'h' or 's', task, true
  end
  local answer, is_changed
  if not task then
    answer, task = take_up(nil, order_key, intent, note, reason, now, seen)
    end_rules(task, rules, order_key, at, now)
    return answer, task
  end
  local key_before, intent_before, open_before = task[KEY], task[INTENT], open_count(task, now)
  local is_new, is_known = end_rules(task, rules, order_key, at, now)
  if interval > 0 then
    answer, task, is_changed = take_up(task, order_key, intent, note, reason, now, seen)
  elseif is_known then
    local is_called = not task[DOUBT_UNTIL] and task[APPLIED_KEY] == task[KEY] and task[APPLIED_INTENT] == wanted_of(task)
    answer = (is_called or asks_nothing(task)) and 'd' or 'r'
  elseif not is_new then
    answer = 's'
  else
    answer = open_count(task, now) < open_before and 'f' or 'h'
  end
  if answer ~= 'n' and answer ~= 'r' and (task[KEY] ~= key_before or task[INTENT] ~= intent_before) then
    answer = seen and 'r' or 'n'
  end
  return answer, task, is_changed or is_new
end

local function admit(event_name, task_name, given)
  local time, fingerprint = sub(given, 1, TIME_DIGITS) + 0, sub(given, TIME_DIGITS + 1, HEAD_BYTES)
  if time > latest or time < earliest then
    return 'x'
  end
  local known = get_event(event_name, 'PX', event_ms)
  if known and fingerprint_of(known) ~= fingerprint then
    return 'c'
  end
  local saved = try('GETEX', task_name, 'PX', task_ms)
  -- A record lives as long as the bounds on its task, and the task memory after them.
  local bounds, kept_ms = bounds_at(task_name, now), task_ms
  if bounds then
    kept_ms = format('%.0f', math.ceil((bounds.ends - now) / 1000) + task_ms)
    call('PEXPIRE', task_name, kept_ms)
  end
  remembers = true
  if known and is_settled(known) then
    return saved and is_in_doubt(task_name, saved, now) and 'D' or 'd'
  end
  local note, ended_rules, reason, rest = match(given, '^\1([^\1]*)\1([^\1]*)\1([^\1]*)\1()', HEAD_BYTES + 1)
  local order_key, intent = match(given, '^([^%z]*%z[^%z]*%z[^%z]*)%z(.*)$', rest or HEAD_BYTES + 1)
  if known then
    order_key = order_key_of(known)
  end
  if ahead ~= 0 then
    local _, asked = numbers_of(intent)
    intent = asked_at(intent, asked + ahead)
    note = note and string.gsub(note, ' (%d+):', function(at)
      return format(' %.0f:', at + ahead)
    end)
  end
  local task = load_task(task_name, saved, now)
  local answer, is_changed, is_new = nil, false, not task
  if task and task[APPLIED_KEY] == order_key then
    answer = 'd'
  elseif ended_rules and ended_rules ~= '' then
    answer, task, is_changed = end_and_take(task, order_key, intent, note, reason, ended_rules, now, known)
  else
    answer, task, is_changed = take_up(task, order_key, intent, note or '', reason or '', now, known)
  end
  if is_new and task then
    bounds_of[task] = bounds
  end
  if not known then
    local record = event_record(answer == 'd' or answer == 'f' or answer == 'h', fingerprint, order_key)
    call('SET', event_name, record, 'PX', event_ms)
  elseif answer == 'f' or answer == 'h' then
    mark_settled(event_name)
  end
  if not task or (not is_new and (answer == 'd' or answer == 's')) then
    if is_changed then
      save_task(due_name, task_name, task, now, 'KEEPTTL')
    end
    return task and task[DOUBT_UNTIL] and string.upper(answer) or answer
  end
  -- One that begins anew is a new one there too; any other may have been lost there.
  try('ZADD', KEYS[3], is_new and 'CH' or 'NX', format('%.0f', now), task_name)
  local applied = task[APPLIED_INTENT]
  local shortens = interval_of(wanted_of(task)) < (applied and interval_of(applied) or INTERVAL_DEFAULT)
  save_task(due_name, task_name, task, now, 'PX', kept_ms)
  if shortens and (answer == 'n' or answer == 'r') then
    return string.upper(answer)
  end
  if answer == 'f' then
    local is_stabilizing = task[STABILIZING_KEY] == task[KEY] and task[STABILIZING_INTENT] == task[INTENT]
    local until_us = is_stabilizing and task[STABILIZING_UNTIL] or until_of(task[INTENT])
    until_us = until_us > 0 and until_us - ahead or 0
    effective[#effective + 1] = {task[KEY], task[INTENT], until_us}
  end
  return answer
end

local answers = {}
for i = 1, (#KEYS - 3) / 2 do
  answers[i] = admit(KEYS[2 * i + 2], KEYS[2 * i + 3], ARGV[i + 6])
end
if not known_order and not remembers then
  call('DEL', KEYS[1])
end
return said({now - ahead, table.concat(answers), effective})
