/* A program as one line of text: `t4 = add(x0, x1); y0 = relu(t4)`. What is used once stands where
 * it is used; what is used again gets a name. */
#include "graph/program.h"

#include <stdlib.h>

typedef struct {
    const Program *program;
    Text text;
    const int *uses;
} Printer;

static void instr_print(Printer *to, int i);

/* An operand: by name where it has one. */
static void operand_print(Printer *to, int i)
{
    const Instr *instr = &to->program->instrs[i];
    bool named = instr->kind == INSTR_ELEMENT || instr->kind == INSTR_ROW_SUM ||
                 instr->kind == INSTR_ROW_MAX;
    if (named && to->uses[i] > 1)
        text_printf(&to->text, "t%d", i);
    else
        instr_print(to, i);
}

static void element_print(Printer *to, const Instr *instr)
{
    static const char *const parts[N_PARTS] = {"", ".by_a", ".by_b"};
    static const char *const letters = "abgyup";
    text_printf(&to->text, "%s%s(", op_row(instr->op)->name, parts[instr->part]);
    const char *comma = "";
    for (int k = 0; k < N_ARGS; k++) {
        if (!instr_has(instr, k))
            continue;
        text_printf(&to->text, "%s", comma);
        if (instr->part != PART_VALUE)
            text_printf(&to->text, "%c=", letters[k]);
        operand_print(to, instr->arg[k]);
        comma = ", ";
    }
    text_printf(&to->text, ")");
}

static void instr_print(Printer *to, int i)
{
    const Instr *instr = &to->program->instrs[i];
    switch (instr->kind) {
    case INSTR_INPUT: text_printf(&to->text, "x%d", instr->slot); break;
    case INSTR_CONSTANT: text_printf(&to->text, "%.9g", to->program->constants[instr->slot]); break;
    case INSTR_RANDOM: text_printf(&to->text, "u%d", instr->slot); break;
    case INSTR_COLUMN: text_printf(&to->text, "column"); break;
    case INSTR_POSITION: text_printf(&to->text, "position"); break;
    case INSTR_ROW_SUM:
    case INSTR_ROW_MAX:
        text_printf(&to->text, instr->kind == INSTR_ROW_SUM ? "row_sum(" : "row_max(");
        operand_print(to, instr->arg[ARG_A]);
        text_printf(&to->text, ")");
        break;
    case INSTR_ELEMENT: element_print(to, instr); break;
    }
}

const char *program_text(Arena *arena, const Program *p)
{
    int *uses = xcalloc((size_t)p->n_instrs, sizeof *uses);
    for (int i = 0; i < p->n_instrs; i++)
        for (int k = 0; k < N_ARGS; k++)
            if (instr_has(&p->instrs[i], k))
                uses[p->instrs[i].arg[k]]++;
    for (int i = 0; i < p->n_outputs; i++)
        uses[p->outputs[i].instr]++;
    Printer to = {p, text_new(arena), uses};
    for (int i = 0; i < p->n_instrs; i++) {
        InstrKind kind = p->instrs[i].kind;
        if (uses[i] < 2 ||
            (kind != INSTR_ELEMENT && kind != INSTR_ROW_SUM && kind != INSTR_ROW_MAX))
            continue;
        text_printf(&to.text, "t%d = ", i);
        instr_print(&to, i);
        text_printf(&to.text, "; ");
    }
    for (int i = 0; i < p->n_outputs; i++) {
        text_printf(&to.text, "%sy%d = ", i ? "; " : "", i);
        operand_print(&to, p->outputs[i].instr);
    }
    free(uses);
    return to.text.data;
}
