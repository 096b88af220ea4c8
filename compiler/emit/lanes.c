/* Regions of fused kernels for targets whose threads share a row: how many of them, how many
 * elements each takes at once, what is loaded and stored, and the launch. A Writer in, text out. */
#include "emit/render.h"
#include "emit/workspace.h"
#include "emit/writer.h"

enum {
    WARP = 32,
    BLOCK = 256, /* RT_BLOCK of the templates */
    LONGEST_OF_WARP =
        1024, /* columns of a row that a warp goes through; longer ones take a block */
    MOST_INDEXED = 2147483647
};

/* ---- sizes
 * ---------------------------------------------------------------------------------------- */

/* Elements that a thread takes at once: 16 bytes of the narrowest tensor where rows and starts are
 * multiples of that, else 1. */
static bool vector_fits(const Writer *w, int vector)
{
    if (w->axes.columns % vector != 0)
        return false;
    for (int i = 0; i < w->program->n_inputs; i++)
        if (axes_full(&w->axes, i, w->axes.n) && w->program->inputs[i].offset % vector != 0)
            return false;
    return true;
}

static int vector_of(const Writer *w)
{
    bool narrow = false;
    for (int i = 0; i < w->axes.n_tensors; i++)
        narrow = narrow || (axes_full(&w->axes, i, w->axes.n) && w->dtypes[i] == DT_bf16);
    if (narrow && vector_fits(w, 8))
        return 8;
    return vector_fits(w, 4) ? 4 : 1;
}

static long long domain_count(const Writer *w)
{
    return (long long)w->axes.rows * (long long)w->axes.columns;
}

/* The type of every index: 32 bits where all fit, since divisions of 64 are dear. */
static const char *count_type(const Writer *w)
{
    return domain_count(w) <= MOST_INDEXED ? "uint32_t" : "uint64_t";
}

/* Sizes of the axes, under the names that starts of rows are written with. */
static const char *axes_text(const Writer *w)
{
    Text out = text_new(w->arena);
    text_printf(&out, "[[maybe_unused]] const Count ");
    for (int axis = 0; axis <= w->axes.n; axis++)
        text_printf(&out, "%sn%d = %lld", axis ? ", " : "", axis,
                    (long long)(axis < w->axes.n ? w->axes.size[axis] : w->axes.columns));
    text_printf(&out, ";\n");
    return out.data;
}

typedef struct {
    int group, vector;
    long long span;
} Shares;

static Shares fused_shares(const Writer *w)
{
    const long long columns = (long long)w->axes.columns;
    Shares shares = {1, vector_of(w), 0};
    shares.span = shares.vector;
    if (w->n_levels > 0 || writer_has_output(w, false)) {
        shares.span = columns;
        if (w->n_levels > 0 || writer_has_output(w, true))
            shares.group = columns <= LONGEST_OF_WARP ? WARP : BLOCK;
    }
    return shares;
}

const char *lanes_fused_sizes(const Writer *w)
{
    const Shares s = fused_shares(w);
    return arena_printf(w->arena,
                        "typedef %s Count;\n%senum { GROUP = %d, VECTOR = %d };\n"
                        "const Count ROWS = %lld, COLUMNS = %lld, SPAN = %lld;\n",
                        count_type(w), axes_text(w), s.group, s.vector, (long long)w->axes.rows,
                        (long long)w->axes.columns, s.span);
}

static int along_group(const Writer *w)
{
    long long kept, summed;
    writer_sum_sizes(w, &kept, &summed);
    return summed * (long long)w->axes.columns <= LONGEST_OF_WARP ? WARP : BLOCK;
}

const char *lanes_reduce_sizes(const Writer *w, bool down)
{
    long long kept, summed;
    writer_sum_sizes(w, &kept, &summed);
    const char *group = down ? "" : arena_printf(w->arena, "GROUP = %d, ", along_group(w));
    return arena_printf(w->arena,
                        "typedef %s Count;\n%senum { %sVECTOR = %d, PARTS = %d };\n"
                        "const Count KEPT = %lld, SUMMED = %lld, COLUMNS = %lld;\n",
                        count_type(w), axes_text(w), group, vector_of(w),
                        workspace_reduce_parts(w->program), kept, summed,
                        (long long)w->axes.columns);
}

/* ---- pointers
 * ------------------------------------------------------------------------------------- */

const char *lanes_pointers(const Writer *w)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_inputs; i++)
        if (writer_is_argument(w->program, i))
            text_printf(&out, "const rt_%s *x%d = (const rt_%s *)in%d;\n", writer_input_dtype(w, i),
                        i, writer_input_dtype(w, i), i);
    for (int i = 0; i < w->program->n_outputs; i++)
        text_printf(&out, "rt_%s *y%d = (rt_%s *)out%d;\n", writer_output_dtype(w, i), i,
                    writer_output_dtype(w, i), i);
    if (program_is_random(w->program))
        text_printf(&out, "const RtStep *step = (const RtStep *)numbers;\n");
    return out.data;
}

const char *lanes_touches(const Writer *w)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_inputs; i++)
        if (writer_is_argument(w->program, i))
            text_printf(&out, "rt_touch(in%d, sizeof(rt_%s) * %lld);\n", i,
                        writer_input_dtype(w, i), (long long)axes_count(&w->axes, i));
    for (int i = 0; i < w->program->n_outputs; i++)
        text_printf(&out, "rt_touch(out%d, sizeof(rt_%s) * %lld);\n", i, writer_output_dtype(w, i),
                    (long long)axes_count(&w->axes, w->program->n_inputs + i));
    return out.data;
}

/* ---- vectors
 * -------------------------------------------------------------------------------------- */

const char *lanes_loads(const Writer *w, const bool *needed, bool stores)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        if (needed[i] && instr->kind == INSTR_INPUT && !w->per_row[i])
            text_printf(&out, "VECTOR_LOAD(x%d, at_x%d + from);\n", instr->slot, instr->slot);
    }
    for (int i = 0; stores && i < w->program->n_outputs; i++)
        if (writer_is_element_output(w, i))
            text_printf(&out, "VECTOR_KEEP(y%d);\n", i);
    return out.data;
}

const char *lanes_stores(const Writer *w)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_outputs; i++)
        if (writer_is_element_output(w, i))
            text_printf(&out, "VECTOR_STORE(y%d, at_y%d + from);\n", i, i);
    return out.data;
}

/* ---- launches
 * ------------------------------------------------------------------------------------- */

static void print_name(Text *out, const char *letters, int number)
{
    text_printf(out, ", %s%d", letters, number);
}

static const char *arguments(const Writer *w)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_inputs; i++)
        if (writer_is_argument(w->program, i))
            print_name(&out, "in", i);
    for (int i = 0; i < w->program->n_outputs; i++)
        print_name(&out, "out", i);
    for (int i = 0; i < w->program->n_constants; i++)
        print_name(&out, "c", i);
    for (int i = 0; i < w->program->n_streams; i++)
        print_name(&out, "s", i);
    if (program_is_random(w->program))
        text_printf(&out, ", numbers");
    return out.data;
}

static long long ceil_div(long long a, long long b)
{
    return (a + b - 1) / b;
}

const char *lanes_fused_launch(const Writer *w)
{
    const Shares s = fused_shares(w);
    const long long pieces = (long long)w->axes.rows * ceil_div((long long)w->axes.columns, s.span);
    return arena_printf(w->arena, "RT_LAUNCH(%s_kernel, %lld%s);\n", w->name,
                        ceil_div(pieces, BLOCK / s.group), arguments(w));
}

const char *lanes_reduce_launch(const Writer *w, bool down)
{
    long long kept, summed;
    writer_sum_sizes(w, &kept, &summed);
    const int parts = workspace_reduce_parts(w->program);
    const long long columns = (long long)w->axes.columns;
    const long long blocks = down ? kept * parts * ceil_div(columns, WARP * vector_of(w))
                                  : ceil_div(kept * parts, BLOCK / along_group(w));
    Text out = text_new(w->arena);
    text_printf(&out, "RT_LAUNCH(%s_kernel, %lld%s, parts);\n", w->name, blocks, arguments(w));
    if (parts > 1)
        text_printf(&out, "RT_LAUNCH(%s_finish, %lld, out0, parts);\n", w->name,
                    ceil_div((long long)axes_count(&w->axes, w->program->n_inputs), BLOCK));
    return out.data;
}

const char *lanes_finish(const Writer *w, const char *finish_template, const char *store)
{
    const int parts = workspace_reduce_parts(w->program);
    if (parts == 1)
        return "";
    const char *dtype = writer_output_dtype(w, 0);
    const char *kernel =
        arena_printf(w->arena, "RT_GLOBAL %s_finish(void *out0, const real *parts)\n", w->name);
    const char *sizes = arena_printf(
        w->arena,
        "typedef %s Count;\nenum { PARTS = %d };\nconst Count OUTPUTS = %lld;\n"
        "rt_%s *y0 = (rt_%s *)out0;\n",
        count_type(w), parts, (long long)axes_count(&w->axes, w->program->n_inputs), dtype, dtype);
    const Fill fills[] = {{"finish_kernel", kernel}, {"finish_sizes", sizes}, {"store", store}};
    return render(w->arena, "finish", finish_template, fills, 3);
}
