"""Processes, and what /proc tells of them and of the machine. Times are in seconds, sizes in millions of bytes."""

import os
import pathlib
import platform
import resource
import signal
import statistics
import subprocess
import time

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """The run is over; the message says why."""


def run(*command, input="", capture=True):
    """Runs a command to its end and returns what it printed."""
    pipe = subprocess.PIPE if capture else None
    # In a group of its own, so that its children end with it.
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=pipe, stderr=pipe, text=True, process_group=0)
    try:
        output, errors = process.communicate(input)
    finally:
        kill(process)
    if process.returncode:
        raise Failure(f"{command[0]}: exit status {process.returncode}\n{output or ''}{errors or ''}")
    return output


def kill(process):
    """Ends a process and its group, if it has not ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def cpu(pid, field=14):
    """CPU time of a process. Fields 14 and 15 of /proc/PID/stat, see proc(5), are its own; 16 and 17 its ended children's."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[field - 3]) + int(fields[field - 2])) * TICK


def family_cpu(pid):
    """CPU time of a process and of its children, ended or not. Each child has one thread."""
    while True:
        ended, living = cpu(pid, 16), 0
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            try:
                # In nanoseconds: hundreds of children, rounded to ticks, would lose seconds.
                living += int(pathlib.Path(f"/proc/{child}/schedstat").read_text().split()[0]) / 1e9
            except (FileNotFoundError, ProcessLookupError):
                pass
        # A child that ended meanwhile may be in both sums or in none.
        if cpu(pid, 16) == ended:
            return cpu(pid) + ended + living


def own_cpu():
    """CPU time of this process and of its children that have ended."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def machine_cpu():
    """CPU time that passed on all processors, and how much of it was used."""
    ticks = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    user, nice, system, idle, iowait, irq, softirq, steal = (int(number) * TICK for number in ticks)
    # Interrupts count as unused: most of them are our own network traffic.
    used = user + nice + system + steal
    return used + idle + iowait + irq + softirq, used


def memory(pid, name):
    """VmRSS is what is resident, VmHWM its peak since forget_peak."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise Failure(f"/proc/{pid}/status has no {name}")


def forget_peak(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def describe(directory):
    """One line about the machine and the disk that holds the directory."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "unnamed processor")
    times = []
    with open(directory / "flushes", "wb", buffering=0) as file:
        for _ in range(200):
            begin = time.perf_counter()
            os.pwrite(file.fileno(), b"U" * 8192, 0)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    flush = statistics.median(times) * 1e3
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}; 8 kB reach the disk in {flush:.3f} ms"
