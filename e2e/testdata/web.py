#!/usr/bin/python3
"""An HTTP server on the listening socket that is descriptor 0, one thread per connection."""
import http.server
import socket

from respond import answer


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = answer(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("", 0), Answer, bind_and_activate=False)
server.socket = socket.socket(fileno=0)
server.serve_forever(poll_interval=None)
