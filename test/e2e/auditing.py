"""test/e2e/auditing.py - runs `postrider audit` and nmap against a port of this machine"""
import json
import subprocess

from server import BINARY

CLEAN, FINDINGS, UNTESTED = 0, 1, 2


def run_audit(port, *args):
    """(status, what --json says)"""
    p = subprocess.run([BINARY, "audit", f"127.0.0.1:{port}", "--json", "--timeout", "10", *args], text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=300)
    assert p.stderr == "", p.stderr
    return p.returncode, json.loads(p.stdout)


def found(told):
    return {f["id"] for f in told["findings"] if f["severity"] != "note"}


def notes(told):
    return {f["id"] for f in told["findings"] if f["severity"] == "note"}


def nmap(port, scripts, *args):
    """A + before a script: it runs although nmap does not know the port for SMTP's."""
    p = subprocess.run(["nmap", "-Pn", "-n", "-p", str(port), "--script", scripts, *args, "127.0.0.1"], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180)
    return p.stdout
