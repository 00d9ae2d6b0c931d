# Moves known bytes in many ways; each process counts its own. Prints {"pid": [in, out]} at the end.
import array, json, os, signal, socket, struct, sys, tempfile, time

report_read, report_write = os.pipe()
children = []


def run(work):
    """Runs work() in a process of its own; returns how many bytes it received and sent."""
    pid = os.fork()
    if pid:
        children.append(pid)
        return pid
    got, sent = work()
    os.write(report_write, (json.dumps([os.getpid(), got, sent]) + "\n").encode())
    os._exit(0)


def listen(family=socket.AF_INET):
    s = socket.socket(family)
    s.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    s.listen(64)
    return s


def read_all(c):
    got = 0
    while data := c.recv(65536):
        got += len(data)
    return got


def server(s, connections, answer=b""):
    def work():
        got = sent = 0
        for _ in range(connections):
            c, _ = s.accept()
            got += read_all(c)
            if answer:
                c.sendall(answer)
                sent += len(answer)
            c.close()
        return got, sent
    return work


def client(s, connections, size):
    def work():
        got = sent = 0
        data = b"x" * min(size, 1 << 20)
        for _ in range(connections):
            c = socket.create_connection(s.getsockname()[:2])
            left = size
            while left:
                n = c.send(data[:left])
                left -= n
                sent += n
            c.shutdown(socket.SHUT_WR)
            got += read_all(c)
            c.close()
        return got, sent
    return work


def plain(connections, size, family=socket.AF_INET, answer=b""):
    s = listen(family)
    run(server(s, connections, answer))
    run(client(s, connections, size))
    s.close()


def sendfile():
    s = listen()
    run(server(s, 1))

    def work():
        with tempfile.TemporaryFile() as f:
            f.write(b"f" * 1_234_567)
            f.flush()
            c = socket.create_connection(s.getsockname())
            sent = 0
            while n := os.sendfile(c.fileno(), f.fileno(), sent, 1 << 20):
                sent += n
            c.close()
            return 0, sent
    run(work)
    s.close()


def splice():
    s = listen()

    def work():
        c, _ = s.accept()
        r, w = os.pipe()
        got = 0
        while n := os.splice(c.fileno(), w, 65536):
            got += n
            left = n
            while left:
                left -= len(os.read(r, left))
        c.close()
        return got, 0
    run(work)
    run(client(s, 1, 777_777))
    s.close()


def shared():
    """Two processes read one connection, and two write the other end."""
    s = listen()
    c = socket.create_connection(s.getsockname())
    a, _ = s.accept()
    s.close()

    def reader():
        return read_all(a), 0

    def writer(size):
        def work():
            sent = 0
            for _ in range(size):
                c.sendall(b"w" * 100)
                sent += 100
            return 0, sent
        return work
    for _ in range(2):
        run(lambda: (c.close(), reader())[1])
    writers = [run(lambda n=n: (a.close(), writer(n)())[1]) for n in (300, 500)]
    a.close()
    c.close()
    return writers


def passed():
    """A process connects and passes the connection to another one, which sends."""
    s = listen()
    run(server(s, 1))
    here, there = socket.socketpair(socket.AF_UNIX)

    def giver():
        c = socket.create_connection(s.getsockname())
        c.sendall(b"1" * 11)
        here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [c.fileno()]))])
        return 0, 11

    def taker():
        _, extra, _, _ = there.recvmsg(1, socket.CMSG_LEN(4))
        c = socket.socket(fileno=struct.unpack("i", extra[0][2])[0])
        c.sendall(b"2" * 22_222)
        c.close()
        return 0, 22_222
    run(giver)
    run(taker)
    s.close()


def reset():
    """Reads everything, then closes with a reset."""
    s = listen()

    def work():
        c, _ = s.accept()
        got = 0
        while got < 5000:
            got += len(c.recv(5000))
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        return got, 0
    run(work)

    def sender():
        c = socket.create_connection(s.getsockname())
        c.sendall(b"r" * 5000)
        try:
            c.recv(1)
        except ConnectionResetError:
            pass
        c.close()
        return 0, 5000
    run(sender)
    s.close()


def killed():
    """Sends, and is killed before it can close."""
    s = listen()
    run(server(s, 1))

    def work():
        c = socket.create_connection(s.getsockname())
        c.sendall(b"k" * 4321)
        os.write(report_write, (json.dumps([os.getpid(), 0, 4321]) + "\n").encode())
        os.kill(os.getpid(), signal.SIGKILL)
    run(work)
    s.close()


def datagrams(family=socket.AF_INET):
    r = socket.socket(family, socket.SOCK_DGRAM)
    r.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    to = r.getsockname()

    def receiver():
        got = 0
        for _ in range(100):
            got += len(r.recv(2000))
        return got, 0

    def sender():
        s = socket.socket(family, socket.SOCK_DGRAM)
        sent = 0
        for i in range(100):
            sent += s.sendto(b"u" * (i + 1), to)
        return 0, sent
    run(receiver)
    run(lambda: (r.close(), sender())[1])
    r.close()


def unix_pair():
    a, b = socket.socketpair()
    run(lambda: (b.close(), [a.sendall(b"p" * 1000) for _ in range(123)], a.close(), (0, 123_000))[-1])
    run(lambda: (a.close(), (read_all(b), 0))[1])
    a.close()
    b.close()


def unix_datagrams():
    name = f"\0sockscope-{os.getpid()}"
    r = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    r.bind(name)
    run(lambda: (sum(len(r.recv(2000)) for _ in range(50)), 0))

    def sender():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        return 0, sum(s.sendto(b"d" * (i + 1), name) for i in range(50))
    run(lambda: (r.close(), sender())[1])
    r.close()


BIG = 2 ** 32 + 2 ** 30 + 12_345


def big(how, family=socket.AF_INET):
    """More bytes on one connection than 32 bits can count. The receiver throws them away unread: that is fast, and counts."""
    s = listen(family)

    def receiver():
        c, _ = s.accept()
        got = 0
        buffer = bytearray(1 << 20)
        while n := c.recv_into(buffer, 0, socket.MSG_TRUNC):
            got += n
        return got, 0

    def sender():
        c = socket.create_connection(s.getsockname()[:2])
        sent = 0
        with tempfile.TemporaryFile() as f:
            f.write(bytes(1 << 22))
            f.flush()
            data = bytes(1 << 20)
            r, w = os.pipe()
            while sent < BIG:
                left = min(BIG - sent, 1 << 22)
                if how == "send":
                    sent += c.send(data[:left])
                elif how == "sendfile":
                    sent += os.sendfile(c.fileno(), f.fileno(), 0, left)
                else:
                    part = os.splice(f.fileno(), w, min(left, 65536), offset_src=0)
                    while part:
                        n = os.splice(r, c.fileno(), part)
                        part -= n
                        sent += n
        c.close()
        return 0, sent
    run(receiver)
    run(sender)
    s.close()


def internet():
    plain(1, 1)
    plain(1, 0)
    plain(3, 20_000_000)
    plain(200, 1234, answer=b"a" * 321)
    plain(20, 1000, socket.AF_INET6, b"six")
    sendfile()
    splice()
    shared()
    passed()
    reset()
    killed()
    datagrams()
    datagrams(socket.AF_INET6)


sys.stdin.readline()  # Until somebody watches.
if sys.argv[1:] == ["unix"]:
    unix_pair()
    unix_datagrams()
elif sys.argv[1:2] == ["big"]:
    big(sys.argv[2], socket.AF_INET6 if sys.argv[3:] else socket.AF_INET)
else:
    internet()
os.close(report_write)
for pid in children:
    os.waitpid(pid, 0)
truth = {}
with os.fdopen(report_read) as lines:
    for line in lines:
        pid, got, sent = json.loads(line)
        truth[pid] = [got, sent]
print(json.dumps(truth))
