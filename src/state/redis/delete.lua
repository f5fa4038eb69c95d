-- Deletes a key if its version is the one expected, and says whether it did.
-- KEYS: the key. ARGV: the expected version.
local there = redis.call('GET', KEYS[1])
if there and string.match(there, '^(%d+):') == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
