-- KEYS: those of the cursors, then the store's identity: the replication id under which it was used last ('' where it tells
-- none), and when it may have forgotten something (the ledger's time; 0 is never); and the last two of every script.
-- ARGV: the id as it is, the one that the client has seen before ('' is none), the time, and when the client has set the
-- mark that is gone now (0 where it is there).
-- A replica that took over may have missed the last writes; where the record is gone, all may be. What was found before
-- a mark was missed is why it is gone.
-- Answers {whether that was found now, when it was found last}.
local saved = try('GET', KEYS[3])
local kept, lost = match(saved or '', '^(%w*) (%d+)$')
local is_other = ARGV[1] ~= '' and (kept or ARGV[2]) ~= ARGV[1] and (kept or ARGV[2]) ~= ''
local is_found = is_other or not kept and ARGV[2] ~= '' or ARGV[4] + 0 > (lost or 0) + 0
local now = ARGV[3] + 0
if is_found then
  lost = format('%.0f', now)
  for i = 1, 2 do
    rest(KEYS[i], load_cursor(KEYS[i], now), now)
  end
end
local identity = (ARGV[1] ~= '' and ARGV[1] or kept or '') .. ' ' .. (lost or '0')
if identity ~= saved then
  call('SET', KEYS[3], identity)
end
return {is_found and 1 or 0, (lost or '0') + 0}
