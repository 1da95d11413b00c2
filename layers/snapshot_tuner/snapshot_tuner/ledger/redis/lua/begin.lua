-- KEYS: those of due and checks, then the tasks. ARGV: when the store may have forgotten something (0 is never), so that no
-- confirmation of before counts as unchanged; then a token for each.
-- Answers {now, a word for each}: granted, applied, unchanged, busy or forgotten as a letter; behind the first
--   three order key, NUL, rest of the intent.

-- One word, because each costs the client as much as what is in it.
local function answer(letter, order_key, intent)
  return letter .. order_key .. '\0' .. intent
end

local lost = table.remove(ARGV, 1) + 0

local function begin(name, token)
  local task = get_task(name, now)
  if not task then
    unlist(name, KEYS[1], KEYS[2])
    return 'f'
  end
  if asks_nothing(task) then
    return 'f'
  end
  if task[TOKEN] == token then
    return answer('g', task[LEASE_KEY], task[LEASE_INTENT])
  end
  if task[TOKEN] or task[SETTLED_TOKEN] == token then
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return 'b'
  end
  if not task[DOUBT_UNTIL] and task[APPLIED_KEY] == task[KEY] and task[APPLIED_INTENT] == task[INTENT] then
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return answer('a', task[KEY], task[INTENT])
  end
  if is_unchanged(task, now) and task[APPLIED_AT] > lost then
    task[APPLIED_KEY], task[APPLIED_INTENT] = task[KEY], task[INTENT]
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return answer('u', task[KEY], task[INTENT])
  end
  task[TOKEN], task[BEGUN], task[UNTIL] = token, now, now + LEASE_US
  task[LEASE_KEY], task[LEASE_INTENT] = task[KEY], task[INTENT]
  save_task(KEYS[1], name, task, now, 'KEEPTTL')
  return answer('g', task[KEY], task[INTENT])
end

local answers = {now}
for i, token in ipairs(ARGV) do
  answers[i + 1] = begin(KEYS[i + 2], token)
end
return said(answers)
