/* Pairs are counted once; a join then changes only the counts of the pairs beside it, in the words
 * that hold it. A heap gives the most frequent pair: its entries may be out of date, and one that
 * is comes back with its present count when it reaches the top. */
#include "data/learn.h"

#include "data/message.h"
#include "data/words.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *text;
    int64_t count;
    int first, n; /* its symbols: pool[first .. first + n) */
} Word;

typedef struct {
    int left, right; /* symbols */
    int64_t count;
    ARRAY(int) words; /* that hold the pair, or held it; one may be there twice */
    bool changed;     /* its count grew in the join at hand */
} Pair;

typedef struct {
    int64_t count; /* of the pair when it was put in */
    int pair;
} HeapEntry;

struct Learner {
    Arena *arena;
    Map *word_ids;
    ARRAY(Word) words;
    ARRAY(int) pool;
    Vocabulary *symbols; /* the vocabulary that grows; ids are symbols */
    ARRAY(Pair) pairs;
    int *slots; /* open addressing over pairs by (left, right): index + 1, 0 where free */
    size_t n_slots;
    ARRAY(HeapEntry) heap;
    ARRAY(int) changed; /* pairs */
};

Learner *learn_new(Arena *arena)
{
    Learner *learner = NEW(arena, Learner);
    learner->arena = arena;
    learner->word_ids = map_new(arena);
    learner->n_slots = 1 << 12;
    learner->slots = NEW_N(arena, int, learner->n_slots);
    return learner;
}

void learn_word(void *context, const char *word, size_t n_characters)
{
    Learner *learner = context;
    if (n_characters > WORD_CHARACTERS)
        return;
    int id = map_get(learner->word_ids, word);
    if (id < 0) {
        id = learner->words.n;
        map_add(learner->word_ids, word, id);
        Word fresh = {.text = arena_strdup(learner->arena, word)};
        PUSH(learner->arena, learner->words, fresh);
    }
    learner->words.data[id].count++;
}

/* --- the alphabet ---------------------------------------------------------------------------- */

typedef struct {
    int32_t character;
    int64_t count;
} Letter;

typedef struct {
    Letter *letters; /* the kept ones, by character */
    int n;
} Alphabet;

static int by_character(const void *a, const void *b)
{
    const Letter *x = a, *y = b;
    return (x->character > y->character) - (x->character < y->character);
}

static int by_count(const void *a, const void *b)
{
    const Letter *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return by_character(a, b);
}

enum { N_CHARACTERS = 0x110000 };

static Alphabet alphabet_of(Learner *learner, int limit)
{
    int64_t *counts = xcalloc(N_CHARACTERS, sizeof *counts);
    for (int w = 0; w < learner->words.n; w++) {
        const char *text = learner->words.data[w].text;
        size_t n = strlen(text);
        for (size_t i = 0; i < n;) {
            int32_t c;
            i += words_next(text + i, n - i, &c);
            counts[c] += learner->words.data[w].count;
        }
    }
    ARRAY(Letter) letters = {0};
    for (int32_t c = 0; c < N_CHARACTERS; c++)
        if (counts[c])
            PUSH(learner->arena, letters, ((Letter){c, counts[c]}));
    free(counts);
    Alphabet alphabet = {letters.data, letters.n < limit ? letters.n : limit};
    if (letters.n) {
        qsort(letters.data, (size_t)letters.n, sizeof(Letter), by_count);
        qsort(letters.data, (size_t)alphabet.n, sizeof(Letter), by_character);
    }
    return alphabet;
}

static bool alphabet_has(const Alphabet *alphabet, int32_t c)
{
    Letter key = {c, 0};
    return alphabet->n &&
           bsearch(&key, alphabet->letters, (size_t)alphabet->n, sizeof key, by_character);
}

static bool alphabet_spells(const Alphabet *alphabet, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        int32_t c;
        i += words_next(text + i, n - i, &c);
        if (!alphabet_has(alphabet, c))
            return false;
    }
    return true;
}

/* --- symbols --------------------------------------------------------------------------------- */

/* The id of the piece; it becomes one where it was none. */
static int symbol(Learner *learner, const char *piece)
{
    Vocabulary *symbols = learner->symbols;
    int id = map_get(symbols->ids, piece);
    if (id >= 0)
        return id;
    id = symbols->pieces.n;
    map_add(symbols->ids, piece, id);
    PUSH(learner->arena, symbols->pieces, arena_strdup(learner->arena, piece));
    return id;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *first_piece(const char *text, size_t n, bool starts_word, char buffer[8])
{
    int32_t c;
    size_t taken = words_next(text, n, &c), prefix = starts_word ? 0 : 2;
    memcpy(buffer, "##", 2);
    memcpy(buffer + prefix, text, taken);
    buffer[prefix + taken] = '\0';
    return buffer;
}

/* Every single-character piece of the words that the alphabet spells, those that start words first,
 * each kind in byte order. */
static void add_characters(Learner *learner, const Alphabet *alphabet)
{
    ARRAY(const char *) pieces[2] = {{0}, {0}};
    Map *seen = map_new(learner->arena);
    for (int w = 0; w < learner->words.n; w++) {
        const char *text = learner->words.data[w].text;
        size_t n = alphabet_spells(alphabet, text) ? strlen(text) : 0;
        for (size_t i = 0; i < n;) {
            char buffer[8];
            const char *piece = first_piece(text + i, n - i, i == 0, buffer);
            int kind = i > 0;
            if (map_add(seen, piece, 1))
                PUSH(learner->arena, pieces[kind], arena_strdup(learner->arena, piece));
            i += strlen(piece) - (kind ? 2 : 0);
        }
    }
    for (int kind = 0; kind < 2; kind++) {
        if (pieces[kind].n)
            qsort(pieces[kind].data, (size_t)pieces[kind].n, sizeof(char *), by_text);
        for (int i = 0; i < pieces[kind].n; i++)
            symbol(learner, pieces[kind].data[i]);
    }
}

static void start_vocabulary(Learner *learner, const Alphabet *alphabet, Vocabulary *vocabulary)
{
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    *vocabulary = (Vocabulary){.ids = map_new(learner->arena)};
    learner->symbols = vocabulary;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        symbol(learner, special[i]);
    add_characters(learner, alphabet);
}

int learn_least_size(Learner *learner, int alphabet_limit)
{
    Alphabet alphabet = alphabet_of(learner, alphabet_limit);
    Vocabulary vocabulary;
    start_vocabulary(learner, &alphabet, &vocabulary);
    return vocabulary.pieces.n;
}

/* --- pairs ----------------------------------------------------------------------------------- */

static size_t pair_slot(const Learner *learner, int left, int right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t i = (size_t)(key * 0x9E3779B97F4A7C15u >> 32) & (learner->n_slots - 1);
    for (; learner->slots[i]; i = (i + 1) & (learner->n_slots - 1)) {
        const Pair *pair = &learner->pairs.data[learner->slots[i] - 1];
        if (pair->left == left && pair->right == right)
            break;
    }
    return i;
}

static void grow_slots(Learner *learner)
{
    learner->n_slots *= 2;
    learner->slots = NEW_N(learner->arena, int, learner->n_slots);
    for (int i = 0; i < learner->pairs.n; i++) {
        const Pair *pair = &learner->pairs.data[i];
        learner->slots[pair_slot(learner, pair->left, pair->right)] = i + 1;
    }
}

static void pair_count(Learner *learner, int left, int right, int64_t change, int word)
{
    size_t slot = pair_slot(learner, left, right);
    if (!learner->slots[slot]) {
        Pair fresh = {.left = left, .right = right};
        PUSH(learner->arena, learner->pairs, fresh);
        learner->slots[slot] = learner->pairs.n;
        if (2 * (size_t)learner->pairs.n > learner->n_slots)
            grow_slots(learner);
        slot = pair_slot(learner, left, right);
    }
    int index = learner->slots[slot] - 1;
    Pair *pair = &learner->pairs.data[index];
    pair->count += change;
    if (change < 0)
        return;
    if (!pair->words.n || pair->words.data[pair->words.n - 1] != word)
        PUSH(learner->arena, pair->words, word);
    if (!pair->changed) {
        pair->changed = true;
        PUSH(learner->arena, learner->changed, index);
    }
}

static void spell_words(Learner *learner, const Alphabet *alphabet)
{
    for (int w = 0; w < learner->words.n; w++) {
        Word *word = &learner->words.data[w];
        word->first = learner->pool.n;
        size_t n = alphabet_spells(alphabet, word->text) ? strlen(word->text) : 0;
        for (size_t i = 0; i < n;) {
            char buffer[8];
            const char *piece = first_piece(word->text + i, n - i, i == 0, buffer);
            PUSH(learner->arena, learner->pool, symbol(learner, piece));
            i += strlen(piece) - (i ? 2 : 0);
        }
        word->n = learner->pool.n - word->first;
        for (int i = word->first; i + 1 < learner->pool.n; i++)
            pair_count(learner, learner->pool.data[i], learner->pool.data[i + 1], word->count, w);
    }
}

/* --- the heap: the largest count first, then the pair that is less in byte order ---------------
 */

static bool comes_before(const Learner *learner, HeapEntry a, HeapEntry b)
{
    if (a.count != b.count)
        return a.count > b.count;
    const Pair *x = &learner->pairs.data[a.pair], *y = &learner->pairs.data[b.pair];
    const char *const *text = learner->symbols->pieces.data;
    int order = strcmp(text[x->left], text[y->left]);
    return order ? order < 0 : strcmp(text[x->right], text[y->right]) < 0;
}

static void heap_push(Learner *learner, HeapEntry entry)
{
    PUSH(learner->arena, learner->heap, entry);
    HeapEntry *heap = learner->heap.data;
    int i = learner->heap.n - 1;
    for (; i > 0 && comes_before(learner, entry, heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = entry;
}

static HeapEntry heap_pop(Learner *learner)
{
    HeapEntry *heap = learner->heap.data;
    HeapEntry top = heap[0], last = heap[--learner->heap.n];
    int i = 0;
    for (int child; (child = 2 * i + 1) < learner->heap.n; i = child) {
        if (child + 1 < learner->heap.n && comes_before(learner, heap[child + 1], heap[child]))
            child++;
        if (!comes_before(learner, heap[child], last))
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return top;
}

static void push_changed(Learner *learner)
{
    for (int i = 0; i < learner->changed.n; i++) {
        int index = learner->changed.data[i];
        learner->pairs.data[index].changed = false;
        heap_push(learner, (HeapEntry){learner->pairs.data[index].count, index});
    }
    learner->changed.n = 0;
}

/* The most frequent pair, or -1 where none occurs min_count times. */
static int best_pair(Learner *learner, int64_t min_count)
{
    while (learner->heap.n) {
        HeapEntry top = heap_pop(learner);
        int64_t count = learner->pairs.data[top.pair].count;
        if (top.count == count)
            return count < min_count ? -1 : top.pair;
        if (top.count > count && count >= min_count)
            heap_push(learner, (HeapEntry){count, top.pair});
    }
    return -1;
}

/* --- joining --------------------------------------------------------------------------------- */

static void join_in_word(Learner *learner, int w, int left, int right, int joined)
{
    Word *word = &learner->words.data[w];
    int *symbols = learner->pool.data + word->first;
    for (int i = 0; i + 1 < word->n; i++) {
        if (symbols[i] != left || symbols[i + 1] != right)
            continue;
        int64_t count = word->count;
        pair_count(learner, left, right, -count, w);
        if (i > 0) {
            pair_count(learner, symbols[i - 1], left, -count, w);
            pair_count(learner, symbols[i - 1], joined, count, w);
        }
        if (i + 2 < word->n) {
            pair_count(learner, right, symbols[i + 2], -count, w);
            pair_count(learner, joined, symbols[i + 2], count, w);
        }
        symbols[i] = joined;
        memmove(symbols + i + 1, symbols + i + 2, (size_t)(word->n - i - 2) * sizeof *symbols);
        word->n--;
    }
}

static void join(Learner *learner, int index)
{
    Pair pair = learner->pairs.data[index];
    const char *left = learner->symbols->pieces.data[pair.left];
    const char *right = learner->symbols->pieces.data[pair.right];
    int joined = symbol(learner, arena_printf(learner->arena, "%s%s", left, right + 2));
    for (int i = 0; i < pair.words.n; i++)
        join_in_word(learner, pair.words.data[i], pair.left, pair.right, joined);
    push_changed(learner);
}

void learn_finish(Learner *learner, const LearnOptions *options, Vocabulary *vocabulary)
{
    Alphabet alphabet = alphabet_of(learner, options->alphabet);
    start_vocabulary(learner, &alphabet, vocabulary);
    spell_words(learner, &alphabet);
    push_changed(learner);
    for (int pair; vocabulary->pieces.n < options->size;) {
        size_t n = (size_t)vocabulary->pieces.n;
        message_progress("learning pieces", n - 1, n, (size_t)options->size);
        if ((pair = best_pair(learner, options->min_count)) < 0)
            break;
        join(learner, pair);
    }
    message_progress("learning pieces", 0, 1, 1);
}
