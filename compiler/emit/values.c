/* Instructions of a fused program as C: variable v7 is the value of instruction 7, and what is
 * short and used once stands where it is used. */
#include "emit/writer.h"

#include "base/number.h"

#include <string.h>

/* Characters of the longest text that stands within another, and within a store. */
enum { LONGEST_NESTED = 44, LONGEST_STORED = 64 };

bool values_draws(const Instr *instr)
{
    return instr->kind == INSTR_ELEMENT && (op_row(instr->op)->names[instr->part] & NAMES_U) != 0;
}

bool values_is_costly(const Instr *instr)
{
    if (instr->kind != INSTR_ELEMENT)
        return false;
    const char *text = op_row(instr->op)->part[instr->part];
    return values_draws(instr) || strstr(text, "r_exp") || strstr(text, "r_tanh") ||
           strstr(text, "r_erf") || strstr(text, "r_log") || strstr(text, "slope");
}

/* ---- expressions
 * --------------------------------------------------------------------------------------- */

const char *values_operand(Writer *w, int i)
{
    return w->nested[i] ? values_text(w, i) : arena_printf(w->arena, "v%d", i);
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
                    probability ? arena_printf(w->arena, "p%d", arg) : values_operand(w, arg));
        first = false;
    }
    text_printf(&out, ")");
    return out.data;
}

/* Where threads share a row an element is number j of those that a thread has loaded. */
static const char *input_text(const Writer *w, int instr, int input)
{
    if (w->kernels->target->lanes && !w->per_row[instr])
        return arena_printf(w->arena, "x%d_v[j]", input);
    return arena_printf(w->arena, "LOAD_%s(x%d, %s)", writer_input_dtype(w, input), input,
                        w->per_row[instr] ? starts_row(w, input) : starts_element(w, input, "i"));
}

static const char *constant_text(const Writer *w, int constant)
{
    if (!writer_varies(w, constant))
        return arena_printf(w->arena, "R(%s)",
                            number_print(w->arena, number_float(w->program->constants[constant])));
    return arena_printf(w->arena, w->kernels->target->lanes ? "c%d" : "R(c%d)", constant);
}

const char *values_text(Writer *w, int i)
{
    const Instr *instr = &w->program->instrs[i];
    const bool lanes = w->kernels->target->lanes;
    switch (instr->kind) {
    case INSTR_INPUT: return input_text(w, i, instr->slot);
    case INSTR_CONSTANT: return constant_text(w, instr->slot);
    case INSTR_RANDOM:
        return arena_printf(w->arena, lanes ? "u%d_v[j]" : "u%d[i - from]", instr->slot);
    case INSTR_COLUMN: return lanes ? "(real)(int32_t)(from + j)" : "(real)(int32_t)i";
    case INSTR_POSITION:
        return arena_printf(w->arena, "(real)(%s)",
                            w->axes.position >= 0 ? starts_coordinate(w, w->axes.position) : "0");
    case INSTR_ELEMENT: return element_text(w, instr);
    default: bug("a reduction has no value within a pass");
    }
}

/* ---- what is nested
 * ---------------------------------------------------------------------------------------- */

typedef struct {
    int n;
    int by; /* the last instruction that uses it, or -1: an output */
} Uses;

static Uses *count_uses(const Writer *w)
{
    const Program *program = w->program;
    Uses *uses = NEW_N(w->arena, Uses, program->n_instrs);
    for (int i = 0; i < program->n_instrs; i++)
        for (int arg = 0; w->live[i] && arg < N_ARGS; arg++)
            if (program->instrs[i].arg[arg] >= 0) {
                uses[program->instrs[i].arg[arg]].n++;
                uses[program->instrs[i].arg[arg]].by = i;
            }
    for (int i = 0; i < program->n_outputs; i++) {
        uses[program->outputs[i].instr].n++;
        uses[program->outputs[i].instr].by = -1;
    }
    return uses;
}

static bool has_two_outputs(const Writer *w)
{
    int n = 0;
    for (int i = 0; i < w->program->n_outputs; i++)
        n += writer_is_element_output(w, i);
    return n > 1;
}

/* No instruction: a name, or an element of an array. */
static bool is_name(const Writer *w, int i)
{
    const InstrKind kind = w->program->instrs[i].kind;
    return kind == INSTR_CONSTANT || kind == INSTR_RANDOM ||
           (w->kernels->target->lanes && kind == INSTR_INPUT && !w->per_row[i]);
}

/* May the only use of an instruction be its text? They must be in the same place: a pass, or the
 * row's values of the same level. A row's maximum uses its term twice. Where two outputs are stored
 * at once the first may lie where the second's operands are read. */
static bool fits_use(Writer *w, int i, int by)
{
    const size_t length = strlen(values_text(w, i));
    if (by < 0)
        return !w->per_row[i] && length <= LONGEST_STORED &&
               (w->kernels->target->lanes || !has_two_outputs(w));
    const Instr *use = &w->program->instrs[by];
    if (levels_is_row_reduction(use))
        return !w->per_row[i] && use->kind == INSTR_ROW_SUM && length <= LONGEST_STORED;
    const bool probability = values_draws(use) && use->arg[ARG_P] == i;
    return !probability && length <= LONGEST_NESTED && w->per_row[i] == w->per_row[by] &&
           (!w->per_row[i] || w->level[i] == w->level[by]);
}

void values_nest(Writer *w)
{
    const Uses *uses = count_uses(w);
    for (int i = 0; i < w->program->n_instrs; i++)
        if (w->live[i] && !levels_is_row_reduction(&w->program->instrs[i]))
            w->nested[i] =
                is_name(w, i) || (uses[i].n == 1 && !w->kept[i] && fits_use(w, i, uses[i].by));
}
