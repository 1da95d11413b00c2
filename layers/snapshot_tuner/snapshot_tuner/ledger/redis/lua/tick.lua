-- For every script that writes: nobody's time will be less than this one's.
if correction ~= 'local' then
  call('SET', clock_name, correction .. ' ' .. format('%.0f', now))
end
