"""A WSGI program behind FastCGI as flup serves it: a thread for each connection, and SIGTERM drops them all.

flup itself is not in Debian any more. The listening socket is descriptor 0; one request comes on a connection.
"""
import socket
import struct
import threading

from app import application

PARAMS, STDIN, STDOUT, END = 4, 5, 6, 3


def length(stream):
    first = stream[0]
    if first < 0x80:
        return first, stream[1:]
    return struct.unpack("!I", stream[:4])[0] & 0x7FFFFFFF, stream[4:]


def pairs(stream):
    while stream:
        name, stream = length(stream)
        value, stream = length(stream)
        yield stream[:name].decode("latin-1"), stream[name:name + value].decode("latin-1")
        stream = stream[name + value:]


def record(kind, ident, content):
    return struct.pack("!BBHHBx", 1, kind, ident, len(content), 0) + content


def read(file):
    """Returns the number of the request and its parameters; None where the peer went away."""
    params = b""
    while len(head := file.read(8)) == 8:
        _, kind, ident, size, padding = struct.unpack("!BBHHBx", head)
        content = file.read(size + padding)[:size]
        if kind == PARAMS:
            params += content
        elif kind == STDIN and not content:
            return ident, dict(pairs(params))
    return None


def serve(connection):
    with connection, connection.makefile("rb") as file:
        request = read(file)
        if request is None:
            return
        ident, environ = request
        lines = []

        def start_response(status, headers):
            lines.extend([f"Status: {status}", *(f"{k}: {v}" for k, v in headers), "", ""])

        content = b"".join(application(environ, start_response))
        out = "\r\n".join(lines).encode("latin-1") + content
        connection.sendall(record(STDOUT, ident, out) + record(STDOUT, ident, b"") + record(END, ident, bytes(8)))


listener = socket.socket(fileno=0)
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
