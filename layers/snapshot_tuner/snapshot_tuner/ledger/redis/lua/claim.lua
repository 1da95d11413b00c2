-- KEYS: an index of tasks by time, the one of what is due, then tasks that the first has. ARGV: microseconds, then the
-- time of each task as it was seen, then members of the index that are no tasks.
-- Answers {now, those whose time is still the same}; each is moved to those microseconds from now, and one that has
-- expired is taken out. Those of another index than that of what is due are read, and put into the other
-- indexes, which may have lost them, or be younger than they are.
local until_us, claimed = format('%.0f', now + ARGV[1]), {}
local is_check = KEYS[1] ~= KEYS[2]

local function exists(name)
  if not is_check then
    return call('EXISTS', name) == 1
  end
  local task = get_task(name, now)
  if task and task[DUE] then
    try('ZADD', KEYS[2], 'NX', format('%.0f', task[DUE]), name)
  end
  if task then
    list(name, task, {})
    -- Sooner than was told: code that knows no bounds has called out of them, or what cannot be read of them is gone.
    local due = due_at(task, now)
    if due and due < (task[DUE] or LATEST_US) then
      save_task(KEYS[2], name, task, now, 'KEEPTTL')
    end
  end
  if bounds_of[task] then
    try('ZADD', bounded_name, 'NX', format('%.0f', bounds_of[task].ends), name)
  end
  return task
end

remove_ended_bounds(now)
for i = 3, #KEYS do
  local name = KEYS[i]
  if not exists(name) then
    unlist(name, KEYS[2], KEYS[1])
  elseif call('ZSCORE', KEYS[1], name) == ARGV[i - 1] then
    call('ZADD', KEYS[1], until_us, name)
    claimed[#claimed + 1] = name
  end
end
for i = #KEYS, #ARGV do
  keep_aside(KEYS[1] .. ' ' .. sub(ARGV[i], 1, ASIDE_NAME_MOST), 'not the name of a task', ARGV[i])
  call('ZREM', KEYS[1], ARGV[i])
end
return said({now, claimed})
