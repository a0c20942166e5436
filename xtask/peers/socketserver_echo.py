"""Echo on socketserver, a thread for each connection. Says where it listens, then serves for ever."""

import socketserver
import sys

BUFFER_BYTES = 64 << 10


class Echo(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        while data := self.request.recv(BUFFER_BYTES):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 4096


host, port = sys.argv[1].rsplit(":", 1)
with Server((host, int(port)), Echo) as server:
    print("%s:%d" % server.server_address, flush=True)
    server.serve_forever()
