-- One intent, and the note that a record has for it (codec.py): what they say, and what becomes of them.

local function numbers_of(intent)
  local interval, asked, until_us, after, lengthen, skip = match(intent, '^(%d+)%z(%d+)%z(%d+)%z(%d+)%z(%d+)%z(%d+)')
  return interval + 0, asked + 0, until_us + 0, after + 0, lengthen + 0, skip + 0
end

local function interval_of(intent)
  return match(intent, '^%d+') + 0
end

local function until_of(intent)
  return match(intent, '^%d+%z%d+%z(%d+)') + 0
end

local function rule_of(intent)
  return match(intent, '^%d+%z%d+%z%d+%z%d+%z%d+%z%d+%z[^%z]*%z(.*)$')
end

local function business_of(intent)
  return match(intent, '^%d+%z%d+%z%d+%z%d+%z%d+%z%d+%z([^%z]*)')
end

-- The intent with another time of asking, and its end as far from it as before.
local function asked_at(intent, asked)
  local interval, own, until_us, rest = match(intent, '^(%d+)%z(%d+)%z(%d+)(.*)$')
  local ends = until_us + 0
  if ends > 0 then
    ends = ends - own + asked
  end
  return format('%s\0%.0f\0%.0f', interval, asked, ends) .. rest
end

-- What is added for the intents with this order key; '' where that is nothing.
local function note_of(task, key)
  local notes = task[NOTES]
  for i = 1, notes and #notes or 0, 2 do
    if notes[i] == key then
      return notes[i + 1]
    end
  end
  return ''
end

local function set_note(task, key, note)
  if not task[NOTES] and note == '' then
    return
  end
  local notes = {}
  for i = 1, task[NOTES] and #task[NOTES] or 0, 2 do
    if task[NOTES][i] ~= key then
      notes[#notes + 1], notes[#notes + 2] = task[NOTES][i], task[NOTES][i + 1]
    end
  end
  if note ~= '' then
    notes[#notes + 1], notes[#notes + 2] = key, note
  end
  task[NOTES] = #notes > 0 and notes
end

local ALL_KEYS = {KEY, APPLIED_KEY, LEASE_KEY, BASE_KEY, STABILIZING_KEY}

-- The order keys of the intents in these fields, and of open ones.
local function keys_of(task, fields)
  local keys = {}
  for _, field in ipairs(fields) do
    if task[field] then
      keys[task[field]] = true
    end
  end
  for i = 1, task[OPEN] and #task[OPEN] or 0, 2 do
    keys[task[OPEN][i]] = true
  end
  return keys
end

-- Without the notes of intents that are no longer there.
local function prune_notes(task)
  local are_there, notes = keys_of(task, ALL_KEYS), {}
  for i = 1, #task[NOTES], 2 do
    if are_there[task[NOTES][i]] then
      notes[#notes + 1], notes[#notes + 2] = task[NOTES][i], task[NOTES][i + 1]
    end
  end
  task[NOTES] = #notes > 0 and notes
end

-- The policy that decided this event's intents: most are of one, which stands in the record once.
local function set_policy(task, key, policy)
  local before = task[POLICY] or ''
  if before == policy then
    return
  end
  for other in pairs(keys_of(task, ALL_KEYS)) do
    local note = other ~= key and note_of(task, other)
    if note and not find(note, '@', 1, true) then
      set_note(task, other, (note == '' and '0' or note) .. '@' .. before)
    end
  end
  task[POLICY] = policy ~= '' and policy
end

-- What a reason belongs to: the order key is several times as long as most reasons.
local function reason_key(key)
  return sub(redis.sha1hex(key), 1, REASON_KEY_DIGITS)
end

-- Why this event's intents are what they are, for people. Kept with it are the reasons of all that the task may yet be.
local function set_reason(task, key, reason)
  if not task[REASONS] and reason == '' then
    return
  end
  local reasons = reason ~= '' and {reason_key(key) .. reason} or {}
  local is_alone = task[KEY] == key and task[BASE_KEY] == key and not task[OPEN] and not task[STABILIZING_KEY]
  if task[REASONS] and not is_alone then
    local are_there = {}
    for other in pairs(keys_of(task, {KEY, BASE_KEY, STABILIZING_KEY})) do
      are_there[reason_key(other)] = other ~= key
    end
    for each in gmatch(task[REASONS], '[^%z]+') do
      if are_there[sub(each, 1, REASON_KEY_DIGITS)] then
        reasons[#reasons + 1] = each
      end
    end
  end
  task[REASONS] = #reasons > 0 and table.concat(reasons, '\0')
end

-- The default that a note says; nil where it says none.
local function default_of(note)
  local seconds = match(note, '^%d+')
  return seconds ~= '0' and seconds or nil
end

local function with_interval(intent, seconds)
  local asked, rest = match(intent, '^%d+%z(%d+)%z%d+%z%d+(.*)$')
  return seconds .. '\0' .. asked .. '\0000\0000' .. rest
end

-- One without an end, with the interval that it has behind the edges of before.
local function passed(intent, note, now)
  local interval
  for at, seconds in gmatch(note, ' (%d+):(%d+)') do
    if at + 0 <= now then
      interval = seconds
    end
  end
  return interval and interval .. match(intent, '^%d+(.*)$') or intent
end

-- One without an end as it was before an operator's bounds changed it.
local function as_asked(intent)
  local after = match(intent, '^%d+%z%d+%z0%z(%d+)')
  return after ~= '0' and with_interval(intent, after) or intent
end

-- What a time-bound intent becomes at its end; nil where that is nothing.
local function ended(intent, note, now)
  local after = match(intent, '^%d+%z%d+%z%d+%z(%d+)')
  return after ~= '0' and passed(with_interval(intent, after), note, now) or nil
end

-- What it becomes where nothing else was ever asked for; nil where that is nothing.
local function by_default(intent, note, now)
  local default = default_of(note)
  return default and passed(with_interval(intent, default), note, now)
end
