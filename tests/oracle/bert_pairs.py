"""The batches of bert_pairs(), written again from what LiBai does: the sample map of its helpers.cpp,
the samples of its bert_dataset.py and dataset_utils.py, the generators of C++ and numpy. The order within
an epoch is the runtime's own (a Feistel network over Philox).

  bert_pairs.py PREFIX SEQ BATCH STEPS SEED PART   for each example a line: swapped | tokens | types | labels

Plain Python, no packages.
"""

import random
import sys

import indexed


class Mt64:
    """mt19937-64."""

    def __init__(self, seed):
        self.state, self.at = [], 312
        for i in range(312):
            self.state.append(seed)
            seed = (6364136223846793005 * (seed ^ seed >> 62) + i + 1) % 2**64

    def next(self):
        if self.at == 312:
            s = self.state
            for i in range(312):
                bits = s[i] & ~0x7FFFFFFF | s[(i + 1) % 312] & 0x7FFFFFFF
                s[i] = s[(i + 156) % 312] ^ bits >> 1 ^ (0xB5026F5AA96619E9 if bits & 1 else 0)
            self.at = 0
        x = self.state[self.at]
        self.at += 1
        x ^= x >> 29 & 0x5555555555555555
        x ^= x << 17 & 0x71D67FFFEDA60000
        x ^= x << 37 & 0xFFF7EEE000000000
        return x ^ x >> 43


def mt32(seed):
    """Python's own Mersenne Twister, seeded as C++ and numpy seed theirs."""
    state = []
    for i in range(624):
        state.append(seed)
        seed = (1812433253 * (seed ^ seed >> 30) + i + 1) % 2**32
    twister = random.Random()
    twister.setstate((3, tuple(state + [624]), None))
    return twister


class NumpyRandom:
    """The draws of numpy.random.RandomState that LiBai uses."""

    def __init__(self, seed):
        self.mt = mt32(seed % 2**32)

    def random(self):
        return self.mt.random()

    def upto(self, top):
        if top == 0:
            return 0
        mask = (1 << top.bit_length()) - 1
        while True:
            value = self.mt.getrandbits(32) & mask
            if value <= top:
                return value

    def randint(self, low, high):
        return low + self.upto(high - 1 - low)

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = self.upto(i)
            items[i], items[j] = items[j], items[i]

    def choice(self, items, p):
        cdf, total = [], 0.0
        for x in p:
            total += x
            cdf.append(total)
        u = self.random()
        return items[sum(1 for x in cdf if x / cdf[-1] <= u)]


def sample_map(sentences, documents, longest, seed):
    mt = mt32(seed % 2**32)

    def target():
        r = mt.getrandbits(32)
        return 2 + r % (longest - 1) if r % 10 == 0 else longest

    samples = []
    for first, last in zip(documents, documents[1:]):
        sizes = [len(s) for s in sentences[first:last]]
        if len(sizes) < 2 or max(sizes) > 512:
            continue
        start, wanted = first, target()
        for i in range(first, last):
            enough = sum(len(s) for s in sentences[start:i + 1]) >= wanted
            if enough and last - i - 1 > 1 and i + 1 - start >= 2 or i + 1 == last:
                samples.append((start, i + 1, wanted))
                start, wanted = i + 1, target()
    shuffler = Mt64((seed + 1) % 2**64)
    for i in range(len(samples) - 1, 0, -1):
        j = shuffler.next() % (i + 1)
        samples[i], samples[j] = samples[j], samples[i]
    return samples


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 % 2**32, p0 >> 32 ^ c[3] ^ k[1], p0 % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def shuffled(i, n, seed, epoch):
    half = 1
    while 4**half < n:
        half += 1
    x = i
    while True:
        left, right = x >> half, x % 2**half
        for r in range(6):
            word = philox([right, r, epoch, 0x53485546], [seed % 2**32, seed >> 32])[0]
            left, right = right, left ^ word % 2**half
        x = left << half | right
        if x < n:
            return x


def mask(tokens, vocabulary, target, rng):
    special = {vocabulary.index("[CLS]"), vocabulary.index("[SEP]")}
    words = []
    for i, token in enumerate(tokens):
        if token in special:
            continue
        if words and vocabulary[token].startswith("##"):
            words[-1].append(i)
        else:
            words.append([i])
    wanted = min(0.15 * target, max(1, round(len(tokens) * 0.15)))
    weights = [1 / i for i in (1, 2, 3)]
    weights = [w / sum(weights) for w in weights]
    weights = [w / sum(weights) for w in weights]
    spans = [[words[i:i + n] for n in (1, 2, 3)] for i in range(len(words))]
    rng.shuffle(spans)
    labels, out = [-1] * len(tokens), list(tokens)
    n_masked = 0
    for span in spans:
        if n_masked >= wanted:
            break
        n = rng.choice([1, 2, 3], weights)
        indexes = sum(span[n - 1], [])
        while n > 1 and n_masked + len(indexes) > wanted:
            n -= 1
            indexes = sum(span[n - 1], [])
        if n_masked + len(indexes) > wanted or any(labels[i] >= 0 for i in indexes):
            continue
        for i in indexes:
            labels[i] = tokens[i]
            n_masked += 1
            if rng.random() < 0.8:
                out[i] = vocabulary.index("[MASK]")
            elif rng.random() >= 0.5:
                out[i] = rng.randint(0, len(vocabulary))
    return out, labels


def sample(sentences, target, vocabulary, rng):
    n, k = len(sentences), 1
    if n >= 3:
        k = rng.randint(1, n)
    a, b = sum(sentences[:k], []), sum(sentences[k:], [])
    swapped = rng.random() < 0.5
    if swapped:
        a, b = b, a
    while len(a) + len(b) > target:
        longer = a if len(a) > len(b) else b
        longer.pop(0 if rng.random() < 0.5 else -1)
    cls, sep = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    tokens = [cls] + a + [sep] + b + [sep]
    types = [0] * (len(a) + 2) + [1] * (len(b) + 1)
    tokens, labels = mask(tokens, vocabulary, target, rng)
    return int(swapped), tokens, types, labels


def main(prefix, seq, batch, steps, seed, part):
    sentences, documents = indexed.read(prefix)
    with open(prefix + ".vocab.txt", encoding="utf-8", newline="\n") as file:
        vocabulary = file.read().rstrip("\n").split("\n")
    n = len(documents) - 1
    n_test, n_valid = round(0.001 * n), round(0.05 * n)
    first, last = {"train": (0, n - n_valid - n_test), "valid": (n - n_valid - n_test, n - n_test)}[part]
    samples = sample_map(sentences, documents[first:last + 1], seq - 3, seed)
    for place in range(steps * batch):
        epoch, i = divmod(place, len(samples))
        item = shuffled(i, len(samples), seed, epoch)
        first, last, target = samples[item]
        rng = NumpyRandom(seed + epoch * len(samples) + item)
        swapped, tokens, types, labels = sample(sentences[first:last], target, vocabulary, rng)
        print(swapped, "|", *tokens, "|", *types, "|", *labels)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:6]), sys.argv[6])
