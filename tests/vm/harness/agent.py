#!/usr/bin/python3
"""The end of the command channel that lives in a guest.

One JSON object a line arrives on a virtio-serial port and one goes back: {"id", "argv", "input",
"timeout"} is answered by {"id", "rc", "out", "err"}. A command that outlives its time is killed
with all it started (rc 124, as timeout(1) has it). Commands run one after another.
"""
import json
import os
import signal
import subprocess
import sys

PORT = "/dev/virtio-ports/vm.agent"


def execute(request):
    """Runs one command and returns what it left."""
    try:
        child = subprocess.Popen(request["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, start_new_session=True)
    except OSError as error:
        return {"rc": 127, "out": "", "err": str(error)}
    rc = None
    try:
        out, err = child.communicate(request.get("input", "").encode("latin-1"),
                                     request.get("timeout", 30))
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
        rc = 124
    return {"rc": child.returncode if rc is None else rc,
            "out": out.decode("utf-8", "replace"), "err": err.decode("utf-8", "replace")}


def main(path):
    with open(path, "r+b", buffering=0) as port:
        port.write(b'{"hello": 1}\n')
        pending = b""
        while True:
            pending += port.read(65536)
            *lines, pending = pending.split(b"\n")
            for line in filter(None, lines):
                request = json.loads(line)
                answer = dict(execute(request), id=request["id"])
                data = json.dumps(answer).encode() + b"\n"
                while data:
                    data = data[port.write(data):]


if __name__ == "__main__":
    main(*sys.argv[1:] or [PORT])
