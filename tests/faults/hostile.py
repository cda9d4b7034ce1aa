"""A server on loopback that does what a broken or hostile one does, each connection the same:
hang (accepts, says nothing), drip (a byte now and then), flood (a body without end), headers
(headers without end), garbage (bytes that are no HTTP), cut (half of what it promised), answer
(what `body` holds, as a good one does), raw (`body` and nothing else)."""

import socket
import threading


class Hostile:
    def __init__(self):
        self.mode, self.body = "hang", b""
        self.served = 0     # connections
        self.sent = 0       # bytes, the largest of any connection
        self.ended = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.served += 1
            threading.Thread(target=self.serve, args=(connection, self.mode), daemon=True).start()

    def serve(self, connection, mode):
        with connection:
            try:
                connection.settimeout(30)
                if mode != "hang":
                    connection.recv(65536)
                getattr(self, mode)(connection)
            except OSError:
                pass

    def hang(self, connection):
        self.ended.wait(30)

    def drip(self, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 100000\r\n\r\n")
        for _ in range(600):
            connection.sendall(b" ")
            if self.ended.wait(0.1):
                return

    def flood(self, connection):
        sent, block = 0, b" " * 65536
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 1073741824\r\n\r\n{")
        while sent < 1 << 30 and not self.ended.is_set():
            connection.sendall(block)
            sent += len(block)
            self.sent = max(self.sent, sent)

    def headers(self, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(100000):
            connection.sendall(b"X-Endless-%d: %s\r\n" % (number, b"x" * 1000))
            if self.ended.is_set():
                return

    def garbage(self, connection):
        connection.sendall(bytes(range(256)) * 64)

    def cut(self, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 1000\r\n\r\n{\"keys\":[")

    def answer(self, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(self.body) + self.body)

    def raw(self, connection):
        connection.sendall(self.body)

    def close(self):
        self.ended.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(10)
