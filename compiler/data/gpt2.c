/* Text is parted into pieces by GPT-2's pattern, written out below as code:
 *
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * and within a piece, whose bytes are the first tokens, the pair of neighbours that comes first in
 * vocab.bpe is joined, the leftmost of equals first, until no pair is left. The tokens of a piece
 * are a linked list, and a heap holds the pairs, so that a piece of a megabyte takes no more than n
 * log n. */
#include "data/gpt2.h"

#include "data/files.h"
#include "data/message.h"
#include "data/words.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

typedef struct {
    int left, right; /* ids; left is -1 where the slot is free */
    int rank, joined;
} Merge;

typedef struct {
    int id, previous, next; /* next is -1 at the end; id is -1 once joined to the one before */
} Node;

typedef struct {
    int rank, node;  /* where the pair starts */
    int left, right; /* its ids when it was put in */
} Candidate;

struct Gpt2 {
    Arena *arena;
    Map *ids; /* of tokens, as encoder.json spells them */
    int n_ids, end_of_text;
    int byte_ids[256];
    Merge *merges; /* open addressing by (left, right) */
    size_t n_slots;
    Node *nodes; /* of the piece at hand */
    size_t n_room;
    Candidate *heap;
    int n_heap;
    size_t n_heap_room;
};

int gpt2_n_ids(const Gpt2 *gpt2)
{
    return gpt2->n_ids;
}

int gpt2_end_of_text(const Gpt2 *gpt2)
{
    return gpt2->end_of_text;
}

void gpt2_free(Gpt2 *gpt2)
{
    if (!gpt2)
        return;
    free(gpt2->merges);
    free(gpt2->nodes);
    free(gpt2->heap);
}

/* --- loading -----------------------------------------------------------------------------------
 */

/* encoder.json spells a byte as a printable character: itself, or one from U+0100 on. */
static void spell_byte(int byte, char spelled[5])
{
    int character = byte;
    if (byte <= ' ')
        character = 0x100 + byte;
    else if (byte >= 0x7F && byte <= 0xA0)
        character = 0x100 + 33 + byte - 0x7F;
    else if (byte == 0xAD)
        character = 0x100 + 67;
    spelled[utf8proc_encode_char(character, (utf8proc_uint8_t *)spelled)] = '\0';
}

static int load_bytes(const char *path, Gpt2 *gpt2)
{
    for (int byte = 0; byte < 256; byte++) {
        char spelled[5];
        spell_byte(byte, spelled);
        gpt2->byte_ids[byte] = map_get(gpt2->ids, spelled);
        if (gpt2->byte_ids[byte] < 0)
            return message_error(EXIT_INPUT, path, 0, "has no token '%s' for the byte %d", spelled,
                                 byte);
    }
    return EXIT_DONE;
}

static int load_encoder(const char *path, Gpt2 *gpt2)
{
    Bytes bytes;
    int status = file_read(path, &bytes);
    if (status != EXIT_DONE)
        return status;
    cJSON *json = cJSON_ParseWithLength(bytes.data, bytes.n);
    if (!cJSON_IsObject(json))
        status =
            message_error(EXIT_INPUT, path, 0, "expected a JSON object of tokens and their ids");
    for (const cJSON *item = json ? json->child : NULL; status == EXIT_DONE && item;
         item = item->next) {
        if (!cJSON_IsNumber(item) || item->valueint < 0 || item->valueint > 1 << 24)
            status = message_error(EXIT_INPUT, path, 0, "the token '%s' has no id", item->string);
        else
            map_add(gpt2->ids, item->string, item->valueint);
        if (item->valueint >= gpt2->n_ids)
            gpt2->n_ids = item->valueint + 1;
    }
    cJSON_Delete(json);
    free(bytes.data);
    gpt2->end_of_text = map_get(gpt2->ids, "<|endoftext|>");
    return status == EXIT_DONE ? load_bytes(path, gpt2) : status;
}

static Merge *merge_slot(const Gpt2 *gpt2, int left, int right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t i = (size_t)(key * 0x9E3779B97F4A7C15u >> 32) & (gpt2->n_slots - 1);
    while (gpt2->merges[i].left >= 0 &&
           (gpt2->merges[i].left != left || gpt2->merges[i].right != right))
        i = (i + 1) & (gpt2->n_slots - 1);
    return &gpt2->merges[i];
}

static void make_slots(Gpt2 *gpt2, const Bytes *bytes)
{
    size_t n_lines = 1;
    for (size_t i = 0; i < bytes->n; i++)
        n_lines += bytes->data[i] == '\n';
    for (gpt2->n_slots = 16; gpt2->n_slots < 2 * n_lines;)
        gpt2->n_slots *= 2;
    gpt2->merges = xmalloc(gpt2->n_slots * sizeof *gpt2->merges);
    for (size_t i = 0; i < gpt2->n_slots; i++)
        gpt2->merges[i].left = -1;
}

/* line is `left right`. */
static int load_merge(Gpt2 *gpt2, const char *path, size_t number, char *line)
{
    char *space = strchr(line, ' ');
    if (!space || space == line || !space[1] || strchr(space + 1, ' '))
        return message_error(EXIT_INPUT, path, number, "expected two tokens with a space between");
    *space = '\0';
    int left = map_get(gpt2->ids, line), right = map_get(gpt2->ids, space + 1);
    memmove(space, space + 1, strlen(space + 1) + 1);
    int joined = map_get(gpt2->ids, line);
    if (left < 0 || right < 0 || joined < 0)
        return message_error(EXIT_INPUT, path, number, "'%s' or one of its parts is no token",
                             line);
    Merge *slot = merge_slot(gpt2, left, right);
    if (slot->left < 0)
        *slot = (Merge){left, right, (int)number, joined};
    return EXIT_DONE;
}

static int load_merges(Gpt2 *gpt2, const char *path)
{
    Bytes bytes;
    int status = file_read(path, &bytes);
    if (status != EXIT_DONE)
        return status;
    make_slots(gpt2, &bytes);
    size_t number = 0;
    for (char *line = bytes.data, *end; status == EXIT_DONE && *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        number++;
        if (*line && !(number == 1 && *line == '#'))
            status = load_merge(gpt2, path, number, line);
    }
    free(bytes.data);
    return status;
}

int gpt2_load(Arena *arena, const char *encoder_path, const char *merges_path, Gpt2 **result)
{
    Gpt2 *gpt2 = *result = NEW(arena, Gpt2);
    gpt2->arena = arena;
    gpt2->ids = map_new(arena);
    int status = load_encoder(encoder_path, gpt2);
    return status == EXIT_DONE ? load_merges(gpt2, merges_path) : status;
}

/* --- one piece ----------------------------------------------------------------------------------
 */

static bool comes_before(Candidate a, Candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.node < b.node;
}

static void heap_push(Gpt2 *gpt2, Candidate candidate)
{
    if ((size_t)gpt2->n_heap == gpt2->n_heap_room) {
        gpt2->n_heap_room = 2 * gpt2->n_heap_room + 64;
        gpt2->heap = xrealloc(gpt2->heap, gpt2->n_heap_room * sizeof *gpt2->heap);
    }
    int i = gpt2->n_heap++;
    for (; i > 0 && comes_before(candidate, gpt2->heap[(i - 1) / 2]); i = (i - 1) / 2)
        gpt2->heap[i] = gpt2->heap[(i - 1) / 2];
    gpt2->heap[i] = candidate;
}

static Candidate heap_pop(Gpt2 *gpt2)
{
    Candidate *heap = gpt2->heap, top = heap[0], last = heap[--gpt2->n_heap];
    int i = 0;
    for (int child; (child = 2 * i + 1) < gpt2->n_heap; i = child) {
        if (child + 1 < gpt2->n_heap && comes_before(heap[child + 1], heap[child]))
            child++;
        if (!comes_before(heap[child], last))
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return top;
}

/* Puts the pair that starts at the node into the heap, where vocab.bpe joins it. */
static void consider(Gpt2 *gpt2, int node)
{
    if (node < 0 || gpt2->nodes[node].next < 0)
        return;
    int left = gpt2->nodes[node].id, right = gpt2->nodes[gpt2->nodes[node].next].id;
    const Merge *merge = merge_slot(gpt2, left, right);
    if (merge->left >= 0)
        heap_push(gpt2, (Candidate){merge->rank, node, left, right});
}

static void join(Gpt2 *gpt2, Candidate candidate)
{
    Node *node = &gpt2->nodes[candidate.node];
    if (node->id != candidate.left || node->next < 0 ||
        gpt2->nodes[node->next].id != candidate.right)
        return;
    Node *gone = &gpt2->nodes[node->next];
    node->id = merge_slot(gpt2, candidate.left, candidate.right)->joined;
    node->next = gone->next;
    gone->id = -1;
    if (node->next >= 0)
        gpt2->nodes[node->next].previous = candidate.node;
    consider(gpt2, node->previous);
    consider(gpt2, candidate.node);
}

/* n > 0 bytes. */
static void encode_piece(Gpt2 *gpt2, const char *text, int n, void (*put)(void *, int32_t),
                         void *context)
{
    if ((size_t)n > gpt2->n_room) {
        gpt2->n_room = 2 * (size_t)n;
        gpt2->nodes = xrealloc(gpt2->nodes, gpt2->n_room * sizeof *gpt2->nodes);
    }
    for (int i = 0; i < n; i++)
        gpt2->nodes[i] =
            (Node){gpt2->byte_ids[(unsigned char)text[i]], i - 1, i + 1 < n ? i + 1 : -1};
    for (int i = 0; i < n; i++)
        consider(gpt2, i);
    while (gpt2->n_heap)
        join(gpt2, heap_pop(gpt2));
    for (int i = 0; i >= 0; i = gpt2->nodes[i].next)
        put(context, gpt2->nodes[i].id);
}

/* --- the pattern ---------------------------------------------------------------------------------
 */

typedef enum { KIND_END, KIND_LETTER, KIND_NUMBER, KIND_SPACE, KIND_OTHER } Kind;

static Kind kind_of(int32_t c)
{
    if (c < 0)
        return KIND_OTHER;
    utf8proc_category_t category = utf8proc_category(c);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
        return KIND_LETTER;
    if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO)
        return KIND_NUMBER;
    bool space = (c >= '\t' && c <= '\r') || c == 0x85 ||
                 (category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_ZP);
    return space ? KIND_SPACE : KIND_OTHER;
}

/* The kind of the character at text[at], and how many bytes it has. */
static Kind kind_at(const char *text, size_t n, size_t at, size_t *taken)
{
    int32_t c;
    *taken = 0;
    if (at >= n)
        return KIND_END;
    *taken = words_next(text + at, n - at, &c);
    return kind_of(c);
}

static size_t contraction_end(const char *text, size_t n)
{
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; *text == '\'' && i < sizeof endings / sizeof *endings; i++)
        if (strlen(endings[i]) <= n && memcmp(text, endings[i], strlen(endings[i])) == 0)
            return strlen(endings[i]);
    return 0;
}

/* The bytes of white space that start text, but the last character of it where more text follows.
 */
static size_t space_end(const char *text, size_t n)
{
    size_t end = 0, last = 0, taken;
    while (kind_at(text, n, end, &taken) == KIND_SPACE) {
        last = end;
        end += taken;
    }
    return end == n || last == 0 ? end : last;
}

/* The bytes of the piece that starts text[0..n), n > 0. */
static size_t piece_end(const char *text, size_t n)
{
    size_t end = contraction_end(text, n), taken;
    if (end)
        return end;
    end = *text == ' ';
    Kind kind = kind_at(text, n, end, &taken);
    if (kind == KIND_SPACE || kind == KIND_END)
        return space_end(text, n);
    while (kind_at(text, n, end, &taken) == kind)
        end += taken;
    return end;
}

void gpt2_encode(Gpt2 *gpt2, const char *text, size_t n, void (*put)(void *context, int32_t id),
                 void *context)
{
    for (size_t i = 0; i < n;) {
        size_t piece = piece_end(text + i, n - i);
        if (piece > INT32_MAX / 4)
            piece = INT32_MAX / 4;
        encode_piece(gpt2, text + i, (int)piece, put, context);
        i += piece;
    }
}
