"""The scripts. Each is one step of Redis: everything in it happens, and nothing in between.

All keys are named in KEYS. Arguments and answers are one MessagePack array each: what is to be written and read per call is then
one encoding and one decoding in C on the side of the edge, which pays for each of its microseconds.

Times are microseconds since 1970. `now` is 0 in production: Redis' own clock counts, so replicas need not agree on the time.
"""

import hashlib
from typing import Final

import msgspec

from common.limits.budgets import BUDGETS_LUA
from common.limits.windows import WINDOWS_LUA


class Script(msgspec.Struct, frozen=True):
    text: str
    sha: str


def _script(*parts: str) -> Script:
    text = "".join(parts)
    return Script(text=text, sha=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


# KEYS: one for each claim, then two for each budget.
# Takes [call id, lease, bucket length, now, [[name, kind, limit, amount]...], [[id, period, limit, amount, known, hard]...]].
# Gives [refusing claim or budget, counted from 1, or 0; now; wait; used, newest bucket of each claim; spent, reserved of each
# budget]. A wait is in microseconds, -1 if it will never fit, 0 for a budget, -2 for a slot that some call has to leave first.
# All claims are looked at, and the one with the longest wait is named: who waits for that one need not be refused by the next.
# A refusing budget goes before any limit: no wait of a minute helps there.
RESERVE: Final = _script(
    WINDOWS_LUA,
    BUDGETS_LUA,
    """
local id, lease, length, now, claims, budgets = unpack(cmsgpack.unpack(ARGV[1]))
now = clock(now)
local refusing, wait = 0, 0
local held = {}

local function refuse(at, this_wait)
  if refusing == 0 or (wait ~= -1 and (this_wait == -1 or this_wait > wait)) then
    refusing, wait = at, this_wait
  end
end

for at, claim in ipairs(claims) do
  local limit = claim[3]
  if claim[2] == 'parallel' then
    held[at] = redis.call('ZCARD', KEYS[at])
    if held[at] >= limit then  -- only now does it matter whether some leases are over
      redis.call('ZREMRANGEBYSCORE', KEYS[at], '-inf', now)
      held[at] = redis.call('ZCARD', KEYS[at])
      if held[at] >= limit then refuse(at, limit == 0 and -1 or -2) end
    end
  else
    held[at] = window(KEYS[at], now, length)
    local room = limit - claim[4]
    if limit == 0 then room = -1 end
    if room < 0 or held[at].sum > room then refuse(at, until_below(held[at], room, now)) end
  end
end

-- What is left is subtracted, not added up: a difference of exact numbers is exact.
local function open_budget(key, leases, budget, thorough)
  local this = load_budget(key, leases, now, 'c:' .. id)
  if thorough and drop_expired(this) > 0 then this.entry = redis.call('HGET', key, 'c:' .. id) end
  confirm_at_least(this, budget[5])
  if this.entry then forget(this, this.entry) end
  return this, budget[3] - this.confirmed - this.settled - this.reserved
end

local opened, broke = {}, 0
for at, budget in ipairs(budgets) do
  local key = #claims + 2 * at - 1
  local this, left = open_budget(KEYS[key], KEYS[key + 1], budget, false)
  if budget[6] and budget[4] > left then
    this, left = open_budget(KEYS[key], KEYS[key + 1], budget, true)
    if broke == 0 and budget[4] > left then broke = at end
  end
  opened[at] = this
end
if broke > 0 then refusing, wait = #claims + broke, 0 end

local answer = {refusing, now, wait}
for at, claim in ipairs(claims) do
  local this = held[at]
  if claim[2] == 'parallel' then
    if refusing == 0 then
      this = this + redis.call('ZADD', KEYS[at], now + lease, id)
      if this == 1 or now % 64 == 0 then put_off_slots(KEYS[at], lease) end
    end
    answer[#answer + 1] = this
    answer[#answer + 1] = 0
  else
    if refusing == 0 then add(this, claim[4]) end
    answer[#answer + 1] = this.sum
    answer[#answer + 1] = this.newest
  end
end
for at, budget in ipairs(budgets) do
  local this = opened[at]
  if refusing == 0 then
    open_entry(this, id, 'r', budget[4], lease)
  elseif this.entry then
    -- A refused call changes nothing, also nothing of an earlier one of its name.
    this = load_budget(this.key, this.leases, now, 'seen')
  end
  answer[#answer + 1] = this.confirmed + this.settled
  answer[#answer + 1] = this.reserved
end
return cmsgpack.pack(answer)
""",
)

# KEYS: one for each window, one for each lease, two for each budget.
# Takes [call id, lease of a settled entry, bucket length, now, [[bucket, change]...], number of leases, [cost or -1...]].
# A change below 0 is given back to that bucket, one above 0 is added to the current one. Cost -1: the call never cost anything.
SETTLE: Final = _script(
    WINDOWS_LUA,
    BUDGETS_LUA,
    """
local id, lease, length, now, windows, leases, costs = unpack(cmsgpack.unpack(ARGV[1]))
now = clock(now)
for at, change in ipairs(windows) do
  if change[2] < 0 then
    give_back(window(KEYS[at], now, length, change[1]), change[1], -change[2])
  else
    add(window(KEYS[at], now, length), change[2])
  end
end
for at = #windows + 1, #windows + leases do redis.call('ZREM', KEYS[at], id) end
for at, cost in ipairs(costs) do
  local key = #windows + leases + 2 * at - 1
  local budget = load_budget(KEYS[key], KEYS[key + 1], now, 'c:' .. id)
  if budget.entry then
    if cost > 0 then
      forget(budget, budget.entry)
      open_entry(budget, id, 's', cost, lease)
    elseif cost == 0 or string.sub(budget.entry, 1, 1) == 'r' then
      drop(budget, {id})
      save_sums(budget)
    end
  end
end
return 1
""",
)

# KEYS: one for each lease, two for each budget. Takes [call id, lease, now, number of leases, [amount...]].
# What Redis has lost or dropped meanwhile is there again afterwards: the call runs.
RENEW: Final = _script(
    WINDOWS_LUA,
    BUDGETS_LUA,
    """
local id, lease, now, leases, amounts = unpack(cmsgpack.unpack(ARGV[1]))
now = clock(now)
for at = 1, leases do
  redis.call('ZADD', KEYS[at], now + lease, id)
  put_off_slots(KEYS[at], lease)
end
for at, amount in ipairs(amounts) do
  local key = leases + 2 * at - 1
  local budget = load_budget(KEYS[key], KEYS[key + 1], now, 'c:' .. id)
  if not budget.entry then
    open_entry(budget, id, 'r', amount, lease)
  elseif string.sub(budget.entry, 1, 1) == 'r' then
    redis.call('ZADD', budget.leases, now + lease, id)
    put_off(budget)
  end
end
return 1
""",
)

# KEYS: a budget's two. ARGV: now, spent, then call ids; plain text, for the ledger's worker uses a client library.
# Replies spent and reserved, as they are now, in text.
CONFIRM: Final = _script(
    WINDOWS_LUA,
    BUDGETS_LUA,
    """
local budget = load_budget(KEYS[1], KEYS[2], clock(tonumber(ARGV[1])), 'seen')
drop_expired(budget)
confirm_at_least(budget, tonumber(ARGV[2]))
local ids = {}
for at = 3, #ARGV do ids[#ids + 1] = ARGV[at] end
drop(budget, ids)
if budget.raised then redis.call('HSET', budget.key, 'confirmed', ARGV[2]) end
save_sums(budget)
put_off(budget)
return {whole(budget.confirmed + budget.settled), whole(budget.reserved)}
""",
)
