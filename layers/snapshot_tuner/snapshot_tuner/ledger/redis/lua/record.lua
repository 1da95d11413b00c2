-- What every script shares: a task's record. The Lua of transitions.py, which says why;
-- tests/ledger holds both to one suite and one model. Times are microseconds since the Unix epoch.

local byte, sub, match, gmatch, find, format =
  string.byte, string.sub, string.match, string.gmatch, string.find, string.format
local call, pack, unpack_record = redis.call, cmsgpack.pack, cmsgpack.unpack

-- A task's record is an array; `false` is "none". An intent is two fields: its order key, and the rest of it: six
-- numbers (interval, asked_us, until_us, then, lengthen_us, skip_us; 0 is "none"), business id and rule, with a
-- NUL between. Saved, an applied intent or a base that is the desired one is `true`: most are, always. The names of
-- the fields are those of codec.TaskRecord, KEY being the first. Behind them it may have those of codec.Added: NOTES are
-- pairs of an order key and what is added for its intents: the default (0 is "none"), a space, a time and `:interval` for
-- each of its edges, `@` and the policy where that is another than the record's POLICY. ENDS are a rule, an order key and
-- a time each. REASONS are a few digits of an order key's SHA-1 and a reason each, in one text with a NUL between. What a
-- later version has put behind them (set_aside.py) is kept.
local function new_task()
  local task = {}
  for field = 1, FIELDS do
    task[field] = false
  end
  return task
end

local function doubt(task, until_us)
  if not task[DOUBT_UNTIL] or task[DOUBT_UNTIL] < until_us then
    task[DOUBT_UNTIL] = until_us
  end
  task[CALL_DUE] = task[DOUBT_UNTIL]
end

-- An event's record: '1' where nothing can be lost of it any more (applied, or deferred), else '0'; its fingerprint;
-- the order key of its first admission.
local function event_record(is_settled, fingerprint, order_key)
  return (is_settled and '1' or '0') .. fingerprint .. order_key
end

local function is_settled(event)
  return byte(event) == 49
end

local function fingerprint_of(event)
  return sub(event, 2, 1 + FINGERPRINT_BYTES)
end

local function order_key_of(event)
  return sub(event, 2 + FINGERPRINT_BYTES)
end

-- Whether `a` comes after `b`, as bytes: Lua's own `<` follows the server's locale.
local function is_newer(a, b)
  if a == b then
    return false
  end
  for from = 1, #a, 8 do
    local x, y = sub(a, from, from + 7), sub(b, from, from + 7)
    if x ~= y then
      for i = 1, #x do
        local p, q = byte(x, i), byte(y, i)
        if p ~= q then
          return q == nil or p > q
        end
      end
      return false -- `a` ends first
    end
  end
  return false
end

local function end_lease(task)
  task[TOKEN], task[BEGUN], task[UNTIL], task[LEASE_KEY], task[LEASE_INTENT] = false, false, false, false, false
end

