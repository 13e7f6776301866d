"""A disk that is full, for scripts that tests run in a process of their own."""

SOURCE = """
import os, resource, signal, sys

def full_disk(limit):
    "Let no file grow beyond a size; a write that would gets an error and not a signal."
    # Python itself would leave cut bytecode of modules beside their source, for all others.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
"""
