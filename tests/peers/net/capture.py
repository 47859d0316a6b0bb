"""Writes what every TCP connection that crosses this namespace carried to FOLDER/SOURCE_DESTINATION_PORTS_N, one file for each
direction, N being the number of the connection between these ports. The bytes are in the order of their sequence numbers,
whatever was lost, doubled or overtaken on the way; a gap, which nobody has received either, ends a file.

Any other IPv4 packet, but the kernel's own IGMP, goes to FOLDER/SOURCE_DESTINATION_other.
"""

import os
import signal
import socket
import struct
import sys

folder = sys.argv[1]
# By source, destination and ports: the connections so far, each a first sequence number and its segments.
flows = {}
others = {}
running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
sock.settimeout(0.2)
print("capturing", flush=True)


def packet(frame):
    if struct.unpack("!H", frame[12:14])[0] != 0x0800:
        return
    ip = frame[14:]
    size, length, protocol = (ip[0] & 15) * 4, struct.unpack("!H", ip[2:4])[0], ip[9]
    source, destination = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
    if protocol == 2:
        # Membership of groups (IGMP): the kernel says so by itself, no process can put anything into it.
        return
    body = ip[size : length or None]
    if protocol != 6:
        others.setdefault((source, destination), bytearray()).extend(body)
        return
    ports = struct.unpack("!HH", body[:4])
    sequence = struct.unpack("!I", body[4:8])[0]
    data = bytes(body[(body[12] >> 4) * 4 :])
    connections = flows.setdefault((source, destination, ports), [])
    begins, after = body[13] & 2, (sequence + 1) % 2**32
    # A frame is seen on the port it comes in by and on that it leaves by, and may come again.
    if begins and not any(first == after for first, _ in connections):
        connections.append((after, {}))
    if data and connections:
        first, segments = connections[-1]
        at = (sequence + (1 if begins else 0) - first) % 2**32
        if len(segments.get(at, b"")) < len(data):
            segments[at] = data
    elif data:
        # It began before this did.
        connections.append((sequence, {0: data}))


def whole(segments):
    out = bytearray()
    for at in sorted(segments):
        if at > len(out):
            break
        out += segments[at][len(out) - at :] if at + len(segments[at]) > len(out) else b""
    return out


while running:
    try:
        packet(sock.recv(1 << 17))
    except (TimeoutError, socket.timeout):
        pass
received, dropped = struct.unpack("II", sock.getsockopt(263, 6, 8))
if dropped:
    sys.exit(f"{dropped} of {received} packets were not seen")
for (source, destination, ports), connections in flows.items():
    for n, (_, segments) in enumerate(connections):
        with open(os.path.join(folder, f"{source}_{destination}_{ports[0]}-{ports[1]}_{n}"), "wb") as out:
            out.write(whole(segments))
for (source, destination), data in others.items():
    with open(os.path.join(folder, f"{source}_{destination}_other"), "wb") as out:
        out.write(data)
