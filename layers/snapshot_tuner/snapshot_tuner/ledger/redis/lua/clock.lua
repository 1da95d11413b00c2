-- The ledger's time: the store's clock, plus a correction that grows and shrinks as that clock is set, so that leases,
-- doubts, what is due and the cursor stay where they are. It never goes back.

-- The last key of every script is that of its record, correction and greatest time so far, and before it that of the
-- client's mark. The last arguments are what the mark must be at least, and what it will be; then
-- the time as the client has measured it, since managed stores may refuse TIME to scripts, and the correction in it; 'local'
-- where it comes from the client's own clock, which nobody can compare. Where the record is gone, the client's correction
-- is the one that holds.
local clock_name, mark_name = table.remove(KEYS), table.remove(KEYS)
local correction, now, next_mark = table.remove(ARGV), table.remove(ARGV) + 0, table.remove(ARGV)
local least_mark = table.remove(ARGV) + 0
if correction ~= 'local' then
  local saved = try('GET', clock_name)
  local kept, greatest = match(saved or correction .. ' 0', '^(-?%d+) (%d+)$')
  if not kept or not is_time(greatest + 0) then
    set_aside(clock_name, 'not a clock', saved)
    kept, greatest = correction, 0
  end
  if kept ~= correction or now + BEHIND_US < greatest + 0 then
    return {false, kept, greatest} -- and do nothing: the client has to look at the store's clock again
  end
  now = math.max(now, greatest + 0)
end
if least_mark > 0 and (tonumber(try('GET', mark_name) or '') or 0) < least_mark then
  return {false} -- and do nothing: the store has forgotten what it took from this client, and more, perhaps
end
