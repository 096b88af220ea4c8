/* A recorder of forward operators and its differentiation, in values and nodes alone. */
#include "tests/support/make_problem.h"

#include <string.h>

uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int random_below(uint64_t *state, int n)
{
    return (int)(random_next(state) % (uint64_t)n);
}

/* What the backward of an operator reads, beside the gradient. */
enum { SAVES_NOTHING = 0, SAVES_INPUTS = 1, SAVES_OUTPUT = 2 };

typedef struct {
    int node, saves;
    int inputs[2], n_inputs;
    int weight; /* parameter, or -1 */
    int output, statistics;
} Recorded;

typedef struct {
    Arena *arena;
    ARRAY(Value) values;
    ARRAY(ProblemNode) nodes;
    ARRAY(ProblemInstance) instances;
    ARRAY(Recorded) tape;
    int instance;  /* where new nodes go */
    int *gradient; /* of each forward value, -1 none yet */
} Maker;

static int add_value(Maker *m, const char *name, size_t bytes, TensorClass class)
{
    Value v = {.name = name, .bytes = bytes, .class = class, .producer = -1, .takes = -1};
    v.instance = m->instance;
    PUSH(m->arena, m->values, v);
    return m->values.n - 1;
}

static int add_node(Maker *m, const char *op, Phase phase, double seconds)
{
    ProblemNode node = {
        .name = arena_printf(m->arena, "n%d", m->nodes.n), .op = op, .phase = phase};
    node.seconds = seconds;
    node.flops = seconds * 1e9;
    node.replayable = phase == PHASE_forward;
    node.forward = -1;
    node.instance = m->instance;
    node.reads = NEW_N(m->arena, int, 8);
    node.writes = NEW_N(m->arena, int, 2);
    node.may_take = NEW_N(m->arena, int *, 2);
    node.n_may_take = NEW_N(m->arena, int, 2);
    PUSH(m->arena, m->nodes, node);
    return m->nodes.n - 1;
}

static void reads(Maker *m, int node, int value)
{
    ProblemNode *n = &m->nodes.data[node];
    for (int k = 0; k < n->n_reads; k++)
        if (n->reads[k] == value)
            return;
    n->reads[n->n_reads++] = value;
}

static int writes(Maker *m, int node, int value)
{
    ProblemNode *n = &m->nodes.data[node];
    n->writes[n->n_writes++] = value;
    m->values.data[value].producer = node;
    return value;
}

static void may_take(Maker *m, int node, int value)
{
    ProblemNode *n = &m->nodes.data[node];
    int w = n->n_writes - 1;
    if (m->values.data[value].bytes != m->values.data[n->writes[w]].bytes)
        return;
    if (!n->may_take[w])
        n->may_take[w] = NEW_N(m->arena, int, 8);
    n->may_take[w][n->n_may_take[w]++] = value;
}

static int add_instance(Maker *m, const char *path, int parent, bool checkpoint, int type)
{
    ProblemInstance in = {path, "test.net:1", parent, -1, checkpoint, type};
    PUSH(m->arena, m->instances, in);
    return m->instances.n - 1;
}

static Maker maker_new(Arena *arena)
{
    Maker m = {.arena = arena};
    add_instance(&m, "", -1, false, 0);
    return m;
}

static int weight(Maker *m, size_t bytes)
{
    int v = add_value(m, arena_printf(m->arena, "w%d", m->values.n), bytes, CLASS_parameter);
    m->values.data[v].resident = true;
    return v;
}

/* One operator: op(inputs, weight) -> an output of `bytes`; statistics_bytes > 0: and a small
 * second one that backward reads. */
static int record(Maker *m, const char *op, Recorded r, size_t bytes, size_t statistics_bytes,
                  double seconds)
{
    r.node = add_node(m, op, PHASE_forward, seconds);
    for (int i = 0; i < r.n_inputs; i++)
        reads(m, r.node, r.inputs[i]);
    if (r.weight >= 0)
        reads(m, r.node, r.weight);
    const char *name = arena_printf(m->arena, "%s%d", op, r.node);
    r.output = writes(m, r.node, add_value(m, name, bytes, CLASS_activation));
    if (r.weight < 0)
        for (int i = 0; i < r.n_inputs; i++)
            may_take(m, r.node, r.inputs[i]);
    r.statistics = -1;
    if (statistics_bytes > 0) {
        name = arena_printf(m->arena, "%s%d.stats", op, r.node);
        r.statistics = writes(m, r.node, add_value(m, name, statistics_bytes, CLASS_activation));
    }
    PUSH(m->arena, m->tape, r);
    return r.output;
}

static int unary(Maker *m, const char *op, int x, int saves)
{
    Recorded r = {.inputs = {x}, .n_inputs = 1, .weight = -1, .saves = saves};
    size_t bytes = m->values.data[x].bytes;
    return record(m, op, r, bytes, 0, 1e-6 + (double)bytes * 1e-9);
}

static int binary(Maker *m, const char *op, int x, int y, int saves)
{
    Recorded r = {.inputs = {x, y}, .n_inputs = 2, .weight = -1, .saves = saves};
    size_t bytes = m->values.data[x].bytes;
    return record(m, op, r, bytes, 0, 1e-6 + (double)bytes * 1e-9);
}

static int linear(Maker *m, int x, size_t bytes, int w)
{
    Recorded r = {.inputs = {x}, .n_inputs = 1, .weight = w, .saves = SAVES_INPUTS};
    return record(m, "linear", r, bytes, 0, 1e-6 + (double)bytes * 2e-8);
}

static int product(Maker *m, int x, int y, size_t bytes)
{
    Recorded r = {.inputs = {x, y}, .n_inputs = 2, .weight = -1, .saves = SAVES_INPUTS};
    int out = record(m, "matmul", r, bytes, 0, 1e-6 + (double)bytes * 1e-8);
    ProblemNode *node = &m->nodes.data[m->nodes.n - 1];
    node->n_may_take[0] = 0;
    return out;
}

static int norm(Maker *m, int x)
{
    Recorded r = {.inputs = {x}, .n_inputs = 1, .weight = -1, .saves = SAVES_INPUTS};
    size_t bytes = m->values.data[x].bytes;
    return record(m, "layer_norm", r, bytes, bytes / 64 + 1, 1e-6 + (double)bytes * 2e-9);
}

/* --- backward ------------------------------------------------------------------------------------
 */

static void accumulate(Maker *m, int value, int contribution, const Recorded *r)
{
    int old = m->gradient[value];
    if (old < 0) {
        m->gradient[value] = contribution;
        return;
    }
    int node = add_node(m, "add", PHASE_backward, 1e-6);
    m->nodes.data[node].forward = r->node;
    reads(m, node, old);
    reads(m, node, contribution);
    m->gradient[value] =
        writes(m, node, add_value(m, "sum", m->values.data[old].bytes, CLASS_gradient));
    may_take(m, node, old);
    may_take(m, node, contribution);
}

static int backward_node(Maker *m, const Recorded *r, int dy, int of)
{
    const ProblemNode *forward = &m->nodes.data[r->node];
    int node = add_node(m, forward->op, PHASE_backward, m->nodes.data[r->node].seconds);
    m->nodes.data[node].forward = r->node;
    reads(m, node, dy);
    const char *name = arena_printf(m->arena, "d%s", m->values.data[of].name);
    int dx = writes(m, node, add_value(m, name, m->values.data[of].bytes, CLASS_gradient));
    if (r->weight < 0)
        may_take(m, node, dy);
    return dx;
}

static void update(Maker *m, int w)
{
    int node = add_node(m, "sgd", PHASE_update, 1e-6);
    reads(m, node, w);
    reads(m, node, m->gradient[w]);
    int updated = add_value(m, "updated", m->values.data[w].bytes, CLASS_parameter);
    m->values.data[updated].resident = true;
    m->values.data[updated].takes = w;
    writes(m, node, updated);
}

static bool shared_later(const Maker *m, int tape, int w)
{
    for (int i = 0; i < tape; i++)
        if (m->tape.data[i].weight == w)
            return true;
    return false;
}

static void differentiate_weight(Maker *m, int tape, int dy)
{
    const Recorded *r = &m->tape.data[tape];
    int w = r->weight;
    int dw = backward_node(m, r, dy, w);
    reads(m, m->nodes.n - 1, r->inputs[0]);
    if (m->gradient[w] >= 0) { /* added in place */
        reads(m, m->nodes.n - 1, m->gradient[w]);
        m->values.data[dw].takes = m->gradient[w];
    }
    m->gradient[w] = dw;
}

static void differentiate_input(Maker *m, const Recorded *r, int dy, int k)
{
    int x = r->inputs[k];
    if (m->values.data[x].class == CLASS_input)
        return;
    int dx = backward_node(m, r, dy, x), node = m->nodes.n - 1;
    if (r->weight >= 0)
        reads(m, node, r->weight);
    else if (r->saves == SAVES_INPUTS)
        reads(m, node, r->inputs[r->n_inputs == 2 ? 1 - k : 0]);
    else if (r->saves == SAVES_OUTPUT)
        reads(m, node, r->output);
    if (r->statistics >= 0)
        reads(m, node, r->statistics);
    accumulate(m, x, dx, r);
}

static void differentiate(Maker *m, int tape)
{
    Recorded r = m->tape.data[tape];
    int dy = m->gradient[r.output];
    if (dy < 0)
        return;
    m->instance = m->nodes.data[r.node].instance;
    if (r.weight >= 0)
        differentiate_weight(m, tape, dy);
    for (int k = 0; k < r.n_inputs; k++)
        differentiate_input(m, &r, dy, k);
    if (r.weight >= 0 && !shared_later(m, tape, r.weight))
        update(m, r.weight);
}

/* The loss of the last value, the backward pass and the updates. */
static Problem *finish(Maker *m, int last)
{
    m->instance = 0;
    int loss = add_node(m, "loss", PHASE_forward, 1e-6);
    m->nodes.data[loss].replayable = false;
    reads(m, loss, last);
    int value = writes(m, loss, add_value(m, "loss", 4, CLASS_output));
    m->values.data[value].to_end = true;
    m->gradient = NEW_N(m->arena, int, m->values.n);
    memset(m->gradient, -1, (size_t)m->values.n * sizeof(int));
    int start = add_node(m, "loss", PHASE_backward, 1e-6);
    m->nodes.data[start].forward = loss;
    reads(m, start, last);
    m->gradient[last] =
        writes(m, start, add_value(m, "dloss", m->values.data[last].bytes, CLASS_gradient));
    for (int i = m->tape.n - 1; i >= 0; i--)
        differentiate(m, i);
    Problem *p = NEW(m->arena, Problem);
    *p = (Problem){m->values.data, m->values.n, m->nodes.data, m->nodes.n, m->instances.data,
                   m->instances.n, 64};
    return p;
}

/* --- models --------------------------------------------------------------------------------------
 */

Problem *make_chain(Arena *arena, int layers, size_t bytes, size_t weight_bytes)
{
    Maker m = maker_new(arena);
    int x = add_value(&m, "x", bytes, CLASS_input);
    for (int i = 0; i < layers; i++) {
        m.instance = add_instance(&m, arena_printf(arena, "layer[%d]", i), 0, true, 1);
        x = unary(&m, "relu", linear(&m, x, bytes, weight(&m, weight_bytes)), SAVES_OUTPUT);
    }
    return finish(&m, x);
}

static int attention(Maker *m, int x, int mask)
{
    size_t bytes = m->values.data[x].bytes;
    int h = norm(m, x);
    int q = linear(m, h, bytes, weight(m, 4096)), k = linear(m, h, bytes, weight(m, 4096));
    int v = linear(m, h, bytes, weight(m, 4096));
    int scores = binary(m, "mask", product(m, q, k, 8 * bytes), mask, SAVES_NOTHING);
    int p = unary(m, "softmax", scores, SAVES_OUTPUT);
    int out = product(m, unary(m, "dropout", p, SAVES_NOTHING), v, bytes);
    return binary(m, "add", x, linear(m, out, bytes, weight(m, 4096)), SAVES_NOTHING);
}

Problem *make_transformer(Arena *arena, int layers)
{
    Maker m = maker_new(arena);
    size_t bytes = 16384;
    int tokens = add_value(&m, "tokens", 1024, CLASS_input);
    int mask = add_value(&m, "mask", 1024, CLASS_input);
    int x = linear(&m, tokens, bytes, weight(&m, 65536));
    for (int i = 0; i < layers; i++) {
        const char *path = arena_printf(arena, "layer[%d]", i);
        int layer = m.instance = add_instance(&m, path, 0, true, 1);
        m.instance = add_instance(&m, arena_printf(arena, "%s.attn", path), layer, false, 2);
        x = attention(&m, x, mask);
        m.instance = add_instance(&m, arena_printf(arena, "%s.ffn", path), layer, false, 3);
        int h = linear(&m, norm(&m, x), 4 * bytes, weight(&m, 16384));
        h = linear(&m, unary(&m, "gelu", h, SAVES_INPUTS), bytes, weight(&m, 16384));
        x = binary(&m, "add", x, h, SAVES_NOTHING);
    }
    m.instance = 0;
    return finish(&m, linear(&m, norm(&m, x), 4 * bytes, weight(&m, 65536)));
}

/* A recent value, so that some are skipped over and some are read again much later. */
static int pick(const Maker *m, uint64_t *seed)
{
    int n = m->tape.n, back = random_below(seed, random_below(seed, 3) ? 2 : 6);
    return m->tape.data[back < n ? n - 1 - back : n - 1].output;
}

static void random_instance(Maker *m, uint64_t *seed)
{
    if (random_below(seed, 4))
        return;
    int parent = random_below(seed, 2) ? 0 : m->instance;
    m->instance = add_instance(m, arena_printf(m->arena, "part%d", m->instances.n), parent,
                               random_below(seed, 2), m->instances.n);
}

static void random_operator(Maker *m, uint64_t *seed)
{
    int x = pick(m, seed), y = pick(m, seed), saves = random_below(seed, 3);
    size_t bytes = (size_t)(1 + random_below(seed, 64)) * 16;
    switch (random_below(seed, 6)) {
    case 0: linear(m, x, bytes, weight(m, 16 * (size_t)(1 + random_below(seed, 20)))); break;
    case 1: /* a parameter used before, where there is one */
        for (int i = 0; i < m->tape.n; i++)
            if (m->tape.data[i].weight >= 0) {
                linear(m, x, bytes, m->tape.data[i].weight);
                return;
            }
        unary(m, "relu", x, SAVES_OUTPUT);
        break;
    case 2: product(m, x, y, bytes); break;
    case 3: norm(m, x); break;
    case 4:
        if (m->values.data[x].bytes == m->values.data[y].bytes) {
            binary(m, "add", x, y, saves);
            break;
        }
        unary(m, "gelu", x, SAVES_INPUTS);
        break;
    default: unary(m, "relu", x, saves); break;
    }
}

Problem *make_random(Arena *arena, uint64_t seed, int n_ops)
{
    Maker m = maker_new(arena);
    int x = add_value(&m, "x", 512, CLASS_input);
    linear(&m, x, 16 * (size_t)(1 + random_below(&seed, 64)), weight(&m, 256));
    for (int i = 1; i < n_ops; i++) {
        random_instance(&m, &seed);
        random_operator(&m, &seed);
        ProblemNode *node = &m.nodes.data[m.nodes.n - 1];
        if (random_below(&seed, 8) == 0)
            node->workspace_bytes = 16 * (size_t)random_below(&seed, 64);
        if (random_below(&seed, 12) == 0) {
            m.values.data[node->writes[0]].keep = true;
            node->replayable = false;
        }
    }
    return finish(&m, m.tape.data[m.tape.n - 1].output);
}
