-- A task's record in and out of the store, as time has changed it, and the index of what is due.

local function advance_to(task, now)
  advance_precedence(task, now)
  if task[DOUBT_UNTIL] and task[DOUBT_UNTIL] > now + LATE_CALL_US then
    task[DOUBT_UNTIL] = false
    doubt(task, now + LATE_CALL_US)
  end
  if task[TOKEN] then
    if task[UNTIL] <= now then
      local expired = task[UNTIL]
      end_lease(task)
      doubt(task, expired + LATE_CALL_US)
    elseif task[UNTIL] > now + LEASE_US then
      task[BEGUN], task[UNTIL] = now, now + LEASE_US
    end
  end
end

local function load_task(saved, now)
  if not saved then
    return nil
  end
  local task = unpack_record(saved)
  if task[APPLIED_KEY] == true then
    task[APPLIED_KEY] = task[KEY]
  end
  if task[APPLIED_INTENT] == true then
    task[APPLIED_INTENT] = task[INTENT]
  end
  if task[BASE_KEY] == true then
    task[BASE_KEY], task[BASE_INTENT] = task[KEY], task[INTENT]
  end
  advance_to(task, now)
  return task
end

-- Whether a record that was saved is in doubt by now, as `advance_to` would have it; most duplicates need no more
-- of it. Fields are read one by one, behind the three bytes that begin an array of more than 15.
local function is_in_doubt(saved, now)
  local read = {cmsgpack.unpack_limit(saved, DOUBT_UNTIL, 3)} -- behind where it ended
  return read[1 + DOUBT_UNTIL] or (read[1 + TOKEN] and read[1 + UNTIL] <= now)
end

-- From when on the task needs a call that no event may bring; false where it needs none.
local function due_at(task, now)
  if task[TOKEN] then
    return task[UNTIL] + LATE_CALL_US
  end
  local change = next_change(task, now)
  if not task[DOUBT_UNTIL] and task[APPLIED_KEY] == task[KEY] and task[APPLIED_INTENT] == task[INTENT] then
    return change
  end
  return change and math.min(change, task[CALL_DUE]) or task[CALL_DUE]
end

-- `...` is 'PX', milliseconds, or 'KEEPTTL'.
local function save_task(due_name, name, task, now, ...)
  local due = due_at(task, now)
  if due ~= task[DUE] then
    if due then
      call('ZADD', due_name, format('%.0f', due), name)
    else
      call('ZREM', due_name, name)
    end
    task[DUE] = due
  end
  local applied_key, applied_intent, base_key, base_intent =
    task[APPLIED_KEY], task[APPLIED_INTENT], task[BASE_KEY], task[BASE_INTENT]
  if applied_key == task[KEY] then
    task[APPLIED_KEY] = true
  end
  if applied_intent == task[INTENT] then
    task[APPLIED_INTENT] = true
  end
  if base_key == task[KEY] and base_intent == task[INTENT] then
    task[BASE_KEY], task[BASE_INTENT] = true, true
  end
  call('SET', name, pack(task), ...)
  task[APPLIED_KEY], task[APPLIED_INTENT], task[BASE_KEY], task[BASE_INTENT] =
    applied_key, applied_intent, base_key, base_intent
end
