-- KEYS: the cursor's, the due ones', then task and event of each call. ARGV: token and result of each call.
-- Answers {now, two letters for each: kept or lost, in doubt or clear}.

local function settle(task_name, event_name, token, result)
  local task = get_task(task_name, now)
  if not task then
    return 'lc'
  end
  local kept = task[TOKEN] == token
  if kept then
    if result == 'applied' then
      task[APPLIED_KEY], task[APPLIED_INTENT], task[APPLIED_AT] = task[LEASE_KEY], task[LEASE_INTENT], now
      if task[DOUBT_UNTIL] and task[BEGUN] > task[DOUBT_UNTIL] then
        task[DOUBT_UNTIL] = false
      elseif task[DOUBT_UNTIL] then
        task[CALL_DUE] = math.max(now, task[DOUBT_UNTIL])
      end
      if get_event(event_name) then
        mark_settled(event_name)
      end
    elseif result == 'unknown' then
      doubt(task, now + LATE_CALL_US)
    else
      task[CALL_DUE] = math.max(task[CALL_DUE], now + TRY_AGAIN_US)
    end
    end_lease(task)
    task[SETTLED_TOKEN] = token
  elseif task[SETTLED_TOKEN] == token then
    kept = true -- repeated after a lost reply
  elseif result == 'applied' then
    doubt(task, now)
  elseif result == 'unknown' then
    doubt(task, now + LATE_CALL_US)
  end
  save_task(KEYS[2], task_name, task, now, 'KEEPTTL')
  return (kept and 'k' or 'l') .. (task[DOUBT_UNTIL] and 'd' or 'c')
end

local answers, throttled = {}, false
for i = 1, (#KEYS - 2) / 2 do
  local result = ARGV[2 * i]
  throttled = throttled or result == 'throttled'
  answers[i] = settle(KEYS[2 * i + 1], KEYS[2 * i + 2], ARGV[2 * i - 1], result)
end
if throttled then
  pause(KEYS[1], now)
end
return said({now, table.concat(answers)})
