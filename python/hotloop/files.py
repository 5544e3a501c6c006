"""Files that are there whole or not at all."""

import contextlib
import os
import secrets
import stat


def replace_file(path: str, data: bytes) -> None:
    """Write ``data`` beside ``path`` and rename it into place; what stood there stays whole until then.

    Parameters
    ----------
    path : str
    data : bytes

    Raises
    ------
    OSError
        When the folder cannot be written, or the disk is full; no temporary file is left.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(os.path.join(folder, "a.txt"), b"whole or not at all")
    ...     os.listdir(folder)
    ['a.txt']
    """
    temporary = f"{path}.{secrets.token_hex(4)}.tmp"
    # Mode 0o666 less the umask, as open() gives; mkstemp's 0o600 would surprise whoever shares the file.
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:  # named by what was asked for, not by the temporary file
        raise OSError(error.errno, error.strerror, path) from None
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(os.path.dirname(path))


def _sync_folder(folder: str) -> None:
    """Make the rename itself last over a power cut; file systems that can't are left alone."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
