"""The scripts. Each is one step of Redis: everything in it happens, and nothing in between.

All keys are named in KEYS. Arguments and answers are one MessagePack array each: writing and reading them is then one encoding and
one decoding in C on the side of the edge, which pays for each of its microseconds.

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


# Several calls at once, one after another as if each came alone: what they share is read and written once.
#
# KEYS: all that the calls name, by their numbers, counted from 1; a budget's second key is the one after its first.
# Takes [lease, bucket length, now, [[call id, [[key, kind, limit, amount]...], [[key, limit, amount, known, hard]...]]...]].
# Gives for each call [refusing claim or budget, counted from 1, or 0; now; wait; used, newest bucket of each claim; spent, reserved
# of each budget]. A wait is in microseconds, -1 if it will never fit, 0 for a budget, -2 for a slot that some call has to leave
# first. All claims are looked at, and the one with the longest wait is named: who waits for that one need not be refused by the
# next. A refusing budget goes before any limit: no wait of a minute helps there. No two calls have the same id.
RESERVE: Final = _script(
    WINDOWS_LUA,
    BUDGETS_LUA,
    """
local lease, length, now, calls = unpack(cmsgpack.unpack(ARGV[1]))
now = clock(now)
local windows, slots, budgets = {}, {}, {}

local function window_at(key)
  if not windows[key] then windows[key] = load_window(KEYS[key], now, length) end
  return windows[key]
end

local function slots_at(key)
  if not slots[key] then slots[key] = load_slots(KEYS[key]) end
  return slots[key]
end

local function budget_at(key)
  if not budgets[key] then budgets[key] = load_budget(KEYS[key], KEYS[key + 1], now, {}) end
  return budgets[key]
end

-- Which claim refuses, and for how long.
local function look_at_claims(claims)
  local refusing, wait = 0, 0
  for at, claim in ipairs(claims) do
    local limit, this_wait = claim[3], nil
    if claim[2] == 'parallel' then
      if are_full(slots_at(claim[1]), limit, now) then this_wait = limit == 0 and -1 or -2 end
    else
      local room = limit == 0 and -1 or limit - claim[4]
      local window = window_at(claim[1])
      if room < 0 or window.sum > room then this_wait = until_below(window, room, now) end
    end
    if this_wait and (refusing == 0 or (wait ~= -1 and (this_wait == -1 or this_wait > wait))) then
      refusing, wait = at, this_wait
    end
  end
  return refusing, wait
end

-- What is left is subtracted, not added up: a difference of exact numbers is exact.
local function left_of(this, asked)
  return asked[2] - math.max(this.confirmed, asked[4]) - this.settled - this.reserved
end

-- The first that refuses, or 0.
local function look_at_budgets(all)
  local broke = 0
  for at, asked in ipairs(all) do
    local this = budget_at(asked[1])
    if asked[5] and asked[3] > left_of(this, asked) then
      if not this.is_swept then
        this.is_swept = true
        drop_expired(this)
      end
      if broke == 0 and asked[3] > left_of(this, asked) then broke = at end
    end
  end
  return broke
end

local function take(id, claims, all)
  for _, claim in ipairs(claims) do
    if claim[2] == 'parallel' then
      add_slot(slots[claim[1]], id, now + lease)
    else
      add(windows[claim[1]], claim[4])
    end
  end
  for _, asked in ipairs(all) do
    local this = budgets[asked[1]]
    confirm_at_least(this, asked[4])
    open_entry(this, id, 'r', asked[3], lease)
  end
end

local answers = {}
for at, call in ipairs(calls) do
  local id, claims, all = call[1], call[2], call[3]
  local refusing, wait = look_at_claims(claims)
  local broke = look_at_budgets(all)
  if broke > 0 then refusing, wait = #claims + broke, 0 end
  if refusing == 0 then take(id, claims, all) end
  local answer = {refusing, now, wait}
  for _, claim in ipairs(claims) do
    if claim[2] == 'parallel' then
      answer[#answer + 1] = used_slots(slots[claim[1]])
      answer[#answer + 1] = 0
    else
      answer[#answer + 1] = windows[claim[1]].sum
      answer[#answer + 1] = windows[claim[1]].newest
    end
  end
  for _, asked in ipairs(all) do
    local this = budgets[asked[1]]
    answer[#answer + 1] = math.max(this.confirmed, asked[4]) + this.settled
    answer[#answer + 1] = this.reserved
  end
  answers[at] = answer
end

for _, window in pairs(windows) do save_window(window) end
for _, these in pairs(slots) do save_slots(these, now, lease) end
for _, this in pairs(budgets) do save_budget(this) end
return cmsgpack.pack(answers)
""",
)

# KEYS as for RESERVE. Takes [lease of a settled entry, bucket length, now, [[call id, [[key, bucket, change]...],
# [key of a slot...], [[key, cost]...]]...]]. A change below 0 is given back to that bucket, one above 0 is added to the current
# one. Cost -1: the call never cost anything.
SETTLE: Final = _script(
    WINDOWS_LUA,
    BUDGETS_LUA,
    """
local lease, length, now, calls = unpack(cmsgpack.unpack(ARGV[1]))
now = clock(now)
local windows, slots, ids, budgets = {}, {}, {}, {}

for _, call in ipairs(calls) do
  for _, change in ipairs(call[2]) do
    local key = change[1]
    if not windows[key] then windows[key] = load_window(KEYS[key], now, length, change[3] < 0 and change[2]) end
    if change[3] < 0 then
      give_back(windows[key], change[2], -change[3])
    else
      add(windows[key], change[3])
    end
  end
  for _, key in ipairs(call[3]) do
    if not slots[key] then slots[key] = {} end
    slots[key][#slots[key] + 1] = call[1]
  end
  for _, ended in ipairs(call[4]) do
    if not ids[ended[1]] then ids[ended[1]] = {} end
    ids[ended[1]][#ids[ended[1]] + 1] = call[1]
  end
end

for key, these in pairs(ids) do budgets[key] = load_budget(KEYS[key], KEYS[key + 1], now, these) end
for _, call in ipairs(calls) do
  for _, ended in ipairs(call[4]) do
    local id, cost, budget = call[1], ended[2], budgets[ended[1]]
    local entry = budget.entries[id]
    if entry and cost > 0 then
      forget(budget, entry)
      open_entry(budget, id, 's', cost, lease)
    elseif entry and (cost == 0 or string.sub(entry, 1, 1) == 'r') then
      drop(budget, id)
    end
  end
end

for _, window in pairs(windows) do save_window(window) end
for key, these in pairs(slots) do redis.call('ZREM', KEYS[key], unpack(these)) end
for _, budget in pairs(budgets) do save_budget(budget) end
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
  local budget = load_budget(KEYS[key], KEYS[key + 1], now, {id})
  if not budget.entries[id] then
    open_entry(budget, id, 'r', amount, lease)
    save_budget(budget)
  elseif string.sub(budget.entries[id], 1, 1) == 'r' then
    redis.call('ZADD', budget.leases, now + lease, id)
    put_off(budget)
  end
end
return 1
""",
)

# KEYS: a budget's two. ARGV: now, spent, then call ids, each once; plain text, for the ledger's worker uses a client library.
# Replies spent and reserved, as they are now, in text.
CONFIRM: Final = _script(
    WINDOWS_LUA,
    BUDGETS_LUA,
    """
local ids = {}
for at = 3, #ARGV do ids[#ids + 1] = ARGV[at] end
local budget = load_budget(KEYS[1], KEYS[2], clock(tonumber(ARGV[1])), ids)
drop_expired(budget)
confirm_at_least(budget, tonumber(ARGV[2]), ARGV[2])
for _, id in ipairs(ids) do
  if budget.entries[id] then drop(budget, id) end
end
budget.is_changed = true
save_budget(budget)
return {whole(budget.confirmed + budget.settled), whole(budget.reserved)}
""",
)

# KEYS: a budget's two. ARGV: what was seen as confirmed, and what to put in its place; nothing happens if it is not that any more.
LOWER: Final = _script(
    """
if redis.call('HGET', KEYS[1], 'confirmed') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'confirmed', ARGV[2])
return 1
"""
)
