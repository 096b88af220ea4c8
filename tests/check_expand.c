/* From text to graph: names, instances and their types, marks, folding, groups, classes, speed. */
#include "elaborate/check.h"
#include "elaborate/expand.h"
#include "grammar/parse.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

Suite *expand_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

/* The graph of a text that must have no error. */
static Graph *graph_with(const char *text, const Override *overrides, int n_overrides)
{
    Source *source = NEW(arena, Source);
    *source = (Source){"m.net", text, (int)strlen(text)};
    Diag *diag = diag_new(arena, source, stderr);
    Ast *ast = parse_source(arena, diag);
    ck_assert_int_eq(diag_errors(diag), 0);
    const Consts *consts = consts_resolve(arena, ast, overrides, n_overrides, diag);
    check_ast(arena, ast, diag);
    ck_assert_int_eq(diag_errors(diag), 0);
    Graph *graph = expand(arena, ast, consts, diag);
    ck_assert(graph != NULL);
    ck_assert_pstr_eq(graph_verify(arena, graph), NULL);
    return graph;
}

/* The same with the model's head and tail added: x is f32[4, 8], y holds 4 labels. */
static Graph *graph_of(const char *modules, const char *body)
{
    return graph_with(arena_printf(arena,
                                   "%s\nmodel M {\n input x : f32[4, 8]\n target y : i32[4]\n%s\n"
                                   " loss cross_entropy(x, y)\n}\n",
                                   modules, body),
                      NULL, 0);
}

static const Tensor *tensor(const Graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_tensors; i++)
        if (strcmp(graph->tensors[i].name, name) == 0)
            return &graph->tensors[i];
    ck_abort_msg("there is no tensor %s", name);
}

static const Instance *instance(const Graph *graph, const char *path)
{
    for (int i = 0; i < graph->n_instances; i++)
        if (strcmp(graph->instances[i].path, path) == 0)
            return &graph->instances[i];
    ck_abort_msg("there is no instance %s", path);
}

/* Names of all tensors of a class, with a blank after each. */
static const char *names(const Graph *graph, TensorClass class)
{
    Text text = text_new(arena);
    for (int i = 0; i < graph->n_tensors; i++)
        if (graph->tensors[i].class == class)
            text_printf(&text, "%s ", graph->tensors[i].name);
    return text.data;
}

START_TEST(calls_are_named_by_as_or_callee_and_number)
{
    const Graph *graph = graph_of("module MLPBlock2(x) { return relu(linear(x, out = 8)) }",
                                  " x = linear(linear(x, out = 3), out = 8)\n"
                                  " x = linear(x, out = 8) as fc\n"
                                  " x = linear(x, out = 8)\n"
                                  " x = MLPBlock2(MLPBlock2(x))\n");
    ck_assert_str_eq(names(graph, CLASS_parameter),
                     "linear.weight linear.bias linear2.weight linear2.bias fc.weight fc.bias "
                     "linear3.weight linear3.bias mlp_block2.linear.weight mlp_block2.linear.bias "
                     "mlp_block22.linear.weight mlp_block22.linear.bias ");
}
END_TEST

START_TEST(a_name_that_is_given_is_not_made_again)
{
    const Graph *graph = graph_of("", " param linear2 : f32[8] ~ zeros()\n"
                                      " x = linear(x, out = 8)\n"
                                      " x = linear(x * linear2, out = 8)\n");
    ck_assert_str_eq(names(graph, CLASS_parameter),
                     "linear2 linear.weight linear.bias linear3.weight linear3.bias ");
}
END_TEST

START_TEST(repeats_number_what_is_in_them)
{
    const Graph *graph = graph_of("module Layer(x) {\n"
                                  " repeat i in 2 { x = linear(x, out = 8) as fc }\n return x }",
                                  " repeat i in 2 { repeat j in i + 1 {\n"
                                  "  x = Layer(x) as layer\n"
                                  "  param g : f32[8] ~ ones()\n"
                                  "  x = x * g\n } }\n");
    ck_assert_str_eq(
        names(graph, CLASS_parameter),
        "layer[0][0].fc[0].weight layer[0][0].fc[0].bias layer[0][0].fc[1].weight "
        "layer[0][0].fc[1].bias g[0][0] layer[1][0].fc[0].weight layer[1][0].fc[0].bias "
        "layer[1][0].fc[1].weight layer[1][0].fc[1].bias g[1][0] layer[1][1].fc[0].weight "
        "layer[1][1].fc[0].bias layer[1][1].fc[1].weight layer[1][1].fc[1].bias g[1][1] ");
    ck_assert_int_eq(instance(graph, "layer[1][1]")->index, 1);
    ck_assert_str_eq(instance(graph, "layer[1][1]")->module, "Layer");
    const Instance *turn = &graph->instances[instance(graph, "layer[1][0]")->parent];
    ck_assert_ptr_null(turn->module);
    ck_assert_int_eq(turn->index, 0);
}
END_TEST

START_TEST(marks_do_not_change_paths_but_named_blocks_do)
{
    const Graph *graph = graph_of("", " checkpoint { x = linear(x, out = 8) }\n"
                                      " keep as front { x = linear(x, out = 8) }\n");
    ck_assert_str_eq(names(graph, CLASS_parameter),
                     "linear.weight linear.bias front.linear.weight front.linear.bias ");
    ck_assert(instance(graph, "checkpoint")->checkpoint);
    ck_assert(!instance(graph, "front")->checkpoint);
    ck_assert(tensor(graph, "front.linear")->keep);
    ck_assert(!tensor(graph, "linear")->keep);
}
END_TEST

START_TEST(a_mark_on_a_call_is_on_its_instance)
{
    const Graph *graph = graph_of("module A(x) { return linear(relu(x), out = 8) }",
                                  " checkpoint a = A(x)\n keep b = A(a)\n"
                                  " checkpoint c = relu(tanh(b))\n keep d = exp(c)\n x = d + b");
    ck_assert(instance(graph, "a")->checkpoint);
    ck_assert(!instance(graph, "a2")->checkpoint);
    ck_assert(tensor(graph, "a2.relu")->keep);
    ck_assert(!tensor(graph, "a.relu")->keep);
    ck_assert(tensor(graph, "d")->keep);
    /* The call's argument is outside of the mark. */
    ck_assert(graph->instances[tensor(graph, "c")->instance].checkpoint);
    ck_assert_int_eq(tensor(graph, "tanh")->instance, 0);
}
END_TEST

START_TEST(values_are_named_by_variables_that_are_assigned_once)
{
    const Graph *graph = graph_of("", " a, b = split(x, 2)\n scores = a * b\n"
                                      " x = concat(scores, scores)\n x = x + 1\n"
                                      " c, _ = split(x, 2)\n x = concat(c, c)\n");
    ck_assert_str_eq(names(graph, CLASS_activation),
                     "a b scores concat add split2[0] split2[1] concat2 ");
}
END_TEST

START_TEST(numbers_are_folded_and_loops_carried)
{
    const Graph *graph =
        graph_of("const n = 3", " s = sqrt(n * 3) - 1\n t = 0\n"
                                " repeat i in n { t = t + i\n x = x * (t + s) }\n");
    ck_assert_int_eq(graph->n_nodes, 4);
    ck_assert_str_eq(graph->nodes[0].what, "mul");
    ck_assert_int_eq(graph->nodes[0].inputs[1], SCALAR_INPUT);
    ck_assert_double_eq(graph->nodes[0].scalars[1], 2);
    ck_assert_double_eq(graph->nodes[1].scalars[1], 3);
    ck_assert_double_eq(graph->nodes[2].scalars[1], 5);
}
END_TEST

START_TEST(a_declared_parameter_is_shared)
{
    const Graph *graph = graph_of("", " param w : f32[8, 8] ~ normal(0, 0.5)\n"
                                      " x = linear(x, weight = w)\n"
                                      " x = linear(x, weight = w, out = 8)\n");
    ck_assert_str_eq(names(graph, CLASS_parameter), "w ");
    ck_assert_int_eq(graph->nodes[0].n_inputs, 2);
    ck_assert_int_eq(graph->nodes[0].inputs[1], graph->nodes[1].inputs[1]);
    ck_assert_int_eq(tensor(graph, "w")->init.kind, INIT_NORMAL);
    ck_assert_double_eq(tensor(graph, "w")->init.b, 0.5);
}
END_TEST

static const struct {
    const char *why, *module, *first, *second;
    bool equal;
} pairs[] = {
    {"the same", "A(x, n) { return linear(x, out = n) }", "A(x, 8)", "A(x, 8)", true},
    {"shapes", "A(x, n) { return linear(x, out = n) }", "A(x, 8)", "A(x, 9)", false},
    {"scalars", "A(x, s) { return relu(x) * s }", "A(x, 1)", "A(x, 2)", true},
    {"float attributes", "A(x, s) { return dropout(x, p = s) }", "A(x, 0.1)", "A(x, 0.2)", true},
    {"inits", "A(x, s) { return linear(x, out = 8, init = normal(0, s)) }", "A(x, 1)", "A(x, 2)",
     true},
    {"int attributes", "A(x, s) { return transpose(reshape(x, [4, 4, 2]), 0, s) }", "A(x, 1)",
     "A(x, 2)", false},
    {"lists", "A(x, s) { return reshape(x, [s, 32 / s]) }", "A(x, 4)", "A(x, 2)", false},
    {"wiring", "A(a, b) { return a - b }", "A(x, relu(x))", "A(x, x)", false},
    {"turns", "A(x, n) { repeat i in n { x = relu(x) }\n return x }", "A(x, 2)", "A(x, 3)", false},
    {"depth", "A(x, n) { repeat i in 1 { x = relu(x) * n }\n return x }", "A(x, 2)", "A(x, 3)",
     true},
};

START_TEST(instances_of_equal_structure_share_a_type)
{
    const Graph *graph = graph_of(arena_printf(arena, "module %s", pairs[_i].module),
                                  arena_printf(arena,
                                               " p = %s as p\n q = %s as q\n"
                                               " x = x * (sum(p) + sum(q))\n",
                                               pairs[_i].first, pairs[_i].second));
    bool equal = instance(graph, "p")->type == instance(graph, "q")->type;
    ck_assert_msg(equal == pairs[_i].equal, "%s", pairs[_i].why);
}
END_TEST

START_TEST(layers_in_a_row_are_equal_and_the_marked_one_is_not)
{
    const Graph *graph =
        graph_of("module A(x) { return relu(linear(x, out = 8)) }\n"
                 "module L(x) { return A(x) + A(x) }",
                 " repeat i in 3 { x = L(x) as l }\n checkpoint m = L(x) as m\n x = x + m\n");
    ck_assert_int_eq(instance(graph, "l[0]")->type, instance(graph, "l[2]")->type);
    ck_assert_int_eq(instance(graph, "repeat[0]")->type, instance(graph, "repeat[1]")->type);
    ck_assert_int_eq(instance(graph, "l[0].a")->type, instance(graph, "m.a2")->type);
    ck_assert_int_ne(instance(graph, "l[0]")->type, instance(graph, "m")->type);
    ck_assert_int_ne(instance(graph, "l[0]")->type, instance(graph, "l[0].a")->type);
}
END_TEST

START_TEST(losses_without_a_name_get_one_of_their_own)
{
    const Graph *graph =
        graph_with("model M {\n input x : f32[4]\n loss sum(x)\n loss max(x)\n"
                   " loss loss2 = mean(x)\n loss_of = x * 2\n loss loss_of = sum(loss_of)\n"
                   " loss sum(x + 1)\n}",
                   NULL, 0);
    Text text = text_new(arena);
    for (int i = 0; i < graph->n_losses; i++)
        text_printf(&text, "%s ", graph->losses[i].name);
    ck_assert_str_eq(text.data, "loss loss3 loss2 loss_of loss4 ");
}
END_TEST

START_TEST(random_streams_count_in_the_order_written)
{
    const Graph *graph = graph_of("", " repeat i in 3 { x = dropout(relu(x)) }\n");
    uint32_t next = 0;
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].op == OP_dropout)
            ck_assert_uint_eq(graph->nodes[i].stream, next++);
    ck_assert_uint_eq(next, 3);
}
END_TEST

START_TEST(integer_inputs_know_their_range_from_their_uses)
{
    const Graph *graph = graph_with("model M {\n input t : i32[4, 6]\n target y : i32[4]\n"
                                    " input _free : i32[4]\n"
                                    " a, b = split(t, 2)\n"
                                    " x = embedding(a, vocab = 9, out = 5)\n"
                                    " z = embedding(reshape(b, [12]), vocab = 7, out = 5)\n"
                                    " loss cross_entropy(mean(x, axis = 1), y)\n"
                                    " loss sum(z)\n}",
                                    NULL, 0);
    ck_assert_int_eq(tensor(graph, "t")->classes, 7);
    ck_assert_int_eq(tensor(graph, "y")->classes, 5);
    ck_assert_int_eq(tensor(graph, "_free")->classes, 0);
}
END_TEST

static const char grouped[] =
    "model M {\n input x : f32[4, 8]\n target y : i32[4]\n"
    " h = linear(x, out = 8) as a\n"
    " loss cross_entropy(linear(layer_norm(h) as norm, out = 3) as b, y)\n"
    "}\n"
    "train {\n"
    " group \"*.bias\", \"norm.*\" { weight_decay = 0, lr = rate * 2 }\n"
    " group \"a*\" { betas = (0.5, 0.75) }\n"
    " optimizer = adamw(lr = rate, weight_decay = 0.1)\n"
    " schedule = cosine(to = 1e-6, steps = 50, warmup = 5)\n"
    " clip = norm(2, per = group)\n"
    " steps = 7; seed = 9; precision = bf16; budget = 2 KiB\n"
    "}\n"
    "const rate = 0.01\n";

START_TEST(parameters_belong_to_the_first_group_that_matches)
{
    const Graph *graph = graph_with(grouped, NULL, 0);
    ck_assert_int_eq(tensor(graph, "a.weight")->group, 2);
    ck_assert_int_eq(tensor(graph, "a.bias")->group, 1);
    ck_assert_int_eq(tensor(graph, "norm.weight")->group, 1);
    ck_assert_int_eq(tensor(graph, "b.weight")->group, 0);
    const Group *groups = graph->train.groups;
    ck_assert_int_eq(graph->train.n_groups, 3);
    ck_assert_double_eq(groups[0].hyper.lr, 0.01);
    ck_assert_double_eq(groups[0].hyper.beta2, 0.999);
    ck_assert_double_eq(groups[1].hyper.lr, 0.02);
    ck_assert_double_eq(groups[1].hyper.weight_decay, 0);
    ck_assert_double_eq(groups[2].hyper.weight_decay, 0.1);
    ck_assert_double_eq(groups[2].hyper.beta1, 0.5);
}
END_TEST

START_TEST(train_settings_reach_the_graph)
{
    const Train *train = &graph_with(grouped, NULL, 0)->train;
    ck_assert_str_eq(train->optimizer, "adamw");
    ck_assert_int_eq(train->schedule.kind, SCHEDULE_COSINE);
    ck_assert_double_eq(train->schedule.to, 1e-6);
    ck_assert_int_eq(train->schedule.steps, 50);
    ck_assert_int_eq(train->schedule.warmup, 5);
    ck_assert_int_eq(train->clip.kind, CLIP_GROUP);
    ck_assert_double_eq(train->clip.max, 2);
    ck_assert_int_eq(train->steps, 7);
    ck_assert_uint_eq(train->seed, 9);
    ck_assert_int_eq(train->precision, DT_bf16);
    ck_assert(train->has_budget);
    ck_assert_uint_eq(train->budget_bytes, 2048);
    ck_assert_str_eq(train->data.source, "synthetic");
}
END_TEST

static const char layered[] = "const layers = 2\n"
                              "module Layer(x) { return relu(linear(x, out = 64)) }\n"
                              "model M {\n input x : f32[4, 64]\n target y : i32[4]\n"
                              " repeat i in layers { checkpoint x = Layer(x) as layer }\n"
                              " loss cross_entropy(x, y)\n}\n";

START_TEST(a_thousand_layers_take_well_under_a_second)
{
    clock_t start = clock();
    const Graph *graph = graph_with(layered, &(Override){"layers", "1000"}, 1);
    ck_assert_int_eq(graph->n_nodes, 2001);
    ck_assert_int_eq(graph->n_instances, 2001);
    ck_assert_double_lt((double)(clock() - start) / CLOCKS_PER_SEC, 1);
}
END_TEST

static double seconds_for(const char *layers)
{
    double best = 1e9;
    for (int round = 0; round < 3; round++) {
        clock_t start = clock();
        graph_with(layered, &(Override){"layers", layers}, 1);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        best = seconds < best ? seconds : best;
    }
    return best;
}

START_TEST(time_grows_with_the_graph_and_no_faster)
{
    /* Eight times the layers: 8 times the time where it is linear, 64 where it is quadratic. */
    ck_assert_double_lt(seconds_for("8000"), 24 * seconds_for("1000") + 0.05);
}
END_TEST

Suite *expand_suite(void)
{
    Suite *suite = suite_create("expand");
    TCase *tcase = tcase_create("expand");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, calls_are_named_by_as_or_callee_and_number);
    tcase_add_test(tcase, a_name_that_is_given_is_not_made_again);
    tcase_add_test(tcase, repeats_number_what_is_in_them);
    tcase_add_test(tcase, marks_do_not_change_paths_but_named_blocks_do);
    tcase_add_test(tcase, a_mark_on_a_call_is_on_its_instance);
    tcase_add_test(tcase, values_are_named_by_variables_that_are_assigned_once);
    tcase_add_test(tcase, numbers_are_folded_and_loops_carried);
    tcase_add_test(tcase, a_declared_parameter_is_shared);
    tcase_add_loop_test(tcase, instances_of_equal_structure_share_a_type, 0,
                        sizeof pairs / sizeof *pairs);
    tcase_add_test(tcase, layers_in_a_row_are_equal_and_the_marked_one_is_not);
    tcase_add_test(tcase, losses_without_a_name_get_one_of_their_own);
    tcase_add_test(tcase, random_streams_count_in_the_order_written);
    tcase_add_test(tcase, integer_inputs_know_their_range_from_their_uses);
    tcase_add_test(tcase, parameters_belong_to_the_first_group_that_matches);
    tcase_add_test(tcase, train_settings_reach_the_graph);
    tcase_add_test(tcase, a_thousand_layers_take_well_under_a_second);
    tcase_add_test(tcase, time_grows_with_the_graph_and_no_faster);
    suite_add_tcase(suite, tcase);
    return suite;
}
