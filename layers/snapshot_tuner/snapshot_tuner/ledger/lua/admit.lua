-- KEYS: the order's, then event and task of each adjustment.
-- ARGV: order, milliseconds that a task is remembered, milliseconds that an event is, microseconds that a time
--   may be ahead, and behind; then time, order key, wish, fingerprint of each adjustment.
-- Answers {now, one letter per adjustment}, or {now, false, order} where the namespace has another order.
local now = read_now()
local order, task_ms, event_ms = ARGV[1], ARGV[2], ARGV[3]
local latest, earliest = now + ARGV[4], now - ARGV[5]

local held = call('GET', KEYS[1])
if held and held ~= order then
  return {now, false, held}
end
-- Ahead of everything else: a server that is full refuses the first write of a script, and none after it.
call('SET', KEYS[1], order, 'PX', task_ms)

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

local remembers = false

local function admit(event_name, task_name, time, order_key, wish, fingerprint)
  if time > latest or time < earliest then
    return 'x'
  end
  local known, applied = call('GETEX', event_name, 'PX', event_ms), false
  if known then
    if sub(known, 2, 17) ~= fingerprint then
      return 'c'
    end
    applied, order_key = byte(known) == 49, sub(known, 18)
  end
  local task = load_task(call('GETEX', task_name, 'PX', task_ms), now)
  local answer
  if applied or (task and task[APPLIED_KEY] == order_key) then
    answer = 'd'
  elseif task and is_newer(task[KEY], order_key) then
    answer = 's'
  elseif known or (task and task[KEY] == order_key) then
    answer = 'r'
  else
    answer = 'n'
  end
  remembers = true
  if not known then
    -- '1' where it has been applied, its fingerprint (16 bytes), the order key of its first admission.
    local record = (answer == 'd' and '1' or '0') .. fingerprint .. order_key
    call('SET', event_name, record, 'PX', event_ms)
  end
  if answer == 'd' or answer == 's' then
    return task and task[DOUBT_UNTIL] and string.upper(answer) or answer
  end
  task = task or {false, false, false, false, false, false, false, false, false, false, false, false, false}
  task[KEY], task[WISH], task[DESIRED_AT] = order_key, wish, now
  save_task(task_name, task, 'PX', task_ms)
  return answer
end

local answers = {}
for i = 1, (#KEYS - 1) / 2 do
  local given = 4 * i + 2
  answers[i] =
    admit(KEYS[2 * i], KEYS[2 * i + 1], ARGV[given] + 0, ARGV[given + 1], ARGV[given + 2], ARGV[given + 3])
end
if not held and not remembers then
  call('DEL', KEYS[1])
end
return {now, table.concat(answers)}
