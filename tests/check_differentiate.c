/* Gradients of every row of the operator table against finite differences, on shapes that include 1
 * and odd sizes; chains of operators; fused against unfused. */
#include "graph/build.h"
#include "graph/differentiate.h"
#include "graph/fuse.h"
#include "graph/lower.h"
#include "tests/support/interpreter.h"
#include "tests/support/sketch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *differentiate_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

/* --- running
 * ------------------------------------------------------------------------------------------ */

static Graph *differentiated(const Graph *fused)
{
    Source source = {"test.net", "", 0};
    Diag *diag = diag_new(arena, &source, stderr);
    Graph *graph = graph_differentiate(arena, fused, diag);
    ck_assert_ptr_nonnull(graph);
    ck_assert_pstr_eq(graph_verify(arena, graph), NULL);
    return graph;
}

/* The text of a graph is read back as an equal graph. */
static void round_trip(const Graph *graph)
{
    Text text = text_new(arena), again = text_new(arena);
    graph_print(&text, graph);
    Source source = {"dump", text.data, (int)text.n};
    Graph *back = graph_read(arena, diag_new(arena, &source, stderr));
    ck_assert_ptr_nonnull(back);
    graph_print(&again, back);
    ck_assert_str_eq(text.data, again.data);
}

/* Numbers that are the same for the same name in every graph: floats in [low, 1.5), labels. */
static void fill(const Machine *machine, double low)
{
    const Graph *graph = machine->graph;
    for (int t = 0; t < graph->n_tensors; t++) {
        const Tensor *tensor = &graph->tensors[t];
        uint32_t seed = 1;
        if (tensor->producer >= 0)
            continue;
        for (const char *at = tensor->name; *at; at++)
            seed = seed * 31 + (unsigned char)*at;
        for (int64_t i = 0; i < shape_count(&tensor->shape); i++) {
            double u = machine_uniform(seed, i), *value = &machine->values[t][i];
            if (tensor->class == CLASS_optimizer || t == graph->step)
                *value = 1;
            else if (tensor->dtype == DT_i32)
                *value = floor(u * 4) - (strcmp(tensor->name, "labels") == 0);
            else if (tensor->dtype == DT_bool)
                *value = u < 0.7;
            else
                *value = low + u * (1.5 - low);
        }
    }
}

static double total_loss(Machine *machine)
{
    machine_run(machine);
    double sum = 0;
    for (int i = 0; i < machine->graph->n_losses; i++)
        sum += machine->values[machine->graph->losses[i].tensor][0];
    return sum;
}

static double numeric(Machine *machine, double *at)
{
    const double h = 1e-5, x = *at;
    *at = x + h;
    double above = total_loss(machine);
    *at = x - h;
    double below = total_loss(machine);
    *at = x;
    return (above - below) / (2 * h);
}

/* Precision changes where casts are, and nothing else: the interpreter, which knows only doubles,
 * finds the same gradients. */
static void compare_precision(const Sketch *sketch, const Machine *training, double low,
                              const char *what)
{
    Graph half = *sketch->graph;
    half.train.precision = DT_bf16;
    Graph *fused = graph_fuse(arena, &half);
    ck_assert_pstr_eq(graph_verify(arena, fused), NULL);
    Machine machine = machine_new(arena, differentiated(fused));
    fill(&machine, low);
    machine_run(&machine);
    for (int t = 0; t < sketch->graph->n_tensors; t++) {
        if (sketch->graph->tensors[t].class != CLASS_parameter)
            continue;
        const char *name = arena_printf(arena, "%s.grad", sketch->graph->tensors[t].name);
        int there = machine_find(training, name), here = machine_find(&machine, name);
        ck_assert_int_eq(machine.graph->tensors[here].dtype, DT_f32);
        for (int64_t i = 0; i < shape_count(&sketch->graph->tensors[t].shape); i++) {
            double want = training->values[there][i], have = machine.values[here][i];
            ck_assert_msg(fabs(want - have) <= 1e-9 * (1 + fabs(want)), "%s in bf16: %s", what,
                          name);
        }
    }
}

/* Every gradient of every parameter agrees with finite differences of the unfused graph, and the
 * loss of the fused graph is that of the unfused one. */
static void compare(const Sketch *sketch, double low, const char *what)
{
    ck_assert_pstr_eq(graph_verify(arena, sketch->graph), NULL);
    Graph *lowered = graph_lower(arena, sketch->graph);
    Graph *fused = graph_fuse(arena, sketch->graph);
    ck_assert_pstr_eq(graph_verify(arena, lowered), NULL);
    ck_assert_pstr_eq(graph_verify(arena, fused), NULL);
    round_trip(sketch->graph);
    round_trip(fused);
    Machine plain = machine_new(arena, lowered);
    Machine training = machine_new(arena, differentiated(fused));
    round_trip(training.graph);
    fill(&plain, low);
    fill(&training, low);
    double expected = total_loss(&plain), found = total_loss(&training);
    ck_assert_msg(fabs(expected - found) <= 1e-9 * (1 + fabs(expected)),
                  "%s: loss %.12g, not %.12g", what, found, expected);
    compare_precision(sketch, &training, low, what);
    for (int t = 0; t < lowered->n_tensors; t++) {
        const Tensor *tensor = &lowered->tensors[t];
        if (tensor->class != CLASS_parameter)
            continue;
        int gradient = machine_find(&training, arena_printf(arena, "%s.grad", tensor->name));
        int updated = machine_find(&training, arena_printf(arena, "%s.new", tensor->name));
        ck_assert_int_ge(gradient, 0);
        ck_assert_int_ge(updated, 0);
        for (int64_t i = 0; i < shape_count(&tensor->shape); i++) {
            double want = numeric(&plain, &plain.values[t][i]);
            double have = training.values[gradient][i];
            ck_assert_msg(fabs(want - have) <= 1e-6 * (1 + fabs(want)),
                          "%s: gradient of %s[%d] is %.10g, not %.10g", what, tensor->name, (int)i,
                          have, want);
            double moved = plain.values[t][i] - have;
            ck_assert_double_eq_tol(training.values[updated][i], moved, 1e-9 * (1 + fabs(have)));
        }
    }
}

/* --- elementwise rows
 * ---------------------------------------------------------------------------------- */

static const struct {
    const char *a, *b;
} pairs[] = {{"3,5", "3,5"}, {"3,5", "5"}, {"5", "3,1"},      {"3,1", "1,7"},
             {"1", "1"},     {"", "3"},    {"2,1,3", "4,1"},  {"1,5", "1,1"},
             {"7,1", "7,1"}, {"", ""},     {"2,3,5", "2,3,1"}};
enum { N_PAIRS = sizeof pairs / sizeof *pairs };

static bool positive_only(OpKind op)
{
    const char *value = op_row(op)->part[PART_VALUE];
    return strstr(value, "log") || strstr(value, "sqrt") || op == OP_div;
}

START_TEST(elementwise)
{
    OpKind op = (OpKind)_i;
    const Operator *row = op_row(op);
    if (row->group != OP_IS_ELEMENTWISE)
        return;
    for (int k = 0; k < N_PAIRS; k++) {
        Sketch s = sketch_new(arena, DT_f64);
        int x[2] = {sketch_param(&s, "a", pairs[k].a), sketch_param(&s, "b", pairs[k].b)};
        int y = sketch_apply(&s, "y", op, "p=0.3", 1, row->arity, x);
        sketch_probe(&s, "loss", y);
        if (row->arity == 1)
            sketch_probe(&s, "other", x[1]);
        if (*row->part[PART_BY_B] == '0' || *row->part[PART_BY_A] == '0') {
            sketch_probe(&s, "more", x[0]);
            sketch_probe(&s, "other", x[1]);
        }
        compare(&s, positive_only(op) ? 0.5 : -1.5, arena_printf(arena, "%s %d", row->name, k));
    }
}
END_TEST

/* --- operators: cases for each row, in the order of the signature's tensors
 * ---------------------------------- */

typedef struct {
    const char *attrs;
    int n_outputs;
    const char *shapes[4];
    const char *inputs; /* for each tensor: p parameter, x input, i integers, m mask */
} Case;

#define CASES(name) static const Case cases_##name[]
CASES(linear) = {{"out=3", 1, {"5,7"}, "p"},
                 {"out=1", 1, {"2,3,4"}, "p"},
                 {"out=3 bias=false", 1, {"7"}, "p"},
                 {"", 1, {"2,5", "3,5"}, "pp"},
                 {"", 1, {"1,1", "1,1", "1"}, "ppp"}};
CASES(matmul) = {{"", 1, {"3,5", "5,2"}, "pp"},
                 {"transpose_a=true", 1, {"5,3", "5,2"}, "pp"},
                 {"transpose_b=true", 1, {"3,5", "2,5"}, "pp"},
                 {"transpose_a=true transpose_b=true", 1, {"5,3", "2,5"}, "pp"},
                 {"", 1, {"2,3,1,5", "3,5,2"}, "pp"},
                 {"transpose_b=true", 1, {"2,1,3,5", "1,4,2,5"}, "pp"},
                 {"transpose_a=true", 1, {"5,3", "2,5,1"}, "pp"},
                 {"", 1, {"2,3,5", "5,2"}, "pp"},
                 {"transpose_a=true transpose_b=true", 1, {"3,1,5,3", "1,2,2,5"}, "pp"}};
CASES(embedding) = {
    {"", 1, {"2,5", "4,3"}, "ip"}, {"vocab=4 out=1", 1, {"3"}, "i"}, {"", 1, {"1", "4,3"}, "ip"}};
CASES(layer_norm) = {{"", 1, {"3,5"}, "p"},
                     {"eps=0.1", 1, {"2,3,7", "7", "7"}, "ppp"},
                     {"eps=0.1", 1, {"5"}, "p"},
                     {"eps=0.5", 1, {"3,1"}, "p"}};
CASES(softmax) = {{"", 1, {"3,5"}, "p"},
                  {"", 1, {"2,3,4,7", "2,1,1,7"}, "pm"},
                  {"causal=true", 1, {"2,5,5"}, "p"},
                  {"causal=true", 1, {"2,3,5", "5"}, "pm"},
                  {"axis=1", 1, {"2,3,5"}, "p"},
                  {"axis=0", 1, {"4,1"}, "p"},
                  {"", 1, {"1"}, "p"}};
CASES(reshape) = {
    {"shape=5,-1", 1, {"3,5"}, "p"}, {"shape=1", 1, {""}, "p"}, {"shape=3,1,5", 1, {"15"}, "p"}};
CASES(transpose) = {{"axis1=0 axis2=1", 1, {"3,5"}, "p"},
                    {"axis1=-1 axis2=0", 1, {"2,3,5,1"}, "p"}};
CASES(permute) = {{"order=0,2,1,3", 1, {"2,3,5,4"}, "p"}, {"order=2,0,1", 1, {"1,3,5"}, "p"}};
CASES(split) = {{"parts=3", 3, {"2,9"}, "p"},
                {"parts=2 axis=0", 2, {"4,3,1"}, "p"},
                {"parts=1", 1, {"3"}, "p"}};
CASES(concat) = {{"", 1, {"2,3", "2,1", "2,5"}, "ppp"},
                 {"axis=0", 1, {"1,3", "4,3"}, "pp"},
                 {"", 1, {"3"}, "p"}};
CASES(slice) = {{"axis=1 from=1 to=3", 1, {"2,5,3"}, "p"},
                {"axis=0", 1, {"3,2"}, "p"},
                {"axis=-1 to=1", 1, {"7"}, "p"}};
CASES(sum) = {{"", 1, {"3,5"}, "p"},
              {"axis=-1", 1, {"3,5"}, "p"},
              {"axis=0 keep=true", 1, {"3,5"}, "p"},
              {"axis=1", 1, {"2,3,5"}, "p"},
              {"", 1, {""}, "p"},
              {"axis=0", 1, {"1"}, "p"}};
CASES(mean) = {{"", 1, {"3,5"}, "p"},
               {"axis=-1", 1, {"2,3,5"}, "p"},
               {"axis=0", 1, {"7"}, "p"},
               {"axis=1 keep=true", 1, {"2,1,5"}, "p"}};
CASES(max) = {{"", 1, {"3,5"}, "p"},
              {"axis=-1", 1, {"3,5"}, "p"},
              {"axis=0 keep=true", 1, {"4,3"}, "p"},
              {"axis=1", 1, {"2,3,5"}, "p"},
              {"", 1, {""}, "p"}};
CASES(cross_entropy) = {{"", 1, {"7,4", "7"}, "pi"},
                        {"reduction=sum", 1, {"3,2,4", "3,2"}, "pi"},
                        {"reduction=none", 1, {"5,4", "5"}, "pi"},
                        {"ignore=2", 1, {"7,4", "7"}, "pi"},
                        {"reduction=sum", 1, {"4", ""}, "pi"}};
CASES(masked_mean) = {{"", 1, {"3,5", "3,5"}, "pm"},
                      {"", 1, {"3,5", "5"}, "px"},
                      {"", 1, {"7", "1"}, "px"},
                      {"", 1, {"3,5", "3,1"}, "px"}};
#undef CASES

static const struct {
    const Case *cases;
    OpKind op;
    int n;
} operators[] = {
#define ELEMENTWISE(name, signature, value, by_a, by_b, help)
#define OPERATOR(name, signature, help)                                                            \
    {cases_##name, OP_##name, (int)(sizeof cases_##name / sizeof *cases_##name)},
#define KERNEL(name, help)
#include "graph/ops.def"
#undef ELEMENTWISE
#undef OPERATOR
#undef KERNEL
};
enum { N_OPERATORS = sizeof operators / sizeof *operators };

static int operand(Sketch *s, char kind, int i, const char *sizes)
{
    const char *name = arena_printf(arena, "%c%d", kind, i);
    switch (kind) {
    case 'p': return sketch_param(s, name, sizes);
    case 'i': return sketch_input(s, i ? "labels" : name, sizes, DT_i32);
    case 'm': return sketch_input(s, name, sizes, DT_bool);
    default: return sketch_input(s, name, sizes, DT_f32);
    }
}

/* before: elementwise operators around the operator under test, so that it is fused with them. */
static void try_case(OpKind op, const Case *c, bool around)
{
    Sketch s = sketch_new(arena, DT_f64);
    int x[4], n = (int)strlen(c->inputs);
    for (int i = 0; i < n; i++) {
        x[i] = operand(&s, c->inputs[i], i, c->shapes[i]);
        if (around && c->inputs[i] == 'p')
            x[i] = sketch_unary(&s, arena_printf(arena, "before%d", i), OP_tanh, "", x[i]);
    }
    int y = sketch_apply(&s, "y", op, c->attrs, c->n_outputs, n, x);
    for (int i = 0; i < c->n_outputs; i++) {
        int z = y + i;
        if (around)
            z = sketch_unary(&s, arena_printf(arena, "gelu%d", i), OP_gelu, "", z);
        if (around)
            z = sketch_unary(&s, arena_printf(arena, "after%d", i), OP_dropout, "p=0.2", z);
        sketch_probe(&s, arena_printf(arena, "loss%d", i), z);
    }
    compare(&s, -1.5,
            arena_printf(arena, "%s %s%s", op_row(op)->name, c->attrs, around ? " around" : ""));
}

START_TEST(every_operator)
{
    for (int k = 0; k < operators[_i].n; k++) {
        try_case(operators[_i].op, &operators[_i].cases[k], false);
        try_case(operators[_i].op, &operators[_i].cases[k], true);
    }
}
END_TEST

/* Copies of copies: each combination of what moves elements, after a permutation. */
START_TEST(moved_twice)
{
    static const struct {
        const char *attrs;
        OpKind op;
        int n_outputs;
    } moves[] = {{"order=0,2,1,3", OP_permute, 1},      {"order=3,0,2,1", OP_permute, 1},
                 {"axis1=1 axis2=-1", OP_transpose, 1}, {"axis=1 from=1 to=3", OP_slice, 1},
                 {"axis=-1 from=2", OP_slice, 1},       {"parts=3 axis=-1", OP_split, 3},
                 {"parts=2 axis=1", OP_split, 2},       {"shape=4,6,-1,1", OP_reshape, 1}};
    enum { N_MOVES = sizeof moves / sizeof *moves };
    int first = _i / N_MOVES, then = _i % N_MOVES;
    Sketch s = sketch_new(arena, DT_f64);
    int x = sketch_unary(&s, "x", OP_permute, "order=2,3,1,0", sketch_param(&s, "p", "6,4,6,12"));
    int y =
        sketch_apply(&s, "y", moves[first].op, moves[first].attrs, moves[first].n_outputs, 1, &x);
    y += moves[first].n_outputs - 1;
    const int64_t *size = s.graph->tensors[y].shape.size;
    if ((then == 5 && size[3] % 3) || (then == 6 && size[1] % 2) || (then == 4 && size[3] < 3) ||
        (then == 3 && size[1] < 3))
        return;
    int z = sketch_apply(&s, "z", moves[then].op, moves[then].attrs, moves[then].n_outputs, 1, &y);
    for (int i = 0; i < moves[then].n_outputs; i++)
        sketch_probe(&s, arena_printf(arena, "loss%d", i), z + i);
    Machine plain = machine_new(arena, graph_lower(arena, s.graph));
    Machine training = machine_new(arena, differentiated(graph_fuse(arena, s.graph)));
    fill(&plain, -1);
    fill(&training, -1);
    double loss = total_loss(&plain), sum = 0;
    ck_assert_double_eq_tol(loss, total_loss(&training), 1e-9);
    /* The loss is linear: the gradient's product with p is the loss. */
    int p = machine_find(&training, "p"), gradient = machine_find(&training, "p.grad");
    for (int64_t i = 0; i < 6 * 4 * 6 * 12; i++)
        sum += training.values[p][i] * training.values[gradient][i];
    ck_assert_double_eq_tol(sum, loss, 1e-8);
}
END_TEST

/* --- random graphs
 * ------------------------------------------------------------------------------------------- */

static uint32_t draws;

static int draw(int n)
{
    return (int)(machine_uniform(77, draws++) * n);
}

/* Unary, binary, row-wise and moving operators on tensors of [3, 5], each reading what came before.
 */
static int random_operator(Sketch *s, const char *name, const int *known, int n)
{
    static const OpKind unary[] = {OP_relu,   OP_gelu,    OP_tanh,    OP_sigmoid,
                                   OP_square, OP_dropout, OP_softmax, OP_layer_norm,
                                   OP_neg,    OP_silu,    OP_exp};
    static const OpKind binary[] = {OP_add, OP_sub, OP_mul, OP_maximum};
    int x = known[draw(n)], y = known[draw(n)];
    switch (draw(8)) {
    case 0: return sketch_unary(s, name, OP_linear, "out=5", x);
    case 1: {
        const char *turned = arena_printf(arena, "%s.turned", name);
        x = sketch_unary(s, turned, OP_transpose, "axis1=0 axis2=1", x);
        return sketch_unary(s, name, OP_reshape, "shape=3,5", x);
    }
    case 2: {
        const char *mean = arena_printf(arena, "%s.mean", name);
        return sketch_binary(s, name, OP_add, y,
                             sketch_unary(s, mean, OP_mean, "axis=-1 keep=true", x));
    }
    case 3: {
        const char *sum = arena_printf(arena, "%s.sum", name);
        return sketch_binary(s, name, OP_sub, y, sketch_unary(s, sum, OP_mean, "axis=0", x));
    }
    case 4:
    case 5:
        return sketch_unary(s, name, unary[draw(sizeof unary / sizeof *unary)], "p=0.3 eps=0.1", x);
    default: return sketch_binary(s, name, binary[draw(sizeof binary / sizeof *binary)], x, y);
    }
}

START_TEST(random_chains)
{
    draws = (uint32_t)_i * 1000;
    Sketch s = sketch_new(arena, DT_f64);
    enum { N_STEPS = 12 };
    int known[N_STEPS + 2] = {sketch_param(&s, "p", "3,5"), sketch_param(&s, "q", "3,5")}, n = 2;
    for (; n < N_STEPS + 2; n++) {
        if (draw(4) == 0) {
            Instance turn = {
                .path = arena_printf(arena, "turn[%d]", n), .index = n, .checkpoint = draw(2)};
            s.instance = graph_add_instance(arena, s.graph, turn);
        }
        known[n] = random_operator(&s, arena_printf(arena, "t%d", n), known, n);
    }
    sketch_probe(&s, "loss", known[n - 1]);
    sketch_probe(&s, "other", known[draw(n)]);
    sketch_probe(&s, "p_loss", known[0]);
    sketch_probe(&s, "q_loss", known[1]);
    for (int t = 0; t < s.graph->n_tensors; t++)
        if (strstr(s.graph->tensors[t].name, ".weight") ||
            strstr(s.graph->tensors[t].name, ".bias"))
            sketch_probe(&s, arena_printf(arena, "loss%d", t), t);
    compare(&s, -0.7, arena_printf(arena, "chain %d", _i));
}
END_TEST

Suite *differentiate_suite(void)
{
    Suite *suite = suite_create("differentiate");
    TCase *table = tcase_create("table");
    tcase_set_timeout(table, 60);
    tcase_add_checked_fixture(table, set_up, tear_down);
    tcase_add_loop_test(table, elementwise, 0, N_OPS);
    tcase_add_loop_test(table, every_operator, 0, N_OPERATORS);
    tcase_add_loop_test(table, moved_twice, 0, 64);
    tcase_add_loop_test(table, random_chains, 0, 80);
    suite_add_tcase(suite, table);
    return suite;
}
