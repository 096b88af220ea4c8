/* Programs: built without doubles, cleaned, compared, checked. */
#include "graph/build.h"
#include "graph/program.h"
#include "tests/support/interpreter.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *program_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

static const Shape domain = {2, {3, 5}}, rows = {2, {3, 1}}, columns = {2, {1, 5}},
                   one = {2, {1, 1}};

START_TEST(equal_instructions_are_one)
{
    Builder b = program_begin(arena, &domain);
    int x = program_input(&b, &domain, 0), y = program_input(&b, &columns, 0);
    ck_assert_int_eq(program_binary(&b, OP_add, x, y), program_binary(&b, OP_add, x, y));
    ck_assert_int_ne(program_binary(&b, OP_add, x, y), program_binary(&b, OP_add, y, x));
    ck_assert_int_eq(program_constant(&b, 0.5), program_constant(&b, 0.5));
    ck_assert_int_eq(program_random(&b, 7), program_random(&b, 7));
    ck_assert_int_ne(program_random(&b, 7), program_random(&b, 8));
}
END_TEST

START_TEST(arithmetic_with_constants_is_simplified)
{
    Builder b = program_begin(arena, &domain);
    int x = program_input(&b, &domain, 0), unit = program_constant(&b, 1);
    int nothing = program_constant(&b, 0);
    double value;
    ck_assert_int_eq(program_binary(&b, OP_mul, x, unit), x);
    ck_assert_int_eq(program_binary(&b, OP_mul, unit, x), x);
    ck_assert_int_eq(program_binary(&b, OP_add, nothing, x), x);
    ck_assert_int_eq(program_binary(&b, OP_sub, x, nothing), x);
    ck_assert_int_ne(program_binary(&b, OP_sub, nothing, x), x);
    ck_assert_int_ne(program_binary(&b, OP_mul, x, nothing), x);
    int half = program_binary(&b, OP_div, unit, program_constant(&b, 2));
    ck_assert(program_is_constant(b.program, half, &value) && value == 0.5);
}
END_TEST

START_TEST(a_value_is_per_row_where_all_it_is_made_of_is)
{
    Builder b = program_begin(arena, &domain);
    int x = program_input(&b, &domain, 0), r = program_input(&b, &rows, 0);
    int sum = program_row(&b, INSTR_ROW_SUM, x);
    const Program *p = b.program;
    ck_assert(!p->instrs[x].per_row && p->instrs[r].per_row && p->instrs[sum].per_row);
    ck_assert(p->instrs[program_binary(&b, OP_mul, sum, r)].per_row);
    ck_assert(!p->instrs[program_binary(&b, OP_mul, sum, x)].per_row);
    ck_assert(p->instrs[program_index(&b, INSTR_POSITION)].per_row);
    ck_assert(!p->instrs[program_index(&b, INSTR_COLUMN)].per_row);
    ck_assert_int_eq(program_row(&b, INSTR_ROW_MAX, r), r);
    /* Five equal elements. */
    int five = program_binary(&b, OP_mul, r, program_constant(&b, 5));
    ck_assert_int_eq(program_row(&b, INSTR_ROW_SUM, r), five);
}
END_TEST

START_TEST(what_no_output_needs_goes)
{
    Builder b = program_begin(arena, &domain);
    int kept[3], x = program_input(&b, &domain, 0), unused = program_input(&b, &domain, 0);
    int y = program_input(&b, &columns, 3);
    program_unary(&b, OP_exp, unused);
    program_constant(&b, 3);
    program_output(&b, program_binary(&b, OP_mul, x, y), &domain);
    const Program *p = program_finish(&b, kept);
    ck_assert_int_eq(p->n_inputs, 2);
    ck_assert_int_eq(p->n_instrs, 3);
    ck_assert_int_eq(p->n_constants, 0);
    ck_assert_int_eq(kept[0], 0);
    ck_assert_int_eq(kept[1], 2);
    ck_assert_int_eq(p->inputs[1].offset, 3);
    ck_assert_str_eq(program_text(arena, p), "y0 = mul(x0, x1)");
    ck_assert_pstr_eq(program_verify(arena, p), NULL);
}
END_TEST

static Program *scaled(double factor, uint32_t stream, OpKind op)
{
    int kept[1];
    Builder b = program_begin(arena, &domain);
    int x = program_input(&b, &domain, (int64_t)stream);
    int y = program_binary(&b, op, x, program_constant(&b, factor));
    program_output(&b, program_binary(&b, OP_add, y, program_random(&b, stream)), &domain);
    return program_finish(&b, kept);
}

START_TEST(programs_are_equal_but_for_constants_streams_and_offsets)
{
    ck_assert(program_equal(scaled(2, 1, OP_mul), scaled(3, 4, OP_mul)));
    ck_assert(!program_equal(scaled(2, 1, OP_mul), scaled(2, 1, OP_div)));
    ck_assert_double_eq(program_flops(scaled(2, 1, OP_mul)), 30);
}
END_TEST

/* The output decides which kernel runs a program. */
START_TEST(sums_over_axes_are_for_reduce)
{
    static const struct {
        const Shape *as;
        bool by_row, reduce;
    } cases[] = {{&domain, false, false}, {&rows, true, false}, {&rows, false, true},
                 {&columns, false, true}, {&one, false, true},  {&one, true, true},
                 {&domain, true, false}};
    int kept[1];
    Builder b = program_begin(arena, &domain);
    int x = program_input(&b, cases[_i].by_row ? &rows : &domain, 0);
    program_output(&b, x, cases[_i].as);
    const Program *p = program_finish(&b, kept);
    ck_assert_pstr_eq(program_verify(arena, p), NULL);
    ck_assert_int_eq(program_is_reduce(p), cases[_i].reduce);
}
END_TEST

START_TEST(broken_programs_are_refused)
{
    for (int broken = 0; broken < 7; broken++) {
        int kept[2];
        Builder b = program_begin(arena, &domain);
        int x = program_input(&b, &domain, 0), y = program_input(&b, &columns, 0);
        int sum = program_row(&b, INSTR_ROW_SUM, program_binary(&b, OP_mul, x, y));
        program_output(&b, program_binary(&b, OP_add, x, sum), &domain);
        Program *p = program_finish(&b, kept);
        ck_assert_pstr_eq(program_verify(arena, p), NULL);
        switch (broken) {
        case 0: p->instrs[2].arg[ARG_A] = 3; break;
        case 1: p->instrs[2].arg[ARG_B] = -1; break;
        case 2: p->inputs[1].as.size[1] = 4; break;
        case 3: p->outputs[0].as = columns; break; /* a sum with a row reduction */
        case 4: p->instrs[1].slot = 2; break;
        case 5: p->outputs[0].instr = 9; break;
        default: p->domain.rank = 0; break;
        }
        ck_assert_msg(program_verify(arena, p) != NULL, "broken %d is accepted", broken);
    }
}
END_TEST

/* The table's formulas, against the C library. */
START_TEST(expressions_have_their_values)
{
    double v[N_ARGS] = {0.7, -0.3, 2, 0.9, 0.25, 0.5};
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"a + b * g", 0.7 - 0.6},
                 {"-a - -b", -0.7 - 0.3},
                 {"(a + b) * g", 0.8},
                 {"a > b ? 1 : 2", 1},
                 {"a > 1 ? 1 : b > 0 ? 2 : 3", 3},
                 {"u < p ? 0 : a / (1 - p)", 0},
                 {"R(0.5) * r_exp(b)", 0.5 * 0.7408182206817179},
                 {"r_gelu_tanh_slope(a) * 0 + y", 0.9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_double_eq_tol(expression_value(cases[i].text, v), cases[i].value, 1e-15);
    for (int op = 0; op < N_OPS; op++)
        for (int part = 0; part < N_PARTS && op_row((OpKind)op)->group == OP_IS_ELEMENTWISE; part++)
            if (*op_row((OpKind)op)->part[part])
                ck_assert(isfinite(expression_value(op_row((OpKind)op)->part[part], v)));
}
END_TEST

Suite *program_suite(void)
{
    Suite *suite = suite_create("program");
    TCase *tests = tcase_create("program");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, equal_instructions_are_one);
    tcase_add_test(tests, arithmetic_with_constants_is_simplified);
    tcase_add_test(tests, a_value_is_per_row_where_all_it_is_made_of_is);
    tcase_add_test(tests, what_no_output_needs_goes);
    tcase_add_test(tests, programs_are_equal_but_for_constants_streams_and_offsets);
    tcase_add_loop_test(tests, sums_over_axes_are_for_reduce, 0, 7);
    tcase_add_test(tests, broken_programs_are_refused);
    tcase_add_test(tests, expressions_have_their_values);
    suite_add_tcase(suite, tests);
    return suite;
}
