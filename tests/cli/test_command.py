"""The command in a shell: text in, sound out, exit codes, messages.

The engine is a fake (speak_fake.py) that makes 100 ms of sound per word, so the length of the sound counts the words.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest
from conftest import FAKE, ROOT, Run

from nightingale.checkpoints.bundled import list_voices

BYTES_PER_WORD = 4800


def num_words(wav: bytes) -> float:
    """The number of words spoken, after a check of the header."""
    assert wav[:4] == b"RIFF" and wav[36:40] == b"data"
    return (len(wav) - 44) / BYTES_PER_WORD


def sizes(wav: bytes) -> tuple[int, int]:
    return int.from_bytes(wav[4:8], "little"), int.from_bytes(wav[40:44], "little")


def assert_refused(done: subprocess.CompletedProcess[bytes], exit_code: int, message: str) -> None:
    """One clear line on stderr, no sound, no traceback."""
    assert done.returncode == exit_code, done.stderr
    assert not done.stdout
    assert done.stderr.count(b"\n") == 1 and done.stderr.startswith(b"nightingale-tts: ")
    assert message in done.stderr.decode()


# Text in


def test_a_pipe_speaks(speak: Run) -> None:
    done = speak(stdin=b"One two three.\nFour.\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert num_words(done.stdout) == 4
    assert sizes(done.stdout) == (0x7FFFF024, 0x7FFFF000)
    with wave.open(io.BytesIO(done.stdout)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)


def test_arguments_are_text(speak: Run) -> None:
    assert num_words(speak("One two", "three").stdout) == 3
    assert num_words(speak("-s", "2", "--", "-5 degrees", "-o").stdout) == 1.5


def test_stdin_is_not_read_if_there_is_text(speak: Run) -> None:
    assert num_words(speak("one", stdin=b"two three").stdout) == 1


@pytest.mark.parametrize("dash", [["-"], ["-f", "-"], []])
def test_a_dash_is_stdin(speak: Run, dash: list[str]) -> None:
    assert num_words(speak(*dash, stdin=b"one two").stdout) == 2


def test_several_files(speak: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two three")
    assert num_words(speak("-f", tmp_path / "a", "-f", "-", "--file", tmp_path / "b", stdin=b"four").stdout) == 4


def test_the_first_sentence_is_written_while_stdin_is_open() -> None:
    with subprocess.Popen([sys.executable, FAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(b"The first sentence.\n")
        child.stdin.flush()
        first = os.read(child.stdout.fileno(), 100_000)
        assert first.startswith(b"RIFF")  # while stdin is still open
        child.stdin.write(b"The second.\n")
        child.stdin.close()
        assert num_words(first + child.stdout.read()) == 5
    assert child.returncode == 0


def test_a_stdin_that_is_non_blocking() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    with subprocess.Popen([sys.executable, FAKE], stdin=read, stdout=subprocess.PIPE) as child:
        os.close(read)
        assert child.stdout
        with open(write, "wb", buffering=0) as pipe:
            pipe.write(b"The first sentence.\n")
            first = os.read(child.stdout.fileno(), 100_000)
            time.sleep(0.3)  # the command reads again, and no data is there
            pipe.write(b"The second.\n")
        assert num_words(first + child.stdout.read()) == 5
    assert child.returncode == 0


@pytest.mark.parametrize("args", [[], ["--lines"]])
def test_a_line_is_spoken_while_stdin_is_open(args: list[str]) -> None:
    command = [sys.executable, FAKE, "--print-text", *args]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        for line in (b"Disk is full\n", b"again\n"):
            child.stdin.write(line)
            child.stdin.flush()
            assert child.stdout.readline().lower() == line.replace(b"\n", b".\n").lower()
        child.stdin.close()
        assert child.stdout.read() == b""


def test_lines_and_idle_ms(shell: Run) -> None:
    assert shell("printf 'one\\ntwo\\nthree four' | speak --print-text --lines").stdout == b"one.\ntwo.\nthree four.\n"
    line = "(echo disk is; sleep 0.5; echo full) | speak --print-text"
    assert shell(f"{line} --idle-ms 0").stdout == shell(f"{line} --idle-ms 5000").stdout == b"disk is full.\n"


# Bytes to text; tests/text/test_decode.py has more


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"caf\xe9 one two three", 4 - 1),  # the fake engine leaves words out that are not ASCII
        (b"\xef\xbb\xbfone two", 2),
        (b"one\r\ntwo\rthree\r\n", 3),
        (b"one t\x00wo th\x00ree", 3),
        (b"\x1b[1;31mone\x1b[0m \x1b]8;;http://example.org\x1b\\two\x1b]8;;\x07 \x1b(Bthree", 3),
        (b"one \x1b[", 1),
        ((b"x" * 999 + b" ") * 300, 300),
    ],
    ids=["invalid", "bom", "crlf", "nul", "ansi", "cut-ansi", "long-line"],
)
def test_bytes_become_text(speak: Run, stdin: bytes, words: int) -> None:
    done = speak(stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b"")
    assert num_words(done.stdout) == words


@pytest.mark.parametrize(
    ("stdin", "warning"),
    [
        (b"", "there is no text to speak"),
        (b" \n\n\t\n", "there is no text to speak"),
        (b"\xef\xbb\xbf\x1b[0m", "there is no text to speak"),
        ("\U0001f600\U0001f680".encode(), "the text has nothing that can be spoken"),
    ],
    ids=["empty", "blank", "controls", "emoji"],
)
def test_nothing_to_speak(speak: Run, stdin: bytes, warning: str) -> None:
    """It gives a WAV of length zero, so that a pipeline does not fail, and a warning."""
    done = speak(stdin=stdin)
    assert (done.returncode, len(done.stdout)) == (0, 44)
    assert done.stderr.decode() == f"nightingale-tts: {warning}\n"
    assert speak("-q", stdin=stdin).stderr == b""


def test_an_empty_file_has_the_right_header(speak: Run, tmp_path: Path) -> None:
    speak("-o", tmp_path / "out.wav", stdin=b"")
    assert sizes((tmp_path / "out.wav").read_bytes()) == (36, 0)


@pytest.mark.parametrize(
    "stdin",
    [b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "Hello there.".encode("utf-16"), b"\x7fELF" + bytes(5000), b"\xff"],
    ids=["png", "utf-16", "elf", "byte"],
)
def test_binary_is_refused(speak: Run, tmp_path: Path, stdin: bytes) -> None:
    assert_refused(speak(stdin=stdin), 65, "standard input is not UTF-8 text")
    (tmp_path / "blob").write_bytes(stdin)
    assert_refused(speak("-f", tmp_path / "blob"), 65, "blob is not UTF-8 text")


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("environment", [{"LC_ALL": "C"}, {}, ASCII], ids=["C", "none", "ascii"])
def test_text_is_utf8_in_any_locale(speak: Run, environment: dict[str, str]) -> None:
    text = "na\u00efve one two"
    assert num_words(speak(stdin=text.encode(), env=environment).stdout) == 2
    assert num_words(speak(text.encode(), env=environment).stdout) == 2


# Sound out


def test_a_redirected_file_has_the_right_header(shell: Run, tmp_path: Path) -> None:
    assert shell("speak one two > out.wav", cwd=tmp_path).returncode == 0
    wav = (tmp_path / "out.wav").read_bytes()
    assert sizes(wav) == (36 + 2 * BYTES_PER_WORD, 2 * BYTES_PER_WORD)
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert file.getnframes() == 4800


def test_appending_changes_nothing_before(shell: Run, tmp_path: Path) -> None:
    assert shell("printf before > out; speak one >> out; printf after >> out", cwd=tmp_path).returncode == 0
    data = (tmp_path / "out").read_bytes()
    assert data[:6] == b"before" and data[-5:] == b"after"
    assert num_words(data[6:-5]) == 1
    assert sizes(data[6:]) == (0x7FFFF024, 0x7FFFF000)


def test_two_sounds_in_one_file(shell: Run, tmp_path: Path) -> None:
    """The sizes in the second header are written at its own offset."""
    assert shell("{ printf 12345; speak one; speak one two; } > out", cwd=tmp_path).returncode == 0
    data = (tmp_path / "out").read_bytes()
    second = 5 + 44 + BYTES_PER_WORD
    assert sizes(data[5:]) == (36 + BYTES_PER_WORD, BYTES_PER_WORD)
    assert sizes(data[second:]) == (36 + 2 * BYTES_PER_WORD, 2 * BYTES_PER_WORD)
    assert len(data) == second + 44 + 2 * BYTES_PER_WORD


def test_output_file(speak: Run, tmp_path: Path) -> None:
    done = speak("one", "-o", tmp_path / "out.wav")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert num_words((tmp_path / "out.wav").read_bytes()) == 1
    assert num_words(speak("one", "-o", "-").stdout) == 1


@pytest.mark.parametrize("line", ["speak one > /dev/null", "speak one -o /dev/null", "speak one -o /dev/stdout | cat"])
def test_output_to_a_device_file(shell: Run, line: str) -> None:
    done = shell(line)
    assert (done.returncode, done.stderr) == (0, b"")
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("line", ["speak one > /dev/full", "speak one -o /dev/full", "speak --help > /dev/full"])
def test_a_full_disk(shell: Run, line: str) -> None:
    assert_refused(shell(line), 74, "No space left on device")


def test_stdout_is_closed(shell: Run, tmp_path: Path) -> None:
    """The input file must not get the free descriptor 1, and be overwritten."""
    (tmp_path / "in.txt").write_text("one")
    assert_refused(shell("speak -f in.txt >&-", cwd=tmp_path), 74, "cannot write to standard output")
    assert (tmp_path / "in.txt").read_text() == "one"


def test_stdin_or_stderr_is_closed(shell: Run) -> None:
    assert_refused(shell("speak <&-"), 66, "cannot read standard input")
    done = shell("speak warn 2>&-")
    assert (done.returncode, num_words(done.stdout)) == (0, 1)
    assert shell("speak --bad 2>&-").stdout == b""


@pytest.mark.parametrize(
    "line", ["yes one | speak | head -c 100", "yes one | speak -o - | true", "speak --help | true"]
)
def test_the_reader_of_the_sound_goes_away(shell: Run, line: str) -> None:
    done = shell(line + " > /dev/null; exit ${PIPESTATUS[" + str(line.count("|") - 1) + "]}")
    assert done.stderr == b""
    assert done.returncode in ((141,) if "--help" not in line else (0, 141))  # help may be written before `true` ends


# Errors and signals


@pytest.mark.parametrize(
    ("args", "exit_code", "message"),
    [
        (["--nonsense"], 2, "unrecognized arguments: --nonsense"),
        (["--voi", "florence", "one"], 2, "--voi"),
        (["--speed", "fast", "one"], 2, "invalid float value"),
        (["--speed", "9", "one"], 2, "speed must be between"),
        (["--speed", "nan", "one"], 2, "speed must be between"),
        (["--seed", "-1", "one"], 2, "seed must be between"),
        (["-f", "missing.txt", "one"], 2, "not both"),
        (["-f", "missing.txt"], 66, "cannot read missing.txt: No such file"),
        (["-f", "."], 66, "cannot read .: Is a directory"),
        (["-o", "no/such/folder.wav", "one"], 73, "cannot create no/such/folder.wav"),
        (["-o", ".", "one"], 73, "cannot create ."),
        (["-o", "x" * 300, "one"], 73, "File name too long"),
        (["-o", "new/", "one"], 73, "cannot create new/: it is the name of a folder"),
        (["-o", "new/.", "one"], 73, "cannot create new/.: it is the name of a folder"),
        (["-o", "", "one"], 2, "-o needs the name of a file"),
        (["-v", "nobody", "one"], 69, 'no voice "nobody"'),
        (["--bits", "7", "one"], 2, "--bits: invalid choice: 7"),
        (["--bits", "few", "one"], 2, "--bits: invalid"),
        (["--kv-bits", "5", "one"], 2, "8 or 4 bits, not 5"),
        (["--idle-ms", "-1", "one"], 2, "--idle-ms needs 0 or more"),
        (["--kv-budget", "63", "one"], 2, "at least 64 positions, not 63"),
        (["--kv-budget", "-5", "one"], 2, "at least 64 positions, not -5"),
        (["--kv-budget", "99", "--kv-bits", "8", "one"], 2, "fewer bits or a budget, not both"),
        (["--bench", "one"], 2, "--bench does not go with TEXT"),
        (["--bench", "json", "--bits", "8"], 2, "--bench does not go with --bits"),
        (["--bench", "-o", "one.wav"], 2, "--bench does not go with --output"),
        (["fail"], 1, "the engine failed, as asked"),
        (["nan"], 1, "not numbers"),
    ],
)
def test_errors(speak: Run, tmp_path: Path, args: list[str], exit_code: int, message: str) -> None:
    assert_refused(speak(*args, cwd=tmp_path), exit_code, message)
    assert os.listdir(tmp_path) == []


def test_output_in_a_deleted_folder(shell: Run, tmp_path: Path) -> None:
    line = "mkdir gone && cd gone && rmdir ../gone && speak one -o out.wav"
    assert_refused(shell(line, cwd=tmp_path), 73, "cannot create out.wav: No such file")


def test_a_missing_second_file_is_reported_before_the_first_is_spoken(speak: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    assert_refused(speak("-f", tmp_path / "a", "-f", tmp_path / "b"), 66, "No such file")


def test_failure_after_the_first_sentence(shell: Run, tmp_path: Path) -> None:
    """A redirected file keeps the sound so far, with a right header; -o leaves no file."""
    assert shell("echo 'one. fail' | speak > out.wav", cwd=tmp_path).returncode == 1
    assert sizes((tmp_path / "out.wav").read_bytes()) == (36 + BYTES_PER_WORD, BYTES_PER_WORD)
    assert shell("echo 'one. fail' | speak -o new.wav", cwd=tmp_path).returncode == 1
    assert shell("echo 'one. bug' | speak -o new.wav", cwd=tmp_path).returncode == 1
    assert os.listdir(tmp_path) == ["out.wav"]


def test_a_bug_prints_a_traceback(speak: Run) -> None:
    done = speak("bug")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Traceback" in done.stderr


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals(tmp_path: Path, number: int, exit_code: int) -> None:
    command = [sys.executable, str(FAKE), "-o", "out.wav"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as child:
        assert child.stdin and child.stderr
        child.stdin.write(b"one.\nwait\n")
        child.stdin.flush()
        deadline = time.monotonic() + 20
        while not any(path.stat().st_size > 44 for path in tmp_path.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
        child.send_signal(number)
        assert child.wait(20) == exit_code
        assert child.stderr.read() == b""
    assert os.listdir(tmp_path) == []


def test_many_signals_at_once(tmp_path: Path) -> None:
    """They do not interrupt the cleanup. One that arrives while the interpreter exits ends it at once, silently."""
    for _ in range(3):
        with subprocess.Popen([sys.executable, FAKE, "-o", tmp_path / "out.wav", "one. wait."], stderr=-1) as child:
            assert child.stderr
            while not any(path.stat().st_size > 44 for path in tmp_path.iterdir()):
                time.sleep(0.01)
            for number in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP] * 20:
                child.send_signal(number)
                time.sleep(0.001)
            assert child.stderr.read() == b""
        assert child.returncode in (129, 130, 143, -1, -2, -15)
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_cleanup_that_hangs_is_cut_off_with_the_exit_code_of_the_signal(number: int, exit_code: int) -> None:
    with subprocess.Popen([sys.executable, FAKE, "one. hang."], stdout=-1, stderr=-1) as child:
        assert child.stdout and child.stderr
        assert os.read(child.stdout.fileno(), 4)
        time.sleep(0.3)
        child.send_signal(number)
        assert child.wait(20) == exit_code
        assert child.stderr.read() == b""


def test_ctrl_c_among_the_first_imports(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("import os; os.kill(os.getpid(), 2)")
    command = [sys.executable, ROOT / "nightingale_tts.py", "one"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_ctrl_c_while_numpy_is_imported(tmp_path: Path) -> None:
    """Its C code imports datetime, and reports any exception there as a broken installation."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numpy': sys.modules.pop('datetime', None)\n"
        "        if name == 'datetime' and 'numpy' in sys.modules: os.kill(os.getpid(), 2)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    command = [sys.executable, ROOT / "nightingale_tts.py", "one", "-o", tmp_path / "out.wav"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, b"")
    assert not list(tmp_path.glob("*.wav"))


# Messages


def test_quiet_leaves_out_warnings_only(speak: Run) -> None:
    assert speak("warn").stderr == b"nightingale-tts: dropped a symbol, as asked\n"
    assert speak("-q", "warn").stderr == b""
    assert speak("-q", "fail").stderr != b""


def test_help_version_voices(speak: Run) -> None:
    for option, words in (("--help", b"Exit codes: 0 done"), ("-h", b"-f FILE"), ("--version", b"nightingale-tts 0.")):
        done = speak(option)
        assert (done.returncode, done.stderr) == (0, b"")
        assert words in done.stdout
    help_text = speak("--help", env=os.environ | {"COLUMNS": "80"}).stdout.decode()
    assert max(map(len, help_text.split("\n"))) <= 80
    assert speak("--list-voices").stdout.decode().split() == list_voices()


def at_terminal(
    args: list[str], stdin: bytes | None, stdout: int | None = None, environment: dict[str, str] | None = None
) -> tuple[int, str]:
    """The exit code, and the output of a terminal that is stderr, and also stdin and stdout unless they are given."""
    main, side = pty.openpty()
    shown = b""
    with subprocess.Popen(
        [sys.executable, str(FAKE), *args],
        stdin=side if stdin is None else subprocess.PIPE, stdout=side if stdout is None else stdout, stderr=side,
        env=os.environ | (environment or {}),
    ) as child:  # fmt: skip
        os.close(side)
        if child.stdin:
            child.stdin.write(stdin or b"")
            child.stdin.close()
        with contextlib.suppress(OSError):  # the terminal is closed with its last program
            while block := os.read(main, 4096):
                shown += block
    os.close(main)
    return child.returncode, shown.decode()


@pytest.mark.parametrize("line", ["-o - one", "-o /dev/stdout one"])
def test_no_wav_to_a_terminal(line: str) -> None:
    code, shown = at_terminal(line.split(), None)
    assert code == 2 and "-o FILE" in shown and "RIFF" not in shown


@pytest.mark.parametrize("line,stdin", [("one", None), ("", b"one"), ("--play one", None), ("--device 99 one", None)])
def test_at_a_terminal_the_sound_is_played_and_without_a_device_the_error_says_what_to_do(
    line: str, stdin: bytes | None, no_device: dict[str, str]
) -> None:
    code, shown = at_terminal(line.split(), stdin, environment=no_device)
    assert code == 69 and "-o FILE" in shown and "RIFF" not in shown
    assert shown.count("\n") == 1 and "Traceback" not in shown


def test_play_without_a_device(speak: Run, tmp_path: Path, no_device: dict[str, str]) -> None:
    assert_refused(speak("--play", "one", env=os.environ | no_device), 69, "-o FILE")
    assert_refused(speak("--play", "-o", tmp_path / "out.wav", "one", env=os.environ | no_device), 69, "no sound")
    assert os.listdir(tmp_path) == []
    assert speak("--list-devices", env=os.environ | no_device).returncode == 0
    assert num_words(speak("one", env=os.environ | no_device).stdout) == 1


def test_play_without_portaudio(speak: Run, tmp_path: Path) -> None:
    """sounddevice is installed, but not its library."""
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    assert_refused(speak("--play", "one", env=environment), 69, "apt install libportaudio2")
    (tmp_path / "sounddevice.py").write_text("import there_is_no_such_module")
    assert_refused(speak("--play", "one", env=environment), 69, "install nightingale-tts again")


# Options of the engine


@pytest.mark.parametrize(
    ("args", "reported"),
    [
        (["--bits", "4"], "4 bits, speculate False, None"),
        (["--bits", "32"], "32 bits, speculate False, None"),
        (["--speculate"], "None bits, speculate True, None"),
        (["--kv-bits", "8"], "None bits, speculate False, CacheOptions(bits=8, budget=None)"),
        (["--kv-budget", "64"], "None bits, speculate False, CacheOptions(bits=None, budget=64)"),
    ],
)
def test_options_reach_the_engine(speak: Run, args: list[str], reported: str) -> None:
    done = speak(*args, "one two")
    assert (done.returncode, num_words(done.stdout)) == (0, 2)
    assert done.stderr.decode() == f"nightingale-tts: {reported}\n"


@pytest.mark.parametrize("args", [["--kv-bits", "7"], ["--kv-budget", "1"]])
def test_a_bad_value_is_reported_before_there_is_text(speak: Run, args: list[str]) -> None:
    assert_refused(speak(*args, stdin=b""), 2, "not")


# --print-text


def test_print_text_prints_a_sentence_a_line(speak: Run, tmp_path: Path) -> None:
    done = speak("--print-text", stdin=b"Dr. Smith has 2 cats. He\nis happy\n\nGood")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"Doctor Smith has two cats.\nHe is happy.\nGood.\n"
    (tmp_path / "a").write_text("One")
    assert speak("--print-text", "-f", tmp_path / "a", "-v", "nobody").stdout == b"One.\n"
    assert speak("--print-text", "1", "2").stdout == b"One two.\n"


def test_print_text_has_the_warnings_and_exit_codes_of_speech(speak: Run, shell: Run, tmp_path: Path) -> None:
    done = speak("--print-text", "-q", stdin="I \u4f60 you".encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"I you.\n", b"")
    done = speak("--print-text", stdin="\u4f60".encode())
    assert done.returncode == 0 and done.stderr.count(b"\n") == 2 and b"U+4F60" in done.stderr
    done = speak("--print-text", stdin=b" \n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"nightingale-tts: there is no text to speak\n")
    assert_refused(speak("--print-text", stdin=bytes(99)), 65, "standard input is not UTF-8 text")
    assert_refused(speak("--print-text", "-f", tmp_path / "missing"), 66, "No such file")
    assert_refused(shell("speak --print-text one > /dev/full"), 74, "No space left on device")
    done = shell("yes One. | speak --print-text | true; exit ${PIPESTATUS[1]}")
    assert (done.returncode, done.stderr) == (141, b"")


def test_lexicon(speak: Run, shell: Run, tmp_path: Path) -> None:
    folder = tmp_path / "nightingale-tts"
    folder.mkdir()
    (folder / "lexicon.toml").write_text("cat = 'dog'\n[voice.keats]\ncat = 'fish'")
    (tmp_path / "other.toml").write_text("cats = 'dahgs'")
    (tmp_path / "bad.toml").write_text("\ncat")
    text = f"XDG_CONFIG_HOME={tmp_path} speak --print-text 'Two cats.'"
    assert shell(text).stdout == b"Two dogs.\n"
    assert shell(f"{text} -v keats").stdout == shell(f"{text} -v a/keats.safetensors").stdout == b"Two fishes.\n"
    assert shell(f"{text} --lexicon {tmp_path}/other.toml").stdout == b"Two dahgs.\n"
    assert_refused(speak("--lexicon", tmp_path / "bad.toml", "cats"), 65, "bad.toml, line 2: ")
    assert_refused(speak("--lexicon", tmp_path / "none.toml", "cats"), 66, "No such file")


def test_print_text_has_the_spellings_of_the_bundled_voices_only(speak: Run) -> None:
    assert speak("--print-text", "I said no.").stdout == b"I said No.\n"
    assert speak("--print-text", "--model", "x", "I said no.").stdout == b"I said no.\n"


@pytest.mark.parametrize("args", [["-o", "x"], ["--play"], ["--device", "0"], ["--stats"], ["--bench"]])
def test_print_text_goes_with_no_option_of_sound(speak: Run, tmp_path: Path, args: list[str]) -> None:
    assert_refused(speak("--print-text", *args, "one", cwd=tmp_path), 2, "--print-text")
    assert os.listdir(tmp_path) == []


def test_print_text_prints_while_text_arrives_and_imports_no_numpy() -> None:
    code = "import sys, nightingale_tts; nightingale_tts.main(); print(*{'numpy', 'mlx'} & {*sys.modules})"
    command = [sys.executable, "-c", code, "--print-text"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(b"The first sentence.\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"The first sentence.\n"
        child.stdin.close()
        assert child.stdout.read() == b"\n"


# --stats and progress


def test_stats_as_text_and_json(speak: Run) -> None:
    done = speak("--stats", "json", "one two")
    figures = json.loads(done.stderr)
    assert done.returncode == 0 and num_words(done.stdout) == 2
    assert 0 < figures["ready_s"] <= figures["first_token_s"] <= figures["first_sample_s"] <= figures["audible_onset_s"]
    assert figures["sound_s"] == 0.2 and figures["underruns"] == 0 and figures["blas"]
    assert figures["realtime_factor"] > 0 and figures["tokens_per_s"] > 0
    lines = speak("--stats", "one two", "-q").stderr.decode().splitlines()
    assert len(lines) == len(figures) and lines[0].startswith("ready ") and lines[0].endswith(" s")
    assert num_words(speak("--", "--stats", "json").stdout) == 2


def test_stats_of_an_empty_text(speak: Run) -> None:
    figures = json.loads(speak("-q", "--stats", "json", stdin=b"").stderr)
    assert figures["ready_s"] is None and figures["sound_s"] == 0


def test_progress_only_at_a_terminal(speak: Run) -> None:
    long_text = b"one two three four.\n" * 50
    code, shown = at_terminal(["-f", "-"], long_text, stdout=subprocess.DEVNULL)
    assert code == 0 and "0:20 of sound" in shown
    code, shown = at_terminal([long_text.decode()], None, stdout=subprocess.DEVNULL)
    assert "100%" in shown and shown.endswith("\r")
    code, shown = at_terminal(["one café “two”.\n" * 50], None, stdout=subprocess.DEVNULL)
    assert "100%" in shown  # characters of several bytes
    assert at_terminal(["-q"], long_text, stdout=subprocess.DEVNULL) == (0, "")
    assert at_terminal(["one"], None, stdout=subprocess.DEVNULL) == (0, "")
    assert speak(stdin=long_text).stderr == b""


# Times of words


def test_timestamps_go_to_a_file_with_the_times_of_typed_words(tmp_path: Path) -> None:
    """With the real engine, because the fake one has no words."""
    times, sound = tmp_path / "times.json", tmp_path / "sound.wav"
    command = [sys.executable, str(ROOT / "nightingale_tts.py"), "-o", str(sound), "--timestamps", str(times)]
    subprocess.run([*command, "It costs $3.50. A café."], check=True)
    first, second = json.loads(times.read_text(encoding="utf-8"))["sentences"]
    assert [word["typed"] for word in first["words"]] == ["It", "costs", "$3.50."]
    assert (second["typed"], second["first"], second["text"]) == ("A café.", 16, "A cafe.")
    moments = [moment for word in first["words"] + second["words"] for moment in (word["start"], word["end"])]
    with wave.open(str(sound)) as file:
        length_s = file.getnframes() / 24_000
    assert moments == sorted(moments) and moments[0] > 0 and length_s - 0.5 < moments[-1] < length_s


def test_timestamps_can_be_lines_on_stderr(speak: Run) -> None:
    done = speak("--timestamps", "-", "One.\nTwo three.")
    assert [len(json.loads(line)["words"]) for line in done.stderr.splitlines()] == [0, 0]
    assert num_words(done.stdout) == 3


@pytest.mark.parametrize("name", ["times", "times.txt", ""])
def test_timestamps_need_a_known_format(speak: Run, name: str) -> None:
    assert_refused(speak("--timestamps", name, "One."), 2, "--timestamps needs a name that ends in .srt")


def test_no_timestamps_are_left_by_a_failed_run(speak: Run, tmp_path: Path) -> None:
    done = speak("--timestamps", str(tmp_path / "times.srt"), "-o", str(tmp_path / "no" / "sound.wav"), "One.")
    assert done.returncode == 73 and list(tmp_path.iterdir()) == []
