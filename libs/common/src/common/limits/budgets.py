"""Lua: what a budget has spent in one period, and what its running calls may still cost.

The hash of a budget's period: `confirmed`, what the ledger says is spent; `settled` and `reserved`, the sums of the open entries;
`seen`, when its time to live was last put off; and an entry `c:<call id>` for each open call: `r<amount>` while it runs, `s<cost>`
once it has ended, until the ledger has it. spent = confirmed + settled. A hard budget refuses a call if
spent + reserved + amount > limit, so calls that run at the same time cannot go through it together.

An entry is dropped some time after its lease is over, at the latest before a call would be refused: a reservation that nobody
renews is a dead edge's, and what its calls cost arrives by the ledger; a settled one has a day. Ending a call twice, or one whose
entry is gone, changes nothing.

`confirmed` only grows within a period: of two reports the larger is the later. What Redis has lost comes back as the `known` that
each reservation brings along.

Amounts are stored as decimal text; Lua computes in doubles. A limit and what is spent of it are exact to the nano-USD up to 2^53
($9,007,199) each, per budget and period. Beyond that each of them may be off by 1 nano-USD, from $18 million on by 2, and so on:
always less than one part in 10^15. What the ledger has is not touched by that. Above 2^63 - 1 the edge refuses to ask.
"""

from typing import Final

BUDGETS_LUA: Final = """
local HOUR = 3600 * 1000000

local function whole(number)
  return string.format('%.0f', number)
end

local function load_budget(key, leases, now, extra)
  local held = redis.call('HMGET', key, 'confirmed', 'settled', 'reserved', 'seen', extra)
  return {
    key = key, leases = leases, now = now,
    confirmed = tonumber(held[1]) or 0, settled = tonumber(held[2]) or 0, reserved = tonumber(held[3]) or 0,
    seen = tonumber(held[4]) or 0, entry = held[5],
  }
end

local function forget(budget, entry)
  local amount = tonumber(string.sub(entry, 2))
  if string.sub(entry, 1, 1) == 'r' then
    budget.reserved = budget.reserved - amount
  else
    budget.settled = budget.settled - amount
  end
end

-- Takes the entries of these calls out; one that is named twice counts once.
local function drop(budget, ids)
  local named = {}
  for at = 1, #ids, 500 do
    local some, names = {}, {}
    for next = at, math.min(at + 499, #ids) do
      local id = ids[next]
      if not named[id] then
        named[id] = true
        some[#some + 1] = id
        names[#names + 1] = 'c:' .. id
      end
    end
    if #names > 0 then
      for _, entry in ipairs(redis.call('HMGET', budget.key, unpack(names))) do
        if entry then forget(budget, entry) end
      end
      redis.call('HDEL', budget.key, unpack(names))
      redis.call('ZREM', budget.leases, unpack(some))
    end
  end
end

local function save_sums(budget)
  redis.call('HSET', budget.key, 'settled', whole(budget.settled), 'reserved', whole(budget.reserved))
end

-- A thousand at a time: should more expire at once, the rest counts until the next call.
local function drop_expired(budget)
  local ids = redis.call('ZRANGEBYSCORE', budget.leases, '-inf', budget.now, 'LIMIT', 0, 1000)
  if #ids > 0 then
    drop(budget, ids)
    save_sums(budget)
  end
  return #ids
end

-- Kept with the next entry that is opened.
local function confirm_at_least(budget, spent)
  if spent > budget.confirmed then
    budget.confirmed = spent
    budget.raised = true
  end
end

-- Both keys live longer than the longest lease; put off once an hour, not with every call.
local function put_off(budget)
  if budget.now - budget.seen < HOUR and budget.seen <= budget.now then return end
  budget.seen = budget.now
  redis.call('HSET', budget.key, 'seen', budget.now)
  redis.call('PEXPIRE', budget.key, 26 * HOUR / 1000)
  redis.call('PEXPIRE', budget.leases, 26 * HOUR / 1000)
end

local function open_entry(budget, id, kind, amount, lease)
  if kind == 'r' then
    budget.reserved = budget.reserved + amount
  else
    budget.settled = budget.settled + amount
  end
  if budget.raised then redis.call('HSET', budget.key, 'confirmed', whole(budget.confirmed)) end
  redis.call('HSET', budget.key, 'c:' .. id, kind .. whole(amount),
    'settled', whole(budget.settled), 'reserved', whole(budget.reserved))
  redis.call('ZADD', budget.leases, budget.now + lease, id)
  put_off(budget)
end
"""
