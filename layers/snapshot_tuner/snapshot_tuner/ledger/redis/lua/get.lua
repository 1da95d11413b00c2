-- KEYS: the task.
-- Answers {now, the fields of its record in the order of task.lua, its bounds}, false for each that there is not: bounds may
-- be there without a record.
local bounds = bounds_at(KEYS[1], now)
return said({now, get_task(KEYS[1], now) or false, bounds and bounds.saved or false})
