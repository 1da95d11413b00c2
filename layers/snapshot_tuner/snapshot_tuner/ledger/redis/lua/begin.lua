-- KEYS: those of due and checks, then the tasks. ARGV: when the store may have forgotten something (0 is never), so that no
-- confirmation of before counts as unchanged; then a token for each.
-- Answers {now, a word for each}: granted, applied, unchanged, busy or forgotten as a letter; behind the first
--   three order key, NUL, rest of the intent; or such a word and the bounds of the task, where it has some.

-- One word, because each costs the client as much as what is in it.
local function answer(letter, order_key, intent, task)
  local word, bounds = letter .. order_key .. '\0' .. intent, bounds_of[task]
  return bounds and {word, bounds.saved} or word
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
    return answer('g', task[LEASE_KEY], task[LEASE_INTENT], task)
  end
  if task[TOKEN] or task[SETTLED_TOKEN] == token then
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return 'b'
  end
  local wanted = wanted_of(task)
  if not task[DOUBT_UNTIL] and task[APPLIED_KEY] == task[KEY] and task[APPLIED_INTENT] == wanted then
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return answer('a', task[KEY], wanted, task)
  end
  if is_unchanged(task, wanted, now) and task[APPLIED_AT] > lost then
    task[APPLIED_KEY], task[APPLIED_INTENT] = task[KEY], wanted
    save_task(KEYS[1], name, task, now, 'KEEPTTL')
    return answer('u', task[KEY], wanted, task)
  end
  task[TOKEN], task[BEGUN], task[UNTIL] = token, now, now + LEASE_US
  task[LEASE_KEY], task[LEASE_INTENT] = task[KEY], wanted
  save_task(KEYS[1], name, task, now, 'KEEPTTL')
  return answer('g', task[KEY], wanted, task)
end

local answers = {now}
for i, token in ipairs(ARGV) do
  answers[i + 1] = begin(KEYS[i + 2], token)
end
return said(answers)
