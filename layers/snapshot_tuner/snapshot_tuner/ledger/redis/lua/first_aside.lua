-- Answers {now, the names of what was set aside}: a hundred at most.
return said({now, try('HKEYS', aside_name)})
