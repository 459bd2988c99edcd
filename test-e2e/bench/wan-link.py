#!/usr/bin/python3
"""Emulates a wide area link between this host and a network namespace: delay, loss and rate in each direction.

Usage: wan-link.py NAMESPACE PREFIX DELAY_MS LOSS_PERCENT MBIT_PER_S

The namespace must exist. Two point to point tun devices, PREFIX0 here (10.99.8.1) and PREFIX1 in the namespace (10.99.8.2), are joined by this
process, which holds each packet for the delay, lets them out at the rate, and drops what finds more than 200 ms of queue before it, like a router
with a buffer of that size. It prints "ready" when the link is up, and the link is gone when it ends.
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKETS_IN_A_TURN = 64
QUEUE_SECONDS = 0.2
PR_SET_PDEATHSIG, SIGTERM = 1, 15

namespace, prefix = sys.argv[1], sys.argv[2]
delay, loss, bytes_per_second = float(sys.argv[3]) / 1e3, float(sys.argv[4]) / 100, float(sys.argv[5]) * 1e6 / 8


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def read_packet(device):
    try:
        return os.read(device, 65535)
    except BlockingIOError:
        return None


ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGTERM)
here, there = tun(prefix + "0"), tun(prefix + "1")
ip("link", "set", prefix + "1", "netns", namespace)
ip("addr", "add", "10.99.8.1/24", "dev", prefix + "0")
ip("link", "set", prefix + "0", "up", "txqueuelen", "1000")
ip("-n", namespace, "addr", "add", "10.99.8.2/24", "dev", prefix + "1")
ip("-n", namespace, "link", "set", prefix + "1", "up", "txqueuelen", "1000")
other = {here: there, there: here}
free_at = {here: 0.0, there: 0.0}
on_the_way = []
count = 0
print("ready", flush=True)
while True:
    now = time.monotonic()
    readable, _, _ = select.select([here, there], [], [], max(0, on_the_way[0][0] - now) if on_the_way else 1)
    for device in readable:
        for _ in range(PACKETS_IN_A_TURN):
            packet = read_packet(device)
            if packet is None:
                break
            now = time.monotonic()
            begins = max(now, free_at[device])
            if random.random() < loss or begins - now > QUEUE_SECONDS:
                continue
            free_at[device] = begins + len(packet) / bytes_per_second
            count += 1
            heapq.heappush(on_the_way, (free_at[device] + delay, count, other[device], packet))
    now = time.monotonic()
    while on_the_way and on_the_way[0][0] <= now:
        _, _, device, packet = heapq.heappop(on_the_way)
        try:
            os.write(device, packet)
        except OSError:
            pass
