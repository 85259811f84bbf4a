-- For each key four arguments: the window, its time, the time in which one comes back, and what was let pass.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local told = {}
local function text(number) return string.format('%.0f', number) end

for i, key in ipairs(KEYS) do
  local window, span = ARGV[4 * i - 3], tonumber(ARGV[4 * i - 2])
  local each, cost = tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
  if window == 'bucket' then
    local back = math.max(tonumber(redis.call('GET', key) or 0), now) + cost * each
    local owed = math.max(back - now, 0)
    redis.call('SET', key, text(now + owed), 'PX', math.ceil(owed / 1000) + 1)
    told[i] = { math.ceil(owed), 0, 0 }
  else
    local known = redis.call('HMGET', key, 'at', 'before', 'used')
    local at, before, used = tonumber(known[1] or 0), tonumber(known[2] or 0), tonumber(known[3] or 0)
    local stretches = math.floor((now - at) / span)
    if stretches > 0 then
      before = stretches == 1 and used or 0
      used = 0
      at = at + stretches * span
    end
    used = math.max(used + cost, 0)
    redis.call('HSET', key, 'at', text(at), 'before', text(before), 'used', text(used))
    redis.call('PEXPIRE', key, math.ceil(2 * span / 1000) + 1)
    told[i] = { math.max(now - at, 0), before, used }
  end
end
return told
