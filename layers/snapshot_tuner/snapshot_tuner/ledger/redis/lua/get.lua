-- KEYS: the task.
-- Answers {now, the fields of its record in the order of task.lua}, or {now, false} where nothing is known.
return said({now, get_task(KEYS[1], now) or false})
