/* Counting, comparing and broadcasting of shapes. */
#include "graph/shape.h"

int64_t shape_count(const Shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++)
        n *= shape->size[i];
    return n;
}

bool shape_equal(const Shape *a, const Shape *b)
{
    bool equal = a->rank == b->rank;
    for (int i = 0; equal && i < a->rank; i++)
        equal = a->size[i] == b->size[i];
    return equal;
}

/* The size of an axis counted from the last one; 1 where the shape has none. */
static int64_t size_from_last(const Shape *shape, int i)
{
    return i < shape->rank ? shape->size[shape->rank - 1 - i] : 1;
}

bool shape_broadcast(const Shape *a, const Shape *b, Shape *result)
{
    Shape wide = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < wide.rank; i++) {
        int64_t m = size_from_last(a, i), n = size_from_last(b, i);
        if (m != n && m != 1 && n != 1)
            return false;
        wide.size[wide.rank - 1 - i] = m == 1 ? n : m;
    }
    *result = wide;
    return true;
}

const char *shape_text(Arena *arena, const Shape *shape)
{
    Text text = text_new(arena);
    text_printf(&text, "[");
    for (int i = 0; i < shape->rank; i++)
        text_printf(&text, "%s%lld", i ? ", " : "", (long long)shape->size[i]);
    text_printf(&text, "]");
    return text.data;
}
