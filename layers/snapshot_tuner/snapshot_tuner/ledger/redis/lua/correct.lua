-- KEYS: those of both cursors, then the clock's. ARGV: the correction as it was, the new one, and the time with it.
-- Nobody starts a call for as long as the slots that were handed out before can be in one second with later ones.
-- Answers the correction that holds from now on: another one where somebody was faster.
local kept, greatest = match(call('GET', KEYS[3]) or ARGV[1] .. ' 0', '^(-?%d+) (%d+)$')
if kept ~= ARGV[1] then
  return kept
end
local now = ARGV[3] + 0
for i = 1, 2 do
  local next_us, paused_until_us = load_cursor(KEYS[i], now)
  if now + BEHIND_US < greatest + 0 then
    next_us = next_us - (greatest - now) -- somebody has used a clock that was set ahead, and taken slots by it
  end
  save_cursor(KEYS[i], first_free(next_us, now) + CORRECTION_PAUSE_US, paused_until_us)
end
call('SET', KEYS[3], ARGV[2] .. ' ' .. format('%.0f', now))
return ARGV[2]
