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

-- A budget with the entries of these calls; changed in here, and written by `save_budget`.
local function load_budget(key, leases, now, ids)
  local names = {'confirmed', 'settled', 'reserved', 'seen'}
  for at, id in ipairs(ids) do names[at + 4] = 'c:' .. id end
  local held = redis.call('HMGET', key, unpack(names))
  local entries = {}
  for at, id in ipairs(ids) do entries[id] = held[at + 4] or nil end
  return {
    key = key, leases = leases, now = now, entries = entries, opened = {}, kept = {}, gone = {}, gone_ids = {},
    confirmed = tonumber(held[1]) or 0, settled = tonumber(held[2]) or 0, reserved = tonumber(held[3]) or 0,
    seen = tonumber(held[4]) or 0,
  }
end

local function forget(budget, entry)
  local amount = tonumber(string.sub(entry, 2))
  if string.sub(entry, 1, 1) == 'r' then
    budget.reserved = budget.reserved - amount
  else
    budget.settled = budget.settled - amount
  end
  budget.is_changed = true
end

local function drop(budget, id)
  if budget.entries[id] then
    forget(budget, budget.entries[id])
    budget.entries[id] = nil
  end
  budget.gone[#budget.gone + 1] = 'c:' .. id
  budget.gone_ids[#budget.gone_ids + 1] = id
  budget.is_changed = true
end

-- A thousand at a time: should more expire at once, the rest counts until the next call.
local function drop_expired(budget)
  local ids = redis.call('ZRANGEBYSCORE', budget.leases, '-inf', budget.now, 'LIMIT', 0, 1000)
  if #ids == 0 then return end
  local names = {}
  for at, id in ipairs(ids) do names[at] = 'c:' .. id end
  for at, entry in ipairs(redis.call('HMGET', budget.key, unpack(names))) do
    budget.entries[ids[at]] = entry or nil
    drop(budget, ids[at])
  end
end

-- `text` is all of its digits, where there are more than a number has.
local function confirm_at_least(budget, spent, text)
  if spent > budget.confirmed then
    budget.confirmed = spent
    budget.raised_to = text or whole(spent)
  end
end

local function open_entry(budget, id, kind, amount, lease)
  if kind == 'r' then
    budget.reserved = budget.reserved + amount
  else
    budget.settled = budget.settled + amount
  end
  budget.entries[id] = kind .. whole(amount)
  budget.opened[#budget.opened + 1] = 'c:' .. id
  budget.opened[#budget.opened + 1] = budget.entries[id]
  budget.kept[#budget.kept + 1] = budget.now + lease
  budget.kept[#budget.kept + 1] = id
  budget.is_changed = true
end

-- Both keys live longer than the longest lease; put off once an hour, not with every call.
local function put_off(budget)
  if budget.now - budget.seen < HOUR and budget.seen <= budget.now then return end
  redis.call('HSET', budget.key, 'seen', budget.now)
  redis.call('PEXPIRE', budget.key, 26 * HOUR / 1000)
  redis.call('PEXPIRE', budget.leases, 26 * HOUR / 1000)
end

-- What was confirmed comes along with other changes only: who brings it once brings it again.
local function save_budget(budget)
  if not budget.is_changed then return end
  if #budget.gone > 0 then
    redis.call('HDEL', budget.key, unpack(budget.gone))
    redis.call('ZREM', budget.leases, unpack(budget.gone_ids))
  end
  if budget.raised_to then redis.call('HSET', budget.key, 'confirmed', budget.raised_to) end
  redis.call('HSET', budget.key, 'settled', whole(budget.settled), 'reserved', whole(budget.reserved), unpack(budget.opened))
  if #budget.kept > 0 then redis.call('ZADD', budget.leases, unpack(budget.kept)) end
  put_off(budget)
end
"""
