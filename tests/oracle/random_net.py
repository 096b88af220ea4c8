"""Random models, each written twice: as a .net file and as a function for PyTorch.

A model is a list of statements (text for us, text for PyTorch) over values of which the shape is known.
One module, called several times, may stand in it; marks are sprinkled over all.
"""
import math
import random

# Elementwise operators, with what keeps their argument in range: {} is the value.
UNARY = [
    ("relu({})", "torch.relu({})"), ("gelu({})", "F.gelu({})"),
    ("gelu_tanh({})", "F.gelu({}, approximate='tanh')"), ("silu({})", "F.silu({})"),
    ("tanh({})", "torch.tanh({})"), ("sigmoid({})", "torch.sigmoid({})"), ("abs({})", "{}.abs()"),
    ("square({})", "{} ** 2"), ("-{}", "-{}"), ("exp(tanh({}))", "torch.exp(torch.tanh({}))"),
    ("log(square({}) + 1.5)", "torch.log({} ** 2 + 1.5)"), ("sqrt(abs({}) + 0.5)", "torch.sqrt({}.abs() + 0.5)"),
    ("{} * (1 / 3) + 0.125", "{} / 3 + 0.125"), ("2 - {} / 4", "2 - {} / 4"),
    ("maximum({0}, 0.25) - minimum({0}, -0.5) * 2", "{0}.clamp(min=0.25) - {0}.clamp(max=-0.5) * 2"),
]
BINARY = [("{} + {}", "{} + {}"), ("{} - {}", "{} - {}"), ("{} * tanh({})", "{} * torch.tanh({})"),
          ("{} / (square({}) + 1)", "{} / ({} ** 2 + 1)"), ("maximum({}, {})", "torch.maximum({}, {})")]
OPTIMIZERS = [
    ("sgd", dict(lr=0.05)), ("sgd", dict(lr=0.05, momentum=0.9, weight_decay=0.01)),
    ("sgd", dict(lr=0.05, momentum=0.9, nesterov=True)), ("adam", dict(lr=0.01, weight_decay=0.02)),
    ("adamw", dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1)),
]
LARGEST = 20000  # elements of a tensor


def broadcast(a, b):
    """numpy's rule, or None."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    if any(x != y and 1 not in (x, y) for x, y in zip(a, b)):
        return None
    return tuple(max(x, y) for x, y in zip(a, b))


class Body:
    """The statements of a model or module so far, and its values with their shapes."""

    def __init__(self, rng, names, values, fields):
        self.rng, self.names, self.values, self.fields = rng, names, dict(values), fields
        self.ours, self.theirs, self.inner = [], [], set()

    def name(self):
        self.names[0] += 1
        return f"v{self.names[0]}"

    def say(self, ours, theirs, shapes, marked=True):
        """NAMES = ours, with a mark now and then."""
        names = [self.name() for _ in shapes]
        mark = self.rng.choice(["", "", "", "checkpoint ", "keep "]) if marked else ""
        self.ours.append(f"{mark}{', '.join(names)} = {ours}")
        self.theirs.append(f"{', '.join(names)} = {theirs}")
        self.values.update(zip(names, shapes))
        self.inner.update(names)

    def pick(self):
        return self.rng.choice(list(self.values.items())[-6:])

    def statement(self):
        ways = [way for way in dir(self) if way.startswith("say_")]
        while not getattr(self, self.rng.choice(ways))(*self.pick()):
            pass

    # Each way: one statement on value `a` of shape `s`; False where it does not fit.

    def say_unary(self, a, s):
        ours, theirs = self.rng.choice(UNARY)
        self.say(ours.format(a), theirs.format(a), [s])
        return True

    def say_binary(self, a, s):
        b, t = self.rng.choice(list(self.values.items()))
        shape = broadcast(s, t)
        if shape is None or math.prod(shape) > LARGEST:
            return False
        ours, theirs = self.rng.choice(BINARY)
        self.say(ours.format(a, b), theirs.format(a, b), [shape])
        return True

    def say_linear(self, a, s):
        if not s:
            return False
        out, own = self.rng.choice([1, 2, 3, 5, 8, 16]), f"p{self.names[0]}"
        if self.rng.random() < 0.7:
            self.say(f"linear({a}, out = {out}) as {own}", f"F.linear({a}, P('{own}.weight'), P('{own}.bias'))",
                     [s[:-1] + (out,)])
        else:
            self.say(f"linear({a}, out = {out}, bias = false) as {own}", f"F.linear({a}, P('{own}.weight'))",
                     [s[:-1] + (out,)])
        return True

    def say_shared(self, a, s):
        if "W" not in self.fields or not s or s[-1] != self.fields["W"][1][1]:
            return False
        self.say(f"linear({a}, weight = W)", f"F.linear({a}, P('W'))", [s])
        return True

    def say_embedding(self, a, s):
        if "ids" not in self.fields:
            return False
        out, own = self.rng.choice([1, 3, 8]), f"p{self.names[0]}"
        self.say(f"embedding(ids, vocab = 11, out = {out}) as {own}", f"P('{own}.weight')[ids]",
                 [self.fields["ids"][1] + (out,)])
        return True

    def say_layer_norm(self, a, s):
        if not s or s[-1] == 1:  # all its gradients are rounding
            return False
        own = f"p{self.names[0]}"
        self.say(f"layer_norm({a}) as {own}", f"F.layer_norm({a}, {s[-1:]}, P('{own}.weight'), P('{own}.bias'))", [s])
        return True

    def say_dropout(self, a, s):
        self.say(f"dropout({a}, p = DROP)", a, [s])
        return True

    def say_softmax(self, a, s):
        if not s:
            return False
        axis, mask = self.rng.randrange(-1, len(s)), ""
        if "m" in self.fields and s[:-1] == self.fields["m"][1] and self.rng.random() < 0.6:
            mask = f"m.reshape({s[:-1] + (1,)})"
            self.say(f"softmax({a}, mask = reshape(m, {list(s[:-1]) + [1]}), axis = {axis})",
                     f"{a}.masked_fill(~{mask}, -1e30).softmax({axis})", [s])
        elif len(s) > 1 and self.rng.random() < 0.3:
            after = f"torch.ones({s[-2:]}, dtype=torch.bool).triu(1)"
            self.say(f"softmax({a}, causal = true)", f"{a}.masked_fill({after}, -1e30).softmax(-1)", [s])
        else:
            self.say(f"softmax({a}, axis = {axis})", f"{a}.softmax({axis})", [s])
        return True

    def say_matmul(self, a, s):
        if len(s) < 2:
            return False
        fits = []
        for b, t in self.values.items():
            for flip_a, flip_b in ((x, y) for x in (0, 1) for y in (0, 1) if len(t) > 1):
                n, k = s[-2:][::-1] if flip_a else s[-2:]
                k2, m = t[-2:][::-1] if flip_b else t[-2:]
                batch = broadcast(s[:-2], t[:-2])
                if k == k2 and batch is not None and math.prod(batch + (n, m)) <= LARGEST:
                    fits.append((b, flip_a, flip_b, batch + (n, m)))
        if not fits:
            return False
        b, flip_a, flip_b, shape = self.rng.choice(fits)
        flags = ", transpose_a = true" * flip_a + ", transpose_b = true" * flip_b
        self.say(f"matmul({a}, tanh({b}){flags})", f"{a}{'.mT' * flip_a} @ torch.tanh({b}){'.mT' * flip_b}", [shape])
        return True

    def say_reshape(self, a, s):
        n = math.prod(s)
        first = self.rng.choice([i for i in range(1, n + 1) if n % i == 0])
        shape = self.rng.choice([(first, n // first), (n,), (1, first, n // first)])
        self.say(f"reshape({a}, {list(shape[:-1]) + [-1]})", f"{a}.reshape({shape})", [shape])
        return True

    def say_permute(self, a, s):
        if len(s) < 2:
            return False
        order = list(range(len(s)))
        self.rng.shuffle(order)
        if self.rng.random() < 0.5:
            self.say(f"permute({a}, {order})", f"{a}.permute({order})", [tuple(s[i] for i in order)])
        else:
            i, j = order[:2]
            shape = list(s)
            shape[i], shape[j] = s[j], s[i]
            self.say(f"transpose({a}, {i}, {j - len(s)})", f"{a}.transpose({i}, {j})", [tuple(shape)])
        return True

    def say_split(self, a, s):
        fits = [(axis, n) for axis in range(len(s)) for n in (2, 3, 4) if s[axis] % n == 0]
        if not fits:
            return False
        axis, n = self.rng.choice(fits)
        shape = s[:axis] + (s[axis] // n,) + s[axis + 1:]
        self.say(f"split({a}, parts = {n}, axis = {axis})", f"{a}.chunk({n}, {axis})", [shape] * n, marked=False)
        return True

    def say_concat(self, a, s):
        fits = [(b, t, axis) for b, t in self.values.items() for axis in range(len(s))
                if len(t) == len(s) and s[:axis] + s[axis + 1:] == t[:axis] + t[axis + 1:]]
        if not fits:
            return False
        b, t, axis = self.rng.choice(fits)
        shape = s[:axis] + (s[axis] + t[axis],) + s[axis + 1:]
        if math.prod(shape) > LARGEST:
            return False
        self.say(f"concat({a}, {b}, axis = {axis - len(s)})", f"torch.cat([{a}, {b}], {axis})", [shape])
        return True

    def say_slice(self, a, s):
        if not s:
            return False
        axis = self.rng.randrange(len(s))
        first = self.rng.randrange(s[axis])
        last = self.rng.randrange(first, s[axis]) + 1
        self.say(f"slice({a}, axis = {axis}, from = {first}, to = {last})",
                 f"{a}.narrow({axis}, {first}, {last - first})", [s[:axis] + (last - first,) + s[axis + 1:]])
        return True

    def say_reduction(self, a, s):
        if not s:
            return False
        axis, (ours, theirs) = self.rng.randrange(len(s)), self.rng.choice(
            [("sum", "sum"), ("mean", "mean"), ("max", "amax")])
        keep = self.rng.random() < 0.5
        self.say(f"{ours}({a}, axis = {axis - len(s)}{', keep = true' * keep})",
                 f"{a}.{theirs}({axis}, keepdim={keep})", [s[:axis] + (1,) * keep + s[axis + 1:]])
        return True


def module_text(rng, names, fields):
    """A module Mod from [batch, seq, width] to the same, as both texts."""
    batch, seq, width = fields["x"][1]
    own = {n: fields[n] for n in ("m",) if n in fields}
    body = Body(rng, names, {"a": (batch, seq, width)}, own)
    for _ in range(rng.randrange(1, 6)):
        body.statement()
    ends = [f"sum(square({v})) / {math.prod(body.values[v])}" for v in sorted(body.inner)]
    theirs = [f"({v} ** 2).mean()" for v in sorted(body.inner)]
    head = "a, m" if own else "a"
    ours = f"module Mod({head}) {{\n" + "".join(f"    {line}\n" for line in body.ours)
    ours += f"    return a + tanh({' + '.join(ends)}) * 0.5\n}}\n"
    python = f"def Mod({head}, P):\n" + "".join(f"    {line}\n" for line in body.theirs)
    python += f"    return a + torch.tanh({' + '.join(theirs)}) * 0.5\n"
    return ours, python, ", m" if own else ""


def say_calls(body, more, batch_shape):
    """Mod called once, or in a repeat, on a value of its shape."""
    fits = [v for v, s in body.values.items() if s == batch_shape]
    a, name, path = body.rng.choice(fits), body.name(), f"u{body.names[0]}"
    mark, turns = body.rng.choice(["", "checkpoint ", "checkpoint ", "keep "]), body.rng.choice([0, 1, 2, 4])
    if turns == 0:
        body.ours.append(f"{mark}{name} = Mod({a}{more}) as {path}")
        body.theirs.append(f"{name} = Mod({a}{more}, lambda n: P('{path}.' + n))")
    else:
        body.ours.append(f"{name} = {a} * 1")
        body.ours.append(f"repeat i in {turns} {{\n        {mark}{name} = Mod({name}{more}) as {path}\n    }}")
        body.theirs.append(f"{name} = {a}")
        body.theirs.append(f"for i in range({turns}): {name} = Mod({name}{more}, lambda n: P(f'{path}[{{i}}].' + n))")
    body.values[name] = batch_shape
    body.inner.add(name)


def say_losses(body, fields):
    """Every value bears on a loss, so that no parameter is without a gradient."""
    values = sorted(body.inner)
    ours = [f"loss all = ({' + '.join(f'mean(square({v}))' for v in values)}) * 0.1"]
    theirs = [f"losses['all'] = ({' + '.join(f'({v} ** 2).mean()' for v in values)}) * 0.1"]
    fits = [v for v, s in body.values.items() if len(s) == 3 and s[:2] == fields["x"][1][:2]]
    classes, kind = body.rng.choice([2, 3, 7]), body.rng.choice(["mean", "sum", "masked"])
    fields["labels"] = ("i32", fields["x"][1][:2], "target")
    ours.append(f"logits = linear({body.rng.choice(fits)}, out = {classes}) as head")
    theirs.append(ours[-1].split("(")[1].split(",")[0])
    theirs[-1] = f"logits = F.linear({theirs[-1]}, P('head.weight'), P('head.bias'))"
    ours.append("output logits")
    flat = f"logits.reshape(-1, {classes}), labels.reshape(-1)"
    if kind != "masked":
        ours.append(f"loss ce = cross_entropy(logits, labels, reduction = {kind})")
        theirs.append(f"losses['ce'] = F.cross_entropy({flat}, reduction='{kind}')")
    else:
        fields["w"] = ("bool", fields["x"][1][:2], "target")
        ours.append("loss ce = masked_mean(cross_entropy(logits, labels, reduction = none), weight = w)")
        theirs.append(f"each = F.cross_entropy({flat}, reduction='none').reshape(labels.shape)")
        theirs.append("losses['ce'] = (each * w).sum() / (w.sum() + 1e-7)")
    return ours, theirs


def train_text(rng, precision):
    name, options = rng.choice(OPTIMIZERS)
    clip = rng.choice([None, None, 1.0, 0.01])
    said = ", ".join(f"{k} = {str(v).lower()}" for k, v in options.items())
    text = f"train {{\n    data = synthetic(seed = 3)\n    optimizer = {name}({said})\n    precision = {precision}\n"
    text += f"    clip = norm({clip})\n" if clip else ""
    return text + "    seed = 5\n}\n", name, options, clip


def random_model(seed, precision="f64", drop=0.0):
    """What a seed stands for: text of a .net file, text of `losses, logits = model(fields, P)` for PyTorch,
    the names of the fields, and the optimizer (name, options, clip)."""
    rng, names = random.Random(seed), [0]
    batch, seq = rng.choice([1, 2, 3, 5, 8]), rng.choice([1, 2, 3, 4, 7])
    width = rng.choice([1, 2, 4, 6, 12, 17, 32])
    fields = {"x": ("f32", (batch, seq, width), "input")}
    for name, dtype, shape in (("m", "bool", (batch, seq)), ("ids", "i32", (batch, seq)), ("z", "f32", (seq, width))):
        if rng.random() < 0.5:
            fields[name] = (dtype, shape, "input")
    module, python, more = module_text(rng, names, fields)
    body = Body(rng, names, {n: f[1] for n, f in fields.items() if f[0] == "f32"}, fields)
    if rng.random() < 0.5:
        fields["W"] = ("param", (width, width), "param")
    calls = rng.choice([0, 1, 2, 3])
    for i in range(rng.randrange(4, 14)):
        body.statement()
        if i < calls:
            say_calls(body, more, (batch, seq, width))
    ours, theirs = say_losses(body, fields)
    if "W" in fields and not any("weight = W" in line for line in body.ours):
        body.ours.append("vw = linear(x, weight = W)")
        body.theirs.append("vw = F.linear(x, P('W'))")
        ours.append("loss w = mean(square(vw))")
        theirs.append("losses['w'] = (vw ** 2).mean()")
    head = "".join(f"    {kind} {n} : {dtype}{list(shape)}\n" if kind != "param" else
                   f"    param {n} : f32{list(shape)} ~ normal(0, 0.3)\n" for n, (dtype, shape, kind) in fields.items())
    train, name, options, clip = train_text(rng, precision)
    net = module + "model Random {\n" + head + "".join(f"    {line}\n" for line in body.ours + ours) + "}\n" + train
    inputs = [n for n in fields if n != "W"]
    python += f"def model(fields, P):\n    {', '.join(inputs)}, = (fields[n] for n in {inputs})\n    losses = {{}}\n"
    python += "".join(f"    {line}\n" for line in body.theirs + theirs) + "    return losses, logits\n"
    return net.replace("DROP", str(drop)), python, inputs, (name, options, clip)
