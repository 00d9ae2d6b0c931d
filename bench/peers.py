# The other programs of the benchmarks: `bulk BYTES`, `pingpong MESSAGES`, `short CONNECTIONS SECONDS`, `hold CONNECTIONS`.
import os, resource, socket, struct, sys, time

what, *numbers = sys.argv[1:]
n = int(numbers[0])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 0))
s.listen(4096)
port = s.getsockname()[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def used():
    """Seconds of processor that this program and its children took: unlike the time of the clock, other programs hardly change it."""
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(r.ru_utime + r.ru_stime for r in both)


def bulk():
    if os.fork() == 0:
        c, _ = s.accept()
        buffer = bytearray(1 << 20)
        while c.recv_into(buffer):
            pass
        os._exit(0)
    c = socket.create_connection(("127.0.0.1", port))
    data = bytes(1 << 18)
    for _ in range(n // len(data)):
        c.sendall(data)
    c.close()
    os.wait()
    print(used(), flush=True)


def pingpong():
    if os.fork() == 0:
        c, _ = s.accept()
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := c.recv(64):
            c.send(data)
        os._exit(0)
    c = socket.create_connection(("127.0.0.1", port))
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(n):
        c.send(b"ping")
        c.recv(64)
    c.close()
    os.wait()
    print(used(), flush=True)


def short():
    if os.fork() == 0:
        for _ in range(n):
            c, _ = s.accept()
            c.recv(100)
            c.close()
        os._exit(0)
    start = time.monotonic()
    seconds = float(numbers[1])
    for i in range(n):
        c = socket.create_connection(("127.0.0.1", port))
        c.send(b"x" * 50)
        c.recv(1)
        c.close()
        ahead = start + seconds * i / n - time.monotonic()
        if ahead > 0.005:
            time.sleep(ahead)
    os.wait()
    print(time.monotonic() - start, flush=True)


def hold():
    held = []
    for _ in range(n):
        c = socket.create_connection(("127.0.0.1", port))
        # Reset at the end: sockets in TIME_WAIT would be among those of the next run.
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        held += [c, s.accept()[0]]
    print("ready", flush=True)
    sys.stdin.readline()


{"bulk": bulk, "pingpong": pingpong, "short": short, "hold": hold}[what]()
