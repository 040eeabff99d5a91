"""Run one stage of a build: one line on the screen, everything it prints in a log.

    python tools/stage.py NAME LOG HINT COMMAND...

A stage that fails ends the build: the last lines of its log, then what to do about it. Standard
library only, and nothing newer than Python 3.6, so that a Python too old for the package still gets
as far as the message that says so.
"""

import os
import subprocess
import sys
import time

TAIL = 30


def stop(name, why, what_to_do):
    """End the build with a message that says what to do."""
    sys.stdout.flush()
    sys.exit(f"\n{name}: {why}\nWhat to do: {what_to_do}")


def run(name, log, hint, command, env=None):
    """Run ``command``, adding both its streams to the file ``log``.

    ``hint`` is what to do if it fails, or a function that works that out from what was printed.
    """
    print(f"{name:<44}", end="", flush=True)
    started = time.time()
    os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
    with open(log, "ab") as out:
        out.write(f"$ {' '.join(command)}\n".encode("utf-8", "surrogateescape"))
        out.flush()
        begin = out.tell()
        try:
            code = subprocess.call(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env
            )
        except OSError as error:
            out.write(f"{error}\n".encode())
            code = 127
        except KeyboardInterrupt:
            sys.exit(f"\n{name}: interrupted; run make again to go on")
    seconds = time.time() - started
    if code == 0:
        print(f"{seconds:6.0f} s", flush=True)
        return
    print(f"FAILED after {seconds:.0f} s", flush=True)
    with open(log, "rb") as out:
        out.seek(begin)
        text = out.read().decode("utf-8", "replace")
    lines = text.rstrip().splitlines()
    shown = lines[-TAIL:]
    print(f"\n--- the last {len(shown)} of {len(lines)} lines, from {log}", file=sys.stderr)
    print("\n".join(shown), "---", sep="\n", file=sys.stderr)
    why = f"exit status {code}" if code > 0 else f"killed by signal {-code}"
    if code == -9:
        why += ", which is what the system does when memory runs out"
    stop(name, why, hint(text) if callable(hint) else hint)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    if os.path.exists(sys.argv[2]):
        os.remove(sys.argv[2])
    run(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
