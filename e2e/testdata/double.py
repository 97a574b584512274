#!/usr/bin/python3
"""threaded.py for whoever starts it: the doubles of a backend are the same program.

usage: double.py [bind=PATH] [options of threaded.py]

With KEEPONE in the environment it takes ONE_LOCK first, for as long as it lives: two that keepone has spawned never run
at a time. Somebody else's listens at bind=PATH, else at E2E_BIND, which it removes first, else at descriptor 0. Where
that is no socket it only waits.
"""
import fcntl
import os
import runpy
import signal
import socket
import stat
import sys


def alone():
    """Returns a descriptor that holds the lock; records who holds it already."""
    lock = os.open(os.environ["ONE_LOCK"] + ".double", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with open(os.environ["ONE_VIOLATIONS"], "a") as f:
            f.write(f"{os.getpid()} was spawned while another backend lives\n")
        sys.exit(99)
    with open(os.environ["ONE_LOCK"] + ".pids", "a") as f:
        f.write(f"{os.getpid()}\n")


def bind(path):
    """Puts a listening socket at descriptor 0. Somebody may put the old file back in between."""
    listener = socket.socket(socket.AF_UNIX)
    for left in range(999, -1, -1):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        try:
            listener.bind(path)
            break
        except OSError:
            if left == 0:
                raise
    os.chmod(path, 0o666)
    listener.listen(128)
    os.dup2(listener.fileno(), 0)
    listener.close()


def main():
    path = os.environ.get("E2E_BIND", "")
    for word in sys.argv[1:]:
        if word.startswith("bind="):
            path = word[len("bind="):]
    if "KEEPONE" in os.environ:
        alone()
    elif path:
        bind(path)
    if "KEEPONE_JOB" in os.environ or not stat.S_ISSOCK(os.fstat(0).st_mode):
        while True:
            signal.pause()
    runpy.run_path("threaded.py", run_name="__main__")


main()
