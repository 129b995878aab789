"""A client that was written from protocol/PROTOCOL.md alone, in Python without libraries.

Usage: stranger.py SOCKET. Reads lines of JSON {"operation", "arguments"} from standard input, where {"bin": hex} means
octets, and writes each reply's status and content as a line of JSON. Sends all requests before it reads a reply.
"""
import json
import socket
import struct
import sys


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


connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
requests = [json.loads(line) for line in sys.stdin]
for number, request in enumerate(requests):
    body = pack([1, number, request["operation"], octets(request["arguments"])])
    connection.sendall(struct.pack(">I", len(body)) + body)
replies = {}
for _ in requests:
    (length,) = struct.unpack(">I", read_exactly(connection, 4))
    (version, number, status, content), end = unpack(read_exactly(connection, length))
    assert version == 1 and end == length and number not in replies
    replies[number] = {"status": status, "content": content}
for number in range(len(requests)):
    print(json.dumps(replies[number]))
