"""The same answers for WSGI (application) and ASGI (asgi)."""
import asyncio
import os
import time

PAUSES = {"/fast": 0.010, "/slow": 0.700}


def body(path):
    return f"{os.getpid()} {path}\n".encode()


def application(environ, start_response):
    # Where every path belongs to the program, FastCGI servers disagree on which of the two names it.
    path = environ.get("REQUEST_URI") or environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    time.sleep(PAUSES.get(path, 0))
    answer = body(path)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])  # no lifespan: servers go on without
    await asyncio.sleep(PAUSES.get(scope["path"], 0))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body(scope["path"])})
