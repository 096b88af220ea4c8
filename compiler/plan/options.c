/* Blocks in, their options out: every subset of what a block saves is tried as what it drops. */
#include "plan/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GROUPS = 14, MOST_OPTIONS = 32 };

typedef struct {
    Arena *arena;
    const Problem *problem;
    Catalog *catalog;
    int *block_of; /* [n_nodes] forward nodes: the block, else that of the forward node; or -1 */
    bool *saved;   /* [n_values] read by backward nodes, all of its own block: may be dropped */
    bool *wanted;  /* [n_values] read by any backward node */
} Maker;

/* One block while its subsets are tried. */
typedef struct {
    int n, first;  /* its nodes are problem nodes node[first] .. */
    int *group_of; /* [n] which group of saved tensors the node writes, -1 none */
    int n_groups;
    size_t bytes[MOST_GROUPS];
    int **inputs, *n_inputs; /* [n] positions in the block of the producers of what it reads */
    bool *can_rerun;         /* [n] */
    bool *is_kept;           /* [n] writes what backward needs outside of any group */
} Block;

typedef struct {
    uint32_t dropped;
    size_t kept_bytes;
    double seconds;
} Subset;

/* --- what may be dropped -------------------------------------------------------------------------
 */

static void find_blocks_of_nodes(Maker *m)
{
    const Problem *p = m->problem;
    m->block_of = NEW_N(m->arena, int, p->n_nodes);
    memset(m->block_of, -1, (size_t)p->n_nodes * sizeof(int));
    for (int b = 0; b < m->catalog->blocks.n; b++)
        for (int i = catalog_start(m->catalog, b); i < m->catalog->blocks.end[b]; i++)
            m->block_of[m->catalog->blocks.node[i]] = b;
    for (int i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].phase != PHASE_forward && p->nodes[i].forward >= 0)
            m->block_of[i] = m->block_of[p->nodes[i].forward];
}

static void find_saved(Maker *m)
{
    const Problem *p = m->problem;
    bool *abroad = NEW_N(m->arena, bool, p->n_values);
    m->saved = NEW_N(m->arena, bool, p->n_values);
    m->wanted = NEW_N(m->arena, bool, p->n_values);
    for (int i = 0; i < p->n_nodes; i++)
        for (int k = 0; k < p->nodes[i].n_reads && p->nodes[i].phase != PHASE_forward; k++) {
            int v = p->nodes[i].reads[k], producer = p->values[v].producer;
            m->wanted[v] = true;
            abroad[v] |= producer < 0 || m->block_of[i] != m->block_of[producer];
        }
    for (int v = 0; v < p->n_values; v++) {
        int producer = p->values[v].producer;
        m->saved[v] = m->wanted[v] && !abroad[v] && !p->values[v].keep && !p->values[v].to_end &&
                      p->nodes[producer].phase == PHASE_forward && p->nodes[producer].replayable;
    }
}

/* --- types ---------------------------------------------------------------------------------------
 */

static bool same_read(const Maker *m, int x, int y, int x_start, int y_start)
{
    const Value *u = &m->problem->values[x], *v = &m->problem->values[y];
    bool u_inside = u->producer >= 0 && u->producer >= x_start;
    bool v_inside = v->producer >= 0 && v->producer >= y_start;
    if (u_inside != v_inside)
        return false;
    return u_inside ? u->producer - x_start == v->producer - y_start
                    : u->bytes == v->bytes && u->class == v->class;
}

static bool same_node(const Maker *m, int x, int y, int x_start, int y_start)
{
    const ProblemNode *a = &m->problem->nodes[x], *b = &m->problem->nodes[y];
    if (a->n_reads != b->n_reads || a->n_writes != b->n_writes || a->replayable != b->replayable ||
        a->seconds < b->seconds || a->seconds > b->seconds || x - x_start != y - y_start ||
        strcmp(a->op, b->op) != 0)
        return false;
    for (int k = 0; k < a->n_writes; k++) {
        int u = a->writes[k], v = b->writes[k];
        if (m->problem->values[u].bytes != m->problem->values[v].bytes ||
            m->saved[u] != m->saved[v] || m->wanted[u] != m->wanted[v])
            return false;
    }
    for (int k = 0; k < a->n_reads; k++)
        if (!same_read(m, a->reads[k], b->reads[k], x_start, y_start))
            return false;
    return true;
}

static bool same_block(const Maker *m, int x, int y)
{
    const Catalog *c = m->catalog;
    int x_first = catalog_start(c, x), y_first = catalog_start(c, y),
        n = c->blocks.end[x] - x_first;
    if (n != c->blocks.end[y] - y_first)
        return false;
    const int *node = c->blocks.node;
    for (int i = 0; i < n; i++)
        if (!same_node(m, node[x_first + i], node[y_first + i], node[x_first], node[y_first]))
            return false;
    return true;
}

/* --- subsets -------------------------------------------------------------------------------------
 */

static size_t saved_bytes(const Maker *m, int node)
{
    size_t bytes = 0;
    const ProblemNode *n = &m->problem->nodes[node];
    bool droppable = n->replayable;
    for (int k = 0; k < n->n_writes; k++) {
        bytes += m->saved[n->writes[k]] ? value_bytes(m->problem, n->writes[k]) : 0;
        droppable &= m->saved[n->writes[k]] || !m->wanted[n->writes[k]];
    }
    return droppable ? bytes : 0;
}

/* The nodes that save the most bytes, a group each. */
static void choose_groups(const Maker *m, Block *b, Arena *scratch)
{
    size_t *bytes = NEW_N(scratch, size_t, b->n);
    for (int i = 0; i < b->n; i++) {
        b->group_of[i] = -1;
        bytes[i] = saved_bytes(m, m->catalog->blocks.node[b->first + i]);
    }
    while (b->n_groups < MOST_GROUPS) {
        int best = 0;
        for (int i = 1; i < b->n; i++)
            if (bytes[i] > bytes[best])
                best = i;
        if (bytes[best] == 0)
            return;
        b->group_of[best] = b->n_groups;
        b->bytes[b->n_groups++] = bytes[best];
        bytes[best] = 0;
    }
}

static void find_inputs(const Maker *m, Block *b, int i, Arena *scratch)
{
    int start = m->catalog->blocks.node[b->first], id = m->catalog->blocks.node[b->first + i];
    const ProblemNode *node = &m->problem->nodes[id];
    b->inputs[i] = NEW_N(scratch, int, node->n_reads);
    for (int k = 0; k < node->n_reads; k++) {
        int producer = m->problem->values[node->reads[k]].producer;
        if (producer < start)
            continue;
        for (int j = 0; j < i; j++)
            if (m->catalog->blocks.node[b->first + j] == producer)
                b->inputs[i][b->n_inputs[i]++] = j;
    }
}

static Block block_new(const Maker *m, int block, Arena *scratch)
{
    Block b = {.first = catalog_start(m->catalog, block)};
    b.n = m->catalog->blocks.end[block] - b.first;
    b.group_of = NEW_N(scratch, int, b.n);
    b.inputs = NEW_N(scratch, int *, b.n);
    b.n_inputs = NEW_N(scratch, int, b.n);
    b.can_rerun = NEW_N(scratch, bool, b.n);
    b.is_kept = NEW_N(scratch, bool, b.n);
    choose_groups(m, &b, scratch);
    for (int i = 0; i < b.n; i++) {
        const ProblemNode *node = &m->problem->nodes[m->catalog->blocks.node[b.first + i]];
        b.can_rerun[i] = node->replayable;
        for (int k = 0; k < node->n_writes; k++)
            b.is_kept[i] |= b.group_of[i] < 0 && m->wanted[node->writes[k]];
        find_inputs(m, &b, i, scratch);
    }
    return b;
}

/* What runs again where the groups in `dropped` are dropped; false where it cannot. */
static bool close_over(const Block *b, uint32_t dropped, bool *runs)
{
    memset(runs, 0, (size_t)b->n * sizeof *runs);
    for (int i = b->n - 1; i >= 0; i--) {
        if (b->group_of[i] >= 0)
            runs[i] = dropped >> b->group_of[i] & 1;
        else if (b->is_kept[i])
            runs[i] = false;
        if (!runs[i])
            continue;
        if (!b->can_rerun[i])
            return false;
        for (int k = 0; k < b->n_inputs[i]; k++)
            runs[b->inputs[i][k]] = true;
    }
    return true;
}

static int by_bytes(const void *x, const void *y)
{
    const Subset *a = x, *b = y;
    if (a->kept_bytes != b->kept_bytes)
        return a->kept_bytes > b->kept_bytes ? -1 : 1;
    if (a->seconds < b->seconds || a->seconds > b->seconds)
        return a->seconds < b->seconds ? -1 : 1;
    return (a->dropped > b->dropped) - (a->dropped < b->dropped);
}

/* Pareto optimal ones first; returns how many. */
static int keep_front(Subset *subsets, int n)
{
    qsort(subsets, (size_t)n, sizeof *subsets, by_bytes);
    int n_front = 0; /* from the end, fewest bytes first, each further one must be cheaper */
    double best = INFINITY;
    for (int i = n - 1; i >= 0; i--) {
        bool last_of_size = i == 0 || subsets[i - 1].kept_bytes != subsets[i].kept_bytes;
        if (last_of_size && subsets[i].seconds < best) {
            best = subsets[i].seconds;
            Subset found = subsets[i];
            subsets[n - 1 - n_front++] = found;
        }
    }
    memmove(subsets, subsets + n - n_front, (size_t)n_front * sizeof *subsets);
    return n_front;
}

/* Keeps those that leave the largest holes when removed least: the ends, then even steps of bytes.
 */
static int thin(Subset *front, int n)
{
    if (n <= MOST_OPTIONS)
        return n;
    for (int i = 0; i < MOST_OPTIONS; i++)
        front[i] = front[(int64_t)i * (n - 1) / (MOST_OPTIONS - 1)];
    return MOST_OPTIONS;
}

static OptionSet options_of(const Maker *m, const Block *b, const Subset *front, int n,
                            Arena *scratch)
{
    OptionSet set = {NEW_N(m->arena, BlockOption, n), n};
    bool *runs = NEW_N(scratch, bool, b->n);
    for (int o = 0; o < n; o++) {
        BlockOption *option = &set.option[o];
        close_over(b, front[o].dropped, runs);
        option->node = NEW_N(m->arena, int, b->n);
        option->seconds = front[o].seconds;
        for (int i = 0; i < b->n; i++)
            if (runs[i])
                option->node[option->n_nodes++] = i;
    }
    return set;
}

static OptionSet find_options(const Maker *m, int block, bool only_whole)
{
    Arena *scratch = arena_new();
    Block b = block_new(m, block, scratch);
    uint32_t all = (uint32_t)1 << b.n_groups;
    Subset *subsets = NEW_N(scratch, Subset, all);
    bool *runs = NEW_N(scratch, bool, b.n);
    int n = 0;
    for (uint32_t dropped = 0; dropped < all; dropped++) {
        if ((only_whole && dropped != 0 && dropped != all - 1) || !close_over(&b, dropped, runs))
            continue;
        Subset s = {.dropped = dropped};
        for (int g = 0; g < b.n_groups; g++)
            s.kept_bytes += dropped >> g & 1 ? 0 : b.bytes[g];
        for (int i = 0; i < b.n; i++)
            s.seconds +=
                runs[i] ? m->problem->nodes[m->catalog->blocks.node[b.first + i]].seconds : 0;
        subsets[n++] = s;
    }
    n = thin(subsets, keep_front(subsets, n));
    OptionSet set = options_of(m, &b, subsets, n, scratch);
    arena_free(scratch);
    return set;
}

/* --- catalogs ------------------------------------------------------------------------------------
 */

Catalog catalog_new(Arena *arena, const Problem *problem, bool only_whole)
{
    Catalog c = {.blocks = blocks_find(arena, problem)};
    Maker m = {.arena = arena, .problem = problem, .catalog = &c};
    find_blocks_of_nodes(&m);
    find_saved(&m);
    c.type = NEW_N(arena, int, c.blocks.n);
    c.of_type = NEW_N(arena, OptionSet, c.blocks.n);
    int *example = NEW_N(arena, int, c.blocks.n);
    for (int b = 0; b < c.blocks.n; b++) {
        int t = 0;
        while (t < c.n_types && !same_block(&m, b, example[t]))
            t++;
        c.type[b] = t;
        if (t < c.n_types)
            continue;
        example[c.n_types++] = b;
        c.of_type[t] = find_options(&m, b, only_whole);
        if (c.of_type[t].n > c.most_options)
            c.most_options = c.of_type[t].n;
    }
    return c;
}

static const BlockOption *option_of(const Catalog *c, int block, int option)
{
    const OptionSet *set = &c->of_type[c->type[block]];
    return &set->option[option < set->n ? option : set->n - 1];
}

void catalog_apply(const Catalog *catalog, int block, int option, int parent, Segments *segments)
{
    int first = catalog_start(catalog, block);
    for (int i = first; i < catalog->blocks.end[block]; i++)
        segments->of_node[catalog->blocks.node[i]] = parent;
    const BlockOption *o = option_of(catalog, block, option);
    if (o->n_nodes == 0)
        return;
    int id = segments_add(segments, parent);
    segments->open[id] = true;
    for (int i = 0; i < o->n_nodes; i++)
        segments->of_node[catalog->blocks.node[first + o->node[i]]] = id;
}

static BlockOption merge_options(Arena *arena, const Catalog *c, int first, int end, int option)
{
    BlockOption merged = {.node =
                              NEW_N(arena, int, c->blocks.end[end - 1] - catalog_start(c, first))};
    for (int b = first; b < end; b++) {
        const BlockOption *o = option_of(c, b, option);
        int shift = catalog_start(c, b) - catalog_start(c, first);
        for (int i = 0; i < o->n_nodes; i++)
            merged.node[merged.n_nodes++] = shift + o->node[i];
        merged.seconds += o->seconds;
    }
    return merged;
}

static bool same_types(const Catalog *c, int x, int y, int n)
{
    return memcmp(c->type + x, c->type + y, (size_t)n * sizeof *c->type) == 0;
}

Catalog catalog_merge(Arena *arena, const Catalog *catalog, int most)
{
    int each = (catalog->blocks.n + most - 1) / most, n = (catalog->blocks.n + each - 1) / each;
    if (each <= 1)
        return *catalog;
    Catalog c = {.blocks = catalog->blocks, .type = NEW_N(arena, int, n)};
    c.blocks.end = NEW_N(arena, int, n);
    c.blocks.n = n;
    c.of_type = NEW_N(arena, OptionSet, n);
    c.most_options = catalog->most_options;
    int *example = NEW_N(arena, int, n), *length = NEW_N(arena, int, n);
    for (int b = 0; b < n; b++) {
        int first = b * each,
            end = first + each < catalog->blocks.n ? first + each : catalog->blocks.n;
        c.blocks.end[b] = catalog->blocks.end[end - 1];
        int t = 0;
        while (t < c.n_types &&
               (length[t] != end - first || !same_types(catalog, first, example[t], end - first)))
            t++;
        c.type[b] = t;
        if (t < c.n_types)
            continue;
        example[c.n_types] = first;
        length[c.n_types++] = end - first;
        c.of_type[t] = (OptionSet){NEW_N(arena, BlockOption, c.most_options), c.most_options};
        for (int o = 0; o < c.most_options; o++)
            c.of_type[t].option[o] = merge_options(arena, catalog, first, end, o);
    }
    return c;
}
