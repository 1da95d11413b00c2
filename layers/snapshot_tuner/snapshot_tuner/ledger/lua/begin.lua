-- KEYS: those of due and checks, then the tasks. ARGV: a token for each.
-- Answers now, then three for each: granted, applied, unchanged, busy or forgotten as a letter; order key; rest
--   of the wish.
local now = read_now()

local function begin(name, token)
  local task = load_task(call('GET', name), now)
  if not task then
    call('ZREM', KEYS[1], name)
    call('ZREM', KEYS[2], name)
    return 'f', '', ''
  end
  if task[TOKEN] == token then
    return 'g', task[LEASE_KEY], task[LEASE_WISH]
  end
  if task[TOKEN] or task[SETTLED_TOKEN] == token then
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return 'b', '', ''
  end
  if not task[DOUBT_UNTIL] and task[APPLIED_KEY] == task[KEY] and task[APPLIED_WISH] == task[WISH] then
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return 'a', task[KEY], task[WISH]
  end
  if is_unchanged(task, now) then
    task[APPLIED_KEY], task[APPLIED_WISH] = task[KEY], task[WISH]
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return 'u', task[KEY], task[WISH]
  end
  task[TOKEN], task[BEGUN], task[UNTIL] = token, now, now + LEASE_US
  task[LEASE_KEY], task[LEASE_WISH] = task[KEY], task[WISH]
  save_task(KEYS[1], name, task, now, 'KEEPTTL')
  return 'g', task[KEY], task[WISH]
end

local answers = {now}
for i, token in ipairs(ARGV) do
  local at = 3 * i - 1
  answers[at], answers[at + 1], answers[at + 2] = begin(KEYS[i + 2], token)
end
return answers
