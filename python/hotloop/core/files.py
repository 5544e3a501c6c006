"""Files that are there whole or not at all.

What is written stands beside its place under a temporary name, locked by its writer, until it is complete. A
temporary file that nobody holds the lock of was left by a writer that was killed; the next one removes it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from typing import Any

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]
# Of one length whatever is written, so that a name as long as the file system takes leaves room for it.
_ENTRIES_A_WRITE = 100
_writes_to_go: dict[str, int] = {}  # until a full folder is looked through again
_TEMPORARY = re.compile(r"\.hotloop-[0-9a-f]{16}\.tmp")


def path_text(path: PathLike) -> str:
    """Return a path as text: bytes are decoded as the file system's names are.

    Examples
    --------
    >>> path_text(b"model.hotloop")
    'model.hotloop'
    """
    return os.fsdecode(path)


def refuse_overwriting(path: PathLike, overwrite: bool) -> None:
    """Raise FileExistsError when there is a file that may not be replaced."""
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"save: {path_text(path)!r} exists already; pass overwrite=True to replace it")


def replace_file(path: PathLike, data: bytes | Iterable[Any]) -> None:
    """Write ``data`` beside ``path`` and rename it into place; what stood there stays whole until then.

    A symbolic link stays, and what it points to is replaced. A file that was there keeps its permissions; a
    new one gets those that ``open`` gives. Pipes and character devices such as ``/dev/stdout`` are written to
    as they are.

    Parameters
    ----------
    path : str, bytes or path-like
    data : bytes, or an iterable of objects with the buffer protocol
        Pieces are written one after the other, without a copy.

    Raises
    ------
    OSError
        When the folder cannot be written, the disk is full, or the path is that of a folder, a socket or a
        disk; it names ``path``. No temporary file is left.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(os.path.join(folder, "a.txt"), [b"whole ", b"or not at all"])
    ...     os.listdir(folder)
    ['a.txt']
    """
    name = path_text(path)
    pieces = [data] if isinstance(data, bytes) else data
    with _errors_name(name):
        old = _what_is_there(name)
        if old is not None and not stat.S_ISREG(old.st_mode):
            with open(name, "wb", buffering=0) as file:
                _write(file, pieces)
            return
        target = os.path.realpath(name)
        folder = os.path.dirname(target)
        _tidy(folder)
        temporary, descriptor = _locked_temporary(folder)
        try:
            with open(descriptor, "wb", buffering=0) as file:
                _write(file, pieces)
                if old is not None:
                    _take_over(descriptor, old)
                os.fsync(descriptor)
                os.replace(temporary, target)  # under the lock: nobody may take it for a leftover
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    _sync_folder(folder)


def _tidy(folder: str) -> None:
    """Remove leftovers, in a full folder only now and then: a write pays for a look at a hundred entries."""
    left = _writes_to_go.pop(folder, 0) or remove_leftovers(folder) // _ENTRIES_A_WRITE
    if left > 1:
        _writes_to_go[folder] = left - 1


def remove_leftovers(folder: str) -> int:
    """Remove the temporary files of this user's killed writers; those of living ones are locked.

    Returns
    -------
    int
        How many entries were looked at.
    """
    count = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = []
        for entry in entries:
            count += 1
            if _TEMPORARY.fullmatch(entry.name):
                names.append(entry.path)
        for name in names:
            with contextlib.suppress(OSError):
                descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                try:
                    found = os.fstat(descriptor)
                    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        os.unlink(name)
                finally:
                    os.close(descriptor)
    return count


def may_wait(path: PathLike) -> bool:
    """Whether writing there may wait for a reader: it is a pipe or a device."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


@contextlib.contextmanager
def _errors_name(name: str) -> Iterator[None]:
    """Errors name what the user asked for, not the temporary file, and not the target of a link."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), name) from None


def _what_is_there(name: str) -> os.stat_result | None:
    """The status of the file to be replaced; None where there is none. Refuses what can't be written."""
    if not name or name.endswith(os.sep):
        number = errno.EISDIR if name else errno.ENOENT
        raise OSError(number, os.strerror(number), name)
    try:
        found = os.stat(name)
    except FileNotFoundError:
        return None
    mode = found.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        kind = "a disk" if stat.S_ISBLK(mode) else "a socket"
        raise OSError(errno.EINVAL, f"expected the path of a file, got that of {kind}", name)
    if not os.access(name, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    return found


def _locked_temporary(folder: str) -> tuple[str, int]:
    """Make a temporary file that no other writer takes for a leftover."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    while True:
        name = os.path.join(folder, f".hotloop-{secrets.token_hex(8)}.tmp")
        # Mode 0o666 less the umask, as open() gives; mkstemp's 0o600 would surprise whoever shares the file.
        descriptor = os.open(name, flags, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks; leftovers stay there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.lexists(name):
            return name, descriptor
        os.close(descriptor)  # removed by another writer before it was locked


def _write(file: Any, pieces: Iterable[Any]) -> None:
    for piece in pieces:
        rest = memoryview(piece)
        while rest.nbytes:
            rest = rest.cast("B")[file.write(rest) :]


def _take_over(descriptor: int, old: os.stat_result) -> None:
    """Give the new file the old one's owner, where the system lets us, and its permissions."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: str) -> None:
    """Make the rename itself last over a power cut; file systems that can't are left alone."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
