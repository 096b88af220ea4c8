/* What every stage uses: an arena, growable arrays, growable text, a map by name, and fatal().
 *
 * Memory rule: one Arena per compilation, created in main and passed on; what a stage returns lives
 * in it and is never freed piece by piece. Large scratch tables are malloc'ed and freed within the
 * function that needs them (xmalloc, xcalloc, xrealloc below end the run when memory is out). */
#ifndef BASE_H
#define BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);
/* Zeroed bytes, aligned for any type; never NULL. */
__attribute__((returns_nonnull)) void *arena_alloc(Arena *arena, size_t bytes);
char *arena_strdup(Arena *arena, const char *text);
char *arena_strndup(Arena *arena, const char *text, size_t length);
__attribute__((format(printf, 2, 3))) char *arena_printf(Arena *arena, const char *format, ...);

#define NEW(arena, Type)      ((Type *)arena_alloc((arena), sizeof(Type)))
#define NEW_N(arena, Type, n) ((Type *)arena_alloc((arena), sizeof(Type) * (size_t)(n)))

/* A growable array in an arena: ARRAY(int) a = {0}; PUSH(arena, a, 7); a.data[a.n - 1].
 * Growing copies, so pointers into data do not survive a PUSH. */
#define ARRAY(Type)                                                                                \
    struct {                                                                                       \
        Type *data;                                                                                \
        int n, capacity;                                                                           \
    }
/* clang-format off */
#define PUSH(arena, array, value)                                                                  \
    do {                                                                                           \
        if ((array).n == (array).capacity)                                                         \
            (array).data = array_grow((arena), (array).data, &(array).capacity,                    \
                                      sizeof *(array).data);                                       \
        (array).data[(array).n++] = (value);                                                       \
    } while (0)
/* clang-format on */
void *array_grow(Arena *arena, void *data, int *capacity, size_t element_bytes);

/* Room for one element more than n, for arrays of structs that hold a pointer and a count only:
 * capacities are the powers of two. */
void *array_room(Arena *arena, void *data, int n, size_t element_bytes);

/* Growable text. text_printf appends; data is always terminated. */
typedef struct {
    Arena *arena;
    char *data;
    size_t n, capacity;
} Text;

Text text_new(Arena *arena);
__attribute__((format(printf, 2, 3))) void text_printf(Text *text, const char *format, ...);
void text_vprintf(Text *text, const char *format, va_list args);
void text_append(Text *text, const char *bytes, size_t n);

/* A map from names to integers; only looked up, never walked, so it cannot leak hash order. */
typedef struct Map Map;
Map *map_new(Arena *arena);
/* Returns false, and changes nothing, where the name is there already. */
bool map_add(Map *map, const char *name, int value);
/* The value, or -1. */
int map_get(const Map *map, const char *name);

void *xmalloc(size_t bytes);
void *xcalloc(size_t n, size_t bytes);
void *xrealloc(void *data, size_t bytes);

/* Exit statuses of the command, fixed by its users' scripts. */
enum { EXIT_DONE = 0, EXIT_INPUT = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3, EXIT_BUG = 70 };

/* The world's fault (no disk, no compiler): prints `rematc: error: ...` and exits 3. A format that
 * ends in ':' has errno's text appended: fatal("cannot open '%s':", path). */
__attribute__((format(printf, 1, 2), noreturn)) void fatal(const char *format, ...);
/* Our fault: says what to report and exits 70. */
__attribute__((format(printf, 1, 2), noreturn)) void bug(const char *format, ...);

/* a rounded up to a multiple of unit (a power of two or not; unit > 0). */
static inline size_t round_up(size_t a, size_t unit)
{
    return (a + unit - 1) / unit * unit;
}

#endif
