/* Valley fill again and again, each time in the order of another key with noise, from little noise
 * to much. Most passes end early, above the incumbent. */
#include "place/packing.h"

struct Restart {
    Valley *valley;
    int *order;
    int64_t *offsets;
    uint64_t random;
    int round;
};

enum { N_NOISY_KEYS = KEY_SIZE + 1, LEAST_NOISE = 4700, N_LEVELS = 21 };

Restart *restart_new(Arena *arena, const Packing *packing, uint64_t seed)
{
    Restart *restart = NEW(arena, Restart);
    *restart = (Restart){
        .valley = valley_new(arena, packing),
        .order = NEW_N(arena, int, packing->n),
        .offsets = NEW_N(arena, int64_t, packing->n),
        .random = seed,
    };
    return restart;
}

void restart_run(Restart *restart, Incumbent *best, int64_t steps_left)
{
    const Packing *packing = best->packing;
    while (best->steps > steps_left && !incumbent_done(best)) {
        Key key = (Key)(restart->round % N_NOISY_KEYS);
        int amplitude = LEAST_NOISE * (1 + restart->round / N_NOISY_KEYS % N_LEVELS);
        restart->round++;
        order_by_noisy_key(packing, key, amplitude, &restart->random, restart->order);
        best->steps -= packing->n;
        int64_t height = valley_fill(restart->valley, restart->order, best->height,
                                     restart->offsets, &best->steps);
        incumbent_offer(best, restart->offsets, height, "restarts");
    }
}
