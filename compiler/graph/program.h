/* What a fused kernel computes: a small straight-line program over the elements of a domain.
 *
 * The domain is a shape; its last axis is the row. An instruction has one value for each element,
 * or (per_row) one for each row: reductions along the row, and whatever is computed from such
 * alone. Inputs broadcast into the domain as numpy does: `as` has the domain's rank, each size the
 * domain's or 1. An output whose `as` is the domain is stored for each element; one whose `as` has
 * 1 only on the last axis while its instruction is per_row is stored for each row. Any other output
 * is the *sum* of its instruction over the axes where `as` is 1: such a program has that one
 * output, no row reduction, and is run by the kernel `reduce`; all others are run by the kernel
 * `fused`.
 *
 * Instructions are in order (arguments come before their uses) and never equal: the builders return
 * the instruction that is there already. Constants and random streams are slots, so that the
 * programs of equal modules are equal text and share one kernel. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "base/kinds.h"
#include "graph/ops.h"
#include "graph/shape.h"

typedef enum {
    INSTR_INPUT,    /* slot: which input */
    INSTR_CONSTANT, /* slot: which of constants[] */
    INSTR_ELEMENT,  /* op and part, of arg[a], arg[b], arg[g], arg[y], arg[u], arg[p] as it names
                       them */
    INSTR_RANDOM, /* slot: which of streams[]; uniform in [0, 1), counted by the element's index */
    INSTR_COLUMN, /* index along the last axis, as a number */
    INSTR_POSITION, /* index along the axis before the last, as a number */
    INSTR_ROW_SUM,  /* of arg[0] along the row */
    INSTR_ROW_MAX   /* of arg[0] along the row */
} InstrKind;

enum { ARG_A, ARG_B, ARG_G, ARG_Y, ARG_U, ARG_P, N_ARGS };

typedef struct {
    InstrKind kind;
    OpKind op; /* INSTR_ELEMENT */
    OpPart part;
    int arg[N_ARGS]; /* instructions, -1 where none */
    int slot;
    bool per_row;
} Instr;

typedef struct {
    Shape as;
    int64_t offset; /* in elements: where in the tensor this input starts (scalars of the step) */
} ProgramInput;

typedef struct {
    int instr;
    Shape as;
} ProgramOutput;

typedef struct Program {
    Shape domain;
    Instr *instrs;
    int n_instrs;
    ProgramInput *inputs;
    int n_inputs;
    ProgramOutput *outputs;
    int n_outputs;
    double *constants;
    int n_constants;
    uint32_t *streams;
    int n_streams;
    int accumulate_input; /* reduce: the input onto whose bytes the sum is added, or -1 */
} Program;

/* True where the program is for the kernel `reduce`. */
bool program_is_reduce(const Program *program);
/* Equal but for constants, streams and the inputs' offsets, so that one kernel serves both. Dtypes
 * of the tensors are not part of a program: the caller compares those. */
bool program_equal(const Program *a, const Program *b);
/* Floating-point operations for the whole domain (an elementwise operator counts 1, exp-like 8). */
double program_flops(const Program *program);
/* NULL, or what is wrong with it. */
const char *program_verify(Arena *arena, const Program *program);
/* `y = relu(x0 + x1)`-like text of one line, for dumps and comments. */
const char *program_text(Arena *arena, const Program *program);

/* --- Building. Each function returns the number of an instruction that has the wanted value: one
 * that is there already, where there is one. ------------------------------------------------- */

typedef struct {
    Arena *arena;
    Program *program;
} Builder;

Builder program_begin(Arena *arena, const Shape *domain);
/* A new input. */
int program_input(Builder *b, const Shape *as, int64_t offset);
int program_constant(Builder *b, double value);
int program_random(Builder *b, uint32_t stream);
/* INSTR_COLUMN or INSTR_POSITION. */
int program_index(Builder *b, InstrKind kind);
/* INSTR_ROW_SUM or INSTR_ROW_MAX of `of`, which may itself be per row. */
int program_row(Builder *b, InstrKind kind, int of);
/* arg: by ARG_A..ARG_P; only what the expression names is looked at. Multiplying by 1, adding 0 and
 * the like give the operand itself. The part must not be "0" or "". */
int program_element(Builder *b, OpKind op, OpPart part, const int arg[N_ARGS]);
/* The value of an operator of one or two operands and no constant. */
int program_unary(Builder *b, OpKind op, int x);
int program_binary(Builder *b, OpKind op, int x, int y);
void program_output(Builder *b, int instr, const Shape *as);
/* Copies instruction `i` of `from`, whose arguments (and the instructions of its inputs) are in
 * map[], into b. */
int program_copy(Builder *b, const Program *from, int i, const int *map);
/* The program without what no output needs, inputs and constants numbered by first use; kept[new] =
 * old for each input left (room for all of them). An accumulate_input is always kept. */
Program *program_finish(Builder *b, int *kept);
bool program_is_constant(const Program *program, int instr, double *value);
/* The instructions that one names, in the order of ARG_*. */
static inline bool instr_has(const Instr *instr, int which)
{
    return instr->arg[which] >= 0;
}

#endif
