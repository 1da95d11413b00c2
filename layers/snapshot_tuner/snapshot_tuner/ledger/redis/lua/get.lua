-- KEYS: the task. Changes nothing.
-- Answers {now, the fields of its record in the order of task.lua}, or {now, false} where nothing is known.
return {now, load_task(call('GET', KEYS[1]), now) or false}
