# Sockets that change hands, and bytes that no counted call shows. Each line of input lets the scene go on by one step.
import ctypes, json, os, socket, sys

libc = ctypes.CDLL(None, use_errno=True)


def step(**facts):
    print(json.dumps(facts), flush=True)
    if sys.stdin.readline() == "":
        sys.exit()


def pair():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    return server, client, accepted


def unix_pair():
    return None, *socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def splice_out(reader, count):
    """Moves bytes from a socket into nothing, past the calls that are counted."""
    into, out = os.pipe()
    null = os.open("/dev/null", os.O_WRONLY)
    while count > 0:
        moved = os.splice(reader.fileno(), out, min(count, 4096)) if hasattr(os, "splice") else 0
        os.splice(into, null, moved)
        count -= moved
    for fd in (into, out, null):
        os.close(fd)


def wait_for(pid):
    os.waitpid(pid, 0)


def hand_over():
    """One process accepts, and passes the descriptor on while data waits in it; another one reads."""
    mine, theirs = socket.socketpair()
    release, hold = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hold)
        _, fds, _, _ = socket.recv_fds(theirs, 1, 1)
        reader = socket.socket(fileno=fds[0])
        theirs.sendall(b"!")
        theirs.recv(1)
        left = 5000
        while left > 0:
            left -= len(reader.recv(left))
        theirs.sendall(b"!")
        os.read(release, 1)
        os._exit(0)
    server, client, accepted = pair()
    step(port=server.getsockname()[1], pid=os.getpid(), child=child)
    client.sendall(b"x" * 5000)
    step()
    socket.send_fds(mine, [b"!"], [accepted.fileno()])
    mine.recv(1)
    accepted.close()
    step()
    mine.sendall(b"!")
    mine.recv(1)
    step()
    os.close(hold)
    wait_for(child)


def splice(make):
    """Two processes hold one socket; data is spliced out of it, which no counted call shows."""
    server, client, accepted = make()
    release, hold = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hold)
        os.read(release, 1)
        os._exit(0)
    step(port=server.getsockname()[1] if server else 0, pid=os.getpid(), child=child)
    client.sendall(b"x" * 7000)
    step()
    splice_out(accepted, 7000)
    step()
    os.close(hold)
    wait_for(child)


def reconnect(first, second):
    """One socket that is disconnected and connected again: TCP starts its counters over."""
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.socket()
    client.connect(server.getsockname())
    accepted, _ = server.accept()
    step(port=server.getsockname()[1], pid=os.getpid())
    for size in (first, second):
        client.sendall(b"x" * size)
        left = size
        while left > 0:
            left -= len(accepted.recv(left))
        if size == first:
            step()
            client.sendall(b"x" * 10000)  # No snapshot needs to see these before the end of the first connection.
            left = 10000
            while left > 0:
                left -= len(accepted.recv(left))
            libc.connect(client.fileno(), b"\0" * 16, 16)  # AF_UNSPEC
            accepted.close()
            client.connect(server.getsockname())
            accepted, _ = server.accept()
    step()


def mptcp():
    """An MPTCP connection: the kernel lists its socket, and the TCP connection below it."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    server.bind(("127.0.0.1", 0))
    server.listen()
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    client.connect(server.getsockname())
    accepted, _ = server.accept()
    step(port=server.getsockname()[1], pid=os.getpid())
    client.sendall(b"x" * 6000)
    left = 6000
    while left > 0:
        left -= len(accepted.recv(left))
    step()


scenes = {
    "mptcp": mptcp,
    "hand-over": hand_over,
    "splice-tcp": lambda: splice(pair),
    "splice-unix": lambda: splice(unix_pair),
    "reconnect-less": lambda: reconnect(20000, 5000),
    "reconnect-more": lambda: reconnect(5000, 30000),
}
scenes[sys.argv[1]]()
