#!/usr/bin/python3
"""Sends and answers what the stories look at; runs in the world guest's namespaces.

    serve PORT              answers every TCP connection with {"peer": address, "mss": bytes}
    ask SOURCE HOST PORT    connects; prints that answer with its own "own_mss", or {"error": ...}
    stray SOURCE HOST PORT  sends one TCP segment of no connection; prints "rst" or "silence"
"""
import json
import os
import select
import socket
import struct
import sys

PATIENCE = 4  # seconds


def serve(port):
    listener = socket.create_server(("0.0.0.0", int(port)), backlog=64)
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    while True:
        connection, (peer, _) = listener.accept()
        with connection:
            mss = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
            connection.sendall(json.dumps({"peer": peer, "mss": mss}).encode())


def ask(source, host, port):
    try:
        with socket.create_connection((host, int(port)), PATIENCE, (source, 0)) as connection:
            answer = json.loads(connection.makefile().read())
            answer["own_mss"] = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    except OSError as error:
        answer = {"error": "timed out" if isinstance(error, TimeoutError) else str(error)}
    print(json.dumps(answer))


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def stray(source, host, port):
    own = 40000 + os.getpid() % 20000
    ends = socket.inet_aton(source) + socket.inet_aton(host)
    def segment(check):
        return struct.pack("!HHIIBBHHH", own, int(port), 12345, 67890, 0x50, 0x10, 512, check, 0)
    check = checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, 20) + segment(0))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.bind((source, 0))
        raw.sendto(segment(check), (host, 0))
        while select.select([raw], [], [], PATIENCE)[0]:
            packet, (peer, _) = raw.recvfrom(2048)
            start = (packet[0] & 15) * 4
            theirs, mine = struct.unpack_from("!HH", packet, start)
            if peer == host and (theirs, mine) == (int(port), own) and packet[start + 13] & 4:
                print("rst")
                return
    print("silence")


if __name__ == "__main__":
    {"serve": serve, "ask": ask, "stray": stray}[sys.argv[1]](*sys.argv[2:])
