/* The set of fused kernels of a program, and the formulas that they use. */
#include "emit/kernels.h"

#include <math.h>

int kernels_source(const Node *node, int input)
{
    for (int i = 0; node->takes && i < node->n_outputs; i++)
        if (node->takes[i] == input)
            return i;
    return -1;
}

/* What a kernel is called: after its operators and what it is for. */
static const char *wanted_name(Arena *arena, const Node *node)
{
    if (program_is_reduce(node->program) && node->program->n_instrs == 1)
        return "sum";
    const int op = op_find(node->what);
    if (op >= 0 && op_row((OpKind)op)->group == OP_IS_ELEMENTWISE && node->phase == PHASE_forward)
        return arena_printf(arena, "apply_%s", node->what); /* C has its own exp, div and others */
    return node->phase == PHASE_backward ? arena_printf(arena, "%s_backward", node->what)
                                         : node->what;
}

/* Constants of one more program that the kernel computes. */
static void compare_constants(Kernel *kernel, const Program *program)
{
    for (int i = 0; i < program->n_constants; i++) {
        const double first = kernel->program->constants[i], other = program->constants[i];
        if (first != other || signbit(first) != signbit(other) || !isfinite(first))
            kernel->varies[i] = true;
    }
}

/* Programs of equal text, but for constants, have one kernel. */
static void survey(Kernels *kernels, Map *known, int number)
{
    const Node *node = &kernels->graph->nodes[number];
    kernels->of_node[number] = -1;
    if (!node->program)
        return;
    const char *key = fused_text(kernels, node, NULL, "");
    int kernel = map_get(known, key);
    if (kernel < 0) {
        kernel = kernels->list.n;
        map_add(known, key, kernel);
        const Kernel new = {.program = node->program,
                            .varies = NEW_N(kernels->arena, bool, node->program->n_constants)};
        PUSH(kernels->arena, kernels->list, new);
    }
    kernels->of_node[number] = kernel;
    compare_constants(&kernels->list.data[kernel], node->program);
}

Kernels *kernels_new(Arena *arena, const Target *target, const Graph *graph, Names *names)
{
    Kernels *kernels = NEW(arena, Kernels);
    kernels->arena = arena;
    kernels->target = target;
    kernels->graph = graph;
    kernels->names = names;
    kernels->text = text_new(arena);
    kernels->of_node = NEW_N(arena, int, graph->n_nodes);
    Map *known = map_new(arena);
    for (int i = 0; i < graph->n_nodes; i++)
        survey(kernels, known, i);
    return kernels;
}

const Kernel *kernels_call(Kernels *kernels, int number)
{
    const Node *node = &kernels->graph->nodes[number];
    Kernel *kernel = &kernels->list.data[kernels->of_node[number]];
    if (kernel->name)
        return kernel;
    kernel->name = names_new_one(kernels->names, wanted_name(kernels->arena, node));
    text_printf(&kernels->text, "%s/* %s */\n%s", kernels->text.n ? "\n" : "",
                program_text(kernels->arena, node->program),
                fused_text(kernels, node, kernel->varies, kernel->name));
    return kernel;
}

const char *formula_name(Arena *arena, OpKind op, OpPart part)
{
    static const char *const suffix[] = {"", "_by_a", "_by_b"};
    return arena_printf(arena, "ew_%s%s", op_row(op)->name, suffix[part]);
}

static void print_formula(const Kernels *kernels, Text *out, OpKind op, OpPart part)
{
    static const char letters[N_ARGS] = {'a', 'b', 'g', 'y', 'u', 'p'};
    static const unsigned bits[N_ARGS] = {NAMES_A, NAMES_B, NAMES_G, NAMES_Y, NAMES_U, NAMES_P};
    const Operator *row = op_row(op);
    text_printf(out, "%s real %s(",
                kernels->target->lanes ? "static __device__ __forceinline__" : "static inline",
                formula_name(kernels->arena, op, part));
    bool first = true;
    for (int arg = 0; arg < N_ARGS; arg++)
        if (row->names[part] & bits[arg]) {
            text_printf(out, "%sreal %c", first ? "" : ", ", letters[arg]);
            first = false;
        }
    text_printf(out, "%s) { return %s; }\n", first ? "void" : "", row->part[part]);
}

const char *kernels_formulas(const Kernels *kernels)
{
    Text out = text_new(kernels->arena);
    for (int op = 0; op < N_OPS; op++)
        for (int part = 0; part < N_PARTS; part++)
            if (kernels->uses[op][part])
                print_formula(kernels, &out, (OpKind)op, (OpPart)part);
    return out.data;
}

bool program_is_random(const Program *program)
{
    for (int i = 0; i < program->n_instrs; i++)
        if (program->instrs[i].kind == INSTR_RANDOM)
            return true;
    return false;
}
