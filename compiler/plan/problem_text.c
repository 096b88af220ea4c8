/* A problem as text, and back:
 *
 *     problem 256                                             alignment
 *     instance 0 -1 1 mark "layer[0]" "bert.net:41"           parent, index, type
 *     value 4096 activation 3 -1 0 keep to_end "h"            bytes, class, producer, takes,
 * instance node forward 1e-06 4096 0 -1 0 replayable "relu" "h"    phase, seconds, FLOPs,
 * workspace, the reads 1 2                                           forward node, instance writes
 * 3 may 3 1                                             value 3 may take the bytes of value 1
 *
 * Instances, values and nodes are counted in the order of their lines; lines may be in any order
 * but for what belongs to a node, which follows it. */
#include "plan/problem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- print ---------------------------------------------------------------------------------------
 */

static void print_ids(Text *out, const char *word, const int *ids, int n)
{
    if (n == 0)
        return;
    text_printf(out, "    %s", word);
    for (int i = 0; i < n; i++)
        text_printf(out, " %d", ids[i]);
    text_printf(out, "\n");
}

static void print_value(Text *out, const Value *v)
{
    text_printf(out, "value %zu %s %d %d %d%s%s%s \"%s\"\n", v->bytes, class_name(v->class),
                v->producer, v->takes, v->instance, v->resident ? " resident" : "",
                v->to_end ? " to_end" : "", v->keep ? " keep" : "", v->name);
}

static void print_node(Text *out, const ProblemNode *node)
{
    text_printf(out, "node %s %.17g %.17g %zu %d %d%s \"%s\" \"%s\"\n", phase_name(node->phase),
                node->seconds, node->flops, node->workspace_bytes, node->forward, node->instance,
                node->replayable ? " replayable" : "", node->op, node->name);
    print_ids(out, "reads", node->reads, node->n_reads);
    print_ids(out, "writes", node->writes, node->n_writes);
    for (int w = 0; node->may_take && w < node->n_writes; w++)
        if (node->n_may_take[w] > 0) {
            text_printf(out, "    may %d", node->writes[w]);
            for (int i = 0; i < node->n_may_take[w]; i++)
                text_printf(out, " %d", node->may_take[w][i]);
            text_printf(out, "\n");
        }
}

void problem_print(Text *out, const Problem *problem)
{
    text_printf(out, "problem %zu\n", problem->alignment);
    for (int i = 0; i < problem->n_instances; i++) {
        const ProblemInstance *in = &problem->instances[i];
        text_printf(out, "instance %d %d %d%s \"%s\" \"%s\"\n", in->parent, in->index, in->type,
                    in->checkpoint ? " mark" : "", in->path, in->source);
    }
    for (int v = 0; v < problem->n_values; v++)
        print_value(out, &problem->values[v]);
    for (int i = 0; i < problem->n_nodes; i++)
        print_node(out, &problem->nodes[i]);
}

/* --- read ----------------------------------------------------------------------------------------
 */

typedef struct {
    Arena *arena;
    const char *at; /* the rest of the text */
    int line;
    const char *error;
    Problem *problem;
    ARRAY(Value) values;
    ARRAY(ProblemNode) nodes;
    ARRAY(ProblemInstance) instances;
} Reader;

static void fail(Reader *r, const char *what)
{
    if (!r->error)
        r->error = arena_printf(r->arena, "%d: error: expected %s", r->line, what);
}

static void skip_blanks(Reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')
        r->at++;
}

/* The next word of the line, or "" at its end. */
static const char *next_word(Reader *r)
{
    skip_blanks(r);
    size_t n = strcspn(r->at, " \t\r\n");
    const char *word = arena_strndup(r->arena, r->at, n);
    r->at += n;
    return word;
}

static bool next_is(Reader *r, const char *word)
{
    skip_blanks(r);
    size_t n = strlen(word);
    if (strncmp(r->at, word, n) != 0 || !strchr(" \t\r\n", r->at[n]))
        return false;
    r->at += n;
    return true;
}

static const char *next_string(Reader *r)
{
    skip_blanks(r);
    const char *end = *r->at == '"' ? strpbrk(r->at + 1, "\"\n") : NULL;
    if (!end || *end != '"') {
        fail(r, "a name in double quotes");
        return "";
    }
    const char *text = arena_strndup(r->arena, r->at + 1, (size_t)(end - r->at - 1));
    r->at = end + 1;
    return text;
}

static double next_real(Reader *r)
{
    const char *word = next_word(r);
    char *end;
    double x = strtod(word, &end);
    if (end == word || *end || !(x >= 0) || x > 1e300)
        fail(r, "a number that is not negative");
    return x;
}

static size_t next_bytes(Reader *r)
{
    const char *word = next_word(r);
    char *end;
    unsigned long long n = strtoull(word, &end, 10);
    if (!isdigit((unsigned char)*word) || *end || n > (1ULL << 60))
        fail(r, "a size in bytes");
    return (size_t)n;
}

static int next_int(Reader *r)
{
    const char *word = next_word(r);
    char *end;
    long n = strtol(word, &end, 10);
    if (end == word || *end || n < -1 || n > 1000000000) {
        fail(r, "a whole number from -1 on");
        return -1;
    }
    return (int)n;
}

static bool more_on_line(Reader *r)
{
    skip_blanks(r);
    return *r->at && *r->at != '\n' && !r->error;
}

static int *next_ids(Reader *r, int *n)
{
    ARRAY(int) ids = {0};
    while (more_on_line(r))
        PUSH(r->arena, ids, next_int(r));
    *n = ids.n;
    return ids.data;
}

static TensorClass next_class(Reader *r)
{
    const char *word = next_word(r);
    for (TensorClass class = 0; class < N_CLASSES; class ++)
        if (strcmp(word, class_name(class)) == 0)
            return class;
    fail(r, "a class of tensors");
    return CLASS_activation;
}

static Phase next_phase(Reader *r)
{
    const char *word = next_word(r);
    for (Phase phase = 0; phase < N_PHASES; phase++)
        if (strcmp(word, phase_name(phase)) == 0)
            return phase;
    fail(r, "forward, backward or update");
    return PHASE_forward;
}

static void read_instance(Reader *r)
{
    ProblemInstance in = {0};
    in.parent = next_int(r);
    in.index = next_int(r);
    in.type = next_int(r);
    in.checkpoint = next_is(r, "mark");
    in.path = next_string(r);
    in.source = next_string(r);
    PUSH(r->arena, r->instances, in);
}

static void read_value(Reader *r)
{
    Value v = {0};
    v.bytes = next_bytes(r);
    v.class = next_class(r);
    v.producer = next_int(r);
    v.takes = next_int(r);
    v.instance = next_int(r);
    v.resident = next_is(r, "resident");
    v.to_end = next_is(r, "to_end");
    v.keep = next_is(r, "keep");
    v.name = next_string(r);
    PUSH(r->arena, r->values, v);
}

static void read_node(Reader *r)
{
    ProblemNode node = {0};
    node.phase = next_phase(r);
    node.seconds = next_real(r);
    node.flops = next_real(r);
    node.workspace_bytes = next_bytes(r);
    node.forward = next_int(r);
    node.instance = next_int(r);
    node.replayable = next_is(r, "replayable");
    node.op = next_string(r);
    node.name = next_string(r);
    PUSH(r->arena, r->nodes, node);
}

static void read_writes(Reader *r, ProblemNode *node)
{
    node->writes = next_ids(r, &node->n_writes);
    node->may_take = NEW_N(r->arena, int *, node->n_writes);
    node->n_may_take = NEW_N(r->arena, int, node->n_writes);
}

static void read_may(Reader *r, ProblemNode *node)
{
    int value = next_int(r);
    for (int w = 0; w < node->n_writes; w++)
        if (node->writes[w] == value) {
            node->may_take[w] = next_ids(r, &node->n_may_take[w]);
            return;
        }
    fail(r, "a value that this node writes");
}

static void read_line(Reader *r)
{
    ProblemNode *node = r->nodes.n > 0 ? &r->nodes.data[r->nodes.n - 1] : NULL;
    if (!more_on_line(r))
        return;
    if (next_is(r, "problem"))
        r->problem->alignment = next_bytes(r);
    else if (next_is(r, "instance"))
        read_instance(r);
    else if (next_is(r, "value"))
        read_value(r);
    else if (next_is(r, "node"))
        read_node(r);
    else if (node && next_is(r, "reads"))
        node->reads = next_ids(r, &node->n_reads);
    else if (node && !node->writes && next_is(r, "writes"))
        read_writes(r, node);
    else if (node && next_is(r, "may"))
        read_may(r, node);
    else
        fail(r, "problem, instance, value, node, reads, writes or may");
    if (more_on_line(r))
        fail(r, "the end of the line");
}

/* Ids in [low, n). */
static bool in_range(const int *ids, int n_ids, int low, int n)
{
    for (int i = 0; i < n_ids; i++)
        if (ids[i] < low || ids[i] >= n)
            return false;
    return true;
}

static bool node_is_sound(const Problem *p, int id)
{
    const ProblemNode *node = &p->nodes[id];
    bool sound = in_range(node->reads, node->n_reads, 0, p->n_values) &&
                 in_range(node->writes, node->n_writes, 0, p->n_values) &&
                 in_range(&node->forward, 1, -1, p->n_nodes) &&
                 in_range(&node->instance, 1, 0, p->n_instances);
    for (int w = 0; w < node->n_writes && sound; w++)
        sound = p->values[node->writes[w]].producer == id &&
                in_range(node->may_take[w], node->n_may_take[w], 0, p->n_values);
    return sound;
}

static const char *check(Arena *arena, const Problem *p)
{
    if (p->alignment == 0)
        return "error: there is no line `problem ALIGNMENT`";
    for (int i = 0; i < p->n_instances; i++)
        if (!in_range(&p->instances[i].parent, 1, -1, i))
            return arena_printf(arena, "error: instance %d: its parent must come before it", i);
    for (int v = 0; v < p->n_values; v++)
        if (!in_range(&p->values[v].producer, 1, -1, p->n_nodes) ||
            !in_range(&p->values[v].takes, 1, -1, p->n_values) ||
            !in_range(&p->values[v].instance, 1, 0, p->n_instances))
            return arena_printf(arena, "error: value %d: a number is out of range", v);
    for (int i = 0; i < p->n_nodes; i++)
        if (!node_is_sound(p, i))
            return arena_printf(arena, "error: node %d: a number is out of range", i);
    return NULL;
}

Problem *problem_read(Arena *arena, const char *text, const char **error)
{
    Reader r = {.arena = arena, .at = text, .line = 1, .problem = NEW(arena, Problem)};
    for (; *r.at && !r.error; r.line++) {
        read_line(&r);
        r.at += strcspn(r.at, "\n");
        r.at += *r.at == '\n';
    }
    Problem *p = r.problem;
    p->values = r.values.data;
    p->n_values = r.values.n;
    p->nodes = r.nodes.data;
    p->n_nodes = r.nodes.n;
    p->instances = r.instances.data;
    p->n_instances = r.instances.n;
    *error = r.error ? r.error : check(arena, p);
    return *error ? NULL : p;
}
