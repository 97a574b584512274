#!/usr/bin/python3
"""A FastCGI responder, one thread per connection, that drops everything on SIGTERM.

usage: threaded.py [ignore-sigterm] [close-all] [fork-away] [one-request] [one-at-a-time] [notify] [listen-10]
       [prefork]
It is sick while there is a file var/sick, and calls listen(10) again for a file var/listen.
The listening socket is descriptor 3 where LISTEN_FDS says so, else 0.
"""
import fcntl
import os
import signal
import socket
import struct
import sys
import threading

from respond import answer

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
KEEP_CONN = 1


def record(kind, request, content):
    return struct.pack("!BBHHBx", 1, kind, request, len(content), 0) + content


def pairs(data):
    """Yields the name-value pairs of a FastCGI PARAMS stream."""
    at = 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            n = data[at]
            if n & 0x80:
                n = struct.unpack_from("!I", data, at)[0] & 0x7FFFFFFF
                at += 3
            at += 1
            lengths.append(n)
        name = data[at:at + lengths[0]]
        at += lengths[0]
        yield name.decode(), data[at:at + lengths[1]].decode()
        at += lengths[1]


def request(stream):
    """Reads one request: its id, whether the connection is kept, and its parameters; None at the end."""
    ident, keep, params = 0, False, b""
    while True:
        head = stream.read(8)
        if len(head) < 8:
            return None
        _, kind, ident, length, padding = struct.unpack("!BBHHBx", head)
        content = stream.read(length)
        stream.read(padding)
        if kind == BEGIN:
            keep = bool(content[2] & KEEP_CONN)
        elif kind == PARAMS:
            params += content
        elif kind == STDIN and not content:
            return ident, keep, dict(pairs(params))


def serve(connection, once):
    with connection, connection.makefile("rb") as stream:
        while (got := request(stream)) is not None:
            ident, keep, params = got
            body = answer(params["REQUEST_URI"])
            sick = "Status: 500 Sick\r\n" if os.path.exists("var/sick") else ""
            head = f"{sick}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            connection.sendall(record(STDOUT, ident, head + body) + record(STDOUT, ident, b"")
                               + record(END, ident, bytes(8)))
            if once:
                connection.shutdown(socket.SHUT_RDWR)
                os._exit(0)
            if not keep:
                return


def fork_away():
    """Leaves like an old daemon: two forks, a session of its own; the leader exits 0."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)


def close_all(listener):
    """Closes every other descriptor, keepone's lock and that of one.sh included, and takes a lock of its own."""
    os.closerange(0, listener)
    os.closerange(listener + 1, 4096)
    for fd in range(3):
        os.open("/dev/null", os.O_RDWR)
    lock = os.open(os.environ["ONE_LOCK"] + ".own", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with open(os.environ["ONE_VIOLATIONS"], "a") as f:
            f.write(f"{os.getpid()} started while another one lives\n")
        os._exit(99)


def prefork():
    """Four children serve, and share a table of 60 MiB with their parent, which waits for their end."""
    global table
    table = b"x" * (60 << 20)
    for _ in range(4):
        if os.fork() == 0:
            return
    os.wait()
    os._exit(1)


def main(options):
    descriptor = 3 if "LISTEN_FDS" in os.environ else 0
    if "LISTEN_FDS" in os.environ and os.environ["LISTEN_PID"] != str(os.getpid()):
        sys.exit("LISTEN_PID is not ours")
    if "ignore-sigterm" in options:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "fork-away" in options:
        fork_away()
    if "close-all" in options:
        os.dup2(descriptor, 50)
        descriptor = 50
        close_all(descriptor)
    listener = socket.socket(fileno=descriptor)
    if "listen-10" in options:
        listener.listen(10)
    if "notify" in options:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(b"READY=1\nSTATUS=well", os.environ["NOTIFY_SOCKET"])
    if "prefork" in options:
        prefork()
    while True:
        connection, _ = listener.accept()
        if os.path.exists("var/listen"):
            os.remove("var/listen")
            listener.listen(10)
        if "one-request" in options or "one-at-a-time" in options:
            serve(connection, "one-request" in options)
            continue
        threading.Thread(target=serve, args=(connection, False), daemon=True).start()


main(sys.argv[1:])
