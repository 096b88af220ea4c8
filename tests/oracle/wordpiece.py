"""BERT's uncased tokenizer and the learning of its vocabulary, written again from their definitions.

  wordpiece.py encode VOCAB FILE   the ids of FILE's pieces, one a line
  wordpiece.py learn SIZE FILE     the vocabulary, one piece a line: every pair counted again each time

Plain Python, no packages. Nothing here knows how the compiler does it.
"""

import collections
import sys
import unicodedata

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
IDEOGRAPHS = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
              (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]


def clean(text):
    out = []
    for c in text:
        if c in "\t\n\r" or unicodedata.category(c) == "Zs":
            out.append(" ")
        elif c == "\ufffd" or unicodedata.category(c) in ("Cc", "Cf"):
            continue
        elif any(low <= ord(c) <= high for low, high in IDEOGRAPHS):
            out.append(" " + c + " ")
        else:
            out.append(c)
    return "".join(out)


def is_punctuation(c):
    return c in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" or unicodedata.category(c)[0] == "P"


def words(text):
    for token in clean(text).split():
        # Character by character: without context a capital sigma has one small form.
        token = "".join(c.lower() for c in token)
        token = unicodedata.normalize("NFD", token)
        word = ""
        for c in token:
            if unicodedata.category(c) == "Mn":
                continue
            if is_punctuation(c):
                if word:
                    yield word
                yield c
                word = ""
            else:
                word += c
        if word:
            yield word


def pieces(word, vocabulary):
    if len(word) > 100:
        return ["[UNK]"]
    out, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return ["[UNK]"]
        out.append(piece)
        start = end
    return out


def read(path):
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "ignore")


def encode(vocabulary_path, path):
    lines = read(vocabulary_path).split("\n")
    vocabulary = {piece.rstrip("\r"): i for i, piece in enumerate(lines) if piece}
    return [vocabulary[piece] for word in words(read(path)) for piece in pieces(word, vocabulary)]


def learn(size, path):
    counts = collections.Counter(word for word in words(read(path)) if len(word) <= 100)
    spelled = {word: [word[0]] + ["##" + c for c in word[1:]] for word in counts}
    characters = {piece for symbols in spelled.values() for piece in symbols}
    key = lambda piece: (piece.startswith("##") and len(piece) > 2, piece.encode())
    vocabulary = SPECIAL + sorted(characters, key=key)
    while len(vocabulary) < size:
        pairs = collections.Counter()
        for word, symbols in spelled.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += counts[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair[0].encode(), pair[1].encode()))
        if pairs[best] < 2:
            break
        joined = best[0] + best[1][2:]
        if joined not in vocabulary:
            vocabulary.append(joined)
        for word, symbols in spelled.items():
            i = 0
            while i + 1 < len(symbols):
                if (symbols[i], symbols[i + 1]) == best:
                    symbols[i:i + 2] = [joined]
                i += 1
    return vocabulary


if __name__ == "__main__":
    if sys.argv[1] == "encode":
        print("\n".join(map(str, encode(sys.argv[2], sys.argv[3]))))
    else:
        sys.stdout.buffer.write(("\n".join(learn(int(sys.argv[2]), sys.argv[3])) + "\n").encode())
