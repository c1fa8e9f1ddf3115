"""Becomes another program, one that the kernel kills when its parent ends, however the parent ends.

    python -I -S die_with_parent.py PARENT_PID PROGRAM [ARGUMENT...]

A script of its own rather than a `preexec_fn`: code between fork and exec can deadlock in a process with threads.
The signal survives exec and the process id stays the same. Linux alone has it; elsewhere the program simply runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def main() -> None:
    parent_pid, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # SIGKILL, not SIGTERM: a server that hangs while it shuts down must not outlive its parent either, and the
        # next start finds the folder free at once. Both servers keep what they acknowledged through a SIGKILL.
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent_pid:
        sys.exit("The parent ended before the server started.")
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
