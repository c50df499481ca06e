"""Lua: a sliding window of requests or tokens.

The window (60 s) is counted in 120 buckets (0.5 s) and a bucket that is partly outside still counts: 121 of them are added up at
any time. So never more than the limit is granted in any 60 s, wherever they begin, and 120/121 = 99.2 % of the limit can be used
for as long as one likes. Worst burst: the whole limit at once, then nothing until 60 to 60.5 s later.

A window is a hash: `s` the sum, `o` a bucket that none is older than, `n` the newest bucket, and the buckets by their number
(time divided by a bucket's length). The sum is kept, not added up per call; buckets that have left are subtracted when first seen.

A clock that goes back by up to a window (a failover to another node) stands still for the window until it has caught up: too much
is counted then, never too little. One that goes back by more begins anew, so that no limit blocks for hours.
"""

from typing import Final

BUCKETS: Final = 120
"""That a window consists of; one more counts."""

WINDOWS_LUA: Final = """
local BUCKETS = 120

local function clock(given)
  if given > 0 then return given end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Leases of calls at once. Long enough that any call in between puts it off again, and gone when nobody comes for an hour; the last
-- one to end takes the key with it anyway.
local function put_off_slots(key, lease)
  redis.call('PEXPIRE', key, math.max(3600000, math.ceil(2 * lease / 1000)))
end

-- The window as it is now, without the buckets that have left it. `count` is that of the bucket asked for, or of the current one.
local function window(key, now, length, asked)
  local current = math.floor(now / length)
  local held = redis.call('HMGET', key, 's', 'o', 'n', asked or current)
  local sum, oldest, newest, count = tonumber(held[1]), tonumber(held[2]), tonumber(held[3]), tonumber(held[4]) or 0
  if not sum or newest < current - BUCKETS or newest > current + BUCKETS then
    if sum then redis.call('DEL', key) end
    return {key = key, length = length, sum = 0, count = 0, current = current, oldest = current, newest = current, empty = true}
  end
  if newest > current then
    if not asked then count = tonumber(redis.call('HGET', key, newest)) or 0 end
    current = newest
  end
  local first = current - BUCKETS
  if oldest < first then
    local gone, found = {}, {}
    for bucket = oldest, first - 1 do gone[#gone + 1] = bucket end
    local counts = redis.call('HMGET', key, unpack(gone))
    for at, count in ipairs(counts) do
      if count then
        sum = sum - tonumber(count)
        found[#found + 1] = gone[at]
      end
    end
    if #found > 0 then redis.call('HDEL', key, unpack(found)) end
    redis.call('HSET', key, 's', sum, 'o', first)
    oldest = first
  end
  return {key = key, length = length, sum = sum, count = count, current = current, oldest = oldest, newest = newest}
end

-- Into the current bucket, which it has to be that was asked for.
local function add(held, amount)
  if amount == 0 then return end
  held.sum = held.sum + amount
  if held.empty or held.newest < held.current then
    held.newest = held.current
    redis.call('HSET', held.key, 's', held.sum, 'o', held.oldest, 'n', held.current, held.current, amount)
    -- Two windows and a bit: one that it counts, one by which the clock may have gone back.
    redis.call('PEXPIRE', held.key, math.ceil(held.length * (2 * BUCKETS + 4) / 1000))
  else
    redis.call('HSET', held.key, 's', held.sum, held.current, held.count + amount)
  end
end

-- Gives back to the bucket asked for, if it still counts, no more than it has.
local function give_back(held, bucket, amount)
  if held.empty or bucket < held.current - BUCKETS then return end
  local back = math.min(held.count, amount)
  if back > 0 then redis.call('HSET', held.key, 's', held.sum - back, bucket, held.count - back) end
end

-- Microseconds until no more than `room` is left in the window; -1 for never.
local function until_below(held, room, now)
  if room < 0 then return -1 end
  local left, bucket = held.sum, held.oldest
  while bucket <= held.newest do
    local names = {}
    for at = bucket, math.min(bucket + 15, held.newest) do names[#names + 1] = at end
    local counts = redis.call('HMGET', held.key, unpack(names))
    for at, count in ipairs(counts) do
      left = left - (tonumber(count) or 0)
      if left <= room then return (names[at] + BUCKETS + 1) * held.length - now end
    end
    bucket = bucket + 16
  end
  return 0
end
"""
