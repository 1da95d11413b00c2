-- KEYS: those of due and checks, then the task. ARGV: 'mark_in_doubt' or 'forget'; then of the task as it was seen:
--   the order key that was desired, when it was confirmed (or 0).
-- Answers {now, 1}, or {now, 0} where it has changed since.
local due_name, check_name, name = KEYS[1], KEYS[2], KEYS[3]
local task = get_task(name, now)
if not task or task[KEY] ~= ARGV[2] or (task[APPLIED_AT] or 0) ~= ARGV[3] + 0 or task[TOKEN] then
  return said({now, 0})
end
if ARGV[1] == 'forget' then
  call('DEL', name)
  unlist(name, due_name, check_name)
else
  doubt(task, now)
  save_task(due_name, name, task, now, 'KEEPTTL')
end
return said({now, 1})
