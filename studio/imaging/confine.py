"""Closes a process off for good: what it may still do is to read, write and compute.

Limits of the kernel (``setrlimit``, every Unix): memory, CPU time, no core dump, no file that
grows, no further file descriptor (so nothing can be opened, neither file nor socket), no further
process. On Linux also a list of allowed system calls (seccomp): all others fail with EPERM. Neither
can be undone by the process itself. Where a part is not to be had (macOS has no limit of address
space, some containers no seccomp) the others stand alone.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import platform
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import resource

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
"""Of prctl(2)."""
_LOAD, _EQUALS, _RETURN = 0x20, 0x15, 0x06
"""Instructions of classic BPF: load a word, jump if equal, return."""
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
"""Offsets in ``struct seccomp_data``."""
_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_ARCHITECTURES: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        (
            *(0, 1, 3, 19, 9, 10, 11, 25, 28, 12),
            *(13, 14, 15, 24, 39, 186, 60, 231, 202, 219, 228, 318, 334),
        ),
    ),
    "aarch64": (
        0xC00000B7,
        (
            *(63, 64, 57, 65, 222, 226, 215, 216, 233, 214),
            *(134, 135, 139, 124, 172, 178, 93, 94, 98, 128, 113, 278, 293),
        ),
    ),
}
"""By machine: its number for the audit, and those of the allowed calls, in this order: read, write,
close, readv, mmap, mprotect, munmap, mremap, madvise, brk; rt_sigaction, rt_sigprocmask,
rt_sigreturn, sched_yield, getpid, gettid, exit, exit_group, futex, restart_syscall, clock_gettime,
getrandom, rseq. Sources: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h
and include/uapi/linux/audit.h of Linux 6."""


class _Program(ctypes.Structure):
    """``struct sock_fprog`` of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def confine(memory: int, cpu: int) -> None:
    """Close this process off.

    Args:
        memory: bytes of address space that it may take more than it has now.
        cpu: seconds of CPU time that it may take from now on; then it is ended by SIGXCPU.
    """
    if sys.platform == "win32":
        return
    seconds = max(1, math.ceil(sum(os.times()[:2]) + cpu))
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    _limit(resource.RLIMIT_FSIZE, 0)
    address_space = _address_space()
    if address_space:
        _limit(resource.RLIMIT_AS, address_space + memory)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)
    _allow_few_calls()


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    """Set a limit that cannot be raised again; one that this system does not know is left."""
    with suppress(ValueError, OSError):
        resource.setrlimit(which, (soft, soft if hard is None else hard))


def _address_space() -> int:
    """Return how many bytes of address space this process has; 0 where nobody tells."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def _allow_few_calls() -> bool:
    """Let the kernel refuse all other system calls; return whether it does."""
    known = _ARCHITECTURES.get(platform.machine())
    if _libc is None or known is None or sys.maxsize < 2**32:
        return False
    architecture, calls = known
    code = _instruction(_LOAD, 0, 0, _ARCHITECTURE_AT)
    code += _instruction(_EQUALS, 1, 0, architecture)
    code += _instruction(_RETURN, 0, 0, _KILL)
    code += _instruction(_LOAD, 0, 0, _NUMBER_AT)
    for place, call in enumerate(calls):
        code += _instruction(_EQUALS, len(calls) - place, 0, call)
    code += _instruction(_RETURN, 0, 0, _FAIL | errno.EPERM)
    code += _instruction(_RETURN, 0, 0, _ALLOW)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    zero = ctypes.c_ulong(0)
    if _libc.prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), zero, zero, zero):
        return False
    done: int = _libc.prctl(_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(program), zero, zero)
    return done == 0


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    """Return one ``struct sock_filter``."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
