"""Ctrl-C while modules are loaded."""

import signal
import subprocess
import sys
import threading

from quickstudy.cli.interrupt import CODE, loading

PROGRAM = """
import os, signal
from quickstudy.cli.interrupt import loading
with loading():
    os.kill(os.getpid(), signal.SIGINT)
    print("still here")
"""


def test_ctrl_c_ends_the_process_at_once_and_quietly():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (CODE, "", "interrupted\n")


def test_another_thread_leaves_the_handler_alone():
    seen = []

    def look():
        with loading():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
