"""What guests fetch from this machine's loopback: a folder of files over plain HTTP."""
import functools
import hashlib
import http.server
import os
import subprocess
import threading


class Files:
    """Serves a folder; `port` is chosen by the system, `seen` lists the paths asked for."""

    def __init__(self, folder):
        seen = self.seen = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                seen.append(self.path)

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def write_index(folder):
    """Makes a folder of .deb files a flat apt repository."""
    with open(os.path.join(folder, "Packages"), "w", encoding="utf-8") as index:
        for name in sorted(os.listdir(folder)):
            if name.endswith(".deb"):
                path = os.path.join(folder, name)
                control = subprocess.run(["dpkg-deb", "--field", path], capture_output=True,
                                         text=True, check=True).stdout
                with open(path, "rb") as file:
                    data = file.read()
                index.write("%s\nFilename: ./%s\nSize: %d\nSHA256: %s\n\n"
                            % (control.rstrip("\n"), name, len(data),
                               hashlib.sha256(data).hexdigest()))
