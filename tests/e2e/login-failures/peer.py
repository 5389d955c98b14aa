# SPDX-License-Identifier: MIT
"""Peers that do not do what a target does: peer.py PORT WHAT, where WHAT is

silent   accepts, and never answers
close    closes at once
garbage  answers with bytes that are no PDU
half     answers with the first half of a login response, and no more
reset    reads the login request, then resets the connection
"""
import socket
import struct
import sys
import threading
import time

RESPONSE = bytes([0x23, 0x87]) + bytes(46)


def serve(connection, what):
    if what == "close":
        connection.close()
        return
    if what == "silent":
        time.sleep(1000)
    connection.recv(4096)
    if what == "garbage":
        connection.sendall(b"HTTP/1.0 400 Bad Request\r\n" * 20)
        time.sleep(1000)
    if what == "half":
        connection.sendall(RESPONSE[:24])
        time.sleep(1000)
    if what == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    peer = listener.accept()[0]
    threading.Thread(target=serve, args=(peer, sys.argv[2]), daemon=True).start()
