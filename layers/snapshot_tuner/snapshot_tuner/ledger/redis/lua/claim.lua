-- KEYS: an index of tasks by time. ARGV: how many at most, up to which time (now or +inf), microseconds.
-- Answers {now, the first of them}; each is moved to those microseconds from now, and one that has expired is
-- taken out. The tasks' own keys are the members' names: not in KEYS, but in the same hash slot.
local now = read_now()
local latest = ARGV[2] == 'now' and format('%.0f', now) or ARGV[2]
local found = {}
for _, name in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', latest, 'LIMIT', 0, ARGV[1])) do
  if call('EXISTS', name) == 1 then
    call('ZADD', KEYS[1], format('%.0f', now + ARGV[3]), name)
    found[#found + 1] = name
  else
    call('ZREM', KEYS[1], name)
  end
end
return {now, found}
