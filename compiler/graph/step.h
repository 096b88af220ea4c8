/* The step's numbers: one small tensor `step` of f64 that the runtime writes before a step (cpu) or
 * a kernel does (cuda), so that nothing of a step is frozen into the schedule.
 *
 *   bytes 0..15   four u32: seed low, seed high, step number k (from 0), training (1; 0 in --eval)
 *   [2 + 3 g + 0] learning rate of group g at step k
 *   [2 + 3 g + 1] 1 / (1 - beta1^(k + 1))      (1 where the optimizer has no beta1)
 *   [2 + 3 g + 2] 1 / (1 - beta2^(k + 1))
 */
#ifndef STEP_H
#define STEP_H

enum { STEP_RATE = 0, STEP_CORRECTION1 = 1, STEP_CORRECTION2 = 2 };

static inline int step_slot(int group, int which)
{
    return 2 + 3 * group + which;
}

#endif
