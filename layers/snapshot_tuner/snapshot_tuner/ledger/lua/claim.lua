-- KEYS: an index of tasks by time. ARGV: how many at most, the score up to which (or +inf), microseconds.
-- Answers {now, the first of them}; each is moved to those microseconds from now.
local now = read_now()
local latest = ARGV[2] == 'now' and format('%.0f', now) or ARGV[2]
local names = call('ZRANGEBYSCORE', KEYS[1], '-inf', latest, 'LIMIT', 0, ARGV[1])
for _, name in ipairs(names) do
  call('ZADD', KEYS[1], format('%.0f', now + ARGV[3]), name)
end
return {now, names}
