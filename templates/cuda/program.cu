//@begin header
/* Skeleton of a training program: what stands in the regions is a model without tensors, so that
 * this file compiles. */
//@end
//@begin precision
//@end
#include "kernels.h"

//@begin constants
static const size_t ARENA_BYTES = 64;
static const size_t STEP = 0;
//@end

/* Outside training a step ends with the forward pass. */
#define IF_TRAINING(m) if (rt_is_training)
#define END_OF_FORWARD(m)                                                                          \
    if (!rt_is_training)                                                                           \
    return

/* ---- formulas of elementwise operators ---- */

//@begin formulas
//@end

/* ---- fused kernels ---- */

//@begin kernels
//@end

/* ---- sizes of products, copies and tables ---- */

//@begin shapes
//@end

/* ---- modules: a function for each different text, and where the tensors of each call are ---- */

//@begin functions
//@end

/* ---- the schedule: steps, what becomes of their tensors, and the bytes then in use ---- */

static void train_step(char *m)
{
    //@begin schedule
    END_OF_FORWARD(m);
    //@end
}

/* ---- what the runtime must know ---- */

//@begin tables
const RtProgram rt_program = {
    "skeleton", "cuda",     "none", ARENA_BYTES, 256,  NULL, 0,
    NULL,       0,          NULL,   0,           NULL, 0,    NULL,
    0,          NULL,       0,      STEP,        NULL, 0,    {RT_SCHEDULE_CONSTANT, 0, 0, 0},
    NULL,       NULL,       0,      0,           0,    NULL, 0,
    NULL,       train_step, 0,      "nothing"};
//@end
