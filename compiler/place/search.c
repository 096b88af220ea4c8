/* Depth-first search for a placement within a capacity: complete, and meant for parts of up to a
 * few thousand buffers. Buffers are placed from the lowest offset up, each as low as those already
 * placed allow.
 *
 * The rules are those of minimalloc (Moffitt, ASPLOS'23): placements in canonical order, no hole
 * that somebody fits, equal buffers in order of birth, room in every section, independent parts
 * solved separately. Two are sharper: a section is treated as a machine whose jobs have release
 * dates, and a buffer that was passed over is released only above something that can still come
 * below it, which also ends the search among the siblings of a failed choice early. Short
 * randomised runs of growing length (Luby's sequence) against several capacities do the rest. */
#include "place/packing.h"

#include <string.h>

/* What comes next must come after this placement, in the order of offset and then rank. */
typedef struct {
    int64_t offset;
    int id; /* -1: only the offset counts */
} Bound;

typedef struct {
    int64_t offset;
    int id;
} Release;

typedef struct {
    int id;
    int64_t least; /* the least offset before the change; -1: the buffer was placed */
} Change;

/* Buffers that still have to be placed, in ascending order of their least offsets. */
typedef struct {
    int *ids;
    int n;
    Bound bound;
} Part;

enum { N_RUNGS = 8 };

/* What was tried against one rung of the ladder of capacities. */
typedef struct {
    int n_plain, n_noisy;
    int64_t plain_nodes, noisy_nodes;
} Runs;

struct Search {
    const Packing *packing;
    Incumbent *best;
    int64_t capacity;
    int *order, *rank; /* [n]: ties are tried by rank ... */
    bool by_peak;      /* ... after the peak of what is left */
    int64_t *peak;     /* [n]: the largest total over the buffer's life, renewed for each part */
    int *twin;         /* [n]: the equal buffer before it, or -1 */
    int64_t *least;    /* [n]: lowest legal offset; the offset itself once placed */
    bool *placed;      /* [n] */
    int64_t *total;    /* [n_sections]: the sizes not yet placed */
    int *crossing;     /* [n_sections]: unplaced buffers alive in s - 1 and s */
    int64_t *filled;   /* [n_sections]: scratch of the machines */
    Release *releases, *late; /* [n]: scratch */
    Change *changes;
    int n_changes;
    int *stack; /* the lists of the nodes on the path */
    size_t n_stack;
    int64_t *saved; /* the peaks of the parts on the path */
    size_t n_saved;
    int64_t nodes_left;
    bool gave_up;
    Runs runs[N_RUNGS];
    int n_runs;
    uint64_t random;
};

Search *search_new(Arena *arena, const Packing *packing, uint64_t seed)
{
    size_t n = (size_t)packing->n, n_sections = (size_t)packing->n_sections;
    Search *search = NEW(arena, Search);
    *search = (Search){
        .packing = packing,
        .order = NEW_N(arena, int, n),
        .rank = NEW_N(arena, int, n),
        .peak = NEW_N(arena, int64_t, n),
        .twin = NEW_N(arena, int, n),
        .least = NEW_N(arena, int64_t, n),
        .placed = NEW_N(arena, bool, n),
        .total = NEW_N(arena, int64_t, n_sections),
        .crossing = NEW_N(arena, int, n_sections),
        .filled = NEW_N(arena, int64_t, n_sections),
        .releases = NEW_N(arena, Release, n),
        .late = NEW_N(arena, Release, n),
        /* A node has candidates, a list of the rest with as much scratch, and a piece of it; of the
         * two last, at most n - depth buffers each. */
        .changes = NEW_N(arena, Change, n * (n + 3) / 2),
        .stack = NEW_N(arena, int, 2 * n * (n + 2)),
        .saved = NEW_N(arena, int64_t, n * (n + 1) / 2),
        .random = seed + 2,
    };
    for (int i = 0; i < packing->n; i++) {
        search->twin[i] = -1;
        for (int k = packing->first[packing->from[i]]; k < i; k++)
            if (packing->to[k] == packing->to[i] && packing->size[k] == packing->size[i])
                search->twin[i] = k;
    }
    return search;
}

static bool ranks_before(const Search *search, int a, int b)
{
    if (search->by_peak && search->peak[a] != search->peak[b])
        return search->peak[a] > search->peak[b];
    return search->rank[a] < search->rank[b];
}

static bool comes_after(const Search *search, int id, Bound bound)
{
    if (search->least[id] != bound.offset)
        return search->least[id] > bound.offset;
    return bound.id < 0 || ranks_before(search, bound.id, id);
}

static bool alive_together(const Packing *packing, int a, int b)
{
    return packing->from[a] < packing->to[b] && packing->from[b] < packing->to[a];
}

/* Adds the buffer to the totals, or with sign -1 takes it out. */
static void count_in(Search *search, int id, int sign)
{
    const Packing *packing = search->packing;
    int from = packing->from[id], to = packing->to[id];
    for (int s = from; s < to; s++)
        search->total[s] += sign * packing->size[id];
    for (int s = from + 1; s < to; s++)
        search->crossing[s] += sign;
}

static void put(Search *search, int id)
{
    search->changes[search->n_changes++] = (Change){id, -1};
    search->placed[id] = true;
    count_in(search, id, -1);
}

static void undo(Search *search, int n_changes)
{
    while (search->n_changes > n_changes) {
        Change change = search->changes[--search->n_changes];
        if (change.least >= 0) {
            search->least[change.id] = change.least;
        } else {
            search->placed[change.id] = false;
            count_in(search, change.id, 1);
        }
    }
}

/* The buffers of the part that may come next, in the order to try them. Who starts where another
 * would have fitted below is none of them, nor who has a twin to go first. */
static int find_candidates(const Search *search, const Part *part, int *candidates)
{
    int64_t hole = INT64_MAX;
    int n = 0;
    for (int k = 0; k < part->n && search->least[part->ids[k]] < hole; k++) {
        int id = part->ids[k], twin = search->twin[id];
        int64_t top = search->least[id] + search->packing->size[id];
        if (top < hole)
            hole = top;
        if (!comes_after(search, id, part->bound) || (twin >= 0 && !search->placed[twin]))
            continue;
        int at = n++;
        for (; at > 0; at--) {
            if (comes_after(search, id,
                            (Bound){search->least[candidates[at - 1]], candidates[at - 1]}))
                break;
            candidates[at] = candidates[at - 1];
        }
        candidates[at] = id;
    }
    while (n > 0 && search->least[candidates[n - 1]] >= hole)
        n--;
    return n;
}

/* The sections that the buffer lives in can still hold all that is to come, if it goes first. */
static bool has_room(const Search *search, int id)
{
    int64_t most = search->capacity - search->least[id];
    for (int s = search->packing->from[id]; s < search->packing->to[id]; s++)
        if (search->total[s] > most)
            return false;
    return true;
}

/* The part without the placed buffer, whose overlaps are raised above it; in *rest. Returns whether
 * it had overlaps. */
static bool raise_overlaps(Search *search, const Part *part, int placed, Part *rest)
{
    const Packing *packing = search->packing;
    int64_t top = search->least[placed] + packing->size[placed];
    int *ids = search->stack + search->n_stack, *raised = ids + part->n;
    int n = 0, n_raised = 0, k = 0;
    for (; k < part->n && search->least[part->ids[k]] < top; k++) {
        int id = part->ids[k];
        if (id == placed)
            continue;
        if (!alive_together(packing, id, placed)) {
            ids[n++] = id;
            continue;
        }
        search->changes[search->n_changes++] = (Change){id, search->least[id]};
        search->least[id] = top;
        raised[n_raised++] = id;
    }
    memmove(ids + n, raised, (size_t)n_raised * sizeof *raised);
    n += n_raised;
    bool overlaps = n_raised > 0;
    for (; k < part->n; k++) {
        overlaps = overlaps || alive_together(packing, part->ids[k], placed);
        ids[n++] = part->ids[k];
    }
    search->n_stack += (size_t)n;
    *rest = (Part){ids, n, {search->least[placed], placed}};
    return overlaps;
}

/* For a buffer that was passed over, so that something has to come below it: the least offset that
 * this leaves it; INT64_MAX where nothing can. */
static int64_t raised_release(const Search *search, const Part *part, int id)
{
    int64_t release = INT64_MAX;
    for (int k = 0; k < part->n && search->least[part->ids[k]] < release; k++) {
        int other = part->ids[k];
        if (other == id || !alive_together(search->packing, id, other))
            continue;
        int64_t least = search->least[other];
        if (least < part->bound.offset)
            least = part->bound.offset;
        if (least + search->packing->size[other] < release)
            release = least + search->packing->size[other];
    }
    return release;
}

/* Splits off the buffers that were passed over, by release in search->late. Returns their number,
 * or -1 where one has no release; *n_early is the number of the others that are released at the
 * bound, in search->releases. */
static int find_late(Search *search, const Part *part, int *n_early)
{
    int n_late = 0;
    *n_early = 0;
    for (int k = 0; k < part->n && search->least[part->ids[k]] <= part->bound.offset; k++) {
        int id = part->ids[k];
        if (comes_after(search, id, part->bound)) {
            search->releases[(*n_early)++] = (Release){part->bound.offset, id};
            continue;
        }
        Release release = {raised_release(search, part, id), id};
        if (release.offset == INT64_MAX)
            return -1;
        int at = n_late++;
        for (; at > 0 && search->late[at - 1].offset > release.offset; at--)
            search->late[at] = search->late[at - 1];
        search->late[at] = release;
    }
    return n_late;
}

/* search->releases: all of the part by the least offset that each can still have. */
static bool find_releases(Search *search, const Part *part)
{
    int n, n_late = find_late(search, part, &n);
    if (n_late < 0)
        return false;
    Release *releases = search->releases;
    int k = n + n_late;
    for (int i = 0; i < n_late; i++) {
        for (; k < part->n && search->least[part->ids[k]] < search->late[i].offset; k++)
            releases[n++] = (Release){search->least[part->ids[k]], part->ids[k]};
        releases[n++] = search->late[i];
    }
    for (; k < part->n; k++)
        releases[n++] = (Release){search->least[part->ids[k]], part->ids[k]};
    return true;
}

/* A section is a machine, a size the time of a job and the least offset its release: no order of
 * the jobs ends before the one by release. */
static bool machines_fit(Search *search, const Part *part)
{
    const Packing *packing = search->packing;
    int64_t *filled = search->filled, work = part->n;
    bool fits = find_releases(search, part);
    for (int k = 0; k < part->n; k++)
        for (int s = packing->from[part->ids[k]]; s < packing->to[part->ids[k]]; s++)
            filled[s] = 0;
    for (int k = 0; fits && k < part->n; k++) {
        Release release = search->releases[k];
        int64_t size = packing->size[release.id];
        for (int s = packing->from[release.id]; s < packing->to[release.id]; s++) {
            filled[s] = (filled[s] > release.offset ? filled[s] : release.offset) + size;
            fits = fits && filled[s] <= search->capacity;
        }
        work += packing->to[release.id] - packing->from[release.id];
    }
    search->best->steps -= work / 8 + 1;
    return fits;
}

static void renew_peaks(Search *search, const Part *part)
{
    const Packing *packing = search->packing;
    for (int k = 0; k < part->n; k++) {
        int id = part->ids[k];
        int64_t most = 0;
        for (int s = packing->from[id]; s < packing->to[id]; s++)
            if (search->total[s] > most)
                most = search->total[s];
        search->peak[id] = most;
    }
}

static bool solve(Search *search, const Part *part);

/* A piece has peaks of its own, and with them its own ranks. */
static bool solve_piece(Search *search, Part *piece)
{
    if (!search->by_peak)
        return solve(search, piece);
    int64_t *saved = search->saved + search->n_saved;
    for (int k = 0; k < piece->n; k++)
        saved[k] = search->peak[piece->ids[k]];
    search->n_saved += (size_t)piece->n;
    renew_peaks(search, piece);
    piece->bound.id = -1;
    bool solved = solve(search, piece);
    for (int k = 0; k < piece->n; k++)
        search->peak[piece->ids[k]] = saved[k];
    search->n_saved -= (size_t)piece->n;
    return solved;
}

/* The buffers of the rest that are born at begin <= s < end. */
static Part take_piece(Search *search, const Part *rest, int begin, int end)
{
    Part piece = {search->stack + search->n_stack, 0, rest->bound};
    for (int k = 0; k < rest->n; k++) {
        int from = search->packing->from[rest->ids[k]];
        if (begin <= from && from < end)
            piece.ids[piece.n++] = rest->ids[k];
    }
    search->n_stack += (size_t)piece.n;
    return piece;
}

/* Without the placed buffer the rest may fall apart: at its ends or within its life, where nothing
 * crosses any more. */
static bool solve_pieces(Search *search, const Part *rest, int placed)
{
    const Packing *packing = search->packing;
    int to = packing->to[placed], begin = 0;
    size_t n_stack = search->n_stack;
    for (int s = packing->from[placed] + 1; s <= to; s++) {
        if (s < to && search->crossing[s] > 0)
            continue;
        if (s == to && begin == 0)
            return solve(search, rest);
        Part piece = take_piece(search, rest, begin, s < to ? s : packing->n_sections);
        begin = s;
        bool solved = solve_piece(search, &piece);
        search->n_stack = n_stack;
        if (!solved)
            return false;
    }
    return true;
}

/* Whether the part can still be done if nothing of it up to and with the buffer comes next. */
static bool can_pass_over(Search *search, const Part *part, int id)
{
    Part later = *part;
    later.bound = (Bound){search->least[id], id};
    return machines_fit(search, &later);
}

static bool spend_node(Search *search)
{
    const PlaceWatch *watch = search->best->options->watch;
    bool stopped = watch && watch->stop && *watch->stop;
    search->gave_up = --search->nodes_left < 0 || search->best->steps <= 0 || stopped;
    return !search->gave_up;
}

static bool solve(Search *search, const Part *part)
{
    if (part->n == 0)
        return true;
    if (!spend_node(search))
        return false;
    size_t n_stack = search->n_stack;
    int *candidates = search->stack + n_stack, n_changes = search->n_changes;
    int n_candidates = find_candidates(search, part, candidates);
    for (int k = 0; k < n_candidates; k++) {
        int id = candidates[k];
        if (k > 0 && !can_pass_over(search, part, candidates[k - 1]))
            break;
        if (!has_room(search, id))
            continue;
        search->n_stack = n_stack + (size_t)n_candidates;
        Part rest;
        put(search, id);
        bool overlaps = raise_overlaps(search, part, id, &rest);
        if (machines_fit(search, &rest) && solve_pieces(search, &rest, id))
            return true;
        undo(search, n_changes);
        if (search->gave_up || !overlaps)
            break;
    }
    search->n_stack = n_stack;
    return false;
}

static bool solve_all(Search *search)
{
    const Packing *packing = search->packing;
    size_t n = (size_t)packing->n, n_sections = (size_t)packing->n_sections;
    search->gave_up = false;
    search->n_changes = 0;
    search->n_saved = 0;
    search->n_stack = n;
    memset(search->least, 0, n * sizeof *search->least);
    memset(search->placed, 0, n * sizeof *search->placed);
    memset(search->crossing, 0, n_sections * sizeof *search->crossing);
    memset(search->total, 0, n_sections * sizeof *search->total);
    for (int i = 0; i < packing->n; i++) {
        count_in(search, i, 1);
        search->rank[search->order[i]] = i;
        search->stack[i] = i;
    }
    Part all = {search->stack, packing->n, {0, -1}};
    renew_peaks(search, &all);
    return solve(search, &all);
}

/* 1 1 2 1 1 2 4 1 1 2 1 1 2 4 8 ... (Luby, Sinclair, Zuckerman 1993); i counts from 1. */
static int64_t luby(int64_t i)
{
    int64_t power = 1;
    while (power - 1 < i)
        power *= 2;
    return power - 1 == i ? power / 2 : luby(i - power / 2 + 1);
}

/* Chooses the order and the length of a run: each of the plain orders, for twice as long each time
 * around, takes half of all nodes, and short runs in noisy orders take the other half. */
static void choose_run(Search *search, Runs *runs)
{
    static const struct {
        Key key;
        bool by_peak;
    } orders[] = {{KEY_LIFE, true}, {KEY_AREA, true}, {KEY_LIFE, false}, {KEY_SECTIONS, true}};
    enum { N_ORDERS = 4, LITTLE_NOISE = 4700, N_LEVELS = 4 };
    const Packing *packing = search->packing;
    if (runs->plain_nodes <= runs->noisy_nodes) {
        int choice = runs->n_plain % N_ORDERS, shift = runs->n_plain / N_ORDERS;
        runs->n_plain++;
        search->by_peak = orders[choice].by_peak;
        order_by_key(packing, orders[choice].key, search->order);
        search->nodes_left = (int64_t)packing->n * 2 << (shift < 40 ? shift : 40);
        runs->plain_nodes += search->nodes_left;
    } else {
        int choice = noise_below(&search->random, N_ORDERS);
        int noise = LITTLE_NOISE * (1 + noise_below(&search->random, N_LEVELS));
        search->by_peak = orders[choice].by_peak;
        order_by_noisy_key(packing, orders[choice].key, noise, &search->random, search->order);
        search->nodes_left = 2 * packing->n * luby(++runs->n_noisy);
        runs->noisy_nodes += search->nodes_left;
    }
}

/* From the least that is wanted or may be, rung 0, up to the next below the incumbent, and closer
 * to each other there. With a capacity there is nothing to want but that. */
static int64_t choose_capacity(const Search *search, int rung)
{
    const Incumbent *best = search->best;
    int64_t low = best->goal > best->proved ? best->goal : best->proved;
    int64_t unit = search->packing->unit, gap = (best->height - unit - low) / unit;
    double below = 1 - (double)rung / (N_RUNGS - 1);
    return gap > 0 ? low + (int64_t)((double)gap * (1 - below * below)) * unit : low;
}

static int64_t height_of(const Search *search)
{
    int64_t height = 0;
    for (int i = 0; i < search->packing->n; i++)
        if (search->least[i] + search->packing->size[i] > height)
            height = search->least[i] + search->packing->size[i];
    return height;
}

/* Every height is a multiple of the unit. */
static void raise_proof(Incumbent *best, int64_t impossible)
{
    int64_t unit = best->packing->unit, least = (impossible / unit + 1) * unit;
    if (least > best->proved)
        best->proved = least;
}

void search_run(Search *search, Incumbent *best, int64_t steps_left)
{
    search->best = best;
    while (best->steps > steps_left && !incumbent_done(best)) {
        int rung = best->options->capacity ? 0 : search->n_runs++ % N_RUNGS;
        search->capacity = choose_capacity(search, rung);
        choose_run(search, &search->runs[rung]);
        if (solve_all(search)) {
            incumbent_offer(best, search->least, height_of(search), "search");
            /* The other rungs move, and short runs are the best first try again. */
            memset(search->runs + 1, 0, (N_RUNGS - 1) * sizeof *search->runs);
        } else if (!search->gave_up) {
            raise_proof(best, search->capacity);
        }
    }
}
