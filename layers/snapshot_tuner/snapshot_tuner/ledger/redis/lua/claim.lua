-- KEYS: an index of tasks by time, then tasks that it has. ARGV: microseconds, then the time of each task as it was seen.
-- Answers {now, those whose time is still the same}; each is moved to those microseconds from now, and one that has
-- expired is taken out.
local until_us, claimed = format('%.0f', now + ARGV[1]), {}
for i = 2, #KEYS do
  local name = KEYS[i]
  if call('EXISTS', name) == 0 then
    call('ZREM', KEYS[1], name)
  elseif call('ZSCORE', KEYS[1], name) == ARGV[i] then
    call('ZADD', KEYS[1], until_us, name)
    claimed[#claimed + 1] = name
  end
end
return {now, claimed}
