/* Valley fill again and again in the orders of the keys with more or less noise: every other time
 * with the key that last did better than before. Most passes end early, above the incumbent. */
#include "place/packing.h"

struct Restart {
    Valley *valley;
    int *order;
    int64_t *offsets;
    uint64_t random;
    int round;
    Key lucky; /* the key of the last gain */
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
        .lucky = KEY_AREA,
    };
    return restart;
}

void restart_run(Restart *restart, Incumbent *best, int64_t steps_left)
{
    const Packing *packing = best->packing;
    while (best->steps > steps_left && !incumbent_done(best)) {
        int round = restart->round++;
        Key key = round % 2 ? restart->lucky : (Key)(round / 2 % N_NOISY_KEYS);
        int amplitude = LEAST_NOISE * (1 + noise_below(&restart->random, N_LEVELS));
        order_by_noisy_key(packing, key, amplitude, &restart->random, restart->order);
        best->steps -= packing->n;
        int64_t height = valley_fill(restart->valley, restart->order, best->height,
                                     restart->offsets, &best->steps);
        if (height < best->height)
            restart->lucky = key;
        incumbent_offer_order(best, restart->order, restart->offsets, height, "restarts");
    }
}
