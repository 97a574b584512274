"""A FastCGI responder with 32 threads on descriptor 0, and with the libraries of an ordinary site."""
import email.message
import html
import http.client
import json
import logging
import socket
import sqlite3
import struct
import threading


def page():
    """Makes, reads and drops rows, text and blocks: some megabytes, from sixty bytes to a few hundred kilobytes each."""
    rows = [{"id": i, "title": "title %d" % i, "text": "x" * (i % 700)} for i in range(1000)]
    blocks = [b"y" * (600 + 37 * i % 5000) for i in range(400)]
    text = json.dumps(rows)
    back = json.loads(text)
    return html.escape("".join(r["text"] for r in back)), len(blocks)


def read(c, n):
    data = b""
    while len(data) < n:
        more = c.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def answer(c):
    kind, size = 0, 1
    while (kind, size) != (5, 0):  # to the end of FCGI_STDIN
        _, kind, number, size, padding = struct.unpack("!BBHHBx", read(c, 8))
        read(c, size + padding)
    body = b"Status: 200 OK\r\n\r\n%d\n" % len(page()[0])
    c.sendall(struct.pack("!BBHHBx", 1, 6, number, len(body), 0) + body + struct.pack("!BBHHBxQ", 1, 3, number, 8, 0, 0))


def serve(listener):
    while True:
        c, _ = listener.accept()
        with c:
            try:
                answer(c)
            except (EOFError, OSError):
                pass  # keepone looks whether it is ready


if __name__ == "__main__":
    listener = socket.socket(fileno=0)
    threads = [threading.Thread(target=serve, args=(listener,)) for _ in range(32)]
    for t in threads:
        t.start()
