/* Identifiers for the emitted program. */
#include "emit/names.h"

#include <ctype.h>
#include <string.h>

struct Names {
    Arena *arena;
    Map *taken;
};

static const char *const reserved[] = {
    /* C and C++ */
    "auto", "bool", "break", "case", "char", "class", "const", "continue", "default", "delete",
    "do", "double", "else", "enum", "explicit", "extern", "false", "float", "for", "friend", "goto",
    "if", "inline", "int", "long", "namespace", "new", "operator", "private", "protected", "public",
    "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch",
    "template", "this", "throw", "true", "try", "typedef", "typename", "union", "unsigned", "using",
    "virtual", "void", "volatile", "while", "and", "or", "not", "xor", "asm", "catch", "export",
    "mutable", "typeid", "main", "NULL", "NAN",
    /* the math library, which gcc knows by name */
    "exp", "log", "tanh", "erf", "sqrt", "abs", "fabs", "pow", "sin", "cos", "tan", "floor", "ceil",
    "round", "gamma", "y0", "y1", "yn", "j0", "j1", "jn", "index", "copy", "matmul", "embedding",
    "embedding_backward", "real", "step", "m", "t"};

Names *names_new(Arena *arena)
{
    Names *names = NEW(arena, Names);
    names->arena = arena;
    names->taken = map_new(arena);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        map_add(names->taken, reserved[i], 0);
    return names;
}

char *names_identifier(Arena *arena, const char *text)
{
    char *result = NEW_N(arena, char, strlen(text) + 3);
    size_t n = 0;
    if (!isalpha((unsigned char)text[0]) && text[0] != '_')
        result[n++] = 'n';
    for (; *text; text++) {
        if (isalnum((unsigned char)*text))
            result[n++] = *text;
        else if (n > 0 && result[n - 1] != '_')
            result[n++] = '_';
    }
    while (n > 1 && result[n - 1] == '_')
        n--;
    result[n] = '\0';
    return result;
}

const char *names_new_one(Names *names, const char *text)
{
    const char *base = names_identifier(names->arena, text);
    if (map_add(names->taken, base, 1))
        return base;
    for (int number = 2;; number++) {
        const char *name = arena_printf(names->arena, "%s_%d", base, number);
        if (map_add(names->taken, name, 1))
            return name;
    }
}
