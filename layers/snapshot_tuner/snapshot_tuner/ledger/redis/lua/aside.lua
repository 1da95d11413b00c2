-- What cannot be read is set aside, in one hash by the names of keys, so that its neighbours live: set_aside.py says more.
-- The last key but one of every script is that of the hash. A field says why, and behind a line end what there was: the
-- bytes of a text, the DUMP of anything else.
local aside_name, aside = table.remove(KEYS, #KEYS - 1), {}

local function is_of_another_type(answer)
  return type(answer) == 'table' and answer.err and string.find(answer.err, 'WRONGTYPE', 1, true)
end

-- `name` is as a rule the key of the record, which is gone then; `saved` are its bytes, nil where it is no text.
local function keep_aside(name, why, saved)
  local kept = redis.pcall('HLEN', aside_name)
  if is_of_another_type(kept) then
    call('DEL', aside_name)
  end
  kept = call('HLEN', aside_name)
  if kept < ASIDE_MOST then
    call('HSET', aside_name, name, why .. '\n' .. sub(saved or '', 1, ASIDE_BYTES_MOST))
  end
  aside[#aside + 1] = {name, why}
end

local function set_aside(name, why, saved)
  if not saved then
    saved = call('DUMP', name) or ''
    why = why .. ' (' .. call('TYPE', name).ok .. ')'
  end
  keep_aside(name, why, saved)
  call('DEL', name)
end

-- The command's answer; a key of another type is set aside before.
local function try(command, name, ...)
  local answer = redis.pcall(command, name, ...)
  if type(answer) == 'table' and answer.err then
    if is_of_another_type(answer) then
      set_aside(name, 'another type of value')
    end
    return call(command, name, ...)
  end
  return answer
end

-- What a script answers: with what it has set aside before it, where that is anything.
local function said(answer)
  if #aside == 0 then
    return answer
  end
  return {aside, answer}
end

local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then
    return true
  end
  -- Each sequence that is right becomes a dot, so that nothing new comes of its neighbours.
  for _, right in ipairs({
    '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '\237[\128-\159][\128-\191]',
    '[\225-\236\238\239][\128-\191][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    text = string.gsub(text, right, '.')
  end
  return not string.find(text, '[\128-\255]')
end

local function is_text(value)
  return type(value) == 'string' and is_utf8(value)
end

local function is_time(value)
  return type(value) == 'number' and value >= 0 and value <= LATEST_US and value == math.floor(value)
end

local function is_order_key(value)
  return is_text(value) and match(value, '^[^%z]*%z[^%z]*%z[^%z]*$') ~= nil
end

local function is_interval(value)
  return value >= INTERVAL_LEAST and value <= INTERVAL_MOST
end
