"""Files are replaced whole or not at all, wherever and whatever they are, and errors name the user's path."""

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.core import files
from hotloop.core.files import remove_leftovers, replace_file


def small_model() -> hl.Model:
    hl.set_seed(1)  # a file's length is that of the loss in it, too
    model = hl.Sequential([hl.layers.Dense(3, input_shape=(2,), name="layer")], name="model")
    model.compile("sgd", loss="mse")
    return model


def save(path: Any) -> None:
    small_model().save(path)


def save_weights(path: Any) -> None:
    small_model().save_weights(path)


def save_quantised(path: Any) -> None:
    hl.quantize_model(small_model(), precision="bf16").save(path)


def checkpoint(path: Any) -> None:
    x = np.zeros((4, 2), "f4")
    small_model().fit(x, np.zeros((4, 3)), verbose=0, callbacks=[hl.callbacks.ModelCheckpoint(path)])


def plain(path: Any) -> None:
    replace_file(path, b"text")


WRITERS = [save, save_weights, save_quantised, checkpoint, plain]
each_writer = pytest.mark.parametrize("write", WRITERS)


@each_writer
def test_names_as_long_as_the_file_system_takes(tmp_path: Path, write: Any) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    for length in range(longest - 14, longest + 1):
        write(tmp_path / ("n" * length))
    assert len(os.listdir(tmp_path)) == 15
    with pytest.raises(OSError, match="n" * (longest + 1)) as caught:
        write(tmp_path / ("n" * (longest + 1)))
    assert caught.value.errno == errno.ENAMETOOLONG


@each_writer
def test_bytes_and_path_objects_name_the_same_file(tmp_path: Path, write: Any) -> None:
    name = tmp_path / "mödel"
    write(name)
    write(str(name))
    write(os.fsencode(name))
    assert os.listdir(tmp_path) == ["mödel"]


def test_bytes_paths_are_read(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "model")
    save(path)
    model = hl.load_model(path)
    assert isinstance(model, hl.Model)
    model.load_weights(path)
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        hl.load_model(os.fsencode(tmp_path / "elsewhere"))


@each_writer
def test_links_stay_and_what_they_point_to_is_replaced(tmp_path: Path, write: Any) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "near").symlink_to("far")
    (tmp_path / "far").symlink_to(tmp_path / "folder" / "file")
    write(tmp_path / "near")  # there is no such file yet
    first = (tmp_path / "folder" / "file").stat().st_ino
    write(tmp_path / "near")
    assert (tmp_path / "near").is_symlink()
    assert (tmp_path / "far").is_symlink()
    assert (tmp_path / "folder" / "file").stat().st_ino != first
    (tmp_path / "round").symlink_to("about")
    (tmp_path / "about").symlink_to("round")
    with pytest.raises(OSError, match="round"):
        write(tmp_path / "round")
    assert (tmp_path / "round").is_symlink()


@each_writer
def test_a_pipe_is_written_through(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    write(path)
    reader.join(20)
    assert stat.S_ISFIFO(path.stat().st_mode)
    write(tmp_path / "file")
    assert len(read[0]) == (tmp_path / "file").stat().st_size
    assert sorted(os.listdir(tmp_path)) == ["file", "pipe"]


@pytest.mark.parametrize("what", ["save", "save_weights"])
def test_a_pipe_that_nobody_reads_yet_holds_up_nobody(tmp_path: Path, what: str) -> None:
    """It waits with the numbers of its moment, and others train and read meanwhile."""
    path, model = tmp_path / "pipe", small_model()
    os.mkfifo(path)
    before = model.get_weights()
    begun, contents = threading.Event(), files._what_is_there
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_what_is_there", lambda name: (contents(name), begun.set())[0])
        writer = threading.Thread(target=getattr(model, what), args=(path,))
        writer.start()
        assert begun.wait(20)
    fitter = threading.Thread(
        target=model.fit, args=(np.ones((8, 2)), np.ones((8, 3))), kwargs={"verbose": 0}
    )
    fitter.start()
    fitter.join(10)
    waited = fitter.is_alive()
    data = path.read_bytes()
    for thread in (writer, fitter):
        thread.join(20)
    assert not waited
    assert not np.array_equal(model.get_weights()[0], before[0])
    (tmp_path / "file").write_bytes(data)
    model.load_weights(tmp_path / "file")
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


@each_writer
def test_devices_stay_devices(write: Any) -> None:
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@each_writer
def test_what_is_no_file_is_refused_by_its_name(tmp_path: Path, write: Any) -> None:
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match=r"socket.*/socket'"):
            write(tmp_path / "socket")
    with pytest.raises(IsADirectoryError, match="/folder'"):
        write(tmp_path / "folder")
    (tmp_path / "file").write_text("")
    with pytest.raises((NotADirectoryError, FileExistsError), match="/file"):
        write(tmp_path / "file" / "below")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "socket"]
    assert (tmp_path / "file").read_text() == ""


def test_a_path_that_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        save("")
    with pytest.raises(FileNotFoundError, match=r"nowhere/model'"):
        save("nowhere/model")
    with pytest.raises(IsADirectoryError, match="'new/'"):
        save("new/")
    save("model")
    assert os.listdir(tmp_path) == ["model"]


AS_NOBODY = """
import os, sys
from hotloop.core.files import replace_file
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    replace_file(sys.argv[1], b"new")
except PermissionError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_folders_and_files_that_may_not_be_written() -> None:
    """What another user may not write stays, and the message has the path that was given."""

    def try_it(path: Path) -> str:
        code = [sys.executable, "-c", AS_NOBODY, str(path)]
        return subprocess.run(code, capture_output=True, text=True, check=True, timeout=60).stdout

    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder, file = Path(name), Path(name) / "file"
        folder.chmod(0o755)
        file.write_text("old")
        file.chmod(0o666)
        assert f"Permission denied: '{file}'" in try_it(file)
        assert f"Permission denied: '{folder}/new'" in try_it(folder / "new")
        folder.chmod(0o777)
        file.chmod(0o444)
        assert f"Permission denied: '{file}'" in try_it(file)
        assert file.read_text() == "old"
        assert os.listdir(folder) == ["file"]


FULL_DISK = """
import resource, sys, signal
from hotloop.core.files import replace_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace_file(sys.argv[1], [b"x" * 600, b"y" * 600])
except OSError as error:
    print(error)
"""


def test_a_disk_that_is_full_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    code = [sys.executable, "-c", FULL_DISK, str(path)]
    done = subprocess.run(code, capture_output=True, text=True, check=True, timeout=60)
    assert f"'{path}'" in done.stdout
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_owner_stays_where_root_writes(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, 1234, 4321)
    path.chmod(0o640)
    replace_file(path, b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 4321, 0o640)


KILLED = """
import sys, time
from hotloop.core.files import replace_file
def pieces():
    yield b"half"
    print("writing", flush=True)
    time.sleep(60)
replace_file(sys.argv[1], pieces())
"""


def killed_writer(path: Path) -> "subprocess.Popen[str]":
    writer = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "model"
    save(path)
    before = path.read_bytes()
    with killed_writer(path) as writer:
        assert len(os.listdir(tmp_path)) == 2
        replace_file(tmp_path / "other", b"")
        assert len(os.listdir(tmp_path)) == 3  # it lives, and may still finish
        writer.send_signal(signal.SIGKILL)
        writer.wait(20)
    assert path.read_bytes() == before
    replace_file(tmp_path / "other", b"")
    assert sorted(os.listdir(tmp_path)) == ["model", "other"]


def test_only_own_leftovers_are_removed(tmp_path: Path) -> None:
    kept = ["model.1234.tmp", ".hotloop-backup.tmp", ".hotloop-0123456789abcdef.tmp.old"]
    for name in kept:
        (tmp_path / name).write_text("the user's")
    precious = tmp_path / "precious"
    precious.write_text("the user's")
    (tmp_path / ".hotloop-0123456789abcdef.tmp").symlink_to(precious)
    os.mkfifo(tmp_path / ".hotloop-fedcba9876543210.tmp")
    replace_file(tmp_path / "model", b"")
    assert precious.read_text() == "the user's"
    assert set(kept) < set(os.listdir(tmp_path))


def test_leftovers_of_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of several users: even where the system would let this one remove them."""
    left = tmp_path / ".hotloop-0123456789abcdef.tmp"
    left.write_bytes(b"")
    with monkeypatch.context() as context:
        context.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
        remove_leftovers(str(tmp_path))
        assert left.exists()
    remove_leftovers(str(tmp_path))
    assert not left.exists()


def test_many_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    """Also where they take each other's temporary files for leftovers as early as they can."""
    path = tmp_path / "file"
    texts = [bytes([65 + i]) * 5000 for i in range(8)]

    def write(text: bytes) -> None:
        for _ in range(40):
            replace_file(path, text)
            assert path.read_bytes() in texts

    failures: list[BaseException] = []

    def guarded(text: bytes) -> None:
        try:
            write(text)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_folder_is_looked_through_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of many checkpoints cost a look at all others; what killed writers left goes all the same."""
    for i in range(1000):
        (tmp_path / f"{i}").touch()
    scans: list[Any] = []
    monkeypatch.setattr(files.os, "scandir", lambda f, scan=os.scandir: (scans.append(f), scan(f))[1])
    for i in range(100):
        replace_file(tmp_path / "model", b"")
        if i == 50:
            (tmp_path / ".hotloop-0123456789abcdef.tmp").touch()
    assert 2 <= len(scans) <= 10
    assert len(os.listdir(tmp_path)) == 1001


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> Any:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(tmp_path / "file", pieces())
    assert os.listdir(tmp_path) == []


def test_a_file_system_without_locks_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    replace_file(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"
