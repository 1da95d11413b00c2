-- Whether a record has the shape that the scripts, and those who read their answers, count on: the Lua of the SQLite
-- codec's checks. Answers what is wrong with it, nil where nothing is.

local function is_intent(value)
  if not is_text(value) then
    return false
  end
  local interval, asked, until_us, after, lengthen, skip =
    match(value, '^(%d+)%z(%d+)%z(%d+)%z(%d+)%z(%d+)%z(%d+)%z[^%z]*%z')
  return interval
    and is_interval(interval + 0)
    and is_time(asked + 0)
    and is_time(until_us + 0)
    and (after == '0' or is_interval(after + 0))
    and is_time(lengthen + 0)
    and is_time(skip + 0)
end

local function is_asked(key, intent)
  return is_order_key(key) and is_intent(intent)
end

local function is_time_or_none(value)
  return value == false or is_time(value)
end

local function fault_of_open(open)
  if type(open) ~= 'table' or #open % 2 == 1 then
    return 'the open intents are not a list of pairs'
  end
  for i = 1, #open, 2 do
    if not is_asked(open[i], open[i + 1]) then
      return 'an open intent cannot be read'
    end
  end
end

local function is_note(value)
  local default, edges, policy = match(is_text(value) and value or '', '^(%d+)([ %d:]*)(.*)$')
  if not default or not (default == '0' or is_interval(default + 0)) or not (policy == '' or match(policy, '^@%w*$')) then
    return false
  end
  for at, seconds in gmatch(edges, ' (%d+):(%d+)') do
    if not is_time(at + 0) or not is_interval(seconds + 0) then
      return false
    end
  end
  return string.gsub(edges, ' %d+:%d+', '') == ''
end

local function fault_of_added(notes, ends, policy, reasons)
  if notes ~= false and (type(notes) ~= 'table' or #notes % 2 == 1) then
    return 'the notes are not a list of pairs'
  end
  for i = 1, notes and #notes or 0, 2 do
    if not is_order_key(notes[i]) or not is_note(notes[i + 1]) then
      return 'a note cannot be read'
    end
  end
  if ends ~= false and (type(ends) ~= 'table' or #ends % 3 ~= 0) then
    return 'the ends are not a list of threes'
  end
  for i = 1, ends and #ends or 0, 3 do
    if not is_text(ends[i]) or not is_order_key(ends[i + 1]) or not is_time(ends[i + 2]) then
      return 'an end cannot be read'
    end
  end
  if policy ~= false and not is_text(policy) then
    return 'its policy is not text'
  end
  if reasons and type(reasons) ~= 'string' then
    return 'the reasons are not text'
  end
end

local function fault_of_behind(format_number, notes, ends, policy, reasons)
  if format_number == nil then
    return nil
  end
  if not is_time(format_number) or format_number == 0 then
    return 'its format is not a number'
  end
  if format_number > FORMAT_NUMBER + 1 then
    return 'its format is ' .. format('%.0f', format_number) .. '; this code reads formats up to ' .. FORMAT_NUMBER + 1
  end
  return fault_of_added(notes, ends, policy, reasons)
end

local function fault_of_task(task)
  if type(task) ~= 'table' then
    return 'not a list'
  end
  if not is_asked(task[KEY], task[INTENT]) then
    return 'what the task should be cannot be read'
  end
  -- Most are the same as what it should be.
  local applied, base = task[APPLIED_KEY], task[BASE_KEY]
  if applied ~= task[KEY] or task[APPLIED_INTENT] ~= task[INTENT] then
    if applied ~= false and not is_asked(applied, task[APPLIED_INTENT]) then
      return 'what was applied cannot be read'
    end
  end
  if base ~= task[KEY] or task[BASE_INTENT] ~= task[INTENT] then
    if base ~= false and not is_asked(base, task[BASE_INTENT]) then
      return 'its base cannot be read'
    end
  end
  if not is_time(task[DESIRED_AT]) or not is_time(task[CALL_DUE]) or not is_time_or_none(task[DUE])
    or not is_time_or_none(task[DOUBT_UNTIL]) or not is_time_or_none(task[APPLIED_AT])
    or not (applied == false or task[APPLIED_AT])
  then
    return 'a time is missing or out of range'
  end
  if task[TOKEN] ~= false then
    if not is_text(task[TOKEN]) or not is_time(task[BEGUN]) or not is_time(task[UNTIL])
      or not is_asked(task[LEASE_KEY], task[LEASE_INTENT])
    then
      return 'its lease cannot be read'
    end
  end
  if task[SETTLED_TOKEN] ~= false and not is_text(task[SETTLED_TOKEN]) then
    return 'its settled token is not text'
  end
  if task[STABILIZING_UNTIL] ~= false then
    if not is_time(task[STABILIZING_UNTIL]) or not is_asked(task[STABILIZING_KEY], task[STABILIZING_INTENT]) then
      return 'what is stabilizing cannot be read'
    end
  end
  if task[OPEN] ~= false then
    local fault = fault_of_open(task[OPEN])
    if fault then
      return fault
    end
  end
  if base == false and (not task[OPEN] or #task[OPEN] == 0) then
    return 'it does not say what the task should be'
  end
  return fault_of_behind(task[FORMAT], task[NOTES], task[ENDS], task[POLICY], task[REASONS])
end

local function fault_of_event(event)
  local first = byte(event)
  if first ~= 48 and first ~= 49 then
    return 'not an event'
  end
  if not is_order_key(sub(event, 2 + FINGERPRINT_BYTES)) then
    return 'its order key cannot be read'
  end
end
