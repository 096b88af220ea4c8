/* The table of inits. */
#include "elaborate/init.h"

#include <math.h>
#include <string.h>

typedef Init MakeInit(const double *numbers, double fan_in, double fan_out);

static Init make_normal(const double *numbers, double fan_in, double fan_out)
{
    (void)fan_in, (void)fan_out;
    return (Init){INIT_NORMAL, numbers[0], numbers[1]};
}

static Init make_uniform(const double *numbers, double fan_in, double fan_out)
{
    (void)fan_in, (void)fan_out;
    return (Init){INIT_UNIFORM, numbers[0], numbers[1]};
}

static Init make_xavier(const double *numbers, double fan_in, double fan_out)
{
    (void)numbers;
    double bound = sqrt(6 / (fan_in + fan_out));
    return (Init){INIT_UNIFORM, -bound, bound};
}

static Init make_kaiming(const double *numbers, double fan_in, double fan_out)
{
    (void)numbers, (void)fan_out;
    double bound = sqrt(6 / fan_in);
    return (Init){INIT_UNIFORM, -bound, bound};
}

static Init make_zeros(const double *numbers, double fan_in, double fan_out)
{
    (void)numbers, (void)fan_in, (void)fan_out;
    return (Init){INIT_CONSTANT, 0, 0};
}

static Init make_ones(const double *numbers, double fan_in, double fan_out)
{
    (void)numbers, (void)fan_in, (void)fan_out;
    return (Init){INIT_CONSTANT, 1, 0};
}

static Init make_constant(const double *numbers, double fan_in, double fan_out)
{
    (void)fan_in, (void)fan_out;
    return (Init){INIT_CONSTANT, numbers[0], 0};
}

typedef struct {
    const char *name;
    int n_numbers;
    MakeInit *make;
} Row;

static const Row rows[] = {
    {"normal", 2, make_normal},     {"uniform", 2, make_uniform}, {"xavier", 0, make_xavier},
    {"kaiming", 0, make_kaiming},   {"zeros", 0, make_zeros},     {"ones", 0, make_ones},
    {"constant", 1, make_constant},
};

enum { N_ROWS = sizeof rows / sizeof *rows };

static const Row *find_row(const char *name)
{
    for (int i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

bool init_is_name(const char *name)
{
    return find_row(name) != NULL;
}

void init_offer_names(Nearest *nearest)
{
    for (int i = 0; i < N_ROWS; i++)
        nearest_offer(nearest, rows[i].name);
}

int init_n_numbers(const char *name)
{
    const Row *row = find_row(name);
    return row ? row->n_numbers : -1;
}

Init init_make(const char *name, const double *numbers, const Shape *shape)
{
    double receptive = 1;
    for (int i = 2; i < shape->rank; i++)
        receptive *= (double)shape->size[i];
    double fan_out = shape->rank ? (double)shape->size[0] * receptive : 1;
    double fan_in = shape->rank > 1 ? (double)shape->size[1] * receptive : fan_out;
    return find_row(name)->make(numbers, fan_in, fan_out);
}
