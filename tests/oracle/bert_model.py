"""examples/bert/bert.net written again for PyTorch, from the description of the model."""
import math

import torch
import torch.nn.functional as F


def linear(w, name, x):
    return F.linear(x, w[name + ".weight"], w[name + ".bias"])


def norm(w, name, x):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-5)


def attention(w, name, x, attend, sizes, drop):
    b, s, h = x.shape
    heads = sizes["heads"]
    size = h // heads
    qkv = linear(w, name + ".qkv", x).view(b, s, heads, 3 * size).transpose(1, 2)
    q, k, v = qkv.split(size, dim=-1)
    scores = q @ k.transpose(-1, -2) / math.sqrt(size)
    scores = scores.masked_fill(~attend, -1e30)
    weights = F.dropout(scores.softmax(-1), drop)
    context = (weights @ v).transpose(1, 2).reshape(b, s, h)
    return linear(w, name + ".dense", context)


def losses(w, batch, sizes, drop=0.0):
    """The two losses of examples/bert/bert.net, from its parameters by name and a batch by field."""
    x = w["wte"][batch["tokens"].long()] + w["wpe"] + w["wtt"][batch["types"].long()]
    x = F.dropout(x, drop)
    attend = batch["mask"].bool()[:, None, None, :]
    for i in range(sizes["layers"]):
        layer = f"layer[{i}]"
        x = x + F.dropout(attention(w, layer + ".attn", norm(w, layer + ".norm1", x), attend, sizes, drop), drop)
        up = F.gelu(linear(w, layer + ".mlp.up", norm(w, layer + ".norm2", x)))
        x = x + F.dropout(linear(w, layer + ".mlp.down", up), drop)
    x = norm(w, "norm", x)
    order_logits = linear(w, "order", torch.tanh(linear(w, "pooler", x[:, 0])))
    head = norm(w, "mlm_head.norm", F.gelu(linear(w, "mlm_head.dense", x)))
    logits = head @ w["wte"].T + w["mlm_bias"]
    each = F.cross_entropy(logits.transpose(1, 2), batch["labels"].long(), reduction="none", ignore_index=-1)
    weight = batch["loss_mask"].to(each.dtype)
    mlm = (each * weight).sum() / (weight.sum() + 1e-7)
    return mlm, F.cross_entropy(order_logits, batch["is_swapped"].long())
