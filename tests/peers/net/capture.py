"""Writes the payload of every TCP segment that crosses this namespace to FOLDER/SOURCE_DESTINATION_PORTS, as it comes.

Any other IPv4 packet, but the kernel's own IGMP, goes to FOLDER/SOURCE_DESTINATION_other.
"""

import os
import signal
import socket
import struct
import sys

folder = sys.argv[1]
files = {}
seen = set()
running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
sock.settimeout(0.2)
print("capturing", flush=True)


def write(name, data):
    if name not in files:
        files[name] = open(os.path.join(folder, name), "ab", buffering=0)
    files[name].write(data)


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
        write(f"{source}_{destination}_other", body)
        return
    ports = struct.unpack("!HH", body[:4])
    sequence = struct.unpack("!I", body[4:8])[0]
    data = body[(body[12] >> 4) * 4 :]
    # A frame is seen on the port it comes in by and on that it leaves by.
    key = (source, destination, ports, sequence, len(data))
    if data and key not in seen:
        seen.add(key)
        write(f"{source}_{destination}_{ports[0]}-{ports[1]}", data)
    elif not data:
        write(f"{source}_{destination}_{ports[0]}-{ports[1]}", b"")


while running:
    try:
        packet(sock.recv(1 << 17))
    except (TimeoutError, socket.timeout):
        pass
