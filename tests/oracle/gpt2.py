"""GPT-2's byte-level BPE, written again from its published code's behaviour.

  gpt2.py encode ENCODER MERGES FILE       the ids of FILE's tokens, one a line
  gpt2.py make ENCODER MERGES COUNT FILE   a small encoder.json and vocab.bpe, learnt from FILE

Plain Python, no packages.
"""

import collections
import json
import sys
import unicodedata

PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
SPELLED = {b: chr(b) for b in PRINTABLE}
for byte in range(256):
    if byte not in SPELLED:
        SPELLED[byte] = chr(256 + sum(1 for b in range(byte) if b not in PRINTABLE))
SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(c) for c in range(0x2000, 0x200B))


def kind(c):
    if c in SPACES:
        return "space"
    category = unicodedata.category(c)[0]
    return {"L": "letter", "N": "number"}.get(category, "other")


def split(text):
    """'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"""
    i = 0
    while i < len(text):
        short = [s for s in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d") if text.startswith(s, i)]
        start = i + (text[i] == " ")
        if short:
            end = i + len(short[0])
        elif start < len(text) and kind(text[start]) != "space":
            end = start
            while end < len(text) and kind(text[end]) == kind(text[start]):
                end += 1
        else:
            end = i
            while end < len(text) and kind(text[end]) == "space":
                end += 1
            if end < len(text) and end - i > 1:
                end -= 1
        yield text[i:end]
        i = end


def spell(piece):
    return [SPELLED[b] for b in piece.encode("utf-8")]


def join(tokens, pair):
    out, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i:i + 2]) == pair:
            out.append(tokens[i] + tokens[i + 1])
            i += 2
        else:
            out.append(tokens[i])
            i += 1
    return out


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def encode(encoder_path, merges_path, path):
    encoder = json.loads(read(encoder_path))
    lines = read(merges_path).split("\n")[1:]
    ranks = {tuple(line.split(" ")): i for i, line in enumerate(lines) if line}
    ids = [encoder["<|endoftext|>"]] if "<|endoftext|>" in encoder else []
    for piece in split(read(path)):
        tokens = spell(piece)
        while len(tokens) > 1:
            pair = min(zip(tokens, tokens[1:]), key=lambda p: ranks.get(p, 1 << 60))
            if pair not in ranks:
                break
            tokens = join(tokens, pair)
        ids += [encoder[t] for t in tokens]
    return ids


def make(encoder_path, merges_path, count, path):
    pieces = [spell(p) for p in split(read(path))]
    tokens, merges = list(SPELLED.values()), []
    for _ in range(count):
        pairs = collections.Counter(p for piece in pieces for p in zip(piece, piece[1:]))
        best = max(sorted(pairs), key=pairs.get)
        merges.append(best)
        tokens.append("".join(best))
        pieces = [join(p, best) for p in pieces]
    tokens.append("<|endoftext|>")
    with open(encoder_path, "w", encoding="utf-8") as file:
        json.dump({t: i for i, t in enumerate(tokens)}, file)
    with open(merges_path, "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join("%s %s\n" % m for m in merges))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
    else:
        print("\n".join(map(str, encode(*sys.argv[2:5]))))
