#!/usr/bin/python3
"""A FastCGI responder of one thread; the listening socket is descriptor 0.

The path says what to answer:
/ok     a page
/told   status 500, and on FCGI_STDERR the parameters
/bytes  a page, each byte in a record of its own
/quit   nothing: the connection is closed

It writes one byte at a time.
"""
import socket
import struct

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR, GET_VALUES, VALUES_RESULT = 1, 3, 4, 5, 6, 7, 9, 10


def record(kind, request, content):
    padding = -len(content) % 8
    return struct.pack("!BBHHBx", 1, kind, request, len(content), padding) + content + bytes(padding)


def pairs(data):
    """The name-value pairs of a stream, as a dictionary."""
    found, at = {}, 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            n, size = data[at], 1
            if n & 0x80:
                n, size = struct.unpack_from("!I", data, at)[0] & 0x7FFFFFFF, 4
            lengths.append(n)
            at += size
        name, value = data[at:at + lengths[0]], data[at + lengths[0]:at + sum(lengths)]
        found[name.decode()] = value.decode()
        at += sum(lengths)
    return found


def value(name):
    return bytes([len(name), 1]) + name.encode() + b"1"


def answer(parameters):
    """Yields what to write."""
    path = parameters["PATH_INFO"]
    if path == "/quit":
        return
    page = b"Content-Type: text/plain\r\n\r\nhello"
    if path == "/bytes":
        for byte in page:
            yield record(STDOUT, 1, bytes([byte]))
    elif path == "/told":
        told = " ".join(f"{name}={value}" for name, value in sorted(parameters.items()) if name in
                        ("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "SCRIPT_NAME", "SERVER_NAME"))
        yield record(STDERR, 1, told.encode()) + record(STDOUT, 1, b"Status: 500\r\n\r\n")
    else:
        yield record(STDOUT, 1, page)
    yield record(STDOUT, 1, b"") + record(END, 1, bytes(8))


def serve(connection):
    parameters = b""
    with connection, connection.makefile("rb") as stream:
        while head := stream.read(8):
            _, kind, _, length, padding = struct.unpack("!BBHHBx", head)
            content = stream.read(length)
            stream.read(padding)
            if kind == PARAMS:
                parameters += content
            elif kind == GET_VALUES:
                connection.sendall(record(VALUES_RESULT, 0, b"".join(map(value, pairs(content)))))
            elif kind == STDIN and not content:
                for part in answer(pairs(parameters)):
                    for byte in part:
                        connection.sendall(bytes([byte]))
                return


listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    serve(connection)
