-- KEYS: an index of tasks by time. ARGV: how many at most, up to which time (now or +inf). Changes no task.
-- Answers {now, the first of them, each with its time}.
local latest = ARGV[2] == 'now' and format('%.0f', now) or ARGV[2]
return said({now, try('ZRANGE', KEYS[1], '-inf', latest, 'BYSCORE', 'LIMIT', 0, ARGV[1], 'WITHSCORES')})
