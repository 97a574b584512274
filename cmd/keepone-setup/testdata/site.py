"""Answers every request with what it was told of it, in the protocol that it is given as an argument.

usage: site.py fastcgi|http|scgi|uwsgi
The listening socket is descriptor 0, or 3 where LISTEN_FDS says so. A request at a time; that of
/wait is answered when there is a file "go" in the working directory.
"""
import os
import socket
import struct
import sys
import time


def exactly(stream, count):
    data = stream.read(count)
    if len(data) != count:
        raise EOFError
    return data


def fastcgi(stream):
    params, body, ended = b"", b"", False
    while not ended:
        _, kind, _, length, padding = struct.unpack("!BBHHBx", exactly(stream, 8))
        data = exactly(stream, length)
        exactly(stream, padding)
        if kind == 4:
            params += data
        elif kind == 5:
            body += data
            ended = not data
    said = {}
    while params:
        sizes = []
        for _ in range(2):
            wide = params[0] >> 7
            sizes.append(struct.unpack("!I", params[:4])[0] & 0x7FFFFFFF if wide else params[0])
            params = params[4 if wide else 1:]
        name, value = params[:sizes[0]], params[sizes[0]:sum(sizes)]
        said[name.decode()] = value.decode()
        params = params[sum(sizes):]
    return said, body


def scgi(stream):
    size = b""
    while not size.endswith(b":"):
        size += exactly(stream, 1)
    words = exactly(stream, int(size[:-1]) + 1)[:-1].decode().split("\0")
    said = dict(zip(words[0::2], words[1::2]))
    return said, exactly(stream, int(said["CONTENT_LENGTH"] or 0))


def uwsgi(stream):
    _, size, _ = struct.unpack("<BHB", exactly(stream, 4))
    block, words = exactly(stream, size), []
    while block:
        length = struct.unpack("<H", block[:2])[0]
        words.append(block[2:2 + length].decode())
        block = block[2 + length:]
    said = dict(zip(words[0::2], words[1::2]))
    return said, exactly(stream, int(said.get("CONTENT_LENGTH") or 0))


def http(stream):
    method, target, _ = stream.readline().decode().split()
    headers = {}
    while (line := stream.readline().decode().strip()):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    path, _, query = target.partition("?")
    said = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query,
            "HTTP_HOST": headers.get("host", ""), "REQUEST_URI": target}
    return said, exactly(stream, int(headers.get("content-length", 0)))


def record(kind, data):
    if len(data) > 0xFFFF:
        return record(kind, data[:0xFFFF]) + record(kind, data[0xFFFF:])
    return struct.pack("!BBHHBx", 1, kind, 1, len(data), 0) + data


def answer(protocol, said, body):
    text = "|".join(["backend", said["REQUEST_METHOD"], said.get("SCRIPT_NAME", ""), said.get("PATH_INFO", ""),
                     said.get("QUERY_STRING", ""), said["REQUEST_URI"], body.decode()]).encode()
    if protocol == "fastcgi":
        return record(6, b"Content-Type: text/plain\r\n\r\n" + text) + record(6, b"") + record(3, bytes(8))
    head = b"Status: 200 OK\r\n" if protocol == "scgi" else b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
    return head + b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(text) + text


def main():
    protocol = sys.argv[1]
    listener = socket.socket(fileno=3 if os.environ.get("LISTEN_FDS") else 0)
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            try:
                said, body = globals()[protocol](stream)
                while said["REQUEST_URI"] == "/wait" and not os.path.exists("go"):
                    time.sleep(0.01)
                stream.write(answer(protocol, said, body))
                stream.flush()
            except (EOFError, OSError, ValueError):
                pass  # who asks whether anybody accepts says nothing


main()
