"""A client that was written from protocol/PROTOCOL.md alone, in Python without libraries.

Usage: stranger.py [--leases] SOCKET. Reads lines of JSON {"operation", "arguments"} from standard input, where {"bin": hex}
means octets, and writes each reply's status and content as a line of JSON. Sends all requests before it reads a reply. With
--leases it answers one after the other, keeps leases, and adds "leased" to what it writes: whether a lease gave the reply.
"""
import hmac
import json
import mmap
import os
import socket
import struct
import sys
import time


def pack(value):
    if value is None:
        return b"\xc0"
    if value is True or value is False:
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value)  # any encoding of an integer is allowed
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, str):
        data = value.encode()
        return struct.pack(">BH", 0xDA, len(data)) + data
    if isinstance(value, list):
        return struct.pack(">BH", 0xDC, len(value)) + b"".join(map(pack, value))
    return struct.pack(">BH", 0xDE, len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())


def unpack(data, at=0):
    head = data[at]
    at += 1
    if head < 0x80:
        return head, at
    if head < 0x90:
        return unpack_map(data, at, head & 15)
    if head < 0xA0:
        return unpack_list(data, at, head & 15)
    if head < 0xC0:
        return data[at:at + (head & 31)].decode(), at + (head & 31)
    if head in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[head], at
    sizes = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4,
             0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
    size = sizes[head]
    number = int.from_bytes(data[at:at + size], "big")
    at += size
    if head <= 0xC6:
        return data[at:at + number], at + number
    if head <= 0xCF:
        return number, at
    if head <= 0xDB:
        return data[at:at + number].decode(), at + number
    return unpack_list(data, at, number) if head <= 0xDD else unpack_map(data, at, number)


def unpack_list(data, at, count):
    values = []
    for _ in range(count):
        value, at = unpack(data, at)
        values.append(value)
    return values, at


def unpack_map(data, at, count):
    values = {}
    for _ in range(count):
        key, at = unpack(data, at)
        values[key], at = unpack(data, at)
    return values, at


def octets(value):
    if isinstance(value, dict):
        return bytes.fromhex(value["bin"]) if "bin" in value else {k: octets(v) for k, v in value.items()}
    return [octets(v) for v in value] if isinstance(value, list) else value


def read_exactly(connection, length):
    data = b""
    while len(data) < length:
        more = connection.recv(length - len(data))
        if not more:
            raise SystemExit("the daemon closed the connection")
        data += more
    return data


class EpochFile:
    """The number beside a socket, mapped."""

    def __init__(self, path):
        self.path = path + ".epoch"
        self.map = None
        self.open()

    def open(self):
        self.map = None
        try:
            file = os.open(self.path, os.O_RDONLY)
        except OSError:
            return
        try:
            if os.fstat(file).st_size >= 8:
                self.map = mmap.mmap(file, 8, mmap.MAP_SHARED, mmap.PROT_READ)
        finally:
            os.close(file)

    def read(self):
        return None if self.map is None else int.from_bytes(self.map[:8], sys.byteorder)


class Leases:
    """What a client may answer itself. The keys of the table are HMACs: no password is kept."""

    LIMIT = 1000

    def __init__(self, connection, path):
        self.connection = connection
        self.epoch = EpochFile(path)
        self.secret = os.urandom(32)
        self.table = {}
        self.given = {}
        self.number = 0

    def now(self):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e6

    def ask(self, operation, arguments):
        if operation not in ("check", "authorize"):
            return {**self.exchange(operation, arguments), "leased": False}
        # What changes no answer is no part of the key.
        asked = {key: value for key, value in arguments.items() if key not in ("client", "deadline_ms")}
        key = hmac.digest(self.secret, pack([operation, asked]), "sha256")
        site = arguments.get("site")
        kept = self.table.get(key)
        if kept is not None:
            reply, until, epoch = kept
            if self.now() < until and self.epoch.read() == epoch:
                self.given[site] = self.given.get(site, 0) + 1
                return {**reply, "leased": True}
            del self.table[key]
        began = self.now()
        reply = self.exchange(operation, {**arguments, "lease": True, "leased": self.given.pop(site, 0)})
        content = reply["content"]
        if "lease_ms" in content and self.holds(content["lease_epoch"]):
            if len(self.table) >= self.LIMIT:
                self.table.clear()
            self.table[key] = reply, began + content["lease_ms"], content["lease_epoch"]
        return {**reply, "leased": False}

    def holds(self, epoch):
        if self.epoch.read() != epoch:
            self.epoch.open()  # once: the file may be another one by now
        return self.epoch.read() == epoch

    def exchange(self, operation, arguments):
        self.number += 1
        send(self.connection, self.number, operation, arguments)
        number, reply = receive(self.connection)
        assert number == self.number
        return reply


def send(connection, number, operation, arguments):
    body = pack([1, number, operation, arguments])
    connection.sendall(struct.pack(">I", len(body)) + body)


def receive(connection):
    (length,) = struct.unpack(">I", read_exactly(connection, 4))
    (version, number, status, content), end = unpack(read_exactly(connection, length))
    assert version == 1 and end == length
    return number, {"status": status, "content": content}


*options, path = sys.argv[1:]
connection = socket.socket(socket.AF_UNIX)
connection.connect(path)
if options == ["--leases"]:
    leases = Leases(connection, path)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(leases.ask(request["operation"], octets(request["arguments"]))), flush=True)
else:
    requests = [json.loads(line) for line in sys.stdin]
    for number, request in enumerate(requests):
        send(connection, number, request["operation"], octets(request["arguments"]))
    replies = {}
    for _ in requests:
        number, reply = receive(connection)
        assert number not in replies
        replies[number] = reply
    for number in range(len(requests)):
        print(json.dumps(replies[number]))
