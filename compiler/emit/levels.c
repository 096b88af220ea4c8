/* What of a fused program is computed when. A row goes through passes: pass p computes for each
 * element what the row reductions of level p + 1 need, then the values of the row that follow from
 * those; the last pass stores the outputs. A Writer in, its tables filled. */
#include "emit/writer.h"

/* Columns of the longest row that is kept from one pass to the next. */
enum { LONGEST_KEPT = 32768 };

bool levels_is_row_reduction(const Instr *instr)
{
    return instr->kind == INSTR_ROW_SUM || instr->kind == INSTR_ROW_MAX;
}

bool levels_ends(const Writer *w, int instr, int level)
{
    return w->live[instr] && levels_is_row_reduction(&w->program->instrs[instr]) &&
           w->level[instr] == level;
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
        w->per_row[i] = w->per_row[i] && (w->per_row[from] || levels_is_row_reduction(instr));
        if (w->level[from] > w->level[i])
            w->level[i] = w->level[from];
    }
    if (levels_is_row_reduction(instr))
        w->level[i]++;
    if (w->live[i] && w->level[i] > w->n_levels)
        w->n_levels = w->level[i];
}

void levels_find(Writer *w)
{
    for (int i = 0; i < w->program->n_outputs; i++)
        mark_live(w, w->program->outputs[i].instr);
    for (int i = 0; i < w->program->n_instrs; i++) {
        w->computed[i] = -1;
        classify(w, i);
    }
}

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
    if (w->computed[instr] < pass && values_is_costly(row) && w->kernels->target->keeps_rows &&
        w->axes.columns <= LONGEST_KEPT) {
        w->kept[instr] = true;
        return;
    }
    for (int arg = 0; arg < N_ARGS; arg++)
        if (row->arg[arg] >= 0)
            need(w, needed, row->arg[arg], pass);
}

bool **levels_passes(Writer *w)
{
    const Program *program = w->program;
    bool **needed = NEW_N(w->arena, bool *, w->n_levels + 1);
    for (int pass = 0; pass <= w->n_levels; pass++) {
        needed[pass] = NEW_N(w->arena, bool, program->n_instrs);
        for (int i = 0; i < program->n_instrs; i++)
            if (levels_ends(w, i, pass + 1))
                need(w, needed[pass], program->instrs[i].arg[ARG_A], pass);
        for (int i = 0; pass == w->n_levels && i < program->n_outputs; i++)
            if (w->is_reduce || writer_is_element_output(w, i))
                need(w, needed[pass], program->outputs[i].instr, pass);
    }
    return needed;
}
