/* The arena is a list of blocks; text, arrays and maps grow inside it and leave their old bytes
 * behind, which costs at most as much again. */
#include "base/base.h"

#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 16 };

typedef struct Block {
    struct Block *next;
    size_t used, bytes;
    alignas(max_align_t) char data[];
} Block;

struct Arena {
    Block *head;
};

Arena *arena_new(void)
{
    return xcalloc(1, sizeof(Arena));
}

void arena_free(Arena *arena)
{
    if (!arena)
        return;
    for (Block *block = arena->head, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

static Block *block_new(size_t bytes, Block *next)
{
    Block *block = xcalloc(1, sizeof(Block) + bytes);
    block->next = next;
    block->bytes = bytes;
    return block;
}

void *arena_alloc(Arena *arena, size_t bytes)
{
    bytes = round_up(bytes, alignof(max_align_t));
    Block *block = arena->head;
    if (bytes > BLOCK_BYTES / 4 && block) {
        /* A large piece gets a block of its own behind the one that is being filled. */
        block->next = block_new(bytes, block->next);
        block->next->used = bytes;
        return block->next->data;
    }
    if (!block || block->bytes - block->used < bytes)
        block = arena->head = block_new(bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES, block);
    void *result = block->data + block->used;
    block->used += bytes;
    return result;
}

char *arena_strndup(Arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(Arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(Arena *arena, const char *format, ...)
{
    Text text = text_new(arena);
    va_list args;
    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    return text.data;
}

void *array_grow(Arena *arena, void *data, int *capacity, size_t element_bytes)
{
    int grown = *capacity ? 2 * *capacity : 8;
    void *result = arena_alloc(arena, (size_t)grown * element_bytes);
    if (*capacity)
        memcpy(result, data, (size_t)*capacity * element_bytes);
    *capacity = grown;
    return result;
}

void *array_room(Arena *arena, void *data, int n, size_t element_bytes)
{
    if (n & (n - 1))
        return data;
    void *grown = arena_alloc(arena, (n ? 2 * (size_t)n : 1) * element_bytes);
    if (n)
        memcpy(grown, data, (size_t)n * element_bytes);
    return grown;
}

Text text_new(Arena *arena)
{
    Text text = {.arena = arena, .capacity = 64};
    text.data = arena_alloc(arena, text.capacity);
    return text;
}

void text_append(Text *text, const char *bytes, size_t n)
{
    if (text->n + n + 1 > text->capacity) {
        while (text->n + n + 1 > text->capacity)
            text->capacity *= 2;
        char *grown = arena_alloc(text->arena, text->capacity);
        memcpy(grown, text->data, text->n);
        text->data = grown;
    }
    memcpy(text->data + text->n, bytes, n);
    text->n += n;
    text->data[text->n] = '\0';
}

void text_vprintf(Text *text, const char *format, va_list args)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, args);
    if (n < (int)sizeof small) {
        text_append(text, small, (size_t)n);
    } else {
        char *large = xmalloc((size_t)n + 1);
        vsnprintf(large, (size_t)n + 1, format, again);
        text_append(text, large, (size_t)n);
        free(large);
    }
    va_end(again);
}

void text_printf(Text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprintf(text, format, args);
    va_end(args);
}

typedef struct {
    const char *name;
    int value;
} MapSlot;

struct Map {
    Arena *arena;
    MapSlot *slots;
    size_t n, capacity; /* capacity is a power of two */
};

Map *map_new(Arena *arena)
{
    Map *map = NEW(arena, Map);
    map->arena = arena;
    map->capacity = 16;
    map->slots = NEW_N(arena, MapSlot, map->capacity);
    return map;
}

/* FNV-1a. */
static size_t hash(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static MapSlot *map_slot(const Map *map, const char *name)
{
    size_t i = hash(name) & (map->capacity - 1);
    while (map->slots[i].name && strcmp(map->slots[i].name, name) != 0)
        i = (i + 1) & (map->capacity - 1);
    return &map->slots[i];
}

static void map_grow(Map *map)
{
    MapSlot *old = map->slots;
    size_t n_old = map->capacity;
    map->capacity *= 2;
    map->slots = NEW_N(map->arena, MapSlot, map->capacity);
    for (size_t i = 0; i < n_old; i++)
        if (old[i].name)
            *map_slot(map, old[i].name) = old[i];
}

bool map_add(Map *map, const char *name, int value)
{
    MapSlot *slot = map_slot(map, name);
    if (slot->name)
        return false;
    *slot = (MapSlot){arena_strdup(map->arena, name), value};
    if (2 * ++map->n > map->capacity)
        map_grow(map);
    return true;
}

int map_get(const Map *map, const char *name)
{
    const MapSlot *slot = map_slot(map, name);
    return slot->name ? slot->value : -1;
}

void *xmalloc(size_t bytes)
{
    void *data = malloc(bytes ? bytes : 1);
    if (!data)
        fatal("out of memory (%zu bytes asked for)", bytes);
    return data;
}

void *xcalloc(size_t n, size_t bytes)
{
    void *data = calloc(n ? n : 1, bytes ? bytes : 1);
    if (!data)
        fatal("out of memory (%zu x %zu bytes asked for)", n, bytes);
    return data;
}

void *xrealloc(void *old, size_t bytes)
{
    void *data = realloc(old, bytes ? bytes : 1);
    if (!data)
        fatal("out of memory (%zu bytes asked for)", bytes);
    return data;
}

static void print_failure(const char *kind, const char *format, va_list args)
{
    int error = errno;
    size_t n = strlen(format);
    fprintf(stderr, "rematc: %s: ", kind);
    vfprintf(stderr, format, args);
    if (n && format[n - 1] == ':')
        fprintf(stderr, " %s", strerror(error));
    fputc('\n', stderr);
}

void fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_failure("error", format, args);
    va_end(args);
    exit(EXIT_ENVIRONMENT);
}

void bug(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_failure("internal error", format, args);
    va_end(args);
    fputs("This is a bug in rematc, not in your model. Please report it with the model file, the "
          "command line and `rematc --version`.\n",
          stderr);
    exit(EXIT_BUG);
}
