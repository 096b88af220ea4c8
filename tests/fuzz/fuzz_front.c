/* libFuzzer harness: any bytes go through parse, consts, check and expand without a crash, hang or
 * leak. What parses is printed and must parse again. `make fuzz` builds build/fuzz_front;
 * tests/check_parse.c runs the same entry on mutations of the cases. */
#include "elaborate/check.h"
#include "elaborate/expand.h"
#include "grammar/parse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Diag *diag_on(Arena *arena, const char *text, size_t n, FILE *out)
{
    Source *source = NEW(arena, Source);
    *source = (Source){"fuzz.net", arena_strndup(arena, text, n), (int)n};
    return diag_new(arena, source, out);
}

static void parse_again(Arena *arena, const Ast *ast, FILE *out)
{
    Text once = text_new(arena), twice = text_new(arena);
    ast_print(&once, ast);
    Diag *diag = diag_on(arena, once.data, once.n, out);
    ast_print(&twice, parse_source(arena, diag));
    if (diag_errors(diag) || strcmp(once.data, twice.data) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16)
        return 0;
    char *said = NULL;
    size_t n_said = 0;
    FILE *out = open_memstream(&said, &n_said);
    Arena *arena = arena_new();
    Diag *diag = diag_on(arena, (const char *)data, size, out);
    const Ast *ast = parse_source(arena, diag);
    if (!diag_errors(diag)) {
        parse_again(arena, ast, out);
        const Consts *consts = consts_resolve(arena, ast, NULL, 0, diag);
        check_ast(arena, ast, diag);
        if (!diag_errors(diag))
            expand(arena, ast, consts, diag);
    }
    diag_finish(diag);
    arena_free(arena);
    fclose(out);
    free(said);
    return 0;
}
