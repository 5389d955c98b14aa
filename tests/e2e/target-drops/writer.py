# SPDX-License-Identifier: MIT
# writer.py - writes random blocks of disks past the caches, a thread for each, until SIGINT; then
# reads all of them back. Each block carries its number and how often one was written before: one
# that is not as it was acknowledged last ends it with 1.
import mmap, os, random, signal, struct, sys, threading

BLOCK, BLOCKS = 8192, 256
stop = threading.Event()
failures = []
written = 0


def content(block, turn):
    return struct.pack("<QQ", block, turn) * (BLOCK // 16)


def exercise(disk):
    global written
    fd = os.open(disk, os.O_RDWR | os.O_DIRECT)
    buffer, turn, acknowledged = mmap.mmap(-1, BLOCK), 0, {}
    while not stop.is_set():
        turn += 1
        block = random.randrange(BLOCKS)
        buffer[:] = content(block, turn)
        os.pwritev(fd, [buffer], block * BLOCK)
        acknowledged[block] = turn
    for block, turn in acknowledged.items():
        os.preadv(fd, [buffer], block * BLOCK)
        if buffer[:] != content(block, turn):
            failures.append(f"{disk}: block {block} is not as it was written in pass {turn}")
    written += len(acknowledged)


def run(disk):
    try:
        exercise(disk)
    except OSError as e:
        failures.append(f"{disk}: {e}")


signal.signal(signal.SIGINT, lambda *_: stop.set())
threads = [threading.Thread(target=run, args=(disk,)) for disk in sys.argv[1:]]
for t in threads:
    t.start()
while any(t.is_alive() for t in threads):
    for t in threads:
        t.join(0.1)
print(f"{written} blocks", *failures[:10], sep="\n")
sys.exit(bool(failures) or not written)
