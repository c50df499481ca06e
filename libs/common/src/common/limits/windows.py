"""Lua: a sliding window of requests or tokens, and calls at once.

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

-- Calls at once: leases in a sorted set, those of this script apart until `save_slots`. Whether some of the others are over matters
-- only once there are as many as may be.
local function load_slots(key)
  return {key = key, held = redis.call('ZCARD', key), added = {}}
end

local function used_slots(slots)
  return slots.held + #slots.added / 2
end

local function are_full(slots, limit, now)
  if used_slots(slots) < limit then return false end
  if not slots.is_swept then
    slots.is_swept = true
    redis.call('ZREMRANGEBYSCORE', slots.key, '-inf', now)
    slots.held = redis.call('ZCARD', slots.key)
  end
  return used_slots(slots) >= limit
end

local function add_slot(slots, id, expiry)
  slots.added[#slots.added + 1] = expiry
  slots.added[#slots.added + 1] = id
end

-- Long enough that any call in between puts it off again, and gone when nobody comes for an hour; the last one to end takes the key
-- with it anyway.
local function put_off_slots(key, lease)
  redis.call('PEXPIRE', key, math.max(3600000, math.ceil(2 * lease / 1000)))
end

local function save_slots(slots, now, lease)
  if #slots.added == 0 then return end
  redis.call('ZADD', slots.key, unpack(slots.added))
  if slots.held == 0 or now % 64 == 0 then put_off_slots(slots.key, lease) end
end

-- The window as it is now, without the buckets that have left it; changed in here, and written by `save_window`. The count of the
-- bucket asked for, or else of the current one, is read along.
local function load_window(key, now, length, asked)
  local current = math.floor(now / length)
  local held = redis.call('HMGET', key, 's', 'o', 'n', asked or current)
  local sum, oldest, newest = tonumber(held[1]), tonumber(held[2]), tonumber(held[3])
  local this = {key = key, length = length, sum = 0, current = current, oldest = current, newest = current, counts = {},
    changed = {}, empty = true, waits = {}}
  if not sum or newest < current - BUCKETS or newest > current + BUCKETS then
    if sum then redis.call('DEL', key) end
    return this
  end
  this.counts[asked or current] = tonumber(held[4]) or 0
  if newest > current then this.current = newest end
  local first = this.current - BUCKETS
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
  this.sum, this.oldest, this.newest, this.empty = sum, oldest, newest, false
  return this
end

local function count_of(window, bucket)
  if not window.counts[bucket] then
    window.counts[bucket] = not window.empty and tonumber(redis.call('HGET', window.key, bucket)) or 0
  end
  return window.counts[bucket]
end

local function count_in(window, bucket, change)
  window.sum = window.sum + change
  window.counts[bucket] = count_of(window, bucket) + change
  window.changed[bucket] = true
  window.is_changed = true
  window.waits = {}
end

local function add(window, amount)
  if amount == 0 then return end
  count_in(window, window.current, amount)
  if window.empty or window.newest < window.current then
    window.newest = window.current
    window.has_new = true
  end
  window.empty = false
end

-- Gives back to the bucket asked for, if it still counts, no more than it has.
local function give_back(window, bucket, amount)
  if window.empty or bucket < window.current - BUCKETS then return end
  local back = math.min(count_of(window, bucket), amount)
  if back > 0 then count_in(window, bucket, -back) end
end

local function save_window(window)
  if not window.is_changed then return end
  local fields = {'s', window.sum}
  if window.has_new then fields = {'s', window.sum, 'o', window.oldest, 'n', window.newest} end
  for bucket in pairs(window.changed) do
    fields[#fields + 1] = bucket
    fields[#fields + 1] = window.counts[bucket]
  end
  redis.call('HSET', window.key, unpack(fields))
  -- Two windows and a bit: one that it counts, one by which the clock may have gone back.
  if window.has_new then redis.call('PEXPIRE', window.key, math.ceil(window.length * (2 * BUCKETS + 4) / 1000)) end
end

-- Microseconds until no more than `room` is left in the window; -1 for never.
local function until_below(window, room, now)
  if room < 0 then return -1 end
  if window.waits[room] then return window.waits[room] end
  local left, bucket, wait = window.sum, window.oldest, 0
  while bucket <= window.newest do
    local names = {}
    for at = bucket, math.min(bucket + 15, window.newest) do names[#names + 1] = at end
    local counts = redis.call('HMGET', window.key, unpack(names))
    for at, count in ipairs(counts) do
      left = left - (window.counts[names[at]] or tonumber(count) or 0)
      if left <= room then
        wait = (names[at] + BUCKETS + 1) * window.length - now
        bucket = window.newest
        break
      end
    end
    bucket = bucket + 16
  end
  window.waits[room] = wait
  return wait
end
"""
