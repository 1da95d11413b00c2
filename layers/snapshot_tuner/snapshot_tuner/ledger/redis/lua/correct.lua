-- KEYS: those of both cursors, then the clock's. ARGV: the correction as it was, the new one, and the time with it.
-- Answers the correction that holds from now on: another one where somebody was faster.
local kept, greatest = match(call('GET', KEYS[3]) or ARGV[1] .. ' 0', '^(-?%d+) (%d+)$')
if kept ~= ARGV[1] then
  return kept
end
local now = ARGV[3] + 0
for i = 1, 2 do
  local cursor = load_cursor(KEYS[i], now)
  if now + BEHIND_US < greatest + 0 then -- somebody has used a clock that was set ahead, and taken slots by it
    cursor[1] = cursor[1] - (greatest - now)
    for _, uses in ipairs({cursor[3], cursor[4]}) do
      for at = 2, #uses, 2 do
        uses[at] = uses[at] - (greatest - now)
      end
    end
  end
  rest(KEYS[i], cursor, now)
end
call('SET', KEYS[3], ARGV[2] .. ' ' .. format('%.0f', now))
return ARGV[2]
