"""As much of Redis' protocol (RESP2) as the limit store speaks: commands out; simple strings, integers, bulk strings, errors in."""

from typing import Final

_CRLF: Final = b"\r\n"


class ReplyError(Exception):
    """What Redis answered instead."""

    @property
    def code(self) -> str:
        return str(self).partition(" ")[0]


LOST: Final = ReplyError("LOST the connection before the reply")
"""For whoever waits when there will be no reply: the command may have been carried out, or not."""


class NotRedis(Exception):
    """The other side speaks something else."""


Reply = bytes | int | ReplyError


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def command(*parts: str | bytes) -> bytes:
    values = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"*%d\r\n" % len(values) + b"".join(map(bulk, values))


class ReplyReader:
    """Bytes in as they come, whole replies out."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Reply]:
        """Raises `NotRedis`."""
        if self._rest:
            data = self._rest + data
        replies: list[Reply] = []
        at, size = 0, len(data)
        while at < size:
            end = data.find(_CRLF, at)
            if end < 0:
                break
            kind = data[at]
            if kind == 36:  # $
                start = end + 2
                end = start + _number(data[at + 1 : end])
                if end < start:
                    raise NotRedis("a null, which answers no command of ours")
                if size < end + 2:
                    break
                replies.append(data[start:end])
            elif kind == 58:  # :
                replies.append(_number(data[at + 1 : end]))
            elif kind == 43:  # +
                replies.append(data[at + 1 : end])
            elif kind == 45:  # -
                replies.append(ReplyError(data[at + 1 : end].decode(errors="replace")))
            else:
                raise NotRedis(f"a reply that begins with {data[at : at + 1]!r}")
            at = end + 2
        self._rest = data[at:]
        return replies


def _number(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise NotRedis(f"{text[:20]!r} for a number") from None
