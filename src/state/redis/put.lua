-- Writes a key if its version is the one expected. Answers with the new version, or with what is there instead.
-- KEYS: the key, the last version of the store. ARGV: the expected version or '', the value, its milliseconds or ''.
local there = redis.call('GET', KEYS[1])
local holds
if there then
    holds = string.match(there, '^(%d+):') == ARGV[1]
else
    holds = ARGV[1] == ''
end
if not holds then
    return there
end
-- Never below the microseconds since 1970: a server that has lost the last version gives out none a second time.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local version = string.format('%.0f', math.max(now, last + 1))
redis.call('SET', KEYS[2], version)
if ARGV[3] == '' then
    redis.call('SET', KEYS[1], version .. ':' .. ARGV[2])
else
    redis.call('SET', KEYS[1], version .. ':' .. ARGV[2], 'PX', ARGV[3])
end
return tonumber(version)
