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


RUSSIAN = {
    BY_HAND: """\
Мастер настройки задаёт вопросы, ему нужен терминал. Без него сделайте вручную:
  1. напишите @BotFather в Telegram /newbot и скопируйте токен
  2. напишите новому боту любое сообщение и узнайте свой chat id (например, у @userinfobot)
  3. запишите оба в .env рядом с этим файлом, доступный только вам (chmod 600):
       TG_BOT_TOKEN=123456:ABC...
       TG_CHAT_ID=123456789
  4. python3 -m venv .venv
     .venv/bin/pip install --require-hashes -r requirements.lock
  5. .venv/bin/python -m altmonitor doctor   проверит, всё ли в порядке
  6. .venv/bin/python -m altmonitor run""",
    "altmonitor needs Python 3.11 or newer; this is {version}.": (
        "altmonitor нужен Python 3.11 или новее; это {version}."
    ),
    "Install a newer one (https://www.python.org/downloads/), then: python3.11 setup_wizard.py": (
        "Установите новый (https://www.python.org/downloads/), затем: python3.11 setup_wizard.py"
    ),
    "Nothing else was changed. Solve it and run this again.": "Больше ничего не изменено. Устраните и запустите снова.",
    "The disk": "Диск",
    "Make this folder writable for you, or free some space, and run this again.": (
        "Разрешите запись в эту папку или освободите место и запустите снова."
    ),
    "Making .venv ...": "Создаю .venv ...",
    "Python could not make .venv.": "Python не смог создать .venv.",
    "Seen: {seen}\nDo: {way_out}": "Видно: {seen}\nЧто делать: {way_out}",
    "nothing": "ничего",
    "delete the folder .venv and run this again": "удалите папку .venv и запустите снова",
    "install Python's venv and pip (Debian, Ubuntu: sudo apt install python3-venv)": (
        "установите venv и pip для Python (Debian, Ubuntu: sudo apt install python3-venv)"
    ),
    "make the folder {folder} writable for you": "разрешите себе запись в папку {folder}",
    "free some space (about 300 MB)": "освободите место (около 300 МБ)",
    "Installing": "Установка",
    "looking at": "проверяю",
    "unpacking ": "распаковываю",
    "{done} of {total}": "{done} из {total}",
    "Installing failed.": "Установить не удалось.",
    "a package is not what it was: get the repository anew; do not go around this": (
        "пакет не тот, что был: возьмите репозиторий заново; не обходите это"
    ),
    "check HTTPS_PROXY": "проверьте HTTPS_PROXY",
    "check the clock of this machine, and whether a proxy opens its connections": (
        "проверьте часы этой машины и не вскрывает ли прокси соединения"
    ),
    "check the network; behind a proxy set HTTPS_PROXY": "проверьте сеть; за прокси задайте HTTPS_PROXY",
    "see above": "см. выше",
    "Stopped. Run this again to go on.": "Остановлено. Запустите снова, чтобы продолжить.",
}
CHINESE = {
    BY_HAND: """\
安装向导需要在终端中提问。没有终端时请手动完成：
  1. 在 Telegram 中给 @BotFather 发送 /newbot，复制它给出的 token
  2. 给新机器人发一条消息，并查出自己的 chat id（例如用 @userinfobot）
  3. 把两者写入本文件旁边的 .env，仅本人可读（chmod 600）：
       TG_BOT_TOKEN=123456:ABC...
       TG_CHAT_ID=123456789
  4. python3 -m venv .venv
     .venv/bin/pip install --require-hashes -r requirements.lock
  5. .venv/bin/python -m altmonitor doctor   检查一切是否正常
  6. .venv/bin/python -m altmonitor run""",
    "altmonitor needs Python 3.11 or newer; this is {version}.": (
        "altmonitor 需要 Python 3.11 或更新版本；当前是 {version}。"
    ),
    "Install a newer one (https://www.python.org/downloads/), then: python3.11 setup_wizard.py": (
        "请安装更新的版本（https://www.python.org/downloads/），然后运行：python3.11 setup_wizard.py"
    ),
    "Nothing else was changed. Solve it and run this again.": "其他内容没有改动。解决后请再次运行。",
    "The disk": "磁盘",
    "Make this folder writable for you, or free some space, and run this again.": (
        "请让此文件夹可写，或腾出空间，然后再次运行。"
    ),
    "Making .venv ...": "正在创建 .venv ...",
    "Python could not make .venv.": "Python 无法创建 .venv。",
    "Seen: {seen}\nDo: {way_out}": "现象：{seen}\n办法：{way_out}",
    "nothing": "无",
    "delete the folder .venv and run this again": "删除文件夹 .venv 后再次运行",
    "install Python's venv and pip (Debian, Ubuntu: sudo apt install python3-venv)": (
        "安装 Python 的 venv 和 pip（Debian、Ubuntu：sudo apt install python3-venv）"
    ),
    "make the folder {folder} writable for you": "让文件夹 {folder} 对你可写",
    "free some space (about 300 MB)": "腾出空间（约 300 MB）",
    "Installing": "正在安装",
    "looking at": "检查中",
    "unpacking ": "解压中",
    "{done} of {total}": "{done}/{total}",
    "Installing failed.": "安装失败。",
    "a package is not what it was: get the repository anew; do not go around this": (
        "某个包与原来不符：请重新获取仓库；不要绕过"
    ),
    "check HTTPS_PROXY": "检查 HTTPS_PROXY",
    "check the clock of this machine, and whether a proxy opens its connections": "检查本机时钟和代理是否拆开连接",
    "check the network; behind a proxy set HTTPS_PROXY": "检查网络；在代理后请设置 HTTPS_PROXY",
    "see above": "见上方",
    "Stopped. Run this again to go on.": "已停止。再次运行即可继续。",
}


def say(english, **names):
    """In the language of this terminal; in English where it has no letters for that."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    text = {"ru": RUSSIAN, "zh": CHINESE}.get(locale[:2].lower(), {}).get(english, english)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        text = english
    return text.format(**names) if names else text


class Stopped(Exception):
    """One clear message: what failed, what was seen, what to do. Running this again goes on from there."""


def main() -> int:
    if sys.version_info < OLDEST:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        print(say("altmonitor needs Python 3.11 or newer; this is {version}.", version=version))
        print(say("Install a newer one (https://www.python.org/downloads/), then: python3.11 setup_wizard.py"))
        return FAILED
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(say(BY_HAND))
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
        print("\n{}\n{}".format(problem, say("Nothing else was changed. Solve it and run this again.")))
        return FAILED
    except OSError as problem:
        print("\n{}: {}".format(problem.filename or say("The disk"), problem.strerror))
        print(say("Make this folder writable for you, or free some space, and run this again."))
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
    print(say("Making .venv ..."), flush=True)
    made = run([sys.executable, "-m", "venv", VENV])
    works = made.returncode == 0 and run([python_in_venv(), "-m", "pip", "--version"]).returncode == 0
    if works:
        return
    seen = (made.stdout + made.stderr).strip()
    way_out = say("delete the folder .venv and run this again")
    if "ensurepip" in seen or "python3-venv" in seen or made.returncode == 0:
        way_out = say("install Python's venv and pip (Debian, Ubuntu: sudo apt install python3-venv)")
    elif "Permission denied" in seen or "Read-only" in seen:
        way_out = say("make the folder {folder} writable for you", folder=HERE)
    elif "No space left" in seen:
        way_out = say("free some space (about 300 MB)")
    told = say("Seen: {seen}\nDo: {way_out}", seen=last_line(seen), way_out=way_out)
    raise Stopped("{}\n{}".format(say("Python could not make .venv."), told))


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
                bar(done, total, say("looking at"))
            elif line.startswith("Installing"):
                bar(total, total, say("unpacking "))
    print()
    if pip.returncode != 0:
        raise Stopped(say("Installing failed.") + "\n" + explain("\n".join(said)))


def bar(done: int, total: int, what: str) -> None:
    filled = BAR_WIDTH * done // max(1, total)
    count = say("{done} of {total}", done=done, total=total)
    sys.stdout.write(f"\r{say('Installing')} [{'#' * filled:.<{BAR_WIDTH}}] {what} {count} ")
    sys.stdout.flush()


def explain(said: str) -> str:
    """What pip said last, and what to do about it."""
    errors = [line for line in said.splitlines() if "error" in line.lower()] or [last_line(said)]
    ways_out = (
        ("No space left", "free some space (about 300 MB)"),
        ("Permission denied", "make the folder {folder} writable for you"),
        ("Read-only", "make the folder {folder} writable for you"),
        ("DO NOT MATCH THE HASHES", "a package is not what it was: get the repository anew; do not go around this"),
        ("ProxyError", "check HTTPS_PROXY"),
        ("CERTIFICATE", "check the clock of this machine, and whether a proxy opens its connections"),
        ("onnection", "check the network; behind a proxy set HTTPS_PROXY"),
        ("Temporary failure in name", "check the network; behind a proxy set HTTPS_PROXY"),
        ("No matching distribution", "check the network; behind a proxy set HTTPS_PROXY"),
    )
    way_out = next((way_out for words, way_out in ways_out if words in said), "see above")
    seen = errors[0].strip()[:300]
    return say("Seen: {seen}\nDo: {way_out}", seen=seen, way_out=say(way_out, folder=HERE))


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
    return lines[-1][:300] if lines else say("nothing")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\n" + say("Stopped. Run this again to go on."))
        sys.exit(INTERRUPTED)
