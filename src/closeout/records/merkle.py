"""Merkle trees as RFC 6962 defines them: leaf and node hashes, roots, inclusion and consistency proofs. Pure.

Source: RFC 6962 section 2.1; the checks follow RFC 9162 sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
Node = Callable[[int, int], bytes]  # level, index -> hash of a perfect subtree of 2**level leaves


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of one record."""
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, in time and extra space linear in their number."""
    if not leaves:
        return EMPTY_ROOT
    sha256 = hashlib.sha256
    row = list(leaves)
    while len(row) > 1:
        odd = row[-1] if len(row) % 2 else None
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        if odd is not None:
            row.append(odd)
    return row[0]


def root_of(hashes: bytes) -> bytes:
    """Return the root over leaf hashes that lie one after another, 32 bytes each; fast for full tiles."""
    begun = hashlib.sha256(b"\x01").copy  # cheaper than a new one for mark and pair joined
    while len(hashes) > 32:
        even, above = len(hashes) // 64 * 64, []
        for (pair,) in struct.iter_unpack("64s", hashes[:even]):
            node = begun()
            node.update(pair)
            above.append(node.digest())
        hashes = b"".join(above) + hashes[even:]
    return hashes or EMPTY_ROOT


def range_root(node: Node, begin: int, end: int) -> bytes:
    """Return the hash of leaves ``begin`` to ``end``; ``begin`` starts a subtree of that size."""
    size = end - begin
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, begin >> level)
    split = _split(size)
    return node_hash(range_root(node, begin, begin + split), range_root(node, begin + split, end))


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """Return the proof that leaf ``index`` is in the tree of ``size`` leaves. Raises: IndexError."""
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} of {size}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(range_root(node, middle, end))
            end = middle
        else:
            path.append(range_root(node, begin, middle))
            begin = middle
    return path[::-1]


def consistency_path(node: Node, old: int, size: int) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves begins that of ``size``. Raises: IndexError."""
    if not 0 < old <= size:
        raise IndexError(f"tree of {old} within {size}")
    path: list[bytes] = []
    begin, end, complete = 0, size, True
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(range_root(node, middle, end))
            end = middle
        else:
            path.append(range_root(node, begin, middle))
            begin, complete = middle, False
    if not complete:
        path.append(range_root(node, begin, end))
    return path[::-1]


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes) -> bool:
    """Say whether ``path`` proves that the leaf hash ``leaf`` has ``index`` in that tree."""
    if not 0 <= index < size:
        return False
    position, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and found == expected_root


def consistent(old: int, size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Say whether ``path`` proves that the tree of ``old`` leaves is a beginning of the tree of ``size``."""
    if old == size:
        return not path and old_root == new_root
    if not 0 < old < size or not path:
        return False
    steps = list(path) if old & (old - 1) else [old_root, *path]
    position, last = old - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    was = now = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root


def nodes_over(leaves: Sequence[bytes]) -> Node:
    """Return the nodes of a tree held in memory, each made when asked for."""
    return lambda level, index: root(leaves[index << level : (index + 1) << level])


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
