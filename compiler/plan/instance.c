/* Reads a `.g` file into a recompute problem, and says where it is wrong. See instance.h. */
#include "plan/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 1000000, MAX_EDGES = 20000000 };

typedef struct {
    int from, to, line;
} Edge;

typedef struct {
    Arena *arena;
    const char *name;
    const char *start_of_line, *at, *end;
    int line;
    const char *message;
    int n_nodes, n_edges;
    size_t *bytes;
    double *cost;
    Edge *edges;
} Reader;

/* --- words on a line ----------------------------------------------------------------------------
 */

__attribute__((format(printf, 3, 4))) static bool fail(Reader *r, const char *where,
                                                       const char *format, ...)
{
    Text text = text_new(r->arena);
    text_printf(&text, "%s:%d:%d: error: ", r->name, r->line, (int)(where - r->start_of_line) + 1);
    va_list args;
    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    r->message = text.data;
    return false;
}

static void skip_blanks(Reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

static bool at_word(const Reader *r)
{
    return r->at < r->end && *r->at != '\n' && *r->at != ' ' && *r->at != '\t' && *r->at != '\r';
}

/* The next word of this line into word[64]; *where is its start. */
static bool next_word(Reader *r, const char *expected, char *word, const char **where)
{
    skip_blanks(r);
    *where = r->at;
    size_t n = 0;
    for (; at_word(r); r->at++)
        if (n < 63)
            word[n++] = *r->at;
    word[n] = 0;
    if (n == 0)
        return fail(r, *where, "expected %s, found the end of the %s", expected,
                    r->at == r->end ? "file" : "line");
    if (r->at - *where > 63 || strlen(word) != n)
        return fail(r, *where, "expected %s, found something longer or with a zero byte", expected);
    return true;
}

static bool read_integer(Reader *r, const char *expected, uint64_t most, uint64_t *value)
{
    char word[64], *rest;
    const char *where;
    if (!next_word(r, expected, word, &where))
        return false;
    if (word[0] == '-')
        return fail(r, where, "expected %s, found the negative number %s", expected, word);
    errno = 0;
    *value = strtoull(word, &rest, 10);
    if (word[0] < '0' || word[0] > '9' || *rest)
        return fail(r, where, "expected %s, found '%s'", expected, word);
    if (errno || *value > most)
        return fail(r, where, "%s is too large for %s: at most %llu", word, expected,
                    (unsigned long long)most);
    return true;
}

static bool read_cost(Reader *r, double *value)
{
    char word[64], *rest;
    const char *where;
    if (!next_word(r, "a cost", word, &where))
        return false;
    if (word[0] == '-')
        return fail(r, where, "expected a cost, found the negative number %s", word);
    *value = strtod(word, &rest);
    if (word[0] < '0' || word[0] > '9' || *rest || strpbrk(word, "xX"))
        return fail(r, where, "expected a cost, found '%s'", word);
    if (!(*value <= 1e300))
        return fail(r, where, "the cost %s is too large: at most 1e300", word);
    return true;
}

static bool end_line(Reader *r)
{
    skip_blanks(r);
    if (at_word(r))
        return fail(r, r->at, "expected the end of the line");
    if (r->at < r->end) {
        r->at++;
        r->line++;
    }
    r->start_of_line = r->at;
    return true;
}

/* --- the file's three parts ---------------------------------------------------------------------
 */

static bool read_header(Reader *r)
{
    uint64_t n = 0, m = 0;
    if (!read_integer(r, "the number of nodes", MAX_NODES, &n) ||
        !read_integer(r, "the number of edges", MAX_EDGES, &m))
        return false;
    if (n == 0)
        return fail(r, r->start_of_line, "expected at least one node");
    /* A line takes at least 4 bytes: no more is allocated than the file can fill. */
    if ((n + m) > (uint64_t)(r->end - r->at))
        return fail(r, r->start_of_line, "the file is too short for %llu nodes and %llu edges",
                    (unsigned long long)n, (unsigned long long)m);
    r->n_nodes = (int)n;
    r->n_edges = (int)m;
    return end_line(r);
}

static bool read_nodes(Reader *r)
{
    r->bytes = NEW_N(r->arena, size_t, r->n_nodes);
    r->cost = NEW_N(r->arena, double, r->n_nodes);
    uint64_t total = 0, most = (uint64_t)1 << 62;
    for (int k = 0; k < r->n_nodes; k++) {
        uint64_t bytes = 0, is_backward;
        const char *start = r->at;
        if (!read_integer(r, "a size in bytes", most, &bytes) || !read_cost(r, &r->cost[k]) ||
            !read_integer(r, "is_backward, 0 or 1", 1, &is_backward))
            return false;
        total += bytes;
        if (total > most)
            return fail(r, start, "the sizes add up to more than 2^62 bytes");
        r->bytes[k] = (size_t)bytes;
        if (!end_line(r))
            return false;
    }
    return true;
}

static bool read_edges(Reader *r)
{
    r->edges = NEW_N(r->arena, Edge, r->n_edges + 1);
    for (int e = 0; e < r->n_edges; e++) {
        uint64_t from = 0, to = 0, last = (uint64_t)r->n_nodes - 1;
        r->edges[e].line = r->line;
        if (!read_integer(r, "a node's number", last, &from) ||
            !read_integer(r, "a node's number", last, &to))
            return false;
        if (from == to)
            return fail(r, r->start_of_line, "node %d cannot read its own output: a cycle",
                        (int)from);
        r->edges[e].from = (int)from;
        r->edges[e].to = (int)to;
        if (!end_line(r))
            return false;
    }
    while (r->at < r->end)
        if (skip_blanks(r), at_word(r))
            return fail(r, r->at, "expected the end of the file after %d nodes and %d edges",
                        r->n_nodes, r->n_edges);
        else if (!end_line(r))
            return false;
    return true;
}

/* --- the graph ----------------------------------------------------------------------------------
 */

static int by_reader(const void *a, const void *b)
{
    const Edge *x = a, *y = b;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* Takes away nodes with no inputs left until none is; what remains lies on or behind a cycle. The
 * edges are sorted by reader. */
static bool has_cycle(const Reader *r)
{
    int *n_inputs = xcalloc((size_t)r->n_nodes, sizeof *n_inputs);
    int *queue = xcalloc((size_t)r->n_nodes, sizeof *queue);
    int *first = xcalloc((size_t)r->n_nodes + 1, sizeof *first);
    int *readers = xcalloc((size_t)r->n_edges + 1, sizeof *readers);
    for (int e = 0; e < r->n_edges; e++) {
        n_inputs[r->edges[e].to]++;
        first[r->edges[e].from + 1]++;
    }
    for (int k = 0; k < r->n_nodes; k++)
        first[k + 1] += first[k];
    for (int e = r->n_edges - 1; e >= 0; e--)
        readers[--first[r->edges[e].from + 1]] = r->edges[e].to;
    int n_done = 0, n_queued = 0;
    for (int k = 0; k < r->n_nodes; k++)
        if (n_inputs[k] == 0)
            queue[n_queued++] = k;
    while (n_done < n_queued) {
        int k = queue[n_done++];
        int end = k + 2 <= r->n_nodes ? first[k + 2] : r->n_edges;
        for (int e = first[k + 1]; e < end; e++)
            if (--n_inputs[readers[e]] == 0)
                queue[n_queued++] = readers[e];
    }
    free(n_inputs);
    free(queue);
    free(first);
    free(readers);
    return n_done < r->n_nodes;
}

static bool check_order(Reader *r)
{
    const Edge *backward = NULL;
    for (int e = 0; e < r->n_edges; e++)
        if (r->edges[e].from > r->edges[e].to && (!backward || r->edges[e].line < backward->line))
            backward = &r->edges[e];
    if (!backward)
        return true;
    r->line = backward->line;
    return fail(r, r->start_of_line,
                has_cycle(r)
                    ? "the edge %d %d goes back in the order of the nodes: the graph has a "
                      "cycle"
                    : "the edge %d %d goes back in the order of the nodes: list the nodes "
                      "so that each comes after those it reads",
                backward->from, backward->to);
}

static RecomputeProblem *make_problem(Reader *r)
{
    RecomputeProblem *p = NEW(r->arena, RecomputeProblem);
    int n = r->n_nodes, n_reads = 0;
    int *read_start = NEW_N(r->arena, int, n + 1), *reads = NEW_N(r->arena, int, r->n_edges + 1);
    int *write_start = NEW_N(r->arena, int, n + 1), *writes = NEW_N(r->arena, int, n + 1);
    for (int k = 0, e = 0; k < n; k++) {
        for (; e < r->n_edges && r->edges[e].to == k; e++)
            if (n_reads == read_start[k] || reads[n_reads - 1] != r->edges[e].from)
                reads[n_reads++] = r->edges[e].from;
        read_start[k + 1] = n_reads;
        writes[k] = k;
        write_start[k + 1] = k + 1;
    }
    *p = (RecomputeProblem){.n_nodes = n,
                            .n_values = n,
                            .cost = r->cost,
                            .read_start = read_start,
                            .reads = reads,
                            .write_start = write_start,
                            .writes = writes,
                            .value_bytes = r->bytes};
    return p;
}

RecomputeProblem *instance_parse(Arena *arena, const char *name, const char *text, size_t n,
                                 const char **message)
{
    Reader r = {.arena = arena, .name = name, .line = 1};
    r.at = r.start_of_line = text;
    r.end = text + n;
    RecomputeProblem *problem = NULL;
    if (read_header(&r) && read_nodes(&r) && read_edges(&r)) {
        qsort(r.edges, (size_t)r.n_edges, sizeof *r.edges, by_reader);
        if (check_order(&r))
            problem = make_problem(&r);
    }
    *message = r.message;
    return problem;
}
