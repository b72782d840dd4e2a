#!/usr/bin/env python3
"""Holds every dialogue of test/talk with a server of its own, in the order of their names."""
import os
import subprocess
import sys

from server import Server

HERE = os.path.dirname(os.path.abspath(__file__))

with Server() as s:
    ports = [f"{name}=127.0.0.1:{port}" for name, port in s.ports.items()]
    p = subprocess.run([sys.executable, os.path.join(HERE, "../talk/run.py"), *ports, *(sys.argv[1:] or [os.path.join(HERE, "../talk")])], timeout=900)
    bad = "level=error" in s.log()
    if p.returncode or bad:
        sys.stderr.write("\n".join(line for line in s.log().splitlines() if "level=info" not in line)[-4000:] + "\n")
    sys.exit(p.returncode or bad)
