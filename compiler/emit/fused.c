/* The text of a fused kernel: instructions, loads and stores for the regions of the skeletons
 * templates/TARGET/fused.* and reduce.*. A program in, a C function out.
 *
 * A row goes through passes. Pass p computes for each element what the row reductions of level p +
 * 1 need, and then the values of the row that follow from those; the last pass stores the outputs.
 */
#include "emit/render.h"
#include "emit/writer.h"

#include <string.h>

/* Columns of the longest row that is kept from one pass to the next. */
enum { LONGEST_KEPT = 32768 };

/* ---- what each instruction is
 * -------------------------------------------------------------------- */

static bool is_row_reduction(const Instr *instr)
{
    return instr->kind == INSTR_ROW_SUM || instr->kind == INSTR_ROW_MAX;
}

static void mark_live(Writer *w, int instr)
{
    if (w->live[instr])
        return;
    w->live[instr] = true;
    for (int arg = 0; arg < N_ARGS; arg++)
        if (w->program->instrs[instr].arg[arg] >= 0)
            mark_live(w, w->program->instrs[instr].arg[arg]);
}

static void classify(Writer *w, int i)
{
    const Instr *instr = &w->program->instrs[i];
    w->per_row[i] = instr->kind != INSTR_RANDOM && instr->kind != INSTR_COLUMN;
    if (instr->kind == INSTR_INPUT)
        w->per_row[i] = !axes_full(&w->axes, instr->slot, w->axes.n);
    for (int arg = 0; arg < N_ARGS; arg++) {
        const int from = instr->arg[arg];
        if (from < 0)
            continue;
        w->per_row[i] = w->per_row[i] && (w->per_row[from] || is_row_reduction(instr));
        if (w->level[from] > w->level[i])
            w->level[i] = w->level[from];
    }
    if (is_row_reduction(instr))
        w->level[i]++;
    if (w->live[i] && w->level[i] > w->n_levels)
        w->n_levels = w->level[i];
}

static Writer writer_new(Kernels *kernels, const Program *program)
{
    Arena *arena = kernels->arena;
    const int n = program->n_instrs;
    Writer w = {.arena = arena, .kernels = kernels, .program = program};
    w.axes = axes_of(arena, program);
    w.is_reduce = program_is_reduce(program);
    w.live = NEW_N(arena, bool, n);
    w.nested = NEW_N(arena, bool, n);
    w.per_row = NEW_N(arena, bool, n);
    w.kept = NEW_N(arena, bool, n);
    w.level = NEW_N(arena, int, n);
    w.computed = NEW_N(arena, int, n);
    for (int i = 0; i < program->n_outputs; i++)
        mark_live(&w, program->outputs[i].instr);
    for (int i = 0; i < n; i++) {
        w.computed[i] = -1;
        classify(&w, i);
    }
    return w;
}

const char *writer_input_dtype(const Writer *w, int input)
{
    return dtype_name(w->dtypes[input]);
}

const char *writer_output_dtype(const Writer *w, int output)
{
    return dtype_name(w->dtypes[w->program->n_inputs + output]);
}

/* True where input i is an argument of the C function: not the one that is accumulated onto. */
bool writer_is_argument(const Program *program, int input)
{
    return !program_is_reduce(program) || program->accumulate_input != input;
}

/* ---- where a tensor's row starts
 * ------------------------------------------------------------------ */

/* The variable that counts an axis: rows of a fused kernel, kept and summed positions of a sum. */
static bool is_summed(const Writer *w, int axis)
{
    return w->is_reduce && !axes_full(&w->axes, w->program->n_inputs, axis);
}

static const char *counter(const Writer *w, int axis)
{
    if (!w->is_reduce)
        return "row";
    return is_summed(w, axis) ? "summed" : "kept";
}

/* "n1 * n2", the product of axes' sizes as arguments of the function; NULL where there is none. */
static const char *times(const Writer *w, const char *product, int axis)
{
    return product ? arena_printf(w->arena, "%s * n%d", product, axis)
                   : arena_printf(w->arena, "n%d", axis);
}

/* The position along an axis, from its counter. */
static const char *coordinate(const Writer *w, int axis)
{
    const char *inner = NULL;
    bool outermost = true;
    for (int other = 0; other < w->axes.n; other++) {
        if (is_summed(w, other) != is_summed(w, axis))
            continue;
        if (other > axis)
            inner = times(w, inner, other);
        outermost = outermost && other >= axis;
    }
    const char *text = counter(w, axis);
    if (inner)
        text = arena_printf(w->arena, strchr(inner, '*') ? "%s / (%s)" : "%s / %s", text, inner);
    return outermost ? text : arena_printf(w->arena, "%s %% n%d", text, axis);
}

/* Elements from one position of an axis to the next; tensor -1: in the domain. */
static const char *step_text(const Writer *w, int tensor, int axis)
{
    const char *step = NULL;
    for (int inner = axis + 1; inner <= w->axes.n; inner++)
        if (tensor < 0 || axes_full(&w->axes, tensor, inner))
            step = times(w, step, inner);
    return step;
}

/* Where a row of a tensor starts: the sum of its positions times its steps. */
static const char *row_start(const Writer *w, int tensor)
{
    Text out = text_new(w->arena);
    for (int axis = 0; axis < w->axes.n; axis++) {
        if (tensor >= 0 && !axes_full(&w->axes, tensor, axis))
            continue;
        const char *step = step_text(w, tensor, axis);
        text_printf(&out, "%s%s%s%s", out.n ? " + " : "", coordinate(w, axis), step ? " * " : "",
                    step ? step : "");
    }
    return out.n ? out.data : "0";
}

/* The same, shorter where a tensor has all axes or all but the last: its rows are the domain's. */
static const char *tensor_start(const Writer *w, int tensor)
{
    for (int axis = 0; axis < w->axes.n; axis++)
        if (w->is_reduce || !axes_full(&w->axes, tensor, axis))
            return row_start(w, tensor);
    if (w->axes.n == 0)
        return "0";
    return axes_full(&w->axes, tensor, w->axes.n) ? arena_printf(w->arena, "row * n%d", w->axes.n)
                                                  : "row";
}

/* How many elements a tensor has. */
static const char *count_text(const Writer *w, int tensor)
{
    const char *count = NULL;
    for (int axis = 0; axis <= w->axes.n; axis++)
        if (axes_full(&w->axes, tensor, axis))
            count = times(w, count, axis);
    return count ? count : "1";
}

/* ---- values
 * ---------------------------------------------------------------------------------------- */

static bool draws_random(const Instr *instr)
{
    return instr->kind == INSTR_ELEMENT && (op_row(instr->op)->names[instr->part] & NAMES_U) != 0;
}

/* What is dearer than a load: it is kept between passes where the target can. */
static bool is_costly(const Instr *instr)
{
    if (instr->kind != INSTR_ELEMENT)
        return false;
    const char *text = op_row(instr->op)->part[instr->part];
    return draws_random(instr) || strstr(text, "r_exp") || strstr(text, "r_tanh") ||
           strstr(text, "r_erf") || strstr(text, "r_log") || strstr(text, "slope");
}

static const char *value_text(Writer *w, int i);

/* An instruction as an operand: its variable, or its text where it is `nested`. */
static const char *operand_text(Writer *w, int i)
{
    return w->nested[i] ? value_text(w, i) : arena_printf(w->arena, "v%d", i);
}

static const char *element_text(Writer *w, const Instr *instr)
{
    static const int order[N_ARGS] = {ARG_A, ARG_B, ARG_G, ARG_Y, ARG_U, ARG_P};
    static const unsigned bits[N_ARGS] = {NAMES_A, NAMES_B, NAMES_G, NAMES_Y, NAMES_U, NAMES_P};
    const unsigned names = op_row(instr->op)->names[instr->part];
    w->kernels->uses[instr->op][instr->part] = true;
    Text out = text_new(w->arena);
    text_printf(&out, "%s(", formula_name(w->arena, instr->op, instr->part));
    bool first = true;
    for (int i = 0; i < N_ARGS; i++) {
        if (!(names & bits[i]))
            continue;
        const int arg = instr->arg[order[i]];
        const bool probability = order[i] == ARG_P && (names & NAMES_U);
        text_printf(&out, "%s%s", first ? "" : ", ",
                    probability ? arena_printf(w->arena, "p%d", arg) : operand_text(w, arg));
        first = false;
    }
    text_printf(&out, ")");
    return out.data;
}

/* The right-hand side of an instruction that is no reduction. */
static const char *value_text(Writer *w, int i)
{
    const Instr *instr = &w->program->instrs[i];
    switch (instr->kind) {
    case INSTR_INPUT:
        if (w->kernels->target->lanes && !w->per_row[i])
            return arena_printf(w->arena, "LOADED(x%d, i - from)", instr->slot);
        return arena_printf(w->arena, "LOAD_%s(x%d, at_x%d%s)", writer_input_dtype(w, instr->slot),
                            instr->slot, instr->slot, w->per_row[i] ? "" : " + i");
    case INSTR_CONSTANT: return arena_printf(w->arena, "(real)c%d", instr->slot);
    case INSTR_RANDOM:
        return arena_printf(w->arena, "RANDOM_AT(u%d, i - from, base + (uint64_t)i, step, s%d)",
                            instr->slot, instr->slot);
    case INSTR_COLUMN: return "(real)(int32_t)i";
    case INSTR_POSITION:
        return arena_printf(w->arena, "(real)(%s)",
                            w->axes.position >= 0 ? coordinate(w, w->axes.position) : "0");
    case INSTR_ELEMENT: return element_text(w, instr);
    default: bug("a reduction has no value within a pass");
    }
}

/* Instructions whose text stands within that of their only use: those that are not kept and whose
 * use is in the same place (a pass, or the row's values of the same level). */
enum { LONGEST_NESTED = 40 };

static void find_nested(Writer *w)
{
    const Program *program = w->program;
    int *uses = NEW_N(w->arena, int, program->n_instrs);
    int *user = NEW_N(w->arena, int, program->n_instrs);
    for (int i = 0; i < program->n_instrs; i++)
        for (int arg = 0; w->live[i] && arg < N_ARGS; arg++)
            if (program->instrs[i].arg[arg] >= 0) {
                uses[program->instrs[i].arg[arg]]++;
                user[program->instrs[i].arg[arg]] = i;
            }
    for (int i = 0; i < program->n_outputs; i++)
        uses[program->outputs[i].instr] += 2;
    for (int i = 0; i < program->n_instrs; i++) {
        const Instr *by = &program->instrs[user[i]];
        const bool probability = uses[i] == 1 && draws_random(by) && by->arg[ARG_P] == i;
        const bool same_place = uses[i] == 1 && !is_row_reduction(by) && !probability &&
                                w->per_row[i] == w->per_row[user[i]] &&
                                (!w->per_row[i] || w->level[i] == w->level[user[i]]);
        w->nested[i] = same_place && !w->kept[i] && !is_row_reduction(&program->instrs[i]) &&
                       strlen(value_text(w, i)) <= LONGEST_NESTED;
    }
}

/* ---- a row's values
 * ----------------------------------------------------------------------------------- */

/* Values of the row that follow from reductions of that level. */
static void print_row_values(Writer *w, Text *out, int level)
{
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        if (!w->live[i] || !w->per_row[i] || w->level[i] != level || w->nested[i])
            continue;
        if (is_row_reduction(instr))
            text_printf(out, "ROW_%s_END(v%d);\n", instr->kind == INSTR_ROW_SUM ? "SUM" : "MAX", i);
        else
            text_printf(out, "const real v%d = %s;\n", i, value_text(w, i));
    }
}

/* Constants that are a dropout's probability: 0 where the step does not train. */
static void print_probabilities(const Writer *w, Text *out)
{
    bool *done = NEW_N(w->arena, bool, w->program->n_instrs);
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        const int p = instr->arg[ARG_P];
        if (!w->live[i] || !draws_random(instr) || p < 0 || done[p])
            continue;
        done[p] = true;
        text_printf(out, "const real p%d = step->training ? v%d : 0;\n", p, p);
    }
}

static bool uses_random(const Writer *w)
{
    for (int i = 0; i < w->program->n_instrs; i++)
        if (w->live[i] && w->program->instrs[i].kind == INSTR_RANDOM)
            return true;
    return false;
}

/* Few different sizes, so that kernels that differ by no more share one function. */
static int kept_columns(const Writer *w)
{
    int columns = 1024;
    while (columns < w->axes.columns)
        columns *= 2;
    return columns;
}

/* The same statements, several to a line. */
static const char *packed(Arena *arena, const char *text)
{
    Text out = text_new(arena);
    size_t line_start = 0;
    while (*text) {
        const size_t n = strcspn(text, "\n");
        const bool fits = out.n > line_start && out.n - line_start + n < 84;
        if (out.n > line_start)
            text_append(&out, fits ? " " : "\n", 1);
        if (!fits)
            line_start = out.n;
        text_append(&out, text, n);
        text += n + (text[n] == '\n');
    }
    if (out.n > line_start)
        text_append(&out, "\n", 1);
    return out.data;
}

static const char *row_text(Writer *w)
{
    Text out = text_new(w->arena);
    const Program *program = w->program;
    for (int i = 0; i < program->n_instrs; i++) {
        const Instr *instr = &program->instrs[i];
        if (w->live[i] && instr->kind == INSTR_INPUT)
            text_printf(&out, "const int64_t at_x%d = %s;\n", instr->slot,
                        tensor_start(w, instr->slot));
    }
    for (int i = 0; !w->is_reduce && i < program->n_outputs; i++)
        text_printf(&out, "const int64_t at_y%d = %s;\n", i,
                    tensor_start(w, program->n_inputs + i));
    if (uses_random(w))
        text_printf(&out, "const uint64_t base = (uint64_t)(%s);\n",
                    w->is_reduce ? row_start(w, -1)
                                 : arena_printf(w->arena, "row * n%d", w->axes.n));
    print_row_values(w, &out, 0);
    print_probabilities(w, &out);
    for (int i = 0; i < program->n_instrs; i++)
        if (w->live[i] && is_row_reduction(&program->instrs[i]))
            text_printf(&out, "ROW_%s_START(v%d);\n",
                        program->instrs[i].kind == INSTR_ROW_SUM ? "SUM" : "MAX", i);
    for (int i = 0; i < program->n_instrs; i++)
        if (w->kept[i])
            text_printf(&out, "KEEP_ROW(k%d, %d);\n", i, kept_columns(w));
    return packed(w->arena, out.data);
}

/* ---- passes
 * --------------------------------------------------------------------------------------------- */

/* Marks what pass number `pass` must compute for instr; what an earlier pass kept is only loaded.
 */
static void need(Writer *w, bool *needed, int instr, int pass)
{
    if (w->per_row[instr] || needed[instr])
        return;
    needed[instr] = true;
    if (w->computed[instr] < 0)
        w->computed[instr] = pass;
    const Instr *row = &w->program->instrs[instr];
    if (w->computed[instr] < pass && is_costly(row) && w->kernels->target->keeps_rows &&
        w->axes.columns <= LONGEST_KEPT) {
        w->kept[instr] = true;
        return;
    }
    for (int arg = 0; arg < N_ARGS; arg++)
        if (row->arg[arg] >= 0)
            need(w, needed, row->arg[arg], pass);
}

bool writer_is_element_output(const Writer *w, int output)
{
    return axes_full(&w->axes, w->program->n_inputs + output, w->axes.n);
}

/* What each pass needs: [pass][instr]. */
static bool **plan_passes(Writer *w)
{
    const Program *program = w->program;
    bool **needed = NEW_N(w->arena, bool *, w->n_levels + 1);
    for (int pass = 0; pass <= w->n_levels; pass++) {
        needed[pass] = NEW_N(w->arena, bool, program->n_instrs);
        for (int i = 0; i < program->n_instrs; i++)
            if (w->live[i] && is_row_reduction(&program->instrs[i]) && w->level[i] == pass + 1)
                need(w, needed[pass], program->instrs[i].arg[ARG_A], pass);
        for (int i = 0; pass == w->n_levels && i < program->n_outputs; i++)
            if (w->is_reduce || writer_is_element_output(w, i))
                need(w, needed[pass], program->outputs[i].instr, pass);
    }
    return needed;
}

static const char *pass_body(Writer *w, const bool *needed, int pass)
{
    Text out = text_new(w->arena);
    const Program *program = w->program;
    for (int i = 0; i < program->n_instrs; i++) {
        if (!needed[i] || w->nested[i])
            continue;
        if (w->kept[i] && w->computed[i] < pass) {
            text_printf(&out, "const real v%d = KEPT(k%d, i);\n", i, i);
            continue;
        }
        text_printf(&out, "const real v%d = %s;\n", i, value_text(w, i));
        if (w->kept[i])
            text_printf(&out, "KEEP(k%d, i, v%d);\n", i, i);
    }
    for (int i = 0; i < program->n_instrs; i++) {
        const Instr *instr = &program->instrs[i];
        if (w->live[i] && is_row_reduction(instr) && w->level[i] == pass + 1)
            text_printf(&out, "ROW_%s_ADD(v%d, v%d);\n",
                        instr->kind == INSTR_ROW_SUM ? "SUM" : "MAX", i, instr->arg[ARG_A]);
    }
    for (int i = 0; pass == w->n_levels && !w->is_reduce && i < program->n_outputs; i++)
        if (writer_is_element_output(w, i) && w->kernels->target->lanes)
            text_printf(&out, "STORED(y%d, i - from, v%d);\n", i, program->outputs[i].instr);
        else if (writer_is_element_output(w, i))
            text_printf(&out, "STORE_%s(y%d, at_y%d + i, v%d);\n", writer_output_dtype(w, i), i, i,
                        program->outputs[i].instr);
    return out.data;
}

static const char *random_text(const Writer *w, const bool *needed)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_instrs; i++)
        if (needed[i] && w->program->instrs[i].kind == INSTR_RANDOM)
            text_printf(&out, "RANDOM_CHUNK(u%d, base + (uint64_t)from, to - from, step, s%d);\n",
                        w->program->instrs[i].slot, w->program->instrs[i].slot);
    return out.data;
}

/* `RT_PRAGMA(omp simd reduction(+ : v3) reduction(max : v7))`: no value of a pass depends on
 * another element's. */
static const char *simd_text(const Writer *w, int pass)
{
    Text out = text_new(w->arena);
    text_printf(&out, "RT_PRAGMA(omp simd");
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        if (w->live[i] && is_row_reduction(instr) && w->level[i] == pass + 1)
            text_printf(&out, " reduction(%s : v%d)", instr->kind == INSTR_ROW_SUM ? "+" : "max",
                        i);
    }
    text_printf(&out, ")\n");
    return out.data;
}

bool writer_has_output(const Writer *w, bool of_elements)
{
    for (int i = 0; i < w->program->n_outputs; i++)
        if (writer_is_element_output(w, i) == of_elements)
            return true;
    return false;
}

static const char *passes_text(Writer *w, const char *skeleton_name, const char *skeleton,
                               bool **needed)
{
    const char *pass_template = render_region(w->arena, skeleton_name, skeleton, "pass");
    Text out = text_new(w->arena);
    for (int pass = 0; pass <= w->n_levels; pass++) {
        Text after = text_new(w->arena);
        print_row_values(w, &after, pass + 1);
        const Fill fills[] = {{"random", random_text(w, needed[pass])},
                              {"simd", simd_text(w, pass)},
                              {"body", pass_body(w, needed[pass], pass)},
                              {"after", packed(w->arena, after.data)},
                              {"loads", lanes_loads(w, needed[pass], pass == w->n_levels)},
                              {"stores", pass == w->n_levels ? lanes_stores(w) : ""}};
        if (pass < w->n_levels || writer_has_output(w, true))
            text_printf(&out, "%s", render(w->arena, skeleton_name, pass_template, fills, 6));
    }
    for (int i = 0; i < w->program->n_outputs; i++)
        if (!writer_is_element_output(w, i))
            text_printf(&out, "ROW_STORE_%s(y%d, at_y%d, v%d);\n", writer_output_dtype(w, i), i, i,
                        w->program->outputs[i].instr);
    return out.data;
}

/* ---- the function
 * ------------------------------------------------------------------------------------------ */

static void print_argument(Text *out, size_t *line_start, const char *text)
{
    const bool first = out->data[out->n - 1] == '(';
    if (out->n + strlen(text) - *line_start > 92) {
        text_printf(out, "%s\n        ", first ? "" : ",");
        *line_start = out->n - 8;
    } else if (!first) {
        text_printf(out, ", ");
    }
    text_printf(out, "%s", text);
}

const char *writer_signature(const Writer *w, const char *start, const char *last)
{
    Text out = text_new(w->arena);
    const Program *program = w->program;
    size_t line = 0;
    text_printf(&out, "%s(", start);
    for (int i = 0; i < program->n_inputs; i++)
        if (writer_is_argument(program, i))
            print_argument(&out, &line, arena_printf(w->arena, "const void *in%d", i));
    for (int i = 0; i < program->n_outputs; i++)
        print_argument(&out, &line, arena_printf(w->arena, "void *out%d", i));
    for (int axis = 0; axis <= w->axes.n && !w->kernels->target->lanes; axis++)
        print_argument(&out, &line, arena_printf(w->arena, "int64_t n%d", axis));
    for (int i = 0; i < program->n_constants; i++)
        print_argument(&out, &line, arena_printf(w->arena, "double c%d", i));
    for (int i = 0; i < program->n_streams; i++)
        print_argument(&out, &line, arena_printf(w->arena, "uint32_t s%d", i));
    if (program_is_random(program))
        print_argument(&out, &line, "const void *numbers");
    if (last)
        print_argument(&out, &line, last);
    text_printf(&out, ")\n");
    return out.data;
}

static const char *signature_text(const Writer *w)
{
    return writer_signature(w, arena_printf(w->arena, "RT_KERNEL void %s", w->name), NULL);
}

static const char *kernel_text(const Writer *w)
{
    return writer_signature(w, arena_printf(w->arena, "RT_GLOBAL %s_kernel", w->name),
                            w->is_reduce ? "real *parts" : NULL);
}

static const char *pointers_text(const Writer *w)
{
    Text out = text_new(w->arena);
    const Program *program = w->program;
    for (int i = 0; i < program->n_inputs; i++)
        if (writer_is_argument(program, i))
            text_printf(&out, "RT_READS(%s, x%d, in%d, %s);\n", writer_input_dtype(w, i), i, i,
                        count_text(w, i));
    for (int i = 0; i < program->n_outputs; i++)
        text_printf(&out, "RT_WRITES(%s, y%d, out%d, %s);\n", writer_output_dtype(w, i), i, i,
                    count_text(w, program->n_inputs + i));
    if (program_is_random(program))
        text_printf(&out, "const RtStep *step = (const RtStep *)numbers;\n");
    return packed(w->arena, out.data);
}

/* Product of the axes (but the last) that are summed, or that are not. */
static const char *product_text(const Writer *w, bool summed)
{
    const char *product = NULL;
    for (int axis = 0; axis < w->axes.n; axis++)
        if (is_summed(w, axis) == summed)
            product = times(w, product, axis);
    return product ? product : "1";
}

static const char *fused_sizes(const Writer *w)
{
    const bool whole = w->n_levels > 0 || writer_has_output(w, false);
    return arena_printf(w->arena, "const int64_t ROWS = %s, COLUMNS = n%d, SPAN = %s;\n",
                        product_text(w, false), w->axes.n,
                        whole ? "COLUMNS" : "rt_least(COLUMNS, RT_CHUNK)");
}

static const char *fused_function(Writer *w)
{
    const char *name = arena_printf(w->arena, "templates/%s/fused%s", w->kernels->target->name,
                                    w->kernels->target->suffix);
    const char *skeleton = render_file(name);
    bool **needed = plan_passes(w);
    find_nested(w);
    const bool lanes = w->kernels->target->lanes;
    const char *start = strstr(skeleton, lanes ? "//@begin kernel" : "//@begin signature");
    if (!start)
        bug("%s has no signature", name);
    const Fill fills[] = {{"signature", signature_text(w)},
                          {"kernel", kernel_text(w)},
                          {"sizes", lanes ? lanes_fused_sizes(w) : fused_sizes(w)},
                          {"pointers", lanes ? lanes_pointers(w) : pointers_text(w)},
                          {"touches", lanes_touches(w)},
                          {"row", row_text(w)},
                          {"passes", passes_text(w, name, skeleton, needed)},
                          {"launch", lanes_fused_launch(w)}};
    return render(w->arena, name, start, fills, 8);
}

/* ---- sums
 * -------------------------------------------------------------------------------------------------
 */

void writer_sum_sizes(const Writer *w, long long *kept, long long *summed)
{
    *kept = *summed = 1;
    for (int axis = 0; axis < w->axes.n; axis++)
        *(is_summed(w, axis) ? summed : kept) *= (long long)w->axes.size[axis];
}

static const char *reduce_sizes(const Writer *w)
{
    return arena_printf(w->arena, "const int64_t KEPT = %s, SUMMED = %s, COLUMNS = n%d;\n",
                        product_text(w, false), product_text(w, true), w->axes.n);
}

static const char *reduce_function(Writer *w)
{
    const char *name = arena_printf(w->arena, "templates/%s/reduce%s", w->kernels->target->name,
                                    w->kernels->target->suffix);
    const bool down = !is_summed(w, w->axes.n);
    const char *skeleton =
        render_region(w->arena, name, render_file(name), down ? "down" : "along");
    bool **needed = plan_passes(w);
    find_nested(w);
    const char *dtype = writer_output_dtype(w, 0);
    const char *body = arena_printf(w->arena, "%sSUM_%s(v%d);\n", pass_body(w, needed[0], 0),
                                    down ? "DOWN" : "ALONG", w->program->outputs[0].instr);
    const char *store =
        w->program->accumulate_input >= 0
            ? arena_printf(w->arena, "STORE_%s(y0, out, LOAD_%s(y0, out) + sum);\n", dtype, dtype)
            : arena_printf(w->arena, "STORE_%s(y0, out, sum);\n", dtype);
    const bool lanes = w->kernels->target->lanes;
    const char *finish = lanes ? render_region(w->arena, name, render_file(name), "finish") : "";
    const Fill fills[] = {{"signature", signature_text(w)},
                          {"kernel", kernel_text(w)},
                          {"sizes", lanes ? lanes_reduce_sizes(w, down) : reduce_sizes(w)},
                          {"pointers", lanes ? lanes_pointers(w) : pointers_text(w)},
                          {"touches", lanes_touches(w)},
                          {"row", row_text(w)},
                          {"random", random_text(w, needed[0])},
                          {"loads", lanes_loads(w, needed[0], false)},
                          {"body", body},
                          {"store", store},
                          {"finish", lanes ? lanes_finish(w, finish, store) : ""},
                          {"launch", lanes ? lanes_reduce_launch(w, down) : ""}};
    return render(w->arena, name, skeleton, fills, (int)(sizeof fills / sizeof *fills));
}

const char *fused_text(Kernels *kernels, const Program *program, const Dtype *dtypes,
                       const char *name)
{
    Writer w = writer_new(kernels, program);
    w.dtypes = dtypes;
    w.name = name;
    return w.is_reduce ? reduce_function(&w) : fused_function(&w);
}
