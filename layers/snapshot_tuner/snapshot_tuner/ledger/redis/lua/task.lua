-- A task's record in and out of the store, as time has changed it, and the index of what is due.

-- The keys of the lists, in front of that of what is set aside: all tasks by their applied interval, 0 where there is
-- none, and those in doubt.
local doubts_name, intervals_name = table.remove(KEYS), table.remove(KEYS)
local listed = {} -- how each record that was read stands in them

local function applied_interval(task)
  return task[APPLIED_KEY] and interval_of(task[APPLIED_INTENT]) or 0
end

local function list(name, task, was)
  local interval, is_doubted = applied_interval(task), task[DOUBT_UNTIL] and true or false
  if was.interval ~= interval then
    try('ZADD', intervals_name, interval, name)
  end
  if was.is_doubted ~= is_doubted then
    try(is_doubted and 'ZADD' or 'ZREM', doubts_name, unpack(is_doubted and {0, name} or {name}))
  end
end

-- `due_name` and `check_name` are those of the indexes by time.
local function unlist(name, due_name, check_name)
  for _, index in ipairs({due_name, check_name, intervals_name, doubts_name}) do
    try('ZREM', index, name)
  end
end

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

-- Nil where nothing is known: of one that cannot be read no more than of one that is not there.
local function load_task(name, saved, now)
  if not saved then
    return nil
  end
  local is_read, task, more = pcall(unpack_record, saved)
  local fault = (not is_read or more ~= nil) and 'not MessagePack'
  if not fault and type(task) == 'table' then
    if task[APPLIED_KEY] == true then
      task[APPLIED_KEY] = task[KEY]
    end
    if task[APPLIED_INTENT] == true then
      task[APPLIED_INTENT] = task[INTENT]
    end
    if task[BASE_KEY] == true then
      task[BASE_KEY], task[BASE_INTENT] = task[KEY], task[INTENT]
    end
  end
  fault = fault or fault_of_task(task)
  if fault then
    set_aside(name, fault, saved)
    return nil
  end
  listed[name] = {interval = applied_interval(task), is_doubted = task[DOUBT_UNTIL] and true or false}
  advance_to(task, now)
  bounds_of[task] = bounds_at(name, now)
  return task
end

local function get_task(name, now)
  return load_task(name, try('GET', name), now)
end

-- `...` are further words for GETEX.
local function get_event(name, ...)
  local saved = try('GETEX', name, ...)
  local fault = saved and fault_of_event(saved)
  if fault then
    set_aside(name, fault, saved)
    return false
  end
  return saved
end

-- Of an event that was read.
local function mark_settled(event_name)
  call('SETRANGE', event_name, 0, '1')
end

-- Whether a record that was saved is in doubt by now, as `advance_to` would have it; most duplicates need no more
-- of it. Fields are read one by one, behind the three bytes that begin an array of more than 15.
local function is_in_doubt(name, saved, now)
  local read = {pcall(cmsgpack.unpack_limit, saved, DOUBT_UNTIL, 3)} -- whether it could, and where it ended
  if read[2 + TOKEN] == false and read[2 + DOUBT_UNTIL] == false then
    return false
  end
  local task = load_task(name, saved, now)
  return task and task[DOUBT_UNTIL]
end

-- From when on the task needs a call that no event may bring; false where it needs none.
local function due_at(task, now)
  if task[TOKEN] then
    return task[UNTIL] + LATE_CALL_US
  end
  if asks_nothing(task) then
    return false
  end
  local change, bounds, wanted = next_change(task, now), bounds_of[task], wanted_of(task)
  if wanted ~= task[INTENT] then
    change = change and math.min(change, bounds.ends) or bounds.ends
  end
  if not task[DOUBT_UNTIL] and task[APPLIED_KEY] == task[KEY] and task[APPLIED_INTENT] == wanted then
    return change
  end
  return change and math.min(change, task[CALL_DUE]) or task[CALL_DUE]
end

-- `...` is 'PX', milliseconds, or 'KEEPTTL'.
local function save_task(due_name, name, task, now, ...)
  local due = due_at(task, now)
  if due ~= task[DUE] then
    if due then
      try('ZADD', due_name, format('%.0f', due), name)
    else
      try('ZREM', due_name, name)
    end
    task[DUE] = due
  end
  list(name, task, listed[name] or {is_doubted = false})
  listed[name] = nil
  if task[NOTES] then
    prune_notes(task)
  end
  local is_of_later_format = (task[FORMAT] or 0) > FORMAT_NUMBER
  if task[NOTES] or task[ENDS] or task[POLICY] or task[REASONS] or is_of_later_format then
    task[FORMAT] = math.max(task[FORMAT] or 0, FORMAT_NUMBER)
    task[NOTES], task[ENDS], task[POLICY] = task[NOTES] or false, task[ENDS] or false, task[POLICY] or false
    if not task[REASONS] then
      task[REASONS] = nil -- nothing is behind it
      if is_of_later_format then
        task[REASONS] = false
      end
    end
  elseif task[FORMAT] ~= nil then
    task[FORMAT], task[NOTES], task[ENDS], task[POLICY], task[REASONS] = nil, nil, nil, nil, nil
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
