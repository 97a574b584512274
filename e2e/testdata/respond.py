"""What the Python fixtures answer, by path. Every answer is "PID PATH"."""
import os
import signal
import socket
import time
from urllib.parse import parse_qs, urlsplit

kept = []


def answer(uri):
    """Does what the path says and returns the body."""
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    if parts.path == "/fast":
        time.sleep(0.010)
    elif parts.path == "/slow":
        time.sleep(1)
    elif parts.path == "/sleep":
        time.sleep(int(query["ms"][0]) / 1000)
    elif parts.path == "/leak":
        kept.append(b"x" * (int(query["mb"][0]) << 20))
    elif parts.path == "/crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif parts.path == "/shutdown":
        socket.socket(fileno=os.dup(0)).shutdown(socket.SHUT_RDWR)
    elif parts.path == "/exit0":
        os._exit(0)
    return f"{os.getpid()} {parts.path}\n".encode()
