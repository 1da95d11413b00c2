-- KEYS: the index to go through, then those of applied intervals, of what is due and of what is in doubt, and of bounds.
-- ARGV: least and greatest interval, tasks at most, records to look at at most, what all names begin with, app and room
--   ('' is any), '1' where only what is due is asked for, and where only what is in doubt, then score and name of the last
--   one of the page before, or ''.
-- Answers {now, each task with its applied interval (0 is none yet), score and name to go on behind, or false}. Changes
-- nothing. An index is sorted by score and name, as bytes.
local index, of_intervals, of_due, of_doubts, of_bounds = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local least, greatest, limit, most = ARGV[1] + 0, ARGV[2] + 0, ARGV[3] + 0, ARGV[4] + 0
local start, app, room, only_due, only_doubted = ARGV[5], ARGV[6], ARGV[7], ARGV[8] == '1', ARGV[9] == '1'
local is_by_interval = index == of_intervals
local SEEK_COST, CHUNK = 40, 50 -- a place is found in some twenty steps

-- How many members are not behind this score and name.
local function rank_behind(score, name)
  local low = try('ZCOUNT', index, '-inf', '(' .. score)
  local high = low + call('ZCOUNT', index, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_newer(call('ZRANGE', index, middle, middle)[1], name) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local function begins_with(name, with)
  return sub(name, 1, #with) == with
end

-- Behind which name of the same score to look on for one that is asked for; nil where this one is.
local function seek(name)
  if app == '' and room == '' then
    return nil
  end
  local its_app = app ~= '' and app or match(name, '^([^:]*):', #start + 1)
  local wanted = start .. its_app .. ':' .. (room ~= '' and room .. ':' or '')
  if begins_with(name, wanted) then
    return nil
  end
  if is_newer(wanted, name) then
    return wanted
  end
  return app ~= '' and '\255' or start .. its_app .. ';' -- behind all of that app's
end

local rank
if ARGV[10] ~= '' then
  rank = rank_behind(ARGV[10], ARGV[11])
else
  rank = is_by_interval and try('ZCOUNT', index, '-inf', '(' .. least) or 0
end
if index == of_bounds then -- those whose time is over are no longer there
  rank = math.max(rank, try('ZCOUNT', index, '-inf', format('%.0f', now)))
end
local latest = is_by_interval and greatest or index == of_due and now or math.huge
local found, examined, last = {}, 0, nil
while #found < 2 * limit and examined < most do
  local members = try('ZRANGE', index, rank, rank + CHUNK - 1, 'WITHSCORES')
  if #members == 0 then
    return said({now, found, false})
  end
  for i = 1, #members, 2 do
    local name, score = members[i], members[i + 1]
    if score + 0 > latest then
      return said({now, found, false})
    end
    examined, rank = examined + 1, rank + 1
    local is_task = begins_with(name, start) and is_utf8(name) and match(name, '^[^:]*:[^:]*:[^:]*$', #start + 1)
    last = is_task and {score, name} or last
    local elsewhere = is_task and seek(name)
    if elsewhere and is_by_interval then
      rank, examined = rank_behind(score, elsewhere), examined + SEEK_COST
      break
    end
    local due = only_due and index ~= of_due and try('ZSCORE', of_due, name)
    local is_asked_for = not only_due or index == of_due or (due and due + 0 <= now)
    is_asked_for = is_asked_for and (not only_doubted or index == of_doubts or try('ZSCORE', of_doubts, name))
    if is_task and not elsewhere and is_asked_for then
      local interval = is_by_interval and score or try('ZSCORE', of_intervals, name) or '0'
      if interval + 0 >= least and interval + 0 <= greatest then
        found[#found + 1], found[#found + 2] = name, interval
      end
    end
    if #found >= 2 * limit or examined >= most then
      break
    end
  end
end
return said(last and {now, found, last[1], last[2]} or {now, found, false})
