"""A FastCGI responder that keeps what it is told to: one request at a time, one for each connection.

Listens at descriptor 0, or at the path that is its argument. QUERY_STRING says kb (to keep), ms (how long the answer
takes) and cap (no more is kept above so many MiB). The answer is the process id."""
import os
import resource
import socket
import struct
import sys
import time
from urllib.parse import parse_qs

kept = []


def read(stream, n):
    data = stream.read(n)
    if len(data) < n:
        raise EOFError
    return data


def length(data, at):
    if data[at] < 128:
        return data[at], at + 1
    return struct.unpack_from(">I", data, at)[0] & 0x7FFFFFFF, at + 4


def pairs(data):
    found, at = {}, 0
    while at < len(data):
        name, at = length(data, at)
        value, at = length(data, at)
        found[data[at:at + name].decode()] = data[at + name:at + name + value].decode()
        at += name + value
    return found


def request(stream):
    """Reads until the empty record that ends standard input and returns the parameters."""
    params = b""
    while True:
        _, kind, _, size, padding, _ = struct.unpack(">BBHHBB", read(stream, 8))
        content = read(stream, size)
        read(stream, padding)
        if kind == 4:
            params += content
        elif kind == 5 and size == 0:
            return pairs(params)


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def answer(query):
    if resident() < int(query["cap"][0]) << 20:
        kept.append(b"x" * (int(query["kb"][0]) << 10))
    time.sleep(int(query["ms"][0]) / 1000)
    return b"Content-Type: text/plain\r\n\r\n%d\n" % os.getpid()


def serve(connection):
    with connection, connection.makefile("rb") as stream:
        body = answer(parse_qs(request(stream)["QUERY_STRING"]))
        out = struct.pack(">BBHHBB", 1, 6, 1, len(body), 0, 0) + body
        out += struct.pack(">BBHHBB", 1, 6, 1, 0, 0, 0)
        out += struct.pack(">BBHHBB", 1, 3, 1, 8, 0, 0) + bytes(8)
        connection.sendall(out)


def listener():
    if len(sys.argv) < 2:
        return socket.socket(fileno=0)
    if os.path.lexists(sys.argv[1]):
        os.unlink(sys.argv[1])
    made = socket.socket(socket.AF_UNIX)
    made.bind(sys.argv[1])
    made.listen(128)
    return made


def main():
    listening = listener()
    while True:
        connection, _ = listening.accept()
        try:
            serve(connection)
        except (EOFError, OSError):
            pass  # who asked is gone


main()
