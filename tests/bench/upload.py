"""Upload of a disk image to a sink that takes everything: imgbuild's sender beside boto3 with 64 threads and `aws ebs` calls.

A 4 GiB image with 1 GiB of data, made here and in the page cache; nginx on loopback takes blocks and drops them, over HTTP and
over HTTPS. In the same run: how fast one core digests the same bytes, and how fast it sends them with nothing else to do
(OpenSSL's TLS where that is). What both leave possible together is what a sender is held to.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
RUNS = int(os.environ.get("BENCH_UPLOAD_RUNS", "5"))
BLOCK, MIB = 524288, 1 << 20
SIZE, DATA = 4 << 30, int(os.environ.get("BENCH_UPLOAD_MIB", "1024")) * MIB
SNAPSHOT = "snap-0123456789abcdef0"
TABLE = """label: gpt
first-lba: 2048
start=1MiB, size=1MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
start=2MiB, size=1MiB, type=7F2B93D5-6C1E-8A4D-9B07-3D52E8A4C610
start=4MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
"""
NGINX = """daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 1m; keepalive_requests 10000000; keepalive_timeout 600;
  client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3; uwsgi_temp_path {work}/t4;
  scgi_temp_path {work}/t5; ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem;
  server {{
    listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl;
    location = /snapshots {{ default_type application/json; return 201
      '{{"SnapshotId":"{snapshot}","VolumeSize":4,"BlockSize":524288,"Status":"pending"}}'; }}
    location ^~ /snapshots/completion/ {{ default_type application/json; return 202 '{{"Status":"completed"}}'; }}
    location ^~ /snapshots/ {{ return 201; }}
    location = / {{ default_type text/xml; return 200 '<DescribeSnapshotsResponse><snapshotSet><item><snapshotId>{snapshot}</snapshotId><status>completed</status></item></snapshotSet></DescribeSnapshotsResponse>'; }}
  }}
}}
"""
BOTO3 = """
import base64, hashlib, os, sys
from concurrent.futures import ThreadPoolExecutor
import boto3, botocore.config
client = boto3.client('ebs', verify=os.environ.get('AWS_CA_BUNDLE'), config=botocore.config.Config(max_pool_connections=64))
snapshot = client.start_snapshot(VolumeSize=4)['SnapshotId']
fd = os.open(sys.argv[1], os.O_RDONLY)
def put(index):
    data = os.pread(fd, 524288, index * 524288)
    sum = base64.b64encode(hashlib.sha256(data).digest()).decode()
    client.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockData=data, DataLength=len(data), Checksum=sum,
                              ChecksumAlgorithm='SHA256')
indices = [int(i) for i in open(sys.argv[2]).read().split()]
with ThreadPoolExecutor(64) as pool:
    for _ in pool.map(put, indices):
        pass
"""


def make_image(path, indices):
    """The image, and its list as builder/disk/blocks.h describes it."""
    with open(path, "wb") as f:
        f.truncate(SIZE)
    subprocess.run(["sfdisk", "-q", path], input=TABLE.encode(), check=True, stderr=subprocess.DEVNULL)
    first, count = DATA // BLOCK, SIZE // BLOCK
    chosen = [0] + [8 + i for i in range(first - 2)] + [count - 1]
    noise = os.urandom(16 * MIB)
    digests = [bytes(32)] * count
    with open(path, "r+b", buffering=0) as f:
        for n, i in enumerate(chosen):
            f.seek(i * BLOCK)
            if i in (0, count - 1):
                data = f.read(BLOCK)
            else:
                at = n * 7919 % (15 * MIB)
                data = n.to_bytes(8, "little") + noise[at:at + BLOCK - 8]
                f.seek(i * BLOCK)
                f.write(data)
            digests[i] = hashlib.sha256(data).digest()
        head = b"imgbuild blocks\0" + struct.pack("<IIQQQQ", 1, BLOCK, SIZE, count, 4, 1)
        text = b"".join(digests)
        f.seek(4 * BLOCK)
        f.write((head + hashlib.sha256(head + text).digest()).ljust(512, b"\0") + text)
    chosen.append(4)
    indices.write_text(" ".join(str(i) for i in sorted(chosen)))
    return sorted(chosen)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def sink(work):
    """nginx; its (HTTP port, HTTPS port)."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-out", work / "cert.pem", "-keyout", work / "key.pem"],
                   check=True, capture_output=True)
    ports = free_port(), free_port()
    conf = NGINX.format(work=work, http=ports[0], https=ports[1], snapshot=SNAPSHOT)
    (work / "nginx.conf").write_text(("user root; " if os.geteuid() == 0 else "") + conf)
    with subprocess.Popen(["nginx", "-c", work / "nginx.conf", "-p", work], stderr=subprocess.DEVNULL) as p:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", ports[1])):
                    break
                time.sleep(0.05)
            else:
                sys.exit("nginx does not start: " + (work / "error.log").read_text())
            yield ports
        finally:
            p.terminate()


def measured(argv, env):
    """(wall seconds, CPU seconds, peak MiB) of a process that must succeed."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as told, subprocess.Popen(argv, env=env, stdout=told, stderr=told) as p:
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        told.seek(0)
        if p.returncode != 0:
            sys.exit(f"{argv}: status {p.returncode}: {told.read().decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def hashing(path, chosen):
    """CPU seconds of reading and digesting the blocks, on one core."""
    start = time.process_time()
    buffer = memoryview(bytearray(65536))
    fd = os.open(path, os.O_RDONLY)
    for i in chosen:
        d = hashlib.sha256()
        for at in range(0, BLOCK, len(buffer)):
            os.preadv(fd, [buffer], i * BLOCK + at)
            d.update(buffer)
    os.close(fd)
    return time.process_time() - start


def sending(port, tls, count, connections=8):
    """(wall, CPU) seconds of sending as many blocks, with nothing else to do, from one thread."""
    context = ssl._create_unverified_context() if tls else None
    socks = []
    for _ in range(connections):
        s = socket.create_connection(("127.0.0.1", port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        socks.append(context.wrap_socket(s) if tls else s)
    data = os.urandom(BLOCK)
    head = b"PUT /snapshots/%s/blocks/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % (SNAPSHOT.encode(), BLOCK)
    wall, cpu = time.perf_counter(), time.process_time()
    for n in range(count + connections):
        s = socks[n % connections]
        if n >= connections:
            reply = s.recv(4096)
            assert reply.startswith(b"HTTP/1.1 201"), reply
        if n < count:
            s.sendall(head)
            s.sendall(data)
    for s in socks:
        s.close()
    return time.perf_counter() - wall, time.process_time() - cpu


def aws_calls(image, chosen, env, work):
    """(wall, CPU, peak) of `aws ebs put-snapshot-block`, a call a block, reckoned from four of them."""
    few = chosen[10:14]
    start, cpu, peak = time.perf_counter(), 0, 0
    for i in few:
        with open(image, "rb") as f:
            f.seek(i * BLOCK)
            (work / "block").write_bytes(f.read(BLOCK))
        digest = subprocess.run(["sh", "-c", f"openssl dgst -sha256 -binary {work}/block | base64"], check=True,
                                capture_output=True, text=True).stdout.strip()
        _, used, most = measured(
            ["aws", "ebs", "put-snapshot-block", "--snapshot-id", SNAPSHOT, "--block-index", str(i), "--block-data",
             str(work / "block"), "--data-length", str(BLOCK), "--checksum", digest, "--checksum-algorithm", "SHA256"], env)
        cpu, peak = cpu + used, max(peak, most)
    return (time.perf_counter() - start) / len(few) * len(chosen), cpu / len(few) * len(chosen), peak


def table(title, rows, gib, base):
    print(f"\n{title}")
    print(f"  {'':<42}{'MiB/s':>9}{'ratio':>8}{'CPU s/GiB':>11}{'peak MiB':>10}")
    for name, wall, cpu, peak in rows:
        shown = f"{peak:.0f}" if peak else ""
        print(f"  {name:<42}{gib * 1024 / wall:9.0f}{base / wall:8.2f}{cpu / gib:11.2f}{shown:>10}")


def rates(work, putdisk):
    image, indices = work / "big.raw", work / "indices"
    chosen = make_image(image, indices)
    gib = len(chosen) * BLOCK / (1 << 30)
    (work / "boto.py").write_text(BOTO3)
    env = {**os.environ, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1",
           "AWS_DEFAULT_REGION": "eu-west-1", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
           "AWS_EC2_METADATA_DISABLED": "true", "AWS_CA_BUNDLE": str(work / "cert.pem")}
    with sink(work) as ports:
        for tls, port in enumerate(ports):
            env["AWS_ENDPOINT_URL"] = f"http{'s' * tls}://127.0.0.1:{port}"
            # Before botocore 1.31 the variable says nothing to boto3.
            (work / "boto.py").write_text(BOTO3.replace("'ebs', ", f"'ebs', endpoint_url='{env['AWS_ENDPOINT_URL']}', "))
            commands = {"imgbuild": [putdisk, "upload", image, work / "out", "bench"],
                        "boto3, 64 threads": ["/usr/bin/python3", work / "boto.py", image, indices]}
            found = {name: [] for name in [*commands, "hash", "send"]}
            for n in range(RUNS + 1):
                for name, argv in commands.items():
                    shutil.rmtree(work / "out", ignore_errors=True)
                    (work / "out").mkdir()
                    found[name].append(measured(argv, env))
                digested = hashing(image, chosen)
                found["hash"].append((digested, digested))
                found["send"].append(sending(port, tls, len(chosen)))
                if n == 0:
                    for one in found.values():
                        one.clear()  # the first round warms up
            mid = {name: [statistics.median(x) for x in zip(*runs)] for name, runs in found.items()}
            hashed, sent = mid["hash"], mid["send"]
            possible = hashed[0] + max(sent)
            ours, boto = mid["imgbuild"], mid["boto3, 64 threads"]
            rows = [("imgbuild", *ours), ("boto3, 64 threads", *boto)]
            if shutil.which("aws"):
                argv = dict(env)
                wall, cpu, peak = aws_calls(image, chosen, argv, work)
                rows.append(("aws ebs put-snapshot-block, a call a block", wall, cpu, peak))
            rows += [("SHA-256 of the same bytes, one core", *hashed, 0), ("sending them alone, one core", *sent, 0),
                     ("both together, one core", possible, hashed[1] + sent[1], 0)]
            table(f"Upload of {gib:.2f} GiB of a 4 GiB image over HTTP{'S' * tls} (medians of {RUNS})", rows, gib, ours[0])
            print(f"  imgbuild: {100 * possible / ours[0]:.0f} % of what is possible on one core, "
                  f"{boto[0] / ours[0]:.2f} times boto3's rate at {ours[1] / boto[1]:.2f} of its CPU, peak {ours[2]:.0f} MiB")
    image.unlink()


def difference(work, putdisk, imgbuild):
    """A line of an overlay's file changes: what is sent."""
    project = work / "project"
    for name in ("recipes", "overlays/o/etc"):
        (project / name).mkdir(parents=True)
    subprocess.run(["/usr/bin/python3", TOP / "tests/cli/base.py", project / "base.tar", "20000000"], check=True)
    (project / "recipes/r.yaml").write_text("packages: [a]\noverlays: [o]\nimage: {base: {tar: ../base.tar}, size: 2G}\n")
    images = []
    for line in ("x = 1", "x = 2"):
        (project / "overlays/o/etc/o.conf").write_text("setting = 1\n" * 50 + line + "\n")
        subprocess.run([imgbuild, "-C", project, "r", "disk"], check=True, capture_output=True)
        images.append(work / f"{line[-1]}.raw")
        shutil.move(project / "out/r/disk.raw", images[-1])
    first = json.loads((project / "out/r/disk.json").read_text())["partitions"][1]["start"] // BLOCK
    (work / "state").mkdir()
    with subprocess.Popen(["/usr/bin/python3", TOP / "tests/aws/fake.py", "--state", work / "state", "--ready", work / "url"],
                          stdout=subprocess.DEVNULL) as fake:
        while not (work / "url").exists() or not (work / "url").read_text():
            time.sleep(0.05)
        env = {**os.environ, "AWS_ACCESS_KEY_ID": "AKIAFAKEFAKEFAKEFAKE", "AWS_REGION": "eu-west-1",
               "AWS_SECRET_ACCESS_KEY": "fake+secret/fake+secret/fake+secret/fake", "AWS_EC2_METADATA_DISABLED": "true",
               "AWS_ENDPOINT_URL": (work / "url").read_text().strip()}
        sent, parent = [], []
        for image in (images[0], images[1], images[1]):
            shutil.rmtree(work / "out", ignore_errors=True)
            (work / "out").mkdir()
            words = subprocess.run([putdisk, "upload", image, work / "out", "r", *parent], env=env, check=True,
                                   capture_output=True, text=True).stdout.split()
            sent.append(int(words[5]))
            parent = ["-p", words[0], str(first)]
        fake.terminate()
    print("\nDifference upload (a 2 GiB image; a line of a file of the overlay changes)")
    for name, n in zip(("the whole image", "the changed line", "the same image again"), sent):
        print(f"  {name:<42}{n:6} blocks{n * BLOCK / MIB:9.1f} MiB")


def uploads(work, putdisk, imgbuild):
    for program in ("nginx", "sfdisk", "openssl"):
        if shutil.which(program) is None:
            print(f"{program}: not installed, the upload is left out")
            return
    rates(work, putdisk)
    difference(work, putdisk, imgbuild)
