"""What the Python fixtures answer, by path. Every answer is "PID PATH"."""
import os
import signal
import socket
import threading
import time
from urllib.parse import parse_qs, urlsplit

kept = []


def size(query):
    """The bytes that mb and kb in a query string say."""
    return (int(query.get("mb", ["0"])[0]) << 20) + (int(query.get("kb", ["0"])[0]) << 10)


def run_away(rate, cap):
    """Keeps rate MiB more every second, whoever asks, until it has kept cap MiB."""
    began, count = time.monotonic(), 0
    while count < cap:
        while count < min(cap, rate * (time.monotonic() - began)):
            kept.append(b"x" * (1 << 20))
            count += 1
        time.sleep(0.005)


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
        kept.append(b"x" * size(query))
    elif parts.path == "/spike":
        much = b"x" * size(query)
        time.sleep(int(query["ms"][0]) / 1000)
        del much
    elif parts.path == "/runaway":
        threading.Thread(target=run_away, args=(int(query["mb"][0]), int(query["cap"][0])), daemon=True).start()
    elif parts.path == "/crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif parts.path == "/shutdown":
        socket.socket(fileno=os.dup(0)).shutdown(socket.SHUT_RDWR)
    elif parts.path == "/exit0":
        os._exit(0)
    return f"{os.getpid()} {parts.path}\n".encode()
