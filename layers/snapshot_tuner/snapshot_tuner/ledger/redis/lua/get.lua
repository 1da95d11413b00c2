-- KEYS: the task.
-- Answers {now, the fields of its record in the order of task.lua, its bounds or false}, or {now, false} where nothing is
-- known.
local task = get_task(KEYS[1], now) or false
return said({now, task, bounds_of[task] and bounds_of[task].saved or false})
