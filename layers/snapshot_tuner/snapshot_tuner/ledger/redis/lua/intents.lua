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

-- Without the notes of intents that are no longer there.
local function prune_notes(task)
  local are_there, notes = {}, {}
  for _, field in ipairs({KEY, APPLIED_KEY, LEASE_KEY, BASE_KEY, STABILIZING_KEY}) do
    are_there[task[field]] = true
  end
  for i = 1, task[OPEN] and #task[OPEN] or 0, 2 do
    are_there[task[OPEN][i]] = true
  end
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
  local keys = {task[KEY], task[APPLIED_KEY], task[LEASE_KEY], task[BASE_KEY], task[STABILIZING_KEY]}
  for i = 1, task[OPEN] and #task[OPEN] or 0, 2 do
    keys[#keys + 1] = task[OPEN][i]
  end
  for _, other in ipairs(keys) do
    local note = other and other ~= key and note_of(task, other)
    if note and not find(note, '@', 1, true) then
      set_note(task, other, (note == '' and '0' or note) .. '@' .. before)
    end
  end
  task[POLICY] = policy ~= '' and policy
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
