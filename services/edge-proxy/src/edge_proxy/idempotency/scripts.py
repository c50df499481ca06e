"""What Redis does in one step. Of each scope it holds two keys, in one slot of a cluster by their hash tag:

omg:idempotency:{<name>}             hash: owner (the First's token), body (its keyed hash), state
omg:idempotency:{<name>}:<token>     stream: that First's answer: head, pieces, end, sealed and numbered from 1

The hash is the lock. While its First runs it expires with the lease; once the answer is complete, after the ttl. Each First has a
stream of its own, so that who follows one cannot be given pieces of its successor's.

An entry is written under the number it was sealed with, and a number that is there already is passed over: so a write whose reply
was lost can be sent again.
"""

import hashlib
from typing import Final

import msgspec

RUNNING: Final = b"running"
DONE: Final = b"done"
TOO_LARGE: Final = b"too_large"
GONE: Final = b"gone"


class Script(msgspec.Struct, frozen=True):
    text: str
    sha: str


def _script(text: str) -> Script:
    return Script(text=text, sha=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


# KEYS: lock. ARGV: token, body hash, lease in ms. Replies: {owner, body, state}; the caller is the First if the owner is its token.
CLAIM: Final = _script("""
local held = redis.call('HMGET', KEYS[1], 'owner', 'body', 'state')
if held[1] then return held end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'body', ARGV[2], 'state', 'running')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {ARGV[1], ARGV[2], 'running'}
""")

# KEYS: lock, stream. ARGV: token, state, milliseconds both still live, then number, kind, data of each entry.
# Replies 1, or 0 when the lock is another's by now. The stream outlives its lock a little: who sees a lock finds the answer.
WRITE: Final = _script("""
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
for at = 4, #ARGV, 3 do
  local added = redis.pcall('XADD', KEYS[2], ARGV[at] .. '-0', 'k', ARGV[at + 1], 'd', ARGV[at + 2])
  if type(added) == 'table' and added.err and not string.find(added.err, 'equal or smaller', 1, true) then return added end
end
redis.call('HSET', KEYS[1], 'state', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3] + 5000)
return 1
""")

# KEYS: lock, stream. ARGV: token, milliseconds. The answer grew too large: what there is of it goes, and followers are told.
OVERFLOW: Final = _script("""
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('XADD', KEYS[2], '*', 'k', 'too_large', 'd', '')
redis.call('HSET', KEYS[1], 'state', 'too_large')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2] + 5000)
return 1
""")

# KEYS: lock, stream. ARGV: token. Lets the key go; who waits is told at once, and one of them is the next First.
LET_GO: Final = _script("""
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('XADD', KEYS[2], '*', 'k', 'gone', 'd', '')
redis.call('PEXPIRE', KEYS[2], 5000)
return 1
""")


def lock_key(name: str) -> str:
    return f"omg:idempotency:{{{name}}}"


def stream_key(name: str, token: bytes) -> str:
    return f"omg:idempotency:{{{name}}}:{token.decode()}"
