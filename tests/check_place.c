/* Placement against oracles: all orders of a few buffers, families whose optimum is known, a
 * checker that must see each planted fault, and the instances of ../shared where they are there. */
#include "place/instance.h"
#include "place/place.h"
#include "support/command.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *place_suite(void);

static Arena *arena;
static uint64_t random_state;

static void set_up(void)
{
    arena = arena_new();
    random_state = 88172645463325252u;
}

static void tear_down(void)
{
    arena_free(arena);
}

/* 0 <= result < n (xorshift). */
static int below(int n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int)(random_state % (uint64_t)n);
}

static Placement checked_place(const Buffer *buffers, int n, const PlaceOptions *options)
{
    Placement placement = place(arena, buffers, n, options);
    const char *wrong = place_verify(arena, buffers, n, &placement);
    ck_assert_msg(!wrong, "%s", wrong);
    ck_assert_uint_eq(placement.lower_bound_bytes, place_lower_bound(buffers, n));
    return placement;
}

/* --- the oracle: every offset of every buffer, in order of birth ---------------------------------
 */

enum { MOST_SMALL = 40, MOST_TIMES = 10 };

typedef struct {
    const Buffer *buffers; /* by birth */
    int n;
    size_t capacity;
    size_t offsets[MOST_SMALL];
} Oracle;

static bool is_free(const Oracle *oracle, int i)
{
    const Buffer *x = &oracle->buffers[i];
    for (int k = 0; k < i; k++) {
        const Buffer *y = &oracle->buffers[k];
        if (x->lower < y->upper && oracle->offsets[i] < oracle->offsets[k] + y->size &&
            oracle->offsets[k] < oracle->offsets[i] + x->size)
            return false;
    }
    return true;
}

static bool oracle_fits(Oracle *oracle, int i)
{
    if (i == oracle->n)
        return true;
    size_t *offset = &oracle->offsets[i];
    for (*offset = 0; *offset + oracle->buffers[i].size <= oracle->capacity; ++*offset)
        if (is_free(oracle, i) && oracle_fits(oracle, i + 1))
            return true;
    return false;
}

static int compare_births(const void *a, const void *b)
{
    const Buffer *x = a, *y = b;
    return (x->lower > y->lower) - (x->lower < y->lower);
}

static size_t true_optimum(const Buffer *buffers, int n, size_t at_least)
{
    Buffer sorted[MOST_SMALL];
    memcpy(sorted, buffers, (size_t)n * sizeof *buffers);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_births);
    Oracle oracle = {.buffers = sorted, .n = n, .capacity = at_least};
    while (!oracle_fits(&oracle, 0))
        oracle.capacity++;
    return oracle.capacity;
}

/* Random buffers that fill a height at nearly all times, since only then the bound may be out of
 * reach. */
static int small_problem(Buffer *buffers)
{
    int n_times = 6 + below(MOST_TIMES - 5), height = 4 + below(5), n = 0;
    int load[MOST_TIMES] = {0};
    for (int trial = 0; trial < 300 && n < MOST_SMALL; trial++) {
        int lower = below(n_times), upper = lower + 1 + below(n_times - lower);
        int size = 1 + below(height / 2);
        bool fits = true;
        for (int t = lower; t < upper; t++)
            fits = fits && load[t] + size <= height;
        for (int t = lower; fits && t < upper; t++)
            load[t] += size;
        if (fits)
            buffers[n++] = (Buffer){lower, upper, (size_t)size};
    }
    return n;
}

START_TEST(small_problems_are_solved_and_proved)
{
    int n_above_bound = 0;
    for (int trial = 0; trial < 6000; trial++) {
        Buffer buffers[MOST_SMALL];
        int n = small_problem(buffers);
        Placement placement = checked_place(buffers, n, &(PlaceOptions){.effort = 0.5});
        ck_assert_uint_eq(placement.arena_bytes,
                          true_optimum(buffers, n, placement.lower_bound_bytes));
        ck_assert(placement.optimal);
        n_above_bound += placement.arena_bytes > placement.lower_bound_bytes;
    }
    /* Else the search had nothing to prove. */
    ck_assert_int_ge(n_above_bound, 3);
}
END_TEST

START_TEST(a_capacity_is_met_or_refuted)
{
    int n_refuted = 0;
    for (int trial = 0; trial < 4000; trial++) {
        Buffer buffers[MOST_SMALL];
        int n = small_problem(buffers);
        size_t bound = place_lower_bound(buffers, n), optimum = true_optimum(buffers, n, bound);
        PlaceOptions options = {.capacity = optimum, .effort = 0.5};
        Placement placement = checked_place(buffers, n, &options);
        ck_assert_uint_le(placement.arena_bytes, optimum);
        ck_assert(!placement.infeasible);
        options.capacity = optimum - 1;
        placement = checked_place(buffers, n, &options);
        ck_assert_uint_gt(placement.arena_bytes, options.capacity);
        ck_assert(placement.infeasible);
        n_refuted += optimum > bound;
    }
    ck_assert_int_ge(n_refuted, 2);
}
END_TEST

/* --- families whose optimum is the bound ---------------------------------------------------------
 */

/* Lifetimes within lower <= t < upper, each inside another or apart from it. */
static int nested(Buffer *buffers, int n, int most, int64_t lower, int64_t upper)
{
    if (n == most || upper - lower < 1)
        return n;
    buffers[n++] = (Buffer){lower, upper, (size_t)(1 + below(1000))};
    int64_t cut = lower + below((int)(upper - lower) + 1);
    n = nested(buffers, n, most, lower, cut);
    return nested(buffers, n, most, cut, upper - (cut == lower));
}

START_TEST(nested_lifetimes_reach_the_bound_without_search)
{
    for (int trial = 0; trial < 50; trial++) {
        Buffer *buffers = NEW_N(arena, Buffer, 2000);
        int n = nested(buffers, 0, 2000, 0, 10 + below(3000));
        Placement placement = checked_place(buffers, n, &(PlaceOptions){0});
        ck_assert_uint_eq(placement.arena_bytes, placement.lower_bound_bytes);
    }
}
END_TEST

/* The forward and backward pass of n_layers with gradients that live to the end: four buffers a
 * layer. */
static int training(Buffer *buffers, int n_layers)
{
    int n = 0;
    for (int i = 0; i < n_layers; i++) {
        int64_t forward = i, backward = 2 * (int64_t)n_layers - 1 - i;
        buffers[n++] = (Buffer){0, 2 * n_layers, 4096 * (size_t)(1 + below(9))};
        buffers[n++] = (Buffer){forward, backward + 1, 256 * (size_t)(1 + below(64))};
        buffers[n++] = (Buffer){backward, backward + 2, 256 * (size_t)(1 + below(64))};
        buffers[n++] = (Buffer){backward, 2 * n_layers, 256 * (size_t)(1 + below(16))};
    }
    return n;
}

START_TEST(a_training_schedule_of_120000_buffers_reaches_the_bound_without_search)
{
    Buffer *buffers = NEW_N(arena, Buffer, 120000);
    int n = training(buffers, 30000);
    Placement placement = checked_place(buffers, n, &(PlaceOptions){0});
    ck_assert_uint_eq(placement.arena_bytes, placement.lower_bound_bytes);
    for (int i = 0; i < n; i++)
        ck_assert_uint_eq(placement.offsets[i] % 256, 0);
}
END_TEST

/* --- odd input -----------------------------------------------------------------------------------
 */

START_TEST(buffers_that_take_no_room_are_placed_anywhere)
{
    const Buffer buffers[] = {{0, 10, 0}, {5, 5, 100}, {INT64_MIN / 4, INT64_MAX / 4, 7}};
    Placement placement = checked_place(buffers, 3, &(PlaceOptions){.effort = 1});
    ck_assert_uint_eq(placement.arena_bytes, 7);
    ck_assert_uint_eq(checked_place(buffers, 2, &(PlaceOptions){0}).arena_bytes, 0);
    ck_assert_uint_eq(checked_place(NULL, 0, &(PlaceOptions){0}).arena_bytes, 0);
}
END_TEST

static Buffer *random_problem(int n)
{
    Buffer *buffers = NEW_N(arena, Buffer, n);
    for (int i = 0; i < n; i++) {
        int lower = below(n);
        buffers[i] = (Buffer){lower, lower + 1 + below(40), (size_t)(1 + below(1000))};
    }
    return buffers;
}

START_TEST(the_same_seed_gives_the_same_offsets)
{
    Buffer *buffers = random_problem(300);
    PlaceOptions options = {.effort = 0.05, .seed = 7};
    Placement first = checked_place(buffers, 300, &options);
    Placement second = checked_place(buffers, 300, &options);
    ck_assert_mem_eq(first.offsets, second.offsets, 300 * sizeof *first.offsets);
}
END_TEST

START_TEST(a_stopped_search_still_places_everything)
{
    volatile sig_atomic_t stop = 1;
    PlaceWatch watch = {.stop = &stop};
    checked_place(random_problem(400), 400, &(PlaceOptions){.effort = 1e6, .watch = &watch});
}
END_TEST

/* --- the checker must see what is wrong ----------------------------------------------------------
 */

START_TEST(the_checker_sees_each_planted_fault)
{
    int n = 200, n_overlaps = 0;
    Buffer *buffers = random_problem(n);
    Placement good = checked_place(buffers, n, &(PlaceOptions){0});
    for (int i = 0; i < n; i++) {
        /* A byte down is an overlap with whatever it rests on, if not a buffer on the ground. */
        if (good.offsets[i] == 0)
            continue;
        Placement bad = good;
        bad.offsets = NEW_N(arena, size_t, n);
        memcpy(bad.offsets, good.offsets, (size_t)n * sizeof *bad.offsets);
        bad.offsets[i]--;
        bad.arena_bytes = 0;
        for (int k = 0; k < n; k++)
            if (bad.offsets[k] + buffers[k].size > bad.arena_bytes)
                bad.arena_bytes = bad.offsets[k] + buffers[k].size;
        const char *wrong = place_verify(arena, buffers, n, &bad);
        ck_assert_ptr_nonnull(wrong);
        n_overlaps += strstr(wrong, "overlap") != NULL;
    }
    ck_assert_int_gt(n_overlaps, n / 2);
    Placement bad = good;
    bad.arena_bytes++;
    ck_assert_ptr_nonnull(place_verify(arena, buffers, n, &bad));
    bad = good;
    bad.lower_bound_bytes--;
    ck_assert_ptr_nonnull(place_verify(arena, buffers, n, &bad));
}
END_TEST

/* --- known instances -----------------------------------------------------------------------------
 */

/* Reachable: the best height known, from the SOURCE.txt of each folder. */
static const struct {
    const char *path;
    size_t reachable;
    size_t capacity;
} known[] = {
    {"omnimalloc-small/a.6.csv", 6, 0},
    {"omnimalloc-small/g.7.csv", 7, 0},
    {"omnimalloc-small/f.14.csv", 14, 0},
    {"minimalloc/input.12.csv", 12, 0},
    {"minimalloc/C.1048576.csv", 1039360, 0},
    {"minimalloc/E.1048576.csv", 1048576, 1048576},
    {"minimalloc/H.1048576.csv", 1048576, 1048576},
    {"minimalloc/K.1048576.csv", 1048576, 1048576},
    {"idealloc/resnet50.csv", 1515472556, 0},
    {"idealloc/G_1.csv", 3030937746, 0},
    {"iopddl/B_max.csv.gz", 418691216, 0},
    {"iopddl/L_max.csv.gz", 8748690568, 0},
    {"synthetic/dag300_keep100_s2.csv", 1901576192, 0},
    {"synthetic/dag2000_keep30_s2.csv", 6304269568, 0},
    {"synthetic/transformer24_ckpt_fused_naive.csv", 1327570944, 0},
    {"synthetic/transformer24_selective_end_flash_jit.csv", 5779370240, 0},
    {"synthetic/pipe1f1b_8x16.csv", 3068361216, 3068361216},
};

START_TEST(known_instances_reach_the_best_known_height)
{
    const char *shared = getenv("REMATC_SHARED");
    const char *path =
        arena_printf(arena, "%s/instances/dsa/%s", shared ? shared : "../shared", known[_i].path);
    if (access(path, R_OK) != 0) {
        say_skipped("there is no %s", path);
        return;
    }
    Instance instance;
    Text errors = text_new(arena);
    ck_assert_msg(instance_read(arena, path, &instance, &errors), "%s", errors.data);
    PlaceOptions options = {.capacity = known[_i].capacity, .effort = 20};
    Placement placement = checked_place(instance.buffers, instance.n, &options);
    ck_assert_uint_le(placement.arena_bytes, known[_i].reachable);
}
END_TEST

Suite *place_suite(void)
{
    Suite *suite = suite_create("place");
    TCase *tcase = tcase_create("place");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, small_problems_are_solved_and_proved);
    tcase_add_test(tcase, a_capacity_is_met_or_refuted);
    tcase_add_test(tcase, nested_lifetimes_reach_the_bound_without_search);
    tcase_add_test(tcase, a_training_schedule_of_120000_buffers_reaches_the_bound_without_search);
    tcase_add_test(tcase, buffers_that_take_no_room_are_placed_anywhere);
    tcase_add_test(tcase, the_same_seed_gives_the_same_offsets);
    tcase_add_test(tcase, a_stopped_search_still_places_everything);
    tcase_add_test(tcase, the_checker_sees_each_planted_fault);
    tcase_add_loop_test(tcase, known_instances_reach_the_best_known_height, 0,
                        (int)(sizeof known / sizeof known[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}
