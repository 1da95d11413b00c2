-- KEYS: the cursor. ARGV: how many, microseconds within which to start, and after which; then of the worker's pace
-- spacing and stretch.
-- Answers {now, start of the first, how many, microseconds between two, spacing and stretch in force}.
local cursor, after = load_cursor(KEYS[1], now), ARGV[3] + 0
local first = math.max(first_free(cursor[1], now), now + after)
local spacings = used(cursor[3], ARGV[4] + 0, first, QUOTA_KEPT_US)
local stretches = used(cursor[4], ARGV[5] + 0, first, VALIDITY_KEPT_US)
local step = math.ceil(spacings[1] * stretches[1])
local pace = {format('%.17g', spacings[1]), format('%.17g', stretches[1])}
if first > now + ARGV[2] then
  return said({now, first, 0, step, pace[1], pace[2]})
end
local ahead = math.min(AHEAD_US + FAR_ROUND_TRIPS_AHEAD * 1e6 * longer_valid(stretches[1]), AHEAD_US_MOST)
local latest = now + math.min(ARGV[2] + 0, math.max(math.floor(ahead), after + AHEAD_US))
local taken = math.min(ARGV[1] + 0, math.floor(math.max(0, latest - first) / step) + 1)
if taken > 0 then
  local last = first + step * (taken - 1)
  spacings[#spacings], stretches[#stretches] = last + QUOTA_KEPT_US, last + VALIDITY_KEPT_US
  cursor = {last + step, cursor[2], spacings, stretches}
end
save_cursor(KEYS[1], cursor)
return said({now, first, taken, step, pace[1], pace[2]})
