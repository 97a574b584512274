"""waitress on the socket that systemd would hand over; its own command can bind only."""
import socket

import waitress

from app import application

waitress.serve(application, sockets=[socket.socket(fileno=3)])
