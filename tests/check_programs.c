/* Whole emitted CUDA programs in the simulator of tests/cudasim: bit for bit the same under every
 * strategy, close to the CPU target, in the memory that was planned; and the calls that a step
 * makes of the CUDA runtime. LONG=1 (make check-long) takes all strategies, examples and builds. */
#include "base/base.h"
#include "graph/optimizer.h"
#include "tests/support/cuda.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *programs_suite(void);

/* ---- whole programs
 * --------------------------------------------------------------------------------- */

typedef struct {
    const char *model, *name, *options;
    bool synthetic; /* the data source is replaced */
    const char *precision;
    double budget;    /* for auto, of what `none` needs */
    double tolerance; /* against the CPU, of a tensor's largest element; tenth of it for the loss */
} Example;

#define SMALL_BERT "-D layers=3 -D hidden=48 -D heads=4 -D ffn=80 -D vocab=101 -D seq=24 -D batch=3"
static const Example programs[] = {
    {"examples/tutorial/mlp.net", "mlp", "", false, "f32", 1, 5e-5},
    {"examples/bert/bert.net", "bert", SMALL_BERT, true, "f32", 0.8, 5e-5},
    {"examples/bert/bert.net", "bert16", SMALL_BERT, true, "bf16", 0.9, 5e-3},
};

/* The model file: the example, or a copy of it that needs no files. */
static const char *model_of(const Example *program)
{
    static char path[128];
    if (!program->synthetic)
        return program->model;
    snprintf(path, sizeof path, "%s/%s.net", scratch_folder(), program->name);
    must_succeed(
        run_shell(
            "sed \"s/^ *data *=.*/    data = synthetic(seed = 1)\\n    precision = %s/\" %s > %s",
            program->precision, program->model, path),
        "sed");
    return path;
}

static double planned_peak(const char *folder, const char *program)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s.plan.json", scratch_folder(), folder, program);
    char *text = read_whole_file(path, NULL);
    ck_assert_ptr_nonnull(text);
    const char *at = strstr(text, "\"peak_bytes\"");
    ck_assert_ptr_nonnull(at);
    const double value = strtod(strchr(at, ':') + 1, NULL);
    free(text);
    return value;
}

/* Every tensor starts at a multiple of 256 bytes, and no kernel adds in an order of its own. */
static void expect_alignment_and_order(const char *folder, const char *program)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s.plan.json", scratch_folder(), folder, program);
    char *text = read_whole_file(path, NULL);
    ck_assert_ptr_nonnull(text);
    int n = 0;
    for (const char *at = text; (at = strstr(at, "\"offset\":")) != NULL; at++, n++)
        ck_assert_int_eq(strtoll(at + strlen("\"offset\":"), NULL, 10) % 256, 0);
    ck_assert_int_gt(n, 10);
    free(text);
    const CommandResult *found = run_shell("grep -h \"atomic[A-Z]\" %s/%s/*.cu %s/%s/*.h",
                                           scratch_folder(), folder, scratch_folder(), folder);
    ck_assert_str_eq(found->out, "");
}

/* Emits, builds and runs one program under options; its dump is FOLDER/run.dump. Peak measured =
 * planned, and nothing lies beyond it. */
static void run_program(const Example *program, const char *options, const char *folder)
{
    char all[256];
    snprintf(all, sizeof all, "%s %s", program->options, options);
    program_emit(model_of(program), all, "cuda", folder);
    cuda_build("plain", folder);
    cuda_run("plain", folder, "", "--steps 4", "run");
    const double planned = planned_peak(folder, program->name);
    ck_assert_double_eq(metric_of(folder, "run", "peak_bytes"), planned);
    ck_assert_double_le(metric_of(folder, "run", "arena_high_water_bytes"), planned);
    expect_alignment_and_order(folder, program->name);
}

/* Names of all strategies but `none`, from the command itself. */
static int list_strategies(char names[][32], int most)
{
    const CommandResult *result = run_shell("%s strategies", rematc_path());
    must_succeed(result, "strategies");
    int n = 0;
    for (const char *at = result->out; *at && n < most; at = strchr(at, '\n') + 1) {
        snprintf(names[n], 32, "%.*s", (int)strcspn(at, " \n"), at);
        n += strcmp(names[n], "none") != 0;
    }
    return n;
}

static bool is_short(const char *strategy)
{
    return strcmp(strategy, "marked") == 0 || strcmp(strategy, "auto") == 0;
}

START_TEST(strategies_change_no_bit)
{
    const Example *program = &programs[_i];
    char names[16][32];
    if (!cuda_can_run("plain") || (_i == 2 && !cuda_is_long()))
        return;
    run_program(program, "--strategy none", "none");
    const double most = planned_peak("none", program->name);
    const int n = list_strategies(names, 16);
    ck_assert_int_ge(n, 6);
    for (int i = 0; i < n; i++) {
        char options[96];
        if (!is_short(names[i]) && !cuda_is_long())
            continue;
        const bool wants_budget = strcmp(names[i], "auto") == 0;
        snprintf(options, sizeof options,
                 wants_budget ? "--strategy %s --budget %.0f" : "--strategy %s", names[i],
                 most * program->budget);
        run_program(program, options, names[i]);
        expect_same_bits("none", "run", names[i], "run");
        printf("%s: %s has the bits of none; peak %.0f bytes, %.0f without recompute\n",
               program->name, names[i], planned_peak(names[i], program->name), most);
        ck_assert_double_le(planned_peak(names[i], program->name), most);
    }
}
END_TEST

START_TEST(programs_train_as_on_the_cpu)
{
    const Example *program = &programs[_i];
    if (!cuda_can_run("plain"))
        return;
    run_program(program, "--strategy none", "none");
    char all[256];
    snprintf(all, sizeof all, "%s --strategy none", program->options);
    program_emit(model_of(program), all, "cpu", "cpu");
    cpu_run("cpu", program->name, "--steps 4");
    TestTensors cuda = dump_of("none", "run"), cpu = dump_of("cpu", "cpu");
    ck_assert_double_le(worst_difference(&cpu, &cuda, program->name), program->tolerance);
    const double a = metric_of("none", "run", "loss"), b = metric_of("cpu", "cpu", "loss");
    ck_assert_msg(fabs(a - b) <= program->tolerance * (cuda_on_gpu() ? 1 : 0.1) * fabs(b),
                  "%s: loss %.9g, on the CPU %.9g", program->name, a, b);
    tensors_free(&cuda);
    tensors_free(&cpu);
}
END_TEST

/* ---- the shape of a step
 * ------------------------------------------------------------------------------ */

enum { MAX_PINNED = 64, N_STEPS = 6, N_GRAPHS = N_STEPS - 1 };

/* What a trace of whole steps has shown so far. */
typedef struct {
    int n_launched, n_ran;                             /* graphs */
    bool in_flight[MAX_PINNED], is_source[MAX_PINNED]; /* pinned buffers that are uploaded */
    char fault[128];                                   /* empty: none so far */
} StepTrace;

static void note_host_write(StepTrace *trace, int buffer)
{
    if (!trace->is_source[buffer])
        snprintf(trace->fault, sizeof trace->fault, "the host writes into buffer %d", buffer);
    else if (trace->in_flight[buffer])
        snprintf(trace->fault, sizeof trace->fault,
                 "the host writes into buffer %d while it may be read", buffer);
}

static void note_launch(StepTrace *trace)
{
    if (trace->n_ran >= trace->n_launched && trace->n_launched > 0)
        snprintf(trace->fault, sizeof trace->fault, "the host waited for step %d before the next",
                 trace->n_launched + 1);
    trace->n_launched++;
}

/* True where the line is an upload from a pinned buffer. */
static bool note_upload(StepTrace *trace, const char *line)
{
    unsigned buffer;
    if (sscanf(line, "upload %*u %u", &buffer) != 1)
        return false;
    ck_assert_uint_lt(buffer, MAX_PINNED);
    trace->in_flight[buffer] = trace->is_source[buffer] = true;
    return true;
}

/* One line of the trace. What is not named here must not happen between the launches of two
 * steps. */
static void note_call(StepTrace *trace, const char *line)
{
    int buffer;
    if (note_upload(trace, line))
        return;
    if (sscanf(line, "host_write pinned %d", &buffer) == 1)
        note_host_write(trace, buffer);
    else if (strcmp(line, "synchronize event") == 0)
        memset(trace->in_flight, 0, sizeof trace->in_flight);
    else if (strcmp(line, "launch graph") == 0)
        note_launch(trace);
    else if (strcmp(line, "ran graph") == 0)
        trace->n_ran++;
    else if (strcmp(line, "record event") != 0 && strcmp(line, "wait event") != 0 &&
             sscanf(line, "download %*u %d", &buffer) != 1)
        snprintf(trace->fault, sizeof trace->fault, "'%.100s' between two steps", line);
}

/* Goes through the steps that are graphs, from the first launch of one to the last, under the
 * simulator's latest order: what has run, the host has waited for. The fault, or "". */
static const char *fault_of_steps(const char *trace)
{
    static StepTrace seen;
    seen = (StepTrace){0};
    char line[256];
    for (const char *at = trace; *at && !seen.fault[0] && seen.n_launched < N_GRAPHS;) {
        const size_t n = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, at);
        if (seen.n_launched > 0 || strcmp(line, "launch graph") == 0)
            note_call(&seen, line);
        else
            note_upload(&seen, line);
        at += n + (at[n] == '\n');
    }
    if (!seen.fault[0] && seen.n_launched != N_GRAPHS)
        snprintf(seen.fault, sizeof seen.fault, "%d graphs were launched", seen.n_launched);
    return seen.fault;
}

static int count_lines(const char *text, const char *end, const char *start)
{
    int n = 0;
    for (const char *at = text; at && at < end; at = strchr(at, '\n')) {
        at += *at == '\n';
        n += strncmp(at, start, strlen(start)) == 0;
    }
    return n;
}

/* The calls of a run of six steps: malloc'ed. */
static char *trace_of(const char *folder)
{
    char path[128];
    must_succeed(run_shell("cd %s/%s && CUDASIM_TRACE=trace ./plain.sim --quiet --steps %d",
                           scratch_folder(), folder, N_STEPS),
                 "run");
    snprintf(path, sizeof path, "%s/%s/trace", scratch_folder(), folder);
    char *trace = read_whole_file(path, NULL);
    ck_assert_ptr_nonnull(trace);
    return trace;
}

static void print_launches(const char *name, const char *trace)
{
    const char *begin = strstr(trace, "begin capture"), *end = strstr(trace, "end capture");
    ck_assert_ptr_nonnull(end);
    printf("%s: a step is one graph of %d kernels, %d products and %d clearings\n", name,
           count_lines(begin, end, "launch "), count_lines(begin, end, "matmul"),
           count_lines(begin, end, "memset"));
}

/* From the third step on a step is its uploads, one graph and its results. Nothing is allocated, no
 * algorithm is chosen, the host waits only for what an earlier step did, and writes only into
 * pinned buffers that no copy reads. */
START_TEST(a_step_neither_waits_nor_allocates)
{
    const Example *program = &programs[_i];
    if (cuda_on_gpu() || !cuda_can_run("plain") || (_i == 2 && !cuda_is_long()))
        return;
    run_program(program, "--strategy marked", "marked");
    char *trace = trace_of("marked");
    ck_assert_str_eq(fault_of_steps(trace), "");
    ck_assert_int_eq(count_lines(trace, trace + strlen(trace), "malloc "), 1);
    ck_assert_int_eq(count_lines(strstr(trace, "upload"), trace + strlen(trace), "heuristic"), 0);
    print_launches(program->name, trace);
    free(trace);
}
END_TEST

/* The same of a runtime with a mistake: by one of its lines replaced. */
static const struct {
    const char *edit, *fault;
} mistakes[] = {
    {"s/^    n_launched++;/    n_launched++; wait_for_all();/", "'synchronize stream'"},
    {"s/rt_device_lag = 1/rt_device_lag = 0/", "the host waited for step"},
    {"s/^    run_step();/    run_step(); void *m; cudaMalloc(\\&m, 1);/", "'malloc 1'"},
    {"s/^    run_step();/    run_step(); results[1 - slot][0] = (float)n_launched;/",
     "the host writes into buffer"},
    {"s/^    if (!graph)/    if (n_launched % 2)/", "'begin capture'"},
};

START_TEST(a_mistake_in_a_step_is_found)
{
    if (cuda_on_gpu() || !cuda_can_run("plain"))
        return;
    program_emit(model_of(&programs[0]), "", "cuda", "wrong");
    must_succeed(run_shell("cd %s/wrong && cp cuda.cu right && sed -i \"%s\" cuda.cu && "
                           "! cmp -s cuda.cu right",
                           scratch_folder(), mistakes[_i].edit),
                 "sed");
    cuda_build("plain", "wrong");
    char *trace = trace_of("wrong");
    const char *fault = fault_of_steps(trace);
    ck_assert_msg(strstr(fault, mistakes[_i].fault), "said '%s'", fault);
    free(trace);
}
END_TEST

/* How many launches a step of BERT takes with all its layers; their number does not depend on the
 * widths. */
START_TEST(launches_of_bert_with_all_layers)
{
    static const char *const strategies[] = {"none", "marked"};
    char options[256], name[64];
    if (cuda_on_gpu() || !cuda_can_run("plain") || !cuda_is_long())
        return;
    for (int i = 0; i < 2; i++) {
        snprintf(options, sizeof options, SMALL_BERT " -D layers=8 --strategy %s", strategies[i]);
        program_emit(model_of(&programs[1]), options, "cuda", "deep");
        cuda_build("plain", "deep");
        char *trace = trace_of("deep");
        ck_assert_str_eq(fault_of_steps(trace), "");
        snprintf(name, sizeof name, "BERT, 8 layers, %s", strategies[i]);
        print_launches(name, trace);
        free(trace);
    }
}
END_TEST

/* The optimizers with what they can do, and the schedules; the second group of parameters has a
 * rate of its own. */
static const struct {
    const char *optimizer, *schedule;
} rules[] = {
    {"sgd(lr = 0.05)", "constant"},
    {"sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.1)", "linear(to = 0, steps = 6, warmup = 2)"},
    {"sgd(lr = 0.05, momentum = 0.9, nesterov = true)", "cosine(to = 1e-3, steps = 4)"},
    {"adam(lr = 0.01, weight_decay = 0.1)", "linear(to = 1e-3, steps = 3)"},
    {"adamw(lr = 0.01, betas = (0.8, 0.99))", "cosine(to = 1e-3, steps = 20, warmup = 3)"},
};

START_TEST(each_optimizer_has_a_rule_here)
{
    for (int row = 0; optimizer_row(row); row++) {
        const char *name = optimizer_row(row)->name;
        int n = 0;
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
            n += strcspn(rules[i].optimizer, "(") == strlen(name) &&
                 strncmp(rules[i].optimizer, name, strlen(name)) == 0;
        ck_assert_msg(n > 0, "%s is not compared with the CPU", name);
    }
}
END_TEST

START_TEST(every_optimizer_as_on_the_cpu)
{
    char schedule[96] = "";
    if (!cuda_can_run("plain") || (_i != 1 && !cuda_is_long()))
        return;
    const char *s = scratch_folder();
    if (strcmp(rules[_i].schedule, "constant") != 0)
        snprintf(schedule, sizeof schedule, "    schedule = %s", rules[_i].schedule);
    must_succeed(
        run_shell("sed \"s/^ *schedule =.*/%s/; s/^ *optimizer =.*/    optimizer = %s\\n"
                  "    group \\\"*.bias\\\" { lr = 0.02 }/\" "
                  "tests/cases/program/small.net > %s/rule.net && grep -q group %s/rule.net",
                  schedule, rules[_i].optimizer, s, s),
        "sed");
    char model[128];
    snprintf(model, sizeof model, "%s/rule.net", s);
    program_emit(model, "", "cuda", "rule");
    program_emit(model, "", "cpu", "rule_cpu");
    cuda_build("plain", "rule");
    cuda_run("plain", "rule", "", "--steps 8", "run");
    cpu_run("rule_cpu", "rule", "--steps 8");
    TestTensors cuda = dump_of("rule", "run"), cpu = dump_of("rule_cpu", "cpu");
    ck_assert_double_le(worst_difference(&cpu, &cuda, rules[_i].optimizer), 5e-5);
    ck_assert_double_eq(metric_of("rule", "run", "lr"), metric_of("rule_cpu", "cpu", "lr"));
    tensors_free(&cuda);
    tensors_free(&cpu);
}
END_TEST

/* make TF32=1: products round their operands, to about 3 decimals. */
START_TEST(tf32_rounds_products)
{
    if (!cuda_can_run("plain"))
        return;
    run_program(&programs[0], "--strategy none", "none");
    program_emit(model_of(&programs[0]), "--strategy none", "cuda", "tf32");
    const char *s = scratch_folder();
    must_succeed(run_shell("cd %s/tf32 && make -n TF32=1 matmul.o | grep -q -e -DRT_TF32 && "
                           "sed -i \"1i #define RT_TF32\" matmul.cu",
                           s),
                 "TF32");
    cuda_build("plain", "tf32");
    cuda_run("plain", "tf32", "", "--steps 4", "run");
    TestTensors full = dump_of("none", "run"), rounded = dump_of("tf32", "run");
    const double most =
        tensors_difference(tensors_find(&full, "logits"), tensors_find(&rounded, "logits"));
    printf("mlp: TF32 against f32: logits at most %.1e of the largest\n", most);
    ck_assert_double_le(most, 0.005);
    ck_assert(cuda_on_gpu() || most >= 1e-5); /* a GPU may be older than TF32 */
    tensors_free(&full);
    tensors_free(&rounded);
}
END_TEST

/* ---- what nvcc says
 * ------------------------------------------------------------------------------------- */

static bool has_nvcc(void)
{
    if (run_shell("command -v nvcc")->status == 0)
        return true;
    say_skipped("no nvcc: registers, spills, occupancy and widths of loads are not looked at");
    return false;
}

/* No warning, no spill, no local memory, occupancy of half or more, loads of 16 bytes:
 * tests/cudasim/static.sh. */
START_TEST(nvcc_makes_good_code_of_it)
{
    const Example *program = &programs[_i];
    if (!has_nvcc() || (_i > 0 && !cuda_is_long()))
        return;
    /* At its full size: the kernels that a user gets. */
    program_emit(model_of(program), "", "cuda", "static");
    const char *archs = cuda_is_long() ? "80 75 86 89 90 100" : "80";
    const CommandResult *result =
        run_shell("tests/cudasim/static.sh %s/static %s", scratch_folder(), archs);
    must_succeed(result, "static.sh");
    printf("%s, by nvcc's own figures:\n%s", program->name, result->out);
}
END_TEST

/* The real program (with TF32: static.sh has compiled it without), on a machine without a driver:
 * one line, exit 3. */
START_TEST(the_real_program_says_that_there_is_no_gpu)
{
    if (!has_nvcc() || access("/dev/nvidia0", F_OK) == 0)
        return;
    program_emit(programs[0].model, "", "cuda", "real");
    const char *s = scratch_folder();
    must_succeed(run_shell("make -s -C %s/real ARCH=-arch=sm_80 TF32=1", s), "make");
    const CommandResult *result = run_shell("%s/real/mlp --steps 1", s);
    ck_assert_int_eq(result->status, 3);
    ck_assert_int_eq(text_lines(result->err), 1);
    ck_assert_ptr_nonnull(strstr(result->err, "no usable GPU"));
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 1200);
    suite_add_tcase(suite, tcase);
    return tcase;
}

Suite *programs_suite(void)
{
    const int n_programs = (int)(sizeof programs / sizeof *programs);
    Suite *suite = suite_create("programs");
    TCase *whole = add_case(suite, "whole"), *step = add_case(suite, "step");
    TCase *nvcc = add_case(suite, "nvcc");
    tcase_add_loop_test(whole, strategies_change_no_bit, 0, n_programs);
    tcase_add_loop_test(whole, programs_train_as_on_the_cpu, 0, n_programs);
    tcase_add_test(whole, each_optimizer_has_a_rule_here);
    tcase_add_loop_test(whole, every_optimizer_as_on_the_cpu, 0,
                        (int)(sizeof rules / sizeof *rules));
    tcase_add_test(whole, tf32_rounds_products);
    tcase_add_loop_test(step, a_step_neither_waits_nor_allocates, 0, n_programs);
    tcase_add_loop_test(step, a_mistake_in_a_step_is_found, 0,
                        (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(step, launches_of_bert_with_all_layers);
    tcase_add_loop_test(nvcc, nvcc_makes_good_code_of_it, 0, n_programs);
    tcase_add_test(nvcc, the_real_program_says_that_there_is_no_gpu);
    return suite;
}
