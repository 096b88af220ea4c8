/* The runs of a schedule, the copies between them, and the bytes live at each. See runset.h. */
#include "plan/runset.h"

#include <stdlib.h>
#include <string.h>

/* --- sorted lists of keys ------------------------------------------------------------------- */

/* The number of keys < key. */
static int keys_below(const RunKey *keys, int n, RunKey key)
{
    int low = 0;
    while (n > 0) {
        int half = n / 2;
        bool right = keys[low + half] < key;
        low = right ? low + half + 1 : low;
        n = right ? n - half - 1 : half;
    }
    return low;
}

static int list_below(const KeyList *list, RunKey key)
{
    if (list->n > 16)
        return keys_below(list->data, list->n, key);
    int i = list->n;
    while (i > 0 && list->data[i - 1] >= key)
        i--;
    return i;
}

static void list_insert(KeyList *list, RunKey key)
{
    if (list->n == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 4;
        list->data = xrealloc(list->data, (size_t)list->capacity * sizeof *list->data);
    }
    int i = list->n++;
    for (; i > 0 && list->data[i - 1] > key; i--)
        list->data[i] = list->data[i - 1];
    list->data[i] = key;
}

static void list_remove(KeyList *list, RunKey key)
{
    int i = list_below(list, key);
    list->n--;
    for (; i < list->n; i++)
        list->data[i] = list->data[i + 1];
}

/* --- bytes live at runs --------------------------------------------------------------------- */

int runset_index(const RunSet *set, RunKey key)
{
    return keys_below(set->keys, set->n, key);
}

static int64_t above(int64_t live, int64_t budget)
{
    return live > budget ? live - budget : 0;
}

/* Adds bytes at the runs from index `from` to before index `to`. */
static void add_live(RunSet *set, int from, int to, int64_t bytes)
{
    int64_t *live = set->live, budget = set->budget, change = 0;
    for (int i = from; i < to; i++) {
        int64_t before = above(live[i], budget);
        live[i] += bytes;
        change += above(live[i], budget) - before;
    }
    set->overload += change;
    set->work += 10 + (to - from);
}

/* Adds bytes at the runs in (after, upto]. */
static void add_between(RunSet *set, RunKey after, RunKey upto, int64_t bytes)
{
    add_live(set, runset_index(set, after + 1), runset_index(set, upto + 1), bytes);
}

int64_t runset_peak_between(const RunSet *set, RunKey from, RunKey to)
{
    int64_t peak = 0;
    for (int i = runset_index(set, from + 1); i < set->n && set->keys[i] <= to; i++)
        peak = set->live[i] > peak ? set->live[i] : peak;
    return peak;
}

int64_t runset_peak(const RunSet *set)
{
    int64_t peak = 0;
    for (int i = 0; i < set->n; i++)
        peak = set->live[i] > peak ? set->live[i] : peak;
    return peak;
}

/* --- copies ------------------------------------------------------------------------------------
 */

/* The copy of v that holds at `key`: born at the last birth < key. Its last read is before the next
 * birth; `before` limits the reads that count to those < before. */
static RunKey copy_end(const RunSet *set, int v, RunKey birth, RunKey before)
{
    const KeyList *reads = &set->reads[v];
    int i = list_below(reads, before);
    return i > 0 && reads->data[i - 1] > birth ? reads->data[i - 1] : birth;
}

RunKey runset_copy_end(const RunSet *set, int v, RunKey key)
{
    const KeyList *births = &set->births[v];
    int next = list_below(births, key);
    return copy_end(set, v, births->data[next - 1],
                    next < births->n ? births->data[next] : INT64_MAX);
}

/* The last read of the copy of v born exactly at `key`. */
static RunKey born_copy_end(const RunSet *set, int v, RunKey key)
{
    return runset_copy_end(set, v, key + 1);
}

bool runset_is_useless(const RunSet *set, RunKey key)
{
    const RecomputeProblem *p = set->problem;
    int node = key_node(set, key);
    for (int e = p->write_start[node]; e < p->write_start[node + 1]; e++)
        if (born_copy_end(set, p->writes[e], key) != key)
            return false;
    return true;
}

/* Beside values: a node's workspace, less what its writes take over from its reads. */
static int64_t own_bytes(const RecomputeProblem *p, int node)
{
    int64_t bytes = p->workspace_bytes ? (int64_t)p->workspace_bytes[node] : 0;
    return bytes - (p->taken_bytes ? (int64_t)p->taken_bytes[node] : 0);
}

/* The bytes that are still live after the run at index i, for whatever comes next. */
static int64_t live_after(const RunSet *set, int i)
{
    const RecomputeProblem *p = set->problem;
    RunKey key = set->keys[i];
    int node = key_node(set, key);
    int64_t live = set->live[i];
    live -= own_bytes(p, node);
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++) {
        int v = p->reads[e];
        if (set->writers[v] >= 0 && runset_copy_end(set, v, key) == key)
            live -= set->bytes[v];
    }
    for (int e = p->write_start[node]; e < p->write_start[node + 1]; e++)
        if (born_copy_end(set, p->writes[e], key) == key)
            live -= set->bytes[p->writes[e]];
    return live;
}

/* --- one run -----------------------------------------------------------------------------------
 */

static void open_slot(RunSet *set, int at, RunKey key)
{
    if (set->n == set->capacity) {
        set->capacity = 2 * set->capacity + 16;
        set->keys = xrealloc(set->keys, (size_t)set->capacity * sizeof *set->keys);
        set->live = xrealloc(set->live, (size_t)set->capacity * sizeof *set->live);
    }
    int64_t live = at > 0 ? live_after(set, at - 1) : 0;
    size_t tail = (size_t)(set->n - at);
    memmove(set->keys + at + 1, set->keys + at, tail * sizeof *set->keys);
    memmove(set->live + at + 1, set->live + at, tail * sizeof *set->live);
    set->n++;
    set->keys[at] = key;
    set->live[at] = live;
    set->overload += above(live, set->budget);
}

static void close_slot(RunSet *set, int at)
{
    set->overload -= above(set->live[at], set->budget);
    set->n--;
    size_t tail = (size_t)(set->n - at);
    memmove(set->keys + at, set->keys + at + 1, tail * sizeof *set->keys);
    memmove(set->live + at, set->live + at + 1, tail * sizeof *set->live);
}

/* A new run reads v: its copy has to last until then. */
static void add_read(RunSet *set, int v, RunKey key)
{
    RunKey end = runset_copy_end(set, v, key);
    if (end < key)
        add_between(set, end, key, set->bytes[v]);
    list_insert(&set->reads[v], key);
}

static void remove_read(RunSet *set, int v, RunKey key)
{
    list_remove(&set->reads[v], key);
    RunKey end = runset_copy_end(set, v, key);
    if (end < key)
        add_between(set, end, key, -set->bytes[v]);
}

/* A new birth of v: the reads after it take the new copy, so the old one may end earlier. */
static void add_birth(RunSet *set, int v, RunKey key)
{
    RunKey end = key, old_end = -1;
    if (set->births[v].n > 0) {
        end = runset_copy_end(set, v, key);
        old_end = copy_end(set, v, set->births[v].data[list_below(&set->births[v], key) - 1], key);
    }
    list_insert(&set->births[v], key);
    if (end > key)
        add_between(set, old_end, key - 1, -set->bytes[v]);
    else
        add_between(set, key - 1, key, set->bytes[v]);
}

static void remove_birth(RunSet *set, int v, RunKey key)
{
    RunKey end = born_copy_end(set, v, key);
    RunKey old_end = runset_copy_end(set, v, key);
    list_remove(&set->births[v], key);
    if (end > key)
        add_between(set, old_end, key - 1, set->bytes[v]);
    else
        add_between(set, key - 1, key, -set->bytes[v]);
}

static void add_workspace(RunSet *set, int node, RunKey key, int sign)
{
    int64_t bytes = own_bytes(set->problem, node);
    if (bytes != 0)
        add_between(set, key - 1, key, sign * bytes);
}

void runset_insert(RunSet *set, RunKey key)
{
    const RecomputeProblem *p = set->problem;
    int node = key_node(set, key);
    open_slot(set, runset_index(set, key), key);
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++)
        if (set->writers[p->reads[e]] >= 0)
            add_read(set, p->reads[e], key);
    for (int e = p->write_start[node]; e < p->write_start[node + 1]; e++)
        add_birth(set, p->writes[e], key);
    add_workspace(set, node, key, 1);
    set->cost += p->cost[node];
    set->work += 60 + set->n / 16;
}

void runset_remove(RunSet *set, RunKey key)
{
    const RecomputeProblem *p = set->problem;
    int node = key_node(set, key);
    add_workspace(set, node, key, -1);
    for (int e = p->write_start[node]; e < p->write_start[node + 1]; e++)
        remove_birth(set, p->writes[e], key);
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++)
        if (set->writers[p->reads[e]] >= 0)
            remove_read(set, p->reads[e], key);
    close_slot(set, runset_index(set, key));
    set->cost -= p->cost[node];
    set->work += 60 + set->n / 16;
}

bool runset_has(const RunSet *set, RunKey key)
{
    int i = runset_index(set, key);
    return i < set->n && set->keys[i] == key;
}

/* --- making ------------------------------------------------------------------------------------
 */

RunSet *runset_new(const RecomputeProblem *problem, int64_t budget)
{
    RunSet *set = xcalloc(1, sizeof *set);
    size_t n_values = (size_t)problem->n_values + 1;
    set->problem = problem;
    set->budget = budget;
    set->writers = recompute_writers(problem);
    set->bytes = xcalloc(n_values, sizeof *set->bytes);
    set->births = xcalloc(n_values, sizeof *set->births);
    set->reads = xcalloc(n_values, sizeof *set->reads);
    for (int v = 0; v < problem->n_values; v++)
        set->bytes[v] = (int64_t)problem->value_bytes[v];
    for (int k = 0; k < problem->n_nodes; k++)
        runset_insert(set, run_key(set, k, k));
    for (int v = 0; v < problem->n_values; v++)
        if (problem->is_output && problem->is_output[v] && set->writers[v] >= 0)
            add_read(set, v, run_key(set, problem->n_nodes, 0));
    set->work = 0;
    return set;
}

void runset_free(RunSet *set)
{
    if (!set)
        return;
    for (int v = 0; v < set->problem->n_values; v++) {
        free(set->births[v].data);
        free(set->reads[v].data);
    }
    free(set->births);
    free(set->reads);
    free(set->writers);
    free(set->bytes);
    free(set->keys);
    free(set->live);
    free(set);
}

void runset_set_budget(RunSet *set, int64_t budget)
{
    set->budget = budget;
    set->overload = 0;
    for (int i = 0; i < set->n; i++)
        set->overload += above(set->live[i], budget);
}
