"""A switch between the ports of this namespace (all devices whose names begin with `p`) that loses, delays, doubles and
reorders frames: LOSS DOUBLES REORDERED in percent, DELAY JITTER in milliseconds, SEED. Says what it did when it ends.

Frames are taken and put on by packet sockets with their checksum offloads (PACKET_VNET_HDR), so that no checksum breaks.
"""

import errno
import heapq
import os
import random
import selectors
import signal
import socket
import sys
import time

loss, doubles, reordered, delay, jitter = (float(a) for a in sys.argv[1:6])
rng = random.Random(int(sys.argv[6]))
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
HEADER = 10
counts = dict(passed=0, lost=0, doubled=0, reordered=0)
running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)


def port(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    sock.bind((name, 0))
    sock.setblocking(False)
    return sock


ports = {name: port(name) for name in sorted(os.listdir("/sys/class/net")) if name.startswith("p")}
where = {}
waiting = []
number = 0
selector = selectors.DefaultSelector()
for name, sock in ports.items():
    selector.register(sock, selectors.EVENT_READ, name)


def later(frame, source, by):
    global number
    number += 1
    heapq.heappush(waiting, (time.monotonic() + by, number, frame, source))


def taken(frame, source):
    """Decides what becomes of a frame. Address resolution is left alone: it is not what is tested."""
    where[frame[HEADER + 6 : HEADER + 12]] = source
    if frame[HEADER + 12 : HEADER + 14] != b"\x08\x00":
        later(frame, source, 0)
        return
    if rng.random() * 100 < loss:
        counts["lost"] += 1
        return
    by = max(0.0, rng.gauss(delay, jitter)) / 1000
    if rng.random() * 100 < reordered:
        # Overtaken by those behind it.
        counts["reordered"] += 1
        by += rng.uniform(1, 10) / 1000
    later(frame, source, by)
    counts["passed"] += 1
    if rng.random() * 100 < doubles:
        counts["doubled"] += 1
        later(frame, source, by + rng.uniform(0, 5) / 1000)


def put(frame, source):
    known = where.get(frame[HEADER : HEADER + 6])
    for name in [known] if known else ports:
        if name != source:
            try:
                ports[name].send(frame)
            except OSError as e:
                # A cable that is out, or a queue that is full: lost, as on a wire.
                if e.errno not in (errno.ENETDOWN, errno.ENOBUFS, errno.EAGAIN, errno.ENXIO):
                    raise
                counts["lost"] += 1


print("switching", flush=True)
while running:
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        _, _, frame, source = heapq.heappop(waiting)
        put(frame, source)
    wait = max(0.0, waiting[0][0] - now) if waiting else 0.2
    for key, _ in selector.select(min(wait, 0.2)):
        for _ in range(64):
            try:
                frame = key.fileobj.recv(1 << 17)
            except BlockingIOError:
                break
            except OSError as e:
                if e.errno != errno.ENETDOWN:
                    raise
                break
            taken(frame, key.data)
print(" ".join(f"{name}={n}" for name, n in counts.items()), flush=True)
