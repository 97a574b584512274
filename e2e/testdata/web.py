#!/usr/bin/python3
"""An HTTP server on a listening socket, one thread per connection.

usage: web.py [keepalive]
With keepalive it keeps connections open as HTTP/1.1 wants, and ends no sooner than its clients.
The listening socket is descriptor 3 where LISTEN_FDS says so, else 0.
"""
import http.server
import os
import socket
import sys

from respond import answer


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = answer(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


if "keepalive" in sys.argv:
    Answer.protocol_version = "HTTP/1.1"
server = http.server.ThreadingHTTPServer(("", 0), Answer, bind_and_activate=False)
server.socket = socket.socket(fileno=3 if "LISTEN_FDS" in os.environ else 0)
server.serve_forever(poll_interval=None)
