-- KEYS: the cursor. ARGV: how many, microseconds within which to start, microseconds between two, most at a time,
-- and microseconds after which to start.
-- Answers {now, start of the first, how many}.
local next_us, paused_until_us = load_cursor(KEYS[1], now)
local first, step = math.max(first_free(next_us, now), now + ARGV[5]), ARGV[3] + 0
local room = now + ARGV[2] - first
if room < 0 then
  return said({now, first, 0})
end
local taken = math.min(ARGV[1] + 0, ARGV[4] + 0, math.floor(room / step) + 1)
save_cursor(KEYS[1], first + step * taken, paused_until_us)
return said({now, first, taken})
