"""From nothing to a running altmonitor: python3 setup_wizard.py

Needs Python 3.11 or newer and nothing else: makes .venv, installs what requirements.lock names (each file by its hash)
into it, and goes on inside it with `altmonitor setup`. What was done already is not done again.
"""
# Every Python 3, however old, must be able to read this file, so that it can say what is missing.
# ruff: noqa: T201, S603, S606 — it speaks to a person, and starts programs it names itself

import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, ".venv")
LOCK = os.path.join(HERE, "requirements.lock")
STAMP = os.path.join(VENV, ".altmonitor-installed")
OLDEST = (3, 11)
FAILED, INTERRUPTED = 1, 130
BAR_WIDTH = 30

BY_HAND = """\
The setup asks questions and needs a terminal. Without one, do this by hand:
  1. write to @BotFather in Telegram, send /newbot, and copy the token it gives you
  2. write any message to your new bot, and find your chat id (for instance with @userinfobot)
  3. put both into .env beside this file, readable by you alone (chmod 600):
       TG_BOT_TOKEN=123456:ABC...
       TG_CHAT_ID=123456789
  4. python3 -m venv .venv
     .venv/bin/pip install --require-hashes -r requirements.lock
  5. .venv/bin/python -m altmonitor doctor   says whether everything is right
  6. .venv/bin/python -m altmonitor run"""


class Stopped(Exception):
    """One clear message: what failed, what was seen, what to do. Running this again goes on from there."""


def main() -> int:
    if sys.version_info < OLDEST:
        print(f"altmonitor needs Python 3.11 or newer; this is {sys.version_info[0]}.{sys.version_info[1]}.")
        print("Install a newer one (https://www.python.org/downloads/), then: python3.11 setup_wizard.py")
        return FAILED
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(BY_HAND)
        return FAILED
    try:
        os.chdir(HERE)
        if not is_installed():
            make_venv()
            install()
            make_importable()
            with open(STAMP, "w", encoding="utf-8") as file:
                file.write(lock_hash())
    except Stopped as problem:
        print(f"\n{problem}\nNothing else was changed. Solve it and run this again.")
        return FAILED
    except OSError as problem:
        print(f"\n{problem.filename or 'The disk'}: {problem.strerror}")
        print("Make this folder writable for you, or free some space, and run this again.")
        return FAILED
    return go_on()


def is_installed() -> bool:
    try:
        with open(STAMP, encoding="utf-8") as file:
            return file.read() == lock_hash() and os.path.exists(python_in_venv())
    except OSError:
        return False


def lock_hash() -> str:
    """Of what was installed, into where: a folder that was moved is installed anew."""
    with open(LOCK, "rb") as file:
        return hashlib.sha256(file.read() + HERE.encode()).hexdigest()


def python_in_venv() -> str:
    folder = "Scripts" if os.name == "nt" else "bin"
    return os.path.join(VENV, folder, "python.exe" if os.name == "nt" else "python")


def make_venv() -> None:
    print("Making .venv ...", flush=True)
    made = run([sys.executable, "-m", "venv", VENV])
    works = made.returncode == 0 and run([python_in_venv(), "-m", "pip", "--version"]).returncode == 0
    if works:
        return
    seen = (made.stdout + made.stderr).strip()
    way_out = "delete the folder .venv and run this again"
    if "ensurepip" in seen or "python3-venv" in seen or made.returncode == 0:
        way_out = "install Python's venv and pip (Debian, Ubuntu: sudo apt install python3-venv)"
    elif "Permission denied" in seen or "Read-only" in seen:
        way_out = f"make the folder {HERE} writable for you"
    elif "No space left" in seen:
        way_out = "free some space (about 300 MB)"
    raise Stopped(f"Python could not make .venv.\nSeen: {last_line(seen)}\nDo: {way_out}")


def install() -> None:
    """With a bar: pip names each package as it comes to it."""
    command = [python_in_venv(), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "--require-hashes", "-r", LOCK]
    with open(LOCK, encoding="utf-8") as file:
        total = sum(1 for line in file if line[:1].strip() and line[0] not in "#-")
    said = [""]
    done = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        for line in pip.stdout or ():
            said.append(line.rstrip())
            if line.startswith(("Collecting", "Ignoring", "Requirement already")):
                done = min(total, done + 1)
                bar(done, total, "looking at")
            elif line.startswith("Installing"):
                bar(total, total, "unpacking ")
    print()
    if pip.returncode != 0:
        raise Stopped("Installing failed.\n" + explain("\n".join(said)))


def bar(done: int, total: int, what: str) -> None:
    filled = BAR_WIDTH * done // max(1, total)
    sys.stdout.write(f"\rInstalling [{'#' * filled:.<{BAR_WIDTH}}] {what} {done} of {total} ")
    sys.stdout.flush()


def explain(said: str) -> str:
    """What pip said last, and what to do about it."""
    errors = [line for line in said.splitlines() if "error" in line.lower()] or [last_line(said)]
    ways_out = (
        ("No space left", "free some space (about 300 MB)"),
        ("Permission denied", f"make the folder {HERE} writable for you"),
        ("Read-only", f"make the folder {HERE} writable for you"),
        ("DO NOT MATCH THE HASHES", "a package is not what it was: get the repository anew; do not go around this"),
        ("ProxyError", "check HTTPS_PROXY"),
        ("CERTIFICATE", "check the clock of this machine, and whether a proxy opens its connections"),
        ("onnection", "check the network; behind a proxy set HTTPS_PROXY"),
        ("Temporary failure in name", "check the network; behind a proxy set HTTPS_PROXY"),
        ("No matching distribution", "check the network; behind a proxy set HTTPS_PROXY"),
    )
    way_out = next((way_out for words, way_out in ways_out if words in said), "see above")
    return f"Seen: {errors[0].strip()[:300]}\nDo: {way_out}"


def make_importable() -> None:
    """This folder's altmonitor as a package of .venv, and the command. No build tool is needed, none is downloaded."""
    asked = run([python_in_venv(), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    with open(os.path.join(asked.stdout.strip(), "altmonitor-here.pth"), "w", encoding="utf-8") as file:
        file.write(HERE + "\n")
    if os.name == "nt":
        return
    command = os.path.join(VENV, "bin", "altmonitor")
    if os.path.exists(command):
        return
    with open(command, "w", encoding="utf-8") as file:
        # Through the shell, because the path of an interpreter in a first line may hold no space.
        file.write('#!/bin/sh\nexec "$(dirname "$0")/python" -m altmonitor "$@"\n')
    os.chmod(command, 0o755)  # noqa: S103 — a command is for everybody


def go_on() -> int:
    """This process becomes the wizard, with the terminal and its signals."""
    command = [python_in_venv(), "-m", "altmonitor", "setup", *sys.argv[1:]]
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.call(command)


def run(command: "list[str]") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "nothing"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped. Run this again to go on.")
        sys.exit(INTERRUPTED)
