"""The rules in Lua: each script runs as one, so that no two replicas see the same room.

A window is a hash: its pieces by number, `t` their sum, `o` the oldest that may still be there. It expires with its last
piece. Leases are a sorted set: call ids by the time they run out.
"""

import hashlib
from typing import Final, NamedTuple

from edge_proxy.limits.local import LEASE_MS, PIECE_MS, PIECES, WINDOW_MS

_COMMON: Final = f"""
local PIECE, PIECES, WINDOW, LEASE = {PIECE_MS}, {PIECES}, {WINDOW_MS}, {LEASE_MS}
local now = tonumber(ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local piece = math.floor(now / PIECE)

-- Forget what has left the window; returns what is left in it, and its oldest piece.
local function slide(key)
  local held = redis.call('HMGET', key, 't', 'o')
  local total, oldest = tonumber(held[1] or 0), tonumber(held[2] or piece)
  local first = piece - PIECES + 1
  if oldest < first then
    local gone = {{}}
    for each = oldest, first - 1 do gone[#gone + 1] = each end
    local counts = redis.call('HMGET', key, unpack(gone))
    for _, count in ipairs(counts) do total = total - tonumber(count or 0) end
    redis.call('HDEL', key, unpack(gone))
    oldest = first
    redis.call('HSET', key, 't', total, 'o', oldest)
    redis.call('PEXPIRE', key, WINDOW)
  end
  return total, oldest
end

local function add(key, at, amount)
  redis.call('HINCRBY', key, at, amount)
  redis.call('HINCRBY', key, 't', amount)
  redis.call('HSETNX', key, 'o', at)
  redis.call('PEXPIRE', key, WINDOW)
end
"""

# KEYS: one per limit. ARGV: now in ms or 0, call id, then kind (r, t, p), limit and amount of each.
# Replies: 0 or the number of the limit that refuses, the piece, ms until there is room; then of each limit what is left and the ms
# until all of it is.
_RESERVE: Final = (
    _COMMON
    + """
local id = ARGV[2]
local refused, wait = 0, 0
local totals = {}
for i, key in ipairs(KEYS) do
  local kind, limit, amount = ARGV[i * 3], tonumber(ARGV[i * 3 + 1]), tonumber(ARGV[i * 3 + 2])
  if kind == 'p' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    totals[i] = redis.call('ZCARD', key)
    if refused == 0 and totals[i] >= limit then refused, wait = i, 1000 end
  else
    local total, oldest = slide(key)
    totals[i] = total
    if refused == 0 and total + amount > limit then
      refused, wait = i, WINDOW
      if amount <= limit then
        local left = total
        for at = oldest, piece do
          left = left - tonumber(redis.call('HGET', key, at) or 0)
          if left + amount <= limit then
            wait = (at + PIECES) * PIECE - now
            break
          end
        end
      end
    end
  end
end
local reply = {refused, piece, math.max(0, wait)}
for i, key in ipairs(KEYS) do
  local kind, limit, amount = ARGV[i * 3], tonumber(ARGV[i * 3 + 1]), tonumber(ARGV[i * 3 + 2])
  local reset = 0
  if refused == 0 then
    totals[i] = totals[i] + amount
    if kind == 'p' then
      redis.call('ZADD', key, now + LEASE, id)
      redis.call('PEXPIRE', key, LEASE)
    elseif amount > 0 then
      add(key, piece, amount)
    end
  end
  if kind ~= 'p' and totals[i] > 0 then
    reset = WINDOW
    if refused > 0 or amount == 0 then
      for at = piece, piece - PIECES + 1, -1 do
        if tonumber(redis.call('HGET', key, at) or 0) > 0 then
          reset = (at + PIECES) * PIECE - now
          break
        end
      end
    else
      reset = (piece + PIECES) * PIECE - now
    end
  end
  reply[#reply + 1] = math.max(0, limit - totals[i])
  reply[#reply + 1] = reset
end
return reply
"""
)

# KEYS: one per limit. ARGV: now in ms or 0, call id, the piece reserved in, then kind and excess over the reservation of each.
_SETTLE: Final = (
    _COMMON
    + """
local id, reserved = ARGV[2], tonumber(ARGV[3])
for i, key in ipairs(KEYS) do
  local kind, excess = ARGV[2 + i * 2], tonumber(ARGV[3 + i * 2])
  if kind == 'p' then
    redis.call('ZREM', key, id)
  elseif excess > 0 then
    slide(key)
    add(key, piece, excess)
  elseif excess < 0 and reserved > piece - PIECES and redis.call('EXISTS', key) == 1 then
    slide(key)
    local back = math.min(-excess, tonumber(redis.call('HGET', key, reserved) or 0))
    redis.call('HINCRBY', key, reserved, -back)
    redis.call('HINCRBY', key, 't', -back)
  end
end
return 1
"""
)

# KEYS: one per lease. ARGV: now in ms or 0, then the call id of each. A lease that has run out stays out.
_RENEW: Final = (
    _COMMON
    + """
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, 'XX', now + LEASE, ARGV[1 + i])
  redis.call('PEXPIRE', key, LEASE)
end
return 1
"""
)


class Script(NamedTuple):
    text: str
    sha: str


def _script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


RESERVE: Final = _script(_RESERVE)
SETTLE: Final = _script(_SETTLE)
RENEW: Final = _script(_RENEW)
