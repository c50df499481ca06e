"""What a child runs before it becomes the program: tie its life to its parent, and leave root where the program wants that.

Executed by path as `python -I -S guard.py PARENT SIGNAL IDENTITY PROGRAM [ARGUMENT…]`, about 10 ms. It is a program of its
own rather than a `preexec_fn`, which is unsafe in a process with threads, and it must not import anything but the standard
library. It is not imported by devstack.

IDENTITY is `same`; `namespace` (a user namespace in which root's child is an ordinary user, still owning root's files); or
`UID:GID` (drop to that user for good).
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_INNER_ID = 1000


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - importing pathlib would double the start time
        file.write(text)


def _become(identity: str, libc: ctypes.CDLL) -> None:
    if identity == "namespace":
        uid, gid = os.geteuid(), os.getegid()
        _check(libc.unshare(_CLONE_NEWUSER), "user namespace")
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{_INNER_ID} {uid} 1")
        _write("/proc/self/gid_map", f"{_INNER_ID} {gid} 1")
    elif identity != "same":
        uid_text, gid_text = identity.split(":")
        os.setgroups([])
        os.setgid(int(gid_text))
        os.setuid(int(uid_text))


def main(arguments: list[str]) -> None:
    """Never returns: becomes the program, or exits with a line on standard error."""
    parent, signal_number, identity, *command = arguments
    try:
        if sys.platform == "linux":
            libc = ctypes.CDLL(None, use_errno=True)
            _become(identity, libc)
            # After the change of identity, which would clear it.
            _check(libc.prctl(_PR_SET_PDEATHSIG, int(signal_number)), "parent-death signal")
        if os.getppid() != int(parent):
            sys.exit("the parent ended before its child could start")
        os.execv(command[0], command)  # noqa: S606 - becoming the given program is the purpose
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
