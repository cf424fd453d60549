"""Commands as whole processes, in turn, as ratios to the first."""
import os
import statistics
import subprocess
import sys
import time

RUNS = int(os.environ.get("BENCH_RUNS", "15"))


def run(argv, cwd=None):
    """One run: (wall seconds, peak memory in KiB). The command must succeed."""
    start = time.perf_counter()
    with open(os.devnull, "r+b") as null:
        p = subprocess.Popen(argv, cwd=cwd, stdin=null, stdout=null, stderr=subprocess.PIPE)
        error = p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
    wall = time.perf_counter() - start
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        sys.exit(f"{argv}: status {p.returncode}: {error.decode(errors='replace')}")
    return wall, usage.ru_maxrss


def memory(peak, floor):
    return f"{peak / 1024:.1f}" if peak > floor * 1.02 else f"< {floor / 1024:.1f}"


def compare(title, commands, runs=RUNS, before=None):
    """Run the commands in turn; print medians and the ratio to the first."""
    print(f"\n{title}")
    floor = run(["true"])[1]  # a child counts the memory it shared with this script before it began
    results = {name: [] for name, _ in commands}
    for i in range(runs + 1):
        turn = i % len(commands)  # what a command leaves behind is not always met by the same one
        for name, argv in commands[turn:] + commands[:turn]:
            if before:
                before(name)
            result = run(argv)
            if i > 0:  # the first round warms up
                results[name].append(result)
    base = statistics.median(r[0] for r in results[commands[0][0]])
    print(f"  {'':<34}{'median ms':>10}{'min':>9}{'max':>9}{'ratio':>8}{'peak MiB':>10}")
    for name, _ in commands:
        walls = [r[0] * 1000 for r in results[name]]
        median = statistics.median(walls)
        print(f"  {name:<34}{median:10.1f}{min(walls):9.1f}{max(walls):9.1f}{median / 1000 / base:8.2f}"
              f"{memory(max(r[1] for r in results[name]), floor):>10}")
    return results
