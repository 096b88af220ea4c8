/* Stages of the graph: what fusing joins and keeps apart, updates as PyTorch makes them, clipping,
 * what graph_verify refuses, speed on a deep model. */
#include "graph/build.h"
#include "graph/differentiate.h"
#include "graph/fuse.h"
#include "graph/lower.h"
#include "graph/optimizer.h"
#include "graph/step.h"
#include "tests/support/interpreter.h"
#include "tests/support/sketch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

Suite *graph_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

static Graph *differentiated(const Sketch *sketch)
{
    Source source = {"test.net", "", 0};
    Graph *graph = graph_differentiate(arena, graph_fuse(arena, sketch->graph),
                                       diag_new(arena, &source, stderr));
    ck_assert_ptr_nonnull(graph);
    ck_assert_pstr_eq(graph_verify(arena, graph), NULL);
    return graph;
}

/* --- fusing
 * ------------------------------------------------------------------------------------------- */

/* "linear+gelu(x, w) copy(..)": what each node is, for comparing. */
static const char *outline(const Graph *graph)
{
    Text text = text_new(arena);
    for (int n = 0; n < graph->n_nodes; n++)
        text_printf(&text, "%s%s:%s", n ? " " : "", op_row(graph->nodes[n].op)->name,
                    graph->nodes[n].what);
    return text.data;
}

static const char *fused(const Sketch *sketch)
{
    Graph *graph = graph_fuse(arena, sketch->graph);
    ck_assert_pstr_eq(graph_verify(arena, graph), NULL);
    return outline(graph);
}

START_TEST(attention_scores_are_one_kernel)
{
    Sketch s = sketch_new(arena, DT_f32);
    int q = sketch_param(&s, "q", "2,4,8"), mask = sketch_input(&s, "mask", "2,1,4", DT_bool);
    int scores = sketch_apply(&s, "scores", OP_matmul, "transpose_b=true", 1, 2, (int[]){q, q});
    int small = sketch_unary(&s, "small", OP_tanh, "", scores);
    int soft = sketch_apply(&s, "soft", OP_softmax, "causal=true", 1, 2, (int[]){small, mask});
    int drop = sketch_unary(&s, "drop", OP_dropout, "p=0.1", soft);
    sketch_probe(&s, "loss", sketch_binary(&s, "context", OP_matmul, drop, q));
    ck_assert_str_eq(fused(&s), "matmul:matmul fused:tanh+softmax+dropout matmul:matmul "
                                "reduce:mul+sum");
}
END_TEST

START_TEST(a_bias_joins_what_follows_or_its_matmul)
{
    Sketch s = sketch_new(arena, DT_f32);
    int x = sketch_input(&s, "x", "3,5", DT_f32);
    int h = sketch_unary(&s, "h", OP_relu, "", sketch_unary(&s, "one", OP_linear, "out=7", x));
    int y = sketch_unary(&s, "two", OP_linear, "out=4", h);
    int labels = sketch_input(&s, "labels", "3", DT_i32);
    sketch_loss(&s, "loss", sketch_binary(&s, "ce", OP_cross_entropy, y, labels));
    sketch_probe(&s, "other", sketch_unary(&s, "three", OP_linear, "out=2 bias=false", y));
    ck_assert_str_eq(fused(&s), "matmul:linear fused:bias+relu matmul:linear fused:cross_entropy "
                                "reduce:cross_entropy reduce:cross_entropy fused:cross_entropy "
                                "matmul:linear reduce:mul+sum");
}
END_TEST

/* x -> tanh -> exp, with the value between marked, lost, returned, read twice, or over a boundary.
 */
START_TEST(what_must_be_a_tensor_is_not_fused)
{
    Sketch s = sketch_new(arena, DT_f32);
    int x = sketch_param(&s, "x", "3,5"), t = sketch_unary(&s, "t", OP_tanh, "", x);
    Instance inner = {
        .path = "inner", .module = "M", .index = _i == 5 ? 0 : -1, .checkpoint = _i == 4};
    if (_i >= 4)
        s.instance = graph_add_instance(arena, s.graph, inner);
    int e = sketch_unary(&s, "e", OP_exp, "", t);
    if (_i == 1)
        s.graph->tensors[t].keep = true;
    if (_i == 2) {
        s.graph->outputs = NEW(arena, Named);
        s.graph->outputs[s.graph->n_outputs++] = (Named){"t", t};
    }
    int y = _i == 3 ? sketch_binary(&s, "y", OP_matmul, t,
                                    sketch_unary(&s, "e2", OP_transpose, "axis1=0 axis2=1", e))
                    : e;
    s.instance = 0;
    sketch_loss(&s, "loss", sketch_unary(&s, "sum", OP_sum, "", y));
    static const char *const expected[] = {
        "reduce:tanh+exp+sum",
        "fused:tanh reduce:exp+sum",
        "fused:tanh reduce:exp+sum",
        "fused:tanh fused:exp copy:transpose matmul:matmul reduce:sum",
        "fused:tanh fused:exp reduce:sum",
        "fused:tanh fused:exp reduce:sum",
        "reduce:tanh+exp+sum",
    };
    ck_assert_str_eq(fused(&s), expected[_i]);
}
END_TEST

START_TEST(what_reaches_no_loss_is_dropped)
{
    Sketch s = sketch_new(arena, DT_f32);
    int x = sketch_param(&s, "x", "3,5");
    sketch_unary(&s, "unused", OP_linear, "out=3", x);
    sketch_loss(&s, "loss", sketch_unary(&s, "sum", OP_sum, "", x));
    ck_assert_str_eq(fused(&s), "reduce:sum");
    char *said = NULL;
    size_t n_said = 0;
    FILE *out = open_memstream(&said, &n_said);
    Source source = {"test.net", "", 0};
    Diag *diag = diag_new(arena, &source, out);
    ck_assert_ptr_null(graph_differentiate(arena, graph_fuse(arena, s.graph), diag));
    fclose(out);
    ck_assert_int_eq(diag_errors(diag), 2);
    ck_assert_ptr_nonnull(strstr(said, "'unused.weight' gets no gradient"));
    free(said);
}
END_TEST

/* A tensor that is lost and returned twice, or is no result of a node, is copied. */
START_TEST(each_loss_and_output_is_a_tensor_of_its_own)
{
    Sketch s = sketch_new(arena, DT_f32);
    int x = sketch_param(&s, "x", "3,5"), sum = sketch_unary(&s, "sum", OP_sum, "", x);
    sketch_loss(&s, "one", sum);
    sketch_loss(&s, "two", sum);
    s.graph->outputs = NEW_N(arena, Named, 2);
    s.graph->outputs[s.graph->n_outputs++] = (Named){"x", x};
    s.graph->outputs[s.graph->n_outputs++] =
        (Named){"flat", sketch_unary(&s, "flat", OP_reshape, "shape=15", x)};
    Graph *graph = differentiated(&s);
    ck_assert_int_ne(graph->losses[0].tensor, graph->losses[1].tensor);
    ck_assert_int_ne(graph->outputs[0].tensor, graph->outputs[1].tensor);
    ck_assert_int_eq(graph->tensors[graph->outputs[1].tensor].shape.rank, 1);
    Machine machine = machine_new(arena, graph);
    machine.values[machine_find(&machine, "x")][7] = 3;
    machine_run(&machine);
    ck_assert_double_eq(machine.values[graph->outputs[1].tensor][7], 3);
    ck_assert_double_eq(machine.values[graph->losses[1].tensor][0], 3);
    ck_assert_double_eq(machine.values[machine_find(&machine, "x.grad")][0], 2);
}
END_TEST

/* As torch.amax. */
START_TEST(equal_largest_elements_share_the_gradient)
{
    Sketch s = sketch_new(arena, DT_f64);
    int x = sketch_param(&s, "x", "2,4");
    int highest = sketch_unary(&s, "max", OP_max, "axis=-1", x);
    sketch_loss(&s, "loss", sketch_unary(&s, "sum", OP_sum, "", highest));
    Machine machine = machine_new(arena, differentiated(&s));
    const double values[8] = {3, 1, 3, 3, 5, 6, 2, 0};
    const double expected[8] = {1.0 / 3, 0, 1.0 / 3, 1.0 / 3, 0, 1, 0, 0};
    memcpy(machine.values[machine_find(&machine, "x")], values, sizeof values);
    machine_run(&machine);
    for (int i = 0; i < 8; i++)
        ck_assert_double_eq_tol(machine.values[machine_find(&machine, "x.grad")][i], expected[i],
                                1e-15);
}
END_TEST

/* --- updates
 * ------------------------------------------------------------------------------------------- */

typedef struct {
    const char *optimizer;
    Hyper hyper;
    double max; /* of the clipped norm; 0: no clipping */
} UpdateCase;

static const UpdateCase update_cases[] = {
    {"sgd", {.lr = 0.1}, 0},
    {"sgd", {.lr = 0.1, .weight_decay = 0.02}, 0},
    {"sgd", {.lr = 0.1, .momentum = 0.9}, 0.5},
    {"sgd", {.lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.02}, 100},
    {"adam", {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}, 0},
    {"adam", {.lr = 0.1, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.02}, 0.5},
    {"adamw", {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.1}, 0.5},
    {"adamw", {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}, 0},
};

/* One parameter's step as PyTorch's documentation writes it; state: momentum, or m and v. */
static double stepped(const UpdateCase *c, double p, double g, int k, double state[2])
{
    const Hyper *h = &c->hyper;
    if (strcmp(c->optimizer, "adamw") == 0)
        p -= h->lr * h->weight_decay * p;
    else
        g += h->weight_decay * p;
    if (strcmp(c->optimizer, "sgd") == 0) {
        if (h->momentum != 0) {
            state[0] = k == 0 ? g : h->momentum * state[0] + g;
            g = h->nesterov ? g + h->momentum * state[0] : state[0];
        }
        return p - h->lr * g;
    }
    state[0] = h->beta1 * state[0] + (1 - h->beta1) * g;
    state[1] = h->beta2 * state[1] + (1 - h->beta2) * g * g;
    double m = state[0] / (1 - pow(h->beta1, k + 1)), v = state[1] / (1 - pow(h->beta2, k + 1));
    return p - h->lr * m / (sqrt(v) + h->eps);
}

/* The state of a parameter keeps its name; what it has next is NAME.new. */
static void carry_over(const Machine *machine)
{
    for (int t = 0; t < machine->graph->n_tensors; t++) {
        const Tensor *tensor = &machine->graph->tensors[t];
        if (tensor->producer < 0 || tensor->origin < 0 || tensor->class == CLASS_gradient)
            continue;
        int64_t n = shape_count(&tensor->shape);
        memcpy(machine->values[tensor->origin], machine->values[t], (size_t)n * sizeof(double));
    }
}

/* loss = sum(p^2 w) + sum(q w2), p [3] and q [1] in groups of their own. */
START_TEST(updates_are_those_of_pytorch)
{
    const UpdateCase *c = &update_cases[_i];
    for (int kind = CLIP_NONE; kind <= CLIP_GROUP; kind++) {
        if ((kind == CLIP_NONE) != (c->max == 0))
            continue;
        Sketch s = sketch_new(arena, DT_f64);
        Train *train = &s.graph->train;
        train->optimizer = c->optimizer;
        train->clip.kind = (ClipKind)kind;
        train->clip.max = c->max;
        train->groups = NEW_N(arena, Group, 2);
        train->groups[0].hyper = train->groups[1].hyper = c->hyper;
        train->n_groups = 2;
        int p = sketch_param(&s, "p", "3"), q = sketch_param(&s, "q", "1");
        s.graph->tensors[q].group = 1;
        sketch_probe(&s, "one", sketch_unary(&s, "square", OP_square, "", p));
        sketch_probe(&s, "two", q);
        Graph *graph = differentiated(&s);
        Machine machine = machine_new(arena, graph);
        double want[4] = {1, -2, 0.5, 3}, state[4][2] = {{0}}, w[4] = {0.3, 0.7, -0.2, 2};
        p = machine_find(&machine, "p");
        q = machine_find(&machine, "q");
        memcpy(machine.values[p], want, 3 * sizeof *want);
        machine.values[q][0] = want[3];
        memcpy(machine.values[machine_find(&machine, "one.w")], w, 3 * sizeof *w);
        machine.values[machine_find(&machine, "two.w")][0] = w[3];
        for (int k = 0; k < 5; k++) {
            double *step = machine.values[graph->step], g[4], sum[2] = {0, 0};
            for (int group = 0; group < 2; group++) {
                step[step_slot(group, STEP_RATE)] = c->hyper.lr;
                step[step_slot(group, STEP_CORRECTION1)] = 1 / (1 - pow(c->hyper.beta1, k + 1));
                step[step_slot(group, STEP_CORRECTION2)] = 1 / (1 - pow(c->hyper.beta2, k + 1));
            }
            machine_run(&machine);
            carry_over(&machine);
            for (int i = 0; i < 4; i++) {
                g[i] = i < 3 ? 2 * want[i] * w[i] : w[3];
                sum[kind == CLIP_GROUP && i == 3] += g[i] * g[i];
            }
            for (int i = 0; i < 4; i++) {
                double norm = sqrt(sum[kind == CLIP_GROUP && i == 3]);
                if (kind != CLIP_NONE && c->max / (norm + 1e-6) < 1)
                    g[i] *= c->max / (norm + 1e-6);
                want[i] = stepped(c, want[i], g[i], k, state[i]);
                double have = i < 3 ? machine.values[p][i] : machine.values[q][0];
                ck_assert_double_eq_tol(have, want[i], 1e-10);
            }
            for (int i = 0; i < graph->n_norms; i++)
                ck_assert_double_eq_tol(machine.values[graph->norms[i]][0], sum[i], 1e-9);
        }
    }
}
END_TEST

START_TEST(the_optimizers_table_names_fields_of_hyper)
{
    int n = 0;
    for (; optimizer_row(n); n++) {
        const Optimizer *row = optimizer_row(n);
        ck_assert_int_eq(optimizer_find(row->name), n);
        for (int i = 0; i < row->n_params; i++) {
            Hyper hyper = {0};
            ck_assert(hyper_set(&hyper, row->params[i].name, 1, 2));
            ck_assert(hyper.lr == 1 || hyper.momentum == 1 || hyper.weight_decay == 1 ||
                      hyper.nesterov || hyper.eps == 1 || (hyper.beta1 == 1 && hyper.beta2 == 2));
        }
    }
    ck_assert_int_ge(n, 3);
    ck_assert_int_eq(optimizer_find("none"), -1);
}
END_TEST

/* --- verify
 * -------------------------------------------------------------------------------------------- */

static Graph *sample(void)
{
    Sketch s = sketch_new(arena, DT_f32);
    int x = sketch_input(&s, "x", "4,6", DT_f32), ids = sketch_input(&s, "ids", "4", DT_i32);
    int h = sketch_unary(&s, "h", OP_linear, "out=8", x);
    int e = sketch_apply(&s, "e", OP_embedding, "vocab=5 out=8", 1, 1, &ids);
    int c = sketch_binary(&s, "c", OP_concat, h, e);
    int r = sketch_binary(&s, "r", OP_add, sketch_unary(&s, "n", OP_layer_norm, "", c), c);
    sketch_loss(&s, "loss",
                sketch_unary(&s, "sum", OP_sum, "", sketch_unary(&s, "sq", OP_square, "", r)));
    return differentiated(&s);
}

static Node *node_of(Graph *graph, OpKind op, Phase phase)
{
    for (int n = 0; n < graph->n_nodes; n++)
        if (graph->nodes[n].op == op && graph->nodes[n].phase == phase)
            return &graph->nodes[n];
    ck_abort_msg("no such node");
}

START_TEST(broken_graphs_are_refused)
{
    Graph *g = sample();
    Node *product = node_of(g, KERNEL_matmul, PHASE_forward);
    Node *move = node_of(g, KERNEL_copy, PHASE_forward);
    Node *update = node_of(g, KERNEL_fused, PHASE_update);
    Node *fused_node = node_of(g, KERNEL_fused, PHASE_forward);
    switch (_i) {
    case 0: product->inputs[0] = g->n_tensors; break;
    case 1: product->inputs[0] = g->losses[0].tensor; break; /* written later */
    case 2: ((Matmul *)product->matmul)->m++; break;
    case 3: ((Matmul *)product->matmul)->lda = 100; break;
    case 4: move->copy->parts[0].offset_to = 1000; break;
    case 5: g->tensors[product->outputs[0]].producer = -1; break;
    case 6:
        g->nodes[g->n_nodes - 1].inputs[0] = update->inputs[0];
        break; /* read after an update */
    case 7: g->tensors[1].name = g->tensors[0].name; break;
    case 8: fused_node->op = KERNEL_reduce; break;
    case 9: fused_node->op = OP_add; break;
    case 10: fused_node->takes[0] = 7; break;
    case 11: g->losses[0].tensor = product->outputs[0]; break;
    case 12: g->tensors[fused_node->outputs[0]].shape.size[0]++; break;
    case 13:
        g->instances[0].parent = 0;
        g->n_instances = 0;
        break;
    case 14: product->n_inputs--; break;
    default: g->tensors[update->inputs[0]].group = 9; break;
    }
    ck_assert_msg(graph_verify(arena, g) != NULL, "broken %d is accepted", _i);
}
END_TEST

/* --- speed
 * ---------------------------------------------------------------------------------------------- */

START_TEST(a_thousand_layers_take_a_moment)
{
    Sketch s = sketch_new(arena, DT_f32);
    int x = sketch_input(&s, "x", "4,8", DT_f32);
    for (int i = 0; i < 1000; i++) {
        x = sketch_unary(&s, arena_printf(arena, "l%d", i), OP_linear, "out=8", x);
        x = sketch_unary(&s, arena_printf(arena, "r%d", i), OP_relu, "", x);
    }
    sketch_probe(&s, "loss", x);
    clock_t start = clock();
    Graph *graph = differentiated(&s);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    ck_assert_int_ge(graph->n_nodes, 7000);
    ck_assert_msg(seconds < 2, "%.2f s", seconds);
}
END_TEST

Suite *graph_suite(void)
{
    Suite *suite = suite_create("graph");
    TCase *tests = tcase_create("graph");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, attention_scores_are_one_kernel);
    tcase_add_test(tests, a_bias_joins_what_follows_or_its_matmul);
    tcase_add_loop_test(tests, what_must_be_a_tensor_is_not_fused, 0, 7);
    tcase_add_test(tests, what_reaches_no_loss_is_dropped);
    tcase_add_test(tests, each_loss_and_output_is_a_tensor_of_its_own);
    tcase_add_test(tests, equal_largest_elements_share_the_gradient);
    tcase_add_loop_test(tests, updates_are_those_of_pytorch, 0,
                        (int)(sizeof update_cases / sizeof *update_cases));
    tcase_add_test(tests, the_optimizers_table_names_fields_of_hyper);
    tcase_add_loop_test(tests, broken_graphs_are_refused, 0, 16);
    tcase_add_test(tests, a_thousand_layers_take_a_moment);
    suite_add_tcase(suite, tests);
    return suite;
}
