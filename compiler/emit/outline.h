/* The calls of a plan as an outline: consecutive calls of one instance of a module in one phase are
 * a run; runs of equal text are one function, which takes what differs (offsets, streams,
 * constants) as an argument. */
#ifndef OUTLINE_H
#define OUTLINE_H

#include "emit/calls.h"

typedef enum { RUN_FORWARD, RUN_AGAIN, RUN_BACKWARD, RUN_UPDATE } RunKind;

typedef struct {
    int first_call, n_calls;
    int first_step, last_step;
    int instance; /* the innermost one that all of it belongs to; 0: the model */
    int unit;     /* the outermost one below the model, or 0 */
    RunKind kind;
    int function; /* in Outline.functions */
    int number;   /* of this run among the function's */
    int *slots;   /* where in the run each slot is used first; see outline_operand */
} Run;

/* A slot is an operand at its first use within the function; later uses of the same tensor share
 * it. A constant or stream that is the same in all runs is a literal. */
typedef struct {
    const char *name;    /* of the field */
    CallOperand operand; /* in the first run */
    bool literal;
} Slot;

typedef struct {
    const char *name;
    int *runs, n_runs;
    Slot *slots;
    int n_slots;
    int **slot_of; /* [call][operand]: its slot, or -1 */
} Function;

typedef struct {
    Run *runs;
    int n_runs;
    Function *functions; /* in order of first use */
    int n_functions;
} Outline;

Outline outline_of(Arena *arena, const Emission *emission, const Calls *calls, Names *names);
/* What slot number `slot` of the function stands for in one of its runs. */
CallOperand outline_operand(const Calls *calls, const Run *run, int slot);

#endif
